"""Linear parts that are solved rather than fitted by gradients, and how they add up."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from keras_textcnn.inference.window_trace import trace_windows
from keras_textcnn.layers.ngram_logits import NgramLogits
from keras_textcnn.layers.vector_mean_logits import VectorMeanLogits
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.training.linear_models import average_vectors, count_rows, solve_ngrams, solve_vector_mean
from tests.conftest import make_examples, make_ids, randomize, weights_of

IDS, WIDEST = 30, 12


def make_rows(texts: int, seed: int) -> list[list[int]]:
    """Ids of texts of 0 to 12 tokens, the last one empty."""
    random = np.random.default_rng(seed)
    return [random.integers(1, IDS, random.integers(1, WIDEST + 1)).tolist() for _ in range(texts - 1)] + [[]]


def pad(rows: list[list[int]]) -> np.ndarray:
    return np.array([[*row, *[0] * (WIDEST - len(row))] for row in rows], np.int32)


def ngram_features(rows: list[list[int]], known: list[tuple[int, ...]], idf: np.ndarray) -> np.ndarray:
    """TF-IDF of tokens and pairs by definition, divided by the root of the sum of the occurrences' squared weights."""
    features = np.zeros((len(rows), len(known)))
    for text, row in enumerate(rows):
        ngrams = [*((token,) for token in row), *itertools.pairwise(row)]
        columns = [known.index(ngram) for ngram in ngrams if ngram in known]
        for column in columns:
            features[text, column] += idf[column]
        features[text] /= np.sqrt(max(sum(idf[column] ** 2 for column in columns), 1))
    return features


@pytest.mark.parametrize("labels", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_solved_ngrams_are_a_support_vector_machine_on_tf_idf(labels: int, weighted: bool) -> None:
    random = np.random.default_rng(labels)
    rows, others = make_rows(60, seed=1), make_rows(20, seed=2)
    targets = random.integers(0, labels, len(rows)).astype(np.int32)
    weights = random.random(len(rows)) + 0.5 if weighted else None
    layer = NgramLogits(IDS, labels, longest=2, buckets=2**20, weighted=True)
    layer.build((None, None))
    solve_ngrams(layer, count_rows(layer, make_examples(rows, targets)), targets, weights)

    pairs = [
        *((token,) for row in rows for token in row),
        *(pair for row in rows for pair in itertools.pairwise(row)),
    ]
    known = sorted(set(pairs))
    having = np.array(
        [sum(ngram in {*((t,) for t in row), *itertools.pairwise(row)} for row in rows) for ngram in known]
    )
    idf = np.log((1 + len(rows)) / (1 + having)) + 1
    machine = LinearSVC(random_state=0).fit(ngram_features(rows, known, idf), targets, sample_weight=weights)
    expected = machine.decision_function(ngram_features(others, known, idf))
    expected = np.stack([-expected, expected], axis=1) if labels == 2 else expected
    np.testing.assert_allclose(layer(pad(others)), expected, atol=2e-3)


def test_solved_vector_mean_is_a_logistic_regression_on_the_mean_of_the_vectors() -> None:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(IDS, 5)).astype(np.float32)
    matrix[[0, 1, 7]] = 0  # padding, and tokens without a vector
    rows, others = make_rows(80, seed=3), make_rows(20, seed=4)
    targets = random.integers(0, 3, len(rows)).astype(np.int32)

    def means(rows: list[list[int]]) -> np.ndarray:
        return np.array([np.mean([matrix[i] for i in row if matrix[i].any()] or [np.zeros(5)], axis=0) for row in rows])

    layer = VectorMeanLogits(IDS, 3)
    layer.build((None, None))
    found = average_vectors(matrix, make_examples(rows, targets))
    np.testing.assert_allclose(found, means(rows), atol=1e-6)
    solve_vector_mean(layer, matrix, found, targets)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)).fit(means(rows), targets)
    np.testing.assert_allclose(layer(pad(others)), model.decision_function(means(others)), atol=1e-3)


@pytest.mark.parametrize("several", [False, True])
def test_a_text_of_weight_0_is_absent_and_one_of_weight_2_is_there_twice(several: bool) -> None:
    random = np.random.default_rng(9)
    rows = make_rows(60, seed=7)
    targets = random.integers(0, 3, len(rows)).astype(np.int32)
    targets[5] = 3  # a label whose only text is absent
    targets = (random.random((60, 3)) < 0.4).astype(np.float32) if several else targets
    text_weights = random.permutation([0, 1, 2] * 20)
    text_weights[5] = 0
    matrix = random.normal(size=(IDS, 5)).astype(np.float32)
    matrix[0] = 0
    class_weights = random.random(len(rows)) + 0.5
    logits = []
    for repeats in (None, text_weights):
        chosen = np.arange(len(rows)) if repeats is None else np.repeat(np.arange(len(rows)), repeats)
        examples = make_examples([rows[text] for text in chosen], targets[chosen])
        weighted = {"text_weights": text_weights.astype(np.float32)} if repeats is None else {}
        ngrams, mean = NgramLogits(IDS, 4, longest=2, buckets=2**20, weighted=True), VectorMeanLogits(IDS, 4)
        ngrams.build((None, None))
        mean.build((None, None))
        solve_ngrams(ngrams, count_rows(ngrams, examples), targets[chosen], class_weights[chosen], **weighted)
        means = average_vectors(matrix, examples)
        solve_vector_mean(mean, matrix, means, targets[chosen], class_weights[chosen], **weighted)
        logits.append((ngrams(pad(rows)), mean(pad(rows))))
    for ours, expected in zip(*logits, strict=True):
        np.testing.assert_allclose(ours, expected, atol=2e-3)


def test_several_labels_are_solved_for_one_by_one() -> None:
    random = np.random.default_rng(5)
    rows = make_rows(60, seed=5)
    targets = (random.random((60, 3)) < 0.4).astype(np.float32)
    targets[:, 2] = 1  # nothing to tell apart
    layer = NgramLogits(IDS, 3, longest=1, buckets=1, weighted=True)
    layer.build((None, None))
    counts = count_rows(layer, make_examples(rows, targets))
    solve_ngrams(layer, counts, targets)
    alone = NgramLogits(IDS, 2, longest=1, buckets=1, weighted=True)
    alone.build((None, None))
    solve_ngrams(alone, counts, targets[:, 1].astype(np.int32))
    np.testing.assert_allclose(layer(pad(rows))[:, 1], alone(pad(rows))[:, 1], atol=1e-5)
    assert np.asarray(layer(pad(rows))[:, 2]).min() > 1


def test_all_parts_add_up_and_are_explained() -> None:
    random = np.random.default_rng(6)
    sizes = {"vocabulary_size": IDS, "num_classes": 3, "dimensions": 4, "windows": (1, 3), "filters": 5}
    model = build_conv1d(**sizes, ngrams=2, ngram_buckets=9, ngram_svm=True, vector_mean=True)
    randomize(model, random)
    ids = make_ids(random, [0, 1, 2, 12], 12).astype(np.int32)
    weights = weights_of(model)
    parts = [model.get_layer(name).output for name in ("logits", "ngrams", "vector_mean")]
    outputs = keras.Model(model.input, parts)(ids)
    np.testing.assert_allclose(model(ids), np.tensordot(weights["sum/scales"], np.stack(outputs), 1), atol=1e-5)
    trace = trace_windows(model)
    assert trace is not None
    assert trace.windows == [1, 3, 1, 2, 1]
    np.testing.assert_allclose(tf.reduce_sum(trace.added(ids), axis=(1, 2)) + trace.bias(), model(ids), atol=1e-4)
