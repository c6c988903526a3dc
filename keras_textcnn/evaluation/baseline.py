"""The linear baseline: a linear model over TF-IDF of the network's own tokens, trained in seconds."""

import warnings
from collections.abc import Mapping

import numpy as np
from scipy import sparse, special
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.svm import LinearSVC

from keras_textcnn.presets import CHARACTERS, find_tokenizer
from keras_textcnn.utils.log import logger

MOST_WEIGHTS = 2**24  # of the linear model, 128 MiB; LinearSVC holds three copies


def name_baseline(tokenizer: str) -> str:
    """A short description of the linear model."""
    unit = CHARACTERS if tokenizer == CHARACTERS else "words"
    return f"TF-IDF + LinearSVC, 1-{find_tokenizer(tokenizer).longest_ngram} {unit}"


def count_ngrams(ids: np.ndarray, lengths: np.ndarray, *, longest: int) -> sparse.csr_matrix:
    """Counts how often each n-gram of tokens occurs in each text.

    Args:
        ids: int32 (tokens,), of all texts, concatenated.
        lengths: int (texts,), tokens of each text.
        longest: Tokens of the longest n-grams; the shortest are single tokens.

    Returns:
        float32 (texts, distinct n-grams).
    """
    places = np.arange(len(ids), dtype=np.int32)
    left = np.repeat(np.cumsum(lengths, dtype=np.int32), lengths) - places  # tokens from here to the end of the text
    ngrams, tokens = _number(ids)
    counts = [_count(ngrams.copy(), lengths, tokens)]
    first = ngrams
    for size in range(2, longest + 1):
        ngrams = ngrams[: max(len(first) - size + 1, 0)].astype(np.int64)
        ngrams *= tokens
        ngrams += first[size - 1 :]  # a shorter n-gram, and the token after it
        ngrams, known = _number(ngrams)
        inside = left[: len(ngrams)] >= size
        counts.append(_count(ngrams[inside], np.maximum(lengths - size + 1, 0), known))
    return sparse.hstack(counts, format="csr")


def _number(values: np.ndarray) -> tuple[np.ndarray, int]:
    """The rank of each value among the distinct values, int32, and how many there are.

    `np.unique(values, return_inverse=True)` gives the same and takes twice the memory.
    """
    order = np.argsort(values, kind="stable")
    new = np.diff(values[order], prepend=-1) != 0  # values are at least 0
    ranks = np.empty(len(values), np.int32)
    ranks[order] = np.cumsum(new, dtype=np.int32) - 1
    return ranks, int(new.sum())


def _count(columns: np.ndarray, lengths: np.ndarray, width: int) -> sparse.csr_matrix:
    """Counts the columns of each row, which follow one another: float32 (rows, width). Sorts `columns` in place."""
    ends = np.cumsum(lengths, dtype=np.int64)
    begins = np.concatenate([[0], ends])
    counts = sparse.csr_matrix((np.ones(len(columns), np.float32), columns, begins), shape=(len(lengths), width))
    counts.sum_duplicates()
    return counts


def predict_linear(
    counts: sparse.csr_matrix,
    training: np.ndarray,
    targets: np.ndarray,
    asked: Mapping[str, np.ndarray],
    *,
    seed: int,
    label_weights: np.ndarray | None = None,
    text_weights: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Fits a linear support vector machine for each label to TF-IDF with sublinear counts, and predicts labels.

    Args:
        counts: From `count_ngrams`.
        training: The rows of the texts to fit; n-grams that none of these texts has are ignored.
        targets: int (texts,), or float (texts, num_classes), 1 for each label of a text to fit.
        asked: The rows of the texts to predict, by name.
        seed: Random seed of the support vector machines.
        label_weights: From `class_weights.weigh_labels`.
        text_weights: float (texts,), with a mean of 1.

    Returns:
        For each name int (texts,), the predicted outputs; or, if a text may have several labels, float32 (texts,
        labels): the machines' decision values squashed to (0, 1). They keep their order, but are not probabilities.
    """
    features = counts[training]  # the name is used again, so that one copy is in memory at a time
    having = features.getnnz(axis=0)
    known = _choose(having, most=MOST_WEIGHTS // (targets.shape[1] if targets.ndim > 1 else int(targets.max()) + 1))
    tf_idf = TfidfTransformer(sublinear_tf=True)
    features = features[:, known].astype(np.float64)
    features = tf_idf.fit(features).transform(features, copy=False)
    others = {
        name: tf_idf.transform(counts[rows][:, known].astype(np.float64), copy=False) for name, rows in asked.items()
    }
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


def _choose(having: np.ndarray, *, most: int) -> np.ndarray:
    """The positions of the n-grams to learn: those that any text has or, if these are too many, the more common ones.

    Args:
        having: int (n-grams,), the number of texts that have each.
        most: The largest number to choose.
    """
    least = 1
    while (having >= least).sum() > most:
        least += 1
    if least > 1:
        logger.info(f"the linear model leaves out n-grams that fewer than {least:,} training texts have")
    return np.flatnonzero(having >= least) if having.any() else np.arange(1)


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
