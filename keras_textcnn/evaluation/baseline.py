"""What the network is compared with: a linear model over TF-IDF of the network's own tokens, which takes seconds."""

import warnings
from collections.abc import Mapping

import numpy as np
from scipy import sparse, special
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.svm import LinearSVC

LONGEST = {"words": 2, "spaces": 2, "characters": 4}  # tokens of the longest n-grams, by tokenizer


def name_baseline(tokenizer: str) -> str:
    """What the linear model is, in a few words."""
    return f"TF-IDF + LinearSVC, 1-{LONGEST[tokenizer]} {'characters' if tokenizer == 'characters' else 'words'}"


def count_ngrams(ids: np.ndarray, lengths: np.ndarray, *, longest: int) -> sparse.csr_matrix:
    """How often each n-gram of tokens stands in each text.

    Args:
        ids: int (tokens,), of all texts, one after the other.
        lengths: int (texts,), tokens of each.
        longest: Tokens of the longest n-grams; the shortest are single tokens.

    Returns:
        float64 (texts, different n-grams).
    """
    texts = np.repeat(np.arange(len(lengths)), lengths)
    tokens, numbers = np.unique(ids, return_inverse=True)
    first, ngrams = numbers, numbers  # of each position: its token, the n-gram that begins there
    rows, columns, different = [texts], [ngrams], len(tokens)
    for size in range(2, longest + 1):
        ngrams = ngrams[: max(len(first) - size + 1, 0)]
        pairs = ngrams * np.int64(len(tokens)) + first[size - 1 :]  # a shorter n-gram, and the token behind it
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
    """Fits a linear support vector machine for each label to TF-IDF with sublinear counts, and answers for texts.

    Args:
        training: Of the texts to fit on, from `count_ngrams`; n-grams that they do not have count for nothing.
        targets: int (texts,), or float (texts, labels), 1 for each label of a text.
        splits: From the same `count_ngrams`, of the texts to answer for.
        seed: Of the support vector machines.
        label_weights: From `class_weights.weigh_labels`.
        text_weights: float (texts,), with a mean of 1.

    Returns:
        For each split int (texts,), the outputs chosen; or where a text may have several labels float32 (texts,
        labels): the machines' decisions squashed to (0, 1), in the same order, no probabilities.
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
        if having.min() == having.max():  # there is nothing to tell apart
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
