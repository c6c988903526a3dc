"""The linear baseline: a linear model over TF-IDF of the network's own tokens, trained in seconds."""

import warnings
from collections.abc import Mapping

import numpy as np
from scipy import sparse, special
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.svm import LinearSVC

from keras_textcnn.presets import CHARACTERS, find_tokenizer


def name_baseline(tokenizer: str) -> str:
    """A short description of the linear model."""
    unit = CHARACTERS if tokenizer == CHARACTERS else "words"
    return f"TF-IDF + LinearSVC, 1-{find_tokenizer(tokenizer).longest_ngram} {unit}"


def count_ngrams(ids: np.ndarray, lengths: np.ndarray, *, longest: int) -> sparse.csr_matrix:
    """Counts how often each n-gram of tokens occurs in each text.

    Args:
        ids: int (tokens,), of all texts, concatenated.
        lengths: int (texts,), tokens of each text.
        longest: Tokens of the longest n-grams; the shortest are single tokens.

    Returns:
        float64 (texts, distinct n-grams).
    """
    texts = np.repeat(np.arange(len(lengths)), lengths)
    tokens, numbers = np.unique(ids, return_inverse=True)
    first, ngrams = numbers, numbers  # at each position: its token, and the n-gram that begins there
    rows, columns, different = [texts], [ngrams], len(tokens)
    for size in range(2, longest + 1):
        ngrams = ngrams[: max(len(first) - size + 1, 0)]
        pairs = ngrams * np.int64(len(tokens)) + first[size - 1 :]  # a shorter n-gram, and the token after it
        known, ngrams = np.unique(pairs, return_inverse=True)
        inside = np.flatnonzero(texts[: len(ngrams)] == texts[size - 1 :])
        rows.append(texts[inside])
        columns.append(different + ngrams[inside])
        different += len(known)
    row, column = np.concatenate(rows), np.concatenate(columns)
    return sparse.coo_matrix((np.ones(len(row)), (row, column)), shape=(len(lengths), different)).tocsr()


def predict_linear(
    training: sparse.csr_matrix,
    targets: np.ndarray,
    splits: Mapping[str, sparse.csr_matrix],
    *,
    seed: int,
    label_weights: np.ndarray | None = None,
    text_weights: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Fits a linear support vector machine for each label to TF-IDF with sublinear counts, and predicts labels.

    Args:
        training: Counts of the texts to fit, from `count_ngrams`; n-grams that none of these texts has are ignored.
        targets: int (texts,), or float (texts, num_classes), 1 for each label of a text.
        splits: Counts of the texts to predict, from the same `count_ngrams`.
        seed: Random seed of the support vector machines.
        label_weights: From `class_weights.weigh_labels`.
        text_weights: float (texts,), with a mean of 1.

    Returns:
        For each split int (texts,), the predicted outputs; or, if a text may have several labels, float32 (texts,
        labels): the machines' decision values squashed to (0, 1). They keep their order, but are not probabilities.
    """
    having = training.getnnz(axis=0)
    known = np.flatnonzero(having) if having.any() else np.arange(1)
    tf_idf = TfidfTransformer(sublinear_tf=True)
    features = tf_idf.fit_transform(training[:, known])
    others = {name: tf_idf.transform(counts[:, known]) for name, counts in splits.items()}
    if targets.ndim == 1:
        weights = None if label_weights is None else dict(enumerate(label_weights.tolist()))
        present = set(targets.tolist())
        machine = _fit(features, targets, weights and {label: weights[label] for label in present}, text_weights, seed)
        return {name: machine.predict(values) for name, values in others.items()}
    found = {name: np.zeros((values.shape[0], targets.shape[1]), np.float32) for name, values in others.items()}
    for label, having in enumerate(targets.T):
        weights = None if label_weights is None else dict(enumerate(label_weights[:, label].tolist()))
        if having.min() == having.max():  # nothing to tell apart
            for answers in found.values():
                answers[:, label] = having[0]
            continue
        machine = _fit(features, having, weights, text_weights, seed)
        for name, values in others.items():
            found[name][:, label] = special.expit(machine.decision_function(values))
    return found


def _fit(
    features: sparse.csr_matrix,
    targets: np.ndarray,
    label_weights: dict[int, float] | None,
    text_weights: np.ndarray | None,
    seed: int,
) -> LinearSVC:
    machine = LinearSVC(random_state=seed, class_weight=label_weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return machine.fit(features, targets, sample_weight=text_weights)
