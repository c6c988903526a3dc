"""The linear parts of a model, solved by scikit-learn: there is one best solution, which needs no epochs."""

import warnings
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from keras_textcnn.data.batching import Examples
from keras_textcnn.layers.ngram_logits import NgramLogits
from keras_textcnn.layers.vector_mean_logits import VectorMeanLogits

TEXTS_AT_ONCE = 256
PENALTY = 0.1  # `C` of the logistic regression, on features of deviation 1
MOST_ITERATIONS = 1_000


def count_rows(layer: NgramLogits, examples: Examples) -> sparse.csr_matrix:
    """How often each text has each row of a layer: float64 (texts, rows), the tokens' rows before the hashed ones."""
    rows, columns = [], []
    for first, ids in _blocks(examples):
        for found, places, size in layer.find_rows(tf.constant(ids)):
            rows.append(places.numpy()[:, 0] + first)
            columns.append(found.numpy() + (layer.vocabulary_size if size > 1 else 0))
    row, column = np.concatenate(rows), np.concatenate(columns)
    width = layer.vocabulary_size + (layer.buckets if layer.longest > 1 else 0)
    return sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(examples.lengths), width))


def solve_ngrams(
    layer: NgramLogits, counts: sparse.csr_matrix, targets: np.ndarray, weights: np.ndarray | None = None
) -> None:
    """Gives a layer of n-grams the rows of a linear support vector machine for each label.

    A row weighs by its inverse document frequency, log((1 + texts) / (1 + texts that have it)) + 1; what no text has
    weighs nothing. A text's features are its rows' counts times weights, divided by the root of the sum of the squared
    weights of all its n-grams, which is what the layer does.

    Args:
        layer: With weights; its rows, weights and bias are replaced.
        counts: From `count_rows`, of the texts to learn from.
        targets: int (texts,), or (texts, labels), 1 for each label of a text.
        weights: float (texts,), how much each text counts; or (texts, labels), for each label; None: all the same.
    """
    having = counts.getnnz(axis=0)
    idf = np.where(having > 0, np.log((1 + counts.shape[0]) / (1 + having)) + 1, 0)
    roots = np.sqrt(np.maximum(counts @ idf**2, 1))
    known = np.flatnonzero(having) if having.any() else np.arange(1)
    features = sparse.diags(1 / roots) @ counts[:, known] @ sparse.diags(idf[known])
    kernel, bias = _solve(features, targets, layer.labels, weights, margin=True)
    rows = np.zeros((counts.shape[1], layer.labels), np.float32)
    rows[known] = idf[known, None] * kernel
    of_tokens = layer.vocabulary_size
    layer.embeddings.assign(rows[:of_tokens])
    layer.row_weights[0].assign(idf[:of_tokens])
    if layer.longest > 1:
        layer.hashed.assign(rows[of_tokens:])
        layer.row_weights[1].assign(idf[of_tokens:])
    layer.bias.assign(bias)


def average_vectors(matrix: np.ndarray, examples: Examples) -> np.ndarray:
    """The mean of the vectors of each text's tokens that have one: float64 (texts, dimensions); of none zeros.

    Args:
        matrix: float32 (vocabulary, dimensions), zeros where there is no vector.
        examples: Texts.
    """
    known = np.asarray(matrix.any(axis=1))
    means = []
    for _, ids in _blocks(examples):
        counts = np.maximum(known[ids].sum(axis=1, keepdims=True), 1)  # padding has no vector
        means.append(np.stack([matrix[text].sum(axis=0, dtype=np.float64) for text in ids]) / counts)
    return np.concatenate(means)


def solve_vector_mean(
    layer: VectorMeanLogits,
    matrix: np.ndarray,
    means: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None = None,
) -> None:
    """Gives a layer the rows of a logistic regression on the mean of the vectors, each dimension of deviation 1.

    Args:
        layer: Its rows and bias are replaced.
        matrix: float32 (vocabulary, dimensions), zeros where there is no vector.
        means: From `average_vectors`, of the texts to learn from.
        targets, weights: As to `solve_ngrams`.
    """
    middle, deviation = means.mean(axis=0), means.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1)
    kernel, bias = _solve((means - middle) / deviation, targets, layer.labels, weights, margin=False)
    kernel = kernel / deviation[:, None]
    layer.embeddings.assign(matrix @ kernel)
    layer.bias.assign(bias - middle @ kernel)
    layer.known.assign(matrix.any(axis=1))


def _blocks(examples: Examples) -> Iterator[tuple[int, np.ndarray]]:
    """Some texts after the other: the position of the first one, and their ids, padded with 0."""
    for first in range(0, len(examples.lengths), TEXTS_AT_ONCE):
        texts = np.arange(first, min(first + TEXTS_AT_ONCE, len(examples.lengths)))
        yield first, examples.padded(texts, max(int(examples.lengths[texts].max()), 1))


def _solve(
    features: np.ndarray | sparse.spmatrix,
    targets: np.ndarray,
    labels: int,
    weights: np.ndarray | None,
    *,
    margin: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The kernel, (features, labels), and the bias, (labels,), of scikit-learn's linear models.

    With `margin` of a support vector machine for each label; without of one logistic regression over the labels, or
    where a text may have several of one for each.
    """
    if targets.ndim == 1:
        return _solve_one(features, targets, labels, weights, margin=margin)
    kernel, bias = np.zeros((features.shape[1], labels)), np.zeros(labels)
    for label, having in enumerate(targets.T.astype(np.int32)):
        if having.min() == having.max():  # there is nothing to tell apart
            bias[label] = np.log((having.sum() + 0.5) / (len(having) - having.sum() + 0.5))
            continue
        own = weights if weights is None or weights.ndim == 1 else weights[:, label]
        pair, offsets = _solve_one(features, having, 2, own, margin=margin)
        kernel[:, label], bias[label] = pair[:, 1] - pair[:, 0], offsets[1] - offsets[0]
    return (kernel / 2, bias / 2) if margin else (kernel, bias)


def _solve_one(
    features: np.ndarray | sparse.spmatrix,
    targets: np.ndarray,
    labels: int,
    weights: np.ndarray | None,
    *,
    margin: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The same for texts of one label each; a label that none of them has is as improbable as can be."""
    solver = (
        LinearSVC(random_state=0, max_iter=MOST_ITERATIONS)
        if margin
        else LogisticRegression(C=PENALTY, max_iter=MOST_ITERATIONS)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        solver.fit(features, targets, sample_weight=weights)
    coefficients, intercepts = solver.coef_, solver.intercept_
    if len(coefficients) == 1:  # scikit-learn has one row for two labels
        share = 1.0 if margin else 0.5
        coefficients = share * np.concatenate([-coefficients, coefficients])
        intercepts = share * np.concatenate([-intercepts, intercepts])
    kernel, bias = np.zeros((features.shape[1], labels)), np.full(labels, intercepts.min() - 1)
    kernel[:, solver.classes_], bias[solver.classes_] = coefficients.T, intercepts
    return kernel, bias
