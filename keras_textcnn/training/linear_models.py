"""The linear parts of a model, solved by scikit-learn: they have a single best solution, which needs no epochs.

They learn labels: of texts with soft targets, the most probable one.
"""

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
PENALTY = 0.1  # `C` of the logistic regression, on standardized features
MOST_ITERATIONS = 1_000


def count_rows(layer: NgramLogits, examples: Examples) -> sparse.csr_matrix:
    """Counts each layer row in each text: float64 (texts, rows), the tokens' rows before the hashed ones."""
    rows, columns = [], []
    for first, ids in padded_blocks(examples):
        for found, places, size in layer.find_rows(tf.constant(ids)):
            rows.append(places.numpy()[:, 0] + first)
            columns.append(found.numpy() + (layer.vocabulary_size if size > 1 else 0))
    row, column = np.concatenate(rows), np.concatenate(columns)
    width = layer.vocabulary_size + (layer.buckets if layer.longest > 1 else 0)
    return sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(examples.lengths), width))


def solve_ngrams(
    layer: NgramLogits,
    counts: sparse.csr_matrix,
    targets: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    text_weights: np.ndarray | None = None,
) -> None:
    """Solves a linear support vector machine for each label, and sets the rows of an n-gram layer to the solution.

    The weight of a row is its inverse document frequency. The features of a text are the counts of its rows times their
    weights, divided by the root of the sum of the squared weights of all its n-grams. The layer computes the same.

    Args:
        layer: A layer with weights; its rows, weights and bias are replaced.
        counts: The counts of the training texts, from `count_rows`.
        targets: int (texts,), or (texts, num_classes), 1 for each label of a text.
        weights: float (texts,), how much the loss of each text counts; or (texts, num_classes), for each label; None:
            all count the same.
        text_weights: float (texts,), how many texts each one stands for, in the loss and in the inverse document
            frequency; None: one.
    """
    idf = inverse_frequencies(counts, text_weights)
    roots = np.sqrt(np.maximum(counts @ idf**2, 1))
    known = np.flatnonzero(idf) if idf.any() else np.arange(1)
    features = sparse.diags(1 / roots) @ counts[:, known] @ sparse.diags(idf[known])
    kernel, bias = solve(features, targets, layer.num_classes, weights, text_weights=text_weights, margin=True)
    rows = np.zeros((counts.shape[1], layer.num_classes), np.float32)
    rows[known] = idf[known, None] * kernel
    of_tokens = layer.vocabulary_size
    layer.embeddings.assign(rows[:of_tokens])
    layer.row_weights[0].assign(idf[:of_tokens])
    if layer.longest > 1:
        layer.hashed.assign(rows[of_tokens:])
        layer.row_weights[1].assign(idf[of_tokens:])
    layer.bias.assign(bias)


def inverse_frequencies(counts: sparse.csr_matrix, text_weights: np.ndarray | None) -> np.ndarray:
    """The inverse document frequency of each feature: log((1 + texts) / (1 + texts that have it)) + 1; 0 if none has.

    Args:
        counts: (texts, features), not negative.
        text_weights: As for `solve_ngrams`.

    Returns:
        float64 (features,).
    """
    if text_weights is None:
        having, texts = counts.getnnz(axis=0), counts.shape[0]
    else:
        having, texts = text_weights @ (counts > 0), text_weights.sum()
    return np.where(having > 0, np.log((1 + texts) / (1 + having)) + 1, 0)


def average_vectors(matrix: np.ndarray, examples: Examples) -> np.ndarray:
    """The mean of the vectors of each text's tokens: float64 (texts, dimensions), zeros if no token has a vector.

    Args:
        matrix: float32 (vocabulary, dimensions), zeros where there is no vector.
        examples: The texts.
    """
    known = np.asarray(matrix.any(axis=1))
    means = []
    for _, ids in padded_blocks(examples):
        counts = np.maximum(known[ids].sum(axis=1, keepdims=True), 1)  # padding has no vector
        means.append(np.stack([matrix[text].sum(axis=0, dtype=np.float64) for text in ids]) / counts)
    return np.concatenate(means)


def solve_vector_mean(
    layer: VectorMeanLogits,
    matrix: np.ndarray,
    means: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    text_weights: np.ndarray | None = None,
) -> None:
    """Solves a logistic regression on the standardized mean vectors, and sets a layer's rows to the solution.

    Args:
        layer: Its rows and bias are replaced.
        matrix: float32 (vocabulary, dimensions), zeros where there is no vector.
        means: The mean vectors of the training texts, from `average_vectors`.
        targets, weights: As for `solve_ngrams`.
        text_weights: float (texts,), how many texts each one stands for, in the loss and in the standardization; None:
            one.
    """
    middle, deviation = means.mean(axis=0), means.std(axis=0)
    if text_weights is not None:
        middle = np.average(means, axis=0, weights=text_weights)
        deviation = np.sqrt(np.average((means - middle) ** 2, axis=0, weights=text_weights))
    deviation = np.where(deviation > 0, deviation, 1)
    features = (means - middle) / deviation
    kernel, bias = solve(features, targets, layer.num_classes, weights, text_weights=text_weights, margin=False)
    kernel = kernel / deviation[:, None]
    layer.embeddings.assign(matrix @ kernel)
    layer.bias.assign(bias - middle @ kernel)
    layer.known.assign(matrix.any(axis=1))


def padded_blocks(examples: Examples) -> Iterator[tuple[int, np.ndarray]]:
    """Yields blocks of texts: the position of the first text, and the ids, padded with 0."""
    for first in range(0, len(examples.lengths), TEXTS_AT_ONCE):
        texts = np.arange(first, min(first + TEXTS_AT_ONCE, len(examples.lengths)))
        yield first, examples.padded(texts, max(int(examples.lengths[texts].max()), 1))


def solve(
    features: np.ndarray | sparse.spmatrix,
    targets: np.ndarray,
    num_classes: int,
    weights: np.ndarray | None,
    *,
    text_weights: np.ndarray | None,
    margin: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The kernel, (features, num_classes), and the bias, (num_classes,), of scikit-learn's linear models.

    With `margin`, there is a support vector machine for each label. Otherwise there is one logistic regression over the
    labels or, where a text may have several, one for each label.
    """
    if text_weights is not None:  # a label whose texts all weigh 0 would confuse scikit-learn
        weights = text_weights if weights is None else (weights.T * text_weights).T
        there = text_weights > 0
        features, targets, weights = features[there], targets[there], weights[there]
    if targets.ndim == 1:
        return _solve_one(features, targets, num_classes, weights, margin=margin)
    kernel, bias = np.zeros((features.shape[1], num_classes)), np.zeros(num_classes)
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
    num_classes: int,
    weights: np.ndarray | None,
    *,
    margin: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The same for texts with one label each; a label without texts gets no kernel and the lowest bias."""
    solver = (
        LinearSVC(random_state=0, max_iter=MOST_ITERATIONS)
        if margin
        else LogisticRegression(C=PENALTY, max_iter=MOST_ITERATIONS)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        solver.fit(features, targets, sample_weight=weights)
    coefficients, intercepts = solver.coef_, solver.intercept_
    if len(coefficients) == 1:  # scikit-learn returns one row for two labels
        share = 1.0 if margin else 0.5
        coefficients = share * np.concatenate([-coefficients, coefficients])
        intercepts = share * np.concatenate([-intercepts, intercepts])
    kernel, bias = np.zeros((features.shape[1], num_classes)), np.full(num_classes, intercepts.min() - 1)
    kernel[:, solver.classes_], bias[solver.classes_] = coefficients.T, intercepts
    return kernel, bias
