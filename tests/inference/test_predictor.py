"""A loaded SavedModel explains its own answers."""

import copy
import json
import multiprocessing
import re
from pathlib import Path

import numpy as np
import pandas
import pytest
import tensorflow as tf

from keras_textcnn import Predictor
from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.errors import InputError
from keras_textcnn.inference.explanations import rank_ngrams
from keras_textcnn.persistence.run import Run
from keras_textcnn.training.trainer import train
from tests.conftest import make_texts


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


def test_texts_in_any_form_and_a_single_text(predictor: Predictor, finished_run: Path) -> None:
    texts = ["the apple", "", "zinc and lead"]
    expected, probabilities = predictor(texts), predictor.probabilities(texts)
    for given in (tuple(texts), np.array(texts), pandas.Series(texts, index=[9, 9, 1]), tf.constant(texts)):
        assert predictor(given) == expected
    assert predictor(text for text in texts) == expected
    assert predictor(iter([text.encode() for text in texts])) == expected
    assert predictor("the apple") == predictor(b"the apple") == predictor(["the apple"])[0]
    assert predictor.probabilities("the apple").shape == (3,)
    np.testing.assert_array_equal(predictor.probabilities(pandas.Series(texts)), probabilities)
    assert predictor.explain("the apple") == predictor.explain(iter(texts[:1]))[0]
    assert predictor([]) == predictor.explain([]) == []
    assert predictor.probabilities([]).shape == (0, 3)
    assert Predictor(Run.open(finished_run))(texts) == expected


@pytest.mark.parametrize("ask", ["__call__", "probabilities", "explain"])
def test_what_are_no_texts_is_named(ask: str, predictor: Predictor) -> None:
    with pytest.raises(InputError, match=r"text 1 \(from 0\) is missing \(None\); leave it out, or fill it in"):
        getattr(predictor, ask)(["a", None])
    with pytest.raises(InputError, match="texts must be a list, .*; received: int 5"):
        getattr(predictor, ask)(5)


def test_what_is_no_directory_is_named() -> None:
    with pytest.raises(InputError, match="a directory must be a path; received: list"):
        Predictor(["runs/x"])


def _ask(predictor: Predictor, directory: Path, answers: "multiprocessing.SimpleQueue[str]") -> None:
    for act in (lambda: predictor("iron"), lambda: Predictor(directory)):
        try:
            act()
        except InputError as error:
            answers.put(str(error))


def test_a_forked_process_is_told_that_it_cannot_predict(predictor: Predictor, finished_run: Path) -> None:
    forking = multiprocessing.get_context("fork")
    answers = forking.SimpleQueue()
    child = forking.Process(target=_ask, args=(predictor, finished_run, answers), daemon=True)
    child.start()
    child.join(60)
    child.kill()
    assert child.exitcode == 0
    for _ in range(2):
        assert answers.get().startswith("a Predictor was loaded before this process was forked, and would hang in it;")
    assert predictor("iron")  # which still works where it was loaded
