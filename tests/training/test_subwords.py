"""Subwords: the parts of words, their linear model against scikit-learn's, and what they become in a model."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.svm import LinearSVC

from keras_textcnn import Corpus, TextVectorizer, TrainConfig, load_model, tokenize
from keras_textcnn.layers.ngram_logits import NgramLogits
from keras_textcnn.text.vocabulary import PADDING, UNKNOWN
from keras_textcnn.training.linear_models import count_rows, solve_ngrams
from keras_textcnn.training.subwords import Subwords, count_parts, split_token
from keras_textcnn.training.trainer import train
from tests.conftest import make_examples, make_texts, randomize

VOCABULARY = [PADDING, UNKNOWN, *(f"{stem}{end}" for stem in ("walk", "sing", "a", "ü") for end in ("", "s", "ing"))]
WIDEST = 12


def make_rows(texts: int, seed: int) -> list[list[int]]:
    """Ids of texts of 1 to 12 tokens, some of them unknown; the last text is empty."""
    random = np.random.default_rng(seed)
    ids = len(VOCABULARY)
    return [random.integers(1, ids, random.integers(1, WIDEST + 1)).tolist() for _ in range(texts - 1)] + [[]]


def pad(rows: list[list[int]]) -> np.ndarray:
    return np.array([[*row, *[0] * (WIDEST - len(row))] for row in rows], np.int32)


def write(rows: list[list[int]]) -> list[str]:
    """The texts of ids; unknown tokens have no parts."""
    return [" ".join(VOCABULARY[id] for id in row if id > 1) for row in rows]


def make_layer(rows: list[list[int]], targets: np.ndarray, *, longest: int, weighted: bool) -> NgramLogits:
    """A layer that was solved for the texts, or with random rows."""
    layer = NgramLogits(len(VOCABULARY), int(targets.max()) + 1, longest=longest, buckets=64, weighted=weighted)
    layer.build((None, None))
    if weighted:
        solve_ngrams(layer, count_rows(layer, make_examples(rows, targets)), targets)
    else:
        randomize(layer, np.random.default_rng(3))
    return layer


def machine_on_parts(
    texts: Sequence[str], divisors: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
) -> Callable[[Sequence[str], np.ndarray], np.ndarray]:
    """The logits of scikit-learn's machine on its own parts of words, as a function of texts and their divisors."""
    counter = CountVectorizer(analyzer="char_wb", ngram_range=(3, 5), lowercase=False)
    idf = TfidfTransformer(norm=None)
    features = idf.fit_transform(counter.fit_transform(texts)).toarray() / divisors[:, None]
    length = np.sqrt((features**2).sum(axis=1).mean())
    machine = LinearSVC(random_state=0).fit(features / length, targets, sample_weight=weights)

    def answer(texts: Sequence[str], divisors: np.ndarray) -> np.ndarray:
        features = idf.transform(counter.transform(texts)).toarray() / divisors[:, None]
        logits = machine.decision_function(features / length)
        return np.stack([-logits, logits], axis=1) if logits.ndim == 1 else logits

    return answer


@pytest.mark.parametrize("token", ["a", "ü", "as", "sing", "singing", "unbelievable", "x-y", "n't"])
def test_the_parts_of_a_token_are_those_of_scikit_learn_within_words(token: str) -> None:
    expected = CountVectorizer(analyzer="char_wb", ngram_range=(3, 5)).build_analyzer()(token)
    assert sorted(part.replace("<", " ").replace(">", " ") for part in split_token(token)) == sorted(expected)


def test_padding_and_unknown_have_no_parts() -> None:
    counts = count_parts(VOCABULARY).toarray()
    assert not counts[:2].any()
    assert counts[2:].any(axis=1).all()
    assert count_parts([PADDING, UNKNOWN]).shape == (2, 1)


@pytest.mark.parametrize("labels", [2, 4])
@pytest.mark.parametrize(("longest", "weighted"), [(1, False), (2, False), (2, True)])
def test_subwords_are_a_support_vector_machine_on_parts_of_words(labels: int, longest: int, weighted: bool) -> None:
    random = np.random.default_rng(labels)
    rows, others = make_rows(60, seed=1), make_rows(20, seed=2)
    targets = random.integers(0, labels, len(rows)).astype(np.int32)
    weights = random.random(len(rows)) + 0.5
    layer = make_layer(rows, targets, longest=longest, weighted=weighted)
    subwords = Subwords(layer, VOCABULARY)
    subwords.solve(make_examples(rows, targets), weights)

    def divisors(rows: list[list[int]]) -> np.ndarray:
        if not weighted:
            return np.sqrt([max(sum(max(len(row) - size + 1, 0) for size in range(1, longest + 1)), 1) for row in rows])
        squares = [sum(layer.row_weights[0].numpy()[id] ** 2 for id in row) for row in rows]
        pairs = count_rows(layer, make_examples(rows, np.zeros(len(rows), np.int32)))[:, len(VOCABULARY) :]
        return np.sqrt(np.maximum(squares + pairs @ layer.row_weights[1].numpy() ** 2, 1))

    answer = machine_on_parts(write(rows), divisors(rows), targets, weights)
    found = subwords.answer(make_examples(others, np.zeros(20, np.int32)))
    np.testing.assert_allclose(found, answer(write(others), divisors(others)), atol=5e-3)

    before = layer(pad(others)).numpy()
    subwords.add_to_layer(0.6, 1.7)
    np.testing.assert_allclose(layer(pad(others)), 0.6 * before + 1.7 * found, atol=1e-5)


def test_a_text_of_weight_0_is_absent_and_one_of_weight_2_is_there_twice() -> None:
    random = np.random.default_rng(9)
    rows = make_rows(60, seed=7)
    targets = random.integers(0, 3, len(rows)).astype(np.int32)
    targets[5] = 3  # a label whose only text is absent
    text_weights = random.permutation([0, 1, 2] * 20)
    text_weights[5] = 0
    answers = []
    for repeats in (None, text_weights):
        chosen = np.arange(len(rows)) if repeats is None else np.repeat(np.arange(len(rows)), repeats)
        examples = make_examples([rows[text] for text in chosen], targets[chosen])
        if repeats is None:
            examples = dataclasses.replace(examples, weights=text_weights.astype(np.float32))
        subwords = Subwords(make_layer(rows, targets, longest=2, weighted=False), VOCABULARY)
        subwords.solve(examples)
        answers.append(subwords.answer(make_examples(rows, targets)))
    np.testing.assert_allclose(answers[0][:, :3], answers[1][:, :3], atol=2e-3)
    assert (answers[0].argmax(axis=1) < 3).all()


@pytest.mark.usefixtures("without_exports")
def test_a_run_ends_as_the_scaled_sum_of_convolution_ngrams_and_subwords(tmp_path: Path, vectors_file: Path) -> None:
    pairs = make_texts(90, seed=4)
    texts, labels = [text for text, _ in pairs], [label for _, label in pairs]
    corpus = Corpus(texts, labels, ["train"] * 60 + ["validation"] * 15 + ["test"] * 15)
    settings = {"windows": (1,), "filters": 3, "ngram_buckets": 64, "inner_folds": 0, "vector_mean": False}
    settings |= {"frozen_epochs": 1, "unfrozen_epochs": 1, "ngram_epochs": 2, "refit": False, "vocabulary": "train"}
    settings["vectors"] = str(vectors_file)
    runs = [train(TrainConfig(**settings, subwords=use), corpus, tmp_path / str(use)) for use in (True, False)]
    model, without = (load_model(run) for run in runs)
    tokens = [[token.decode() for token in row] for row in tokenize(texts).to_list()]
    divisors = np.sqrt([2 * len(row) - 1 for row in tokens])
    joined = [" ".join(row) for row in tokens]
    names = runs[0].read_lines("labels.txt")
    answer = machine_on_parts(joined[:60], divisors[:60], np.array([names.index(label) for label in labels[:60]]))

    ids = TextVectorizer("words", vocabulary=runs[0].read_lines("vocabulary.txt"))(texts)
    parts = runs[0].read_json("metrics.json")["parts"]
    assert [*parts] == ["convolution", "ngrams", "subwords"]
    assert parts["subwords"]["scale"] > 0
    layers = {"convolution": "logits", "ngrams": "ngrams"}
    alone = {name: keras.Model(without.inputs, without.get_layer(layer).output)(ids) for name, layer in layers.items()}
    alone["subwords"] = answer(joined, divisors)
    expected = sum(part["scale"] * np.asarray(alone[name]) for name, part in parts.items())
    np.testing.assert_allclose(model(ids), expected, atol=2e-2)
