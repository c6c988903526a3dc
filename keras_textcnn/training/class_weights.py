"""Imbalanced labels: how much each label counts in the loss, and how often each text is drawn."""

import numpy as np
from scipy import sparse

POWERS = {"balanced": 1.0, "square-root": 0.5}


def weigh_labels(
    targets: np.ndarray | sparse.csr_array, kind: str = "balanced", *, num_classes: int | None = None
) -> np.ndarray:
    """Class weights, which make rare labels count more; their mean over the texts is 1.

    With "balanced", a label's weight is proportional to 1 / (texts that have it), so that all labels have the same
    weight in total. With "square-root", it is proportional to the square root of that: a milder correction, in which a
    single text does not outweigh a thousand.

    Args:
        targets: int (texts,), the label of each training text; or (texts, num_classes), 1 for each label of a text,
            dense or sparse.
        kind: A key of `POWERS`.
        num_classes: The number of labels, if the training texts may lack some.

    Returns:
        float32 (num_classes,); or, where a text may have several labels, (2, num_classes): the weights of not having
        a label and of having it. A label without training texts weighs as much as one with a single text.

    Source: scikit-learn's class_weight="balanced"; King and Zeng (2001), Logistic Regression in Rare Events Data.
    """
    if targets.ndim == 1:
        counts = np.bincount(targets, minlength=num_classes or 0)[None]
    else:
        having = targets.sum(axis=0)
        counts = np.stack([targets.shape[0] - having, having]).T
    weights = (1 / np.maximum(counts, 1)) ** POWERS[kind]
    weights *= targets.shape[0] / (weights * counts).sum(axis=1, keepdims=True)
    return (weights[0] if targets.ndim == 1 else weights.T).astype(np.float32)


def weigh_texts(targets: np.ndarray | sparse.csr_array) -> np.ndarray:
    """The probability of drawing each text so that all labels are drawn equally often: float64 (texts,), sum 1.

    A text with several labels counts for its rarest one; texts without labels count as a label of their own.

    Args:
        targets: As for `weigh_labels`.
    """
    strata = targets if targets.ndim == 1 else _rarest_labels(sparse.csr_array(targets))
    shares = 1 / np.bincount(strata)[strata]
    return shares / shares.sum()


def _rarest_labels(targets: sparse.csr_array) -> np.ndarray:
    """The rarest label of each text, or the first of equally rare ones; their number if it has none: int64 (texts,)."""
    labels = targets.shape[1]
    counts = np.bincount(targets.indices, minlength=labels)
    sizes = np.diff(targets.indptr)
    strata = np.full(len(sizes), labels, np.int64)
    if len(targets.indices):
        ranks = counts[targets.indices] * labels + targets.indices  # rarer labels first
        strata[sizes > 0] = np.minimum.reduceat(ranks, targets.indptr[:-1][sizes > 0]) % labels
    return strata
