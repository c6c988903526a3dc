from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn import Predictor
from keras_textcnn.convolution import trace_windows
from keras_textcnn.explain import explain_by_occlusion, explain_windows
from keras_textcnn.models import build_conv1d, build_conv2d
from tests.conftest import make_ids, randomize


@pytest.mark.parametrize("poolings", [("max",), ("average",), ("max", "average")])
@pytest.mark.parametrize("multichannel", [False, True])
@pytest.mark.parametrize("ngrams", [0, 3])
def test_what_windows_add_and_the_bias_are_the_logits(
    poolings: tuple[str, ...], multichannel: bool, ngrams: int
) -> None:
    random = np.random.default_rng(0)
    model = build_conv1d(
        vocabulary_size=30, labels=4, dimensions=5, windows=(1, 2, 4), filters=7, poolings=poolings,
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
    model = build_conv1d(vocabulary_size=30, labels=2, dimensions=3, windows=(2,), filters=6)
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
    assert trace_windows(build_conv1d(vocabulary_size=9, labels=2, dimensions=3, hidden=(4,))) is None
    assert trace_windows(build_conv2d(vocabulary_size=9, labels=2, tokens=9, dimensions=8)) is None


def test_the_exported_model_explains_its_own_answers(finished_run: Path) -> None:
    predictor = Predictor(finished_run)
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


def test_markup_in_a_text_stays_text() -> None:
    found = explain_windows(
        ["<script>", "[red]"], np.array([[1.0, -1.0]]), [1], label="<i>", probability=1, logit=0, bias=0
    )
    assert "<script>" not in found._repr_html_()
    assert "<i>" not in found._repr_html_()
    assert found.to_terminal().plain.splitlines()[0] == "<i> 1.000  <script> [red] "


def test_an_empty_text_is_explained_by_its_padding() -> None:
    found = explain_windows([], np.array([[0.5, 0.0]]), [1], label="a", probability=0.5, logit=0.75, bias=0.25)
    assert "<td>+0.50</td><td>(no token)</td>" in found.to_html()
    assert "+0.50  (no token)" in found.to_terminal().plain
