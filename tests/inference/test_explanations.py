import copy
import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn import Predictor
from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.inference.explanations import explain_by_occlusion, explain_windows, rank_ngrams
from keras_textcnn.inference.window_trace import trace_windows
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.models.conv2d import build_conv2d
from keras_textcnn.training.trainer import train
from keras_textcnn.utils import devices
from tests.conftest import make_ids, make_texts, randomize, write_table
from tests.runs import Cli, without_ngrams


@pytest.mark.parametrize("poolings", [("max",), ("average",), ("max", "average")])
@pytest.mark.parametrize("multichannel", [False, True])
@pytest.mark.parametrize("ngrams", [0, 3])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_windows_add_and_the_bias_are_the_logits(
    poolings: tuple[str, ...], multichannel: bool, ngrams: int, precision: str
) -> None:
    random = np.random.default_rng(0)
    with devices.computing_in(precision):
        model = build_conv1d(
            vocabulary_size=30, num_classes=4, dimensions=5, windows=(1, 2, 4), filters=7, poolings=poolings,
            multichannel=multichannel, ngrams=ngrams, ngram_buckets=13,
        )  # fmt: skip
    randomize(model, random)
    ids = make_ids(random, [0, 1, 2, 9, 17], 17).astype(np.int32)
    trace = trace_windows(model)
    added, bias = trace.added(tf.constant(ids)).numpy(), trace.bias().numpy()
    assert trace.windows == [1, 2, 4, *range(1, ngrams + 1)]
    assert added.shape == (5, len(trace.windows), 17, 4)
    np.testing.assert_allclose(added.sum(axis=(1, 2)) + bias, model(ids), rtol=1e-5, atol=1e-5)


def test_a_window_adds_what_the_formula_says() -> None:
    random = np.random.default_rng(1)
    model = build_conv1d(vocabulary_size=30, num_classes=2, dimensions=3, windows=(2,), filters=6)
    randomize(model, random)
    ids = make_ids(random, [8], 8).astype(np.int32)
    weights = {variable.path: variable.numpy() for variable in model.weights}
    vectors = weights["embedding/embeddings"][ids[0]]
    kernel, bias = weights["conv_2/kernel"], weights["conv_2/bias"]
    features = np.array([np.einsum("wd,wdf->f", vectors[i : i + 2], kernel) + bias for i in range(7)])
    expected = np.zeros((8, 2))
    for filter, winner in enumerate(features.argmax(axis=0)):
        expected[winner] += max(features[winner, filter], 0) * weights["logits/kernel"][filter]
    added = trace_windows(model).added(tf.constant(ids)).numpy()[0, 0]
    np.testing.assert_allclose(added, expected, atol=1e-5)


def test_models_through_which_windows_do_not_add_up_are_not_traced() -> None:
    assert trace_windows(build_conv1d(vocabulary_size=9, num_classes=2, dimensions=3, hidden=(4,))) is None
    assert trace_windows(build_conv2d(vocabulary_size=9, num_classes=2, tokens=9, dimensions=8)) is None


def test_the_exported_model_explains_its_own_answers(predictor: Predictor) -> None:
    texts = ["the apple and some iron.", "", "wave", "it's " * 30 + "zinc"]
    for answer, explanation in zip(predictor(texts), predictor.explain(texts), strict=True):
        assert explanation.label == answer["label"]
        assert explanation.probability == pytest.approx(answer["probability"], abs=1e-5)
        added = sum(ngram.added for ngram in explanation.ngrams)
        assert added + explanation.bias == pytest.approx(explanation.logit, abs=1e-5)
        for ngram in explanation.ngrams:
            tokens = explanation.tokens[ngram.start : ngram.start + ngram.tokens]
            assert ngram.text == (" ".join(tokens) or "(no token)")
    assert predictor.explain(["The APPLE!"])[0].tokens == ["the", "apple", "!"]


def test_windows_longer_than_the_text_are_told_once() -> None:
    added = np.array([[1.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.25, 0.0, 0.0]])
    found = explain_windows(["a", "b"], added, [1, 2, 3], label="x", probability=0.5, logit=2.0, bias=0.25)
    assert [(ngram.text, ngram.added) for ngram in found.ngrams] == [("a", 1.0), ("a b", 0.75)]


def test_occlusion_finds_what_the_log_odds_lose() -> None:
    weights = {"good": 2.0, "bad": -1.0}

    def answer(texts: list[str]) -> np.ndarray:
        odds = np.array([sum(weights.get(word, 0) for word in text.split()) for text in texts])
        return np.stack([1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(odds))], axis=1)

    found = explain_by_occlusion(answer, "a good and bad  film", labels=["yes", "no"])
    assert (found.label, found.tokens) == ("yes", ["a", "good", "and", "bad", "film"])
    assert [(ngram.text, round(ngram.added, 6)) for ngram in found.ngrams[:2]] == [("good", 2.0), ("bad", -1.0)]
    long = explain_by_occlusion(answer, "word " * 1000 + "good", labels=["yes", "no"])
    assert len(long.tokens) <= 128
    assert long.ngrams[0].text.endswith("good")
    assert explain_by_occlusion(answer, "", labels=["yes", "no"]).ngrams == []
    assert explain_by_occlusion(answer, "我爱 good", labels=["yes", "no"]).tokens == ["我", "爱", "good"]


@pytest.mark.usefixtures("without_learning", "without_reports")
@pytest.mark.parametrize(
    ("model", "tokenizer", "maximum_tokens", "text", "read"),
    [
        ("conv1d", "words", 4, "Don't APPLE pear zinc iron", ["do", "n't", "apple", "pear"]),
        ("conv1d", "words", 3, "我が爱Café", ["我", "が", "爱"]),
        ("conv1d", "spaces", 3, "Don't  APPLE\u3000Cafe\u0301 zinc", ["Don't", "APPLE", "Café"]),
        ("charcnn", "characters", 12, "The Café\nzinc iron", ["the", "café", "zi"]),
        ("charcnn", "characters", 12, "", []),
    ],
)
def test_occlusion_explains_what_the_model_reads(
    model: str, tokenizer: str, maximum_tokens: int, text: str, read: list[str], tmp_path: Path
) -> None:
    texts, labels = zip(*make_texts(30, 1), strict=True)
    sizes = {"dimensions": 4, "filters": 4, "maximum_tokens": maximum_tokens, "vectors": "none"}
    sizes |= {"hidden": (4,), "ngrams": 0, "refit": False} if model == "conv1d" else {"windows": (2,), "pooling": 2}
    config = TrainConfig(model=model, tokenizer=tokenizer, frozen_epochs=1, unfrozen_epochs=0, **sizes)
    run = train(config, Corpus(texts, labels), tmp_path / "run")
    predictor = Predictor(run.directory)
    assert not predictor.exact
    explanation = predictor.explain([text])[0]
    assert explanation.tokens == read
    assert {ngram.text for ngram in explanation.ngrams} == set(read)
    assert explanation.probability == pytest.approx(predictor([text])[0]["probability"], abs=1e-6)
    signatures = tf.saved_model.load(str(run.directory / "saved_model" / "1")).signatures
    tokens = signatures["tokens"](text=tf.constant(["a", text]))["tokens"].numpy()
    assert tokens.shape[1] <= maximum_tokens
    assert [token for token in tokens[0] if token] == [b"a"]


def test_without_the_signature_the_whole_text_is_explained() -> None:
    predictor = Predictor(Path(__file__).parents[1] / "system" / "formats" / "1")
    predictor.exact = False
    assert predictor.explain(["the " * 2000 + "end"])[0].tokens[-1].endswith("end")


def test_tokens_are_shown_composed(predictor: Predictor) -> None:
    assert predictor.explain(["Cafe\u0301 ｶﾞ"])[0].tokens == ["café", "ガ"]


def test_markup_in_a_text_stays_text() -> None:
    found = explain_windows(
        ["<script>", "[red]"], np.array([[1.0, -1.0]]), [1], label="<i>", probability=1, logit=0, bias=0
    )
    assert "<script>" not in found._repr_html_()
    assert "<i>" not in found._repr_html_()
    assert found.to_terminal().plain.splitlines()[0] == "<i> 1.000  <script> [red] "


SHORT_AND_LONG = {
    "no text": ("", 0),
    "white space": (" \t\u3000", 0),
    "one token": ("wave", 1),
    "two tokens, fewer than the widest window has": ("wave reef", 2),
    "cut": ("zinc " * 500, 400),
}


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(("text", "tokens"), SHORT_AND_LONG.values(), ids=SHORT_AND_LONG)
def test_texts_of_every_length_are_explained_everywhere(
    text: str, tokens: int, exact: bool, predictor: Predictor
) -> None:
    predictor = copy.copy(predictor)
    predictor.exact = exact
    [found] = predictor.explain([text])
    assert len(found.tokens) == tokens if exact else len(found.tokens) == min(len(text.split()), 100)
    values = found.to_json()
    if exact:
        others = values["others"] + values["bias"]
        assert sum(reason["added"] for reason in values["reasons"]) + others == pytest.approx(values["logit"], abs=1e-3)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    first_line = " ".join([f"{found.label} {found.probability:.3f}", "", *found.tokens]).rstrip()
    assert found.to_terminal().plain.splitlines()[0].rstrip() == first_line
    page = found.to_html()
    assert re.findall("<span[^>]*>(.*?)</span>", page) == found.tokens
    assert "nan" not in page
    ranked = rank_ngrams([found])
    said = {ngram.text for ngram in found.ngrams if ngram.added > 0 and ngram.tokens}
    assert {entry[0] for entry in ranked.get(found.label, [])} <= said
    assert bool(ranked) == bool(tokens)


@pytest.mark.parametrize(
    ("tokens", "added", "weights"),
    [
        ([], [[0.5], [-1.0]], []),
        (["a"], [[2.0], [-1.0]], [1.0]),
        (["a", "b"], [[0.0, 0.0], [0.0, 0.0]], [0.0, 0.0]),
        (["a", "b"], [[1.0, 0.0], [-1.0, 0.0]], [1.0, -1.0]),  # 1 - 1/2 and -1/2, divided by the larger one
    ],
)
def test_what_an_ngram_adds_is_shared_by_its_tokens(
    tokens: list[str], added: list[list[float]], weights: list[float]
) -> None:
    found = explain_windows(tokens, np.array(added), [1, 2], label="x", probability=0.5, logit=0, bias=0)
    np.testing.assert_allclose(found._weights(), weights)


def test_a_training_ends_well_whose_empty_test_text_is_labelled_wrong(
    small_options: list[str], tmp_path: Path, cli: Cli
) -> None:
    test = write_table(tmp_path / "test.csv", [*make_texts(6, 1), ("", "fruit"), ("", "metal"), (" ", "sea")])
    run = tmp_path / "run"
    options = [*without_ngrams(small_options), "--ngrams", 0, "--no-refit", "--vectors", "none", "--filters", 20]
    assert cli("train", *options, "--test-data", test, "--output", run).status == 0
    page = (run / "report.html").read_text("utf-8")
    assert "(no token)" in page.split("The worst errors")[1]
    assert "(no token)" not in page.split("What spoke for each label")[1].split("</table>")[0]
    (tmp_path / "lines.txt").write_text("\nwave\n")
    assert cli("predict", run, tmp_path / "lines.txt", "--explain", "html").status == 0
