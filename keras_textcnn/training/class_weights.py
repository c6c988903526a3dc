"""Unequal labels: how much each weighs in the loss, and how often each text is drawn."""

import numpy as np
from scipy import sparse

POWERS = {"balanced": 1.0, "square-root": 0.5}


def weigh_labels(
    targets: np.ndarray | sparse.csr_array, kind: str = "balanced", *, labels: int | None = None
) -> np.ndarray:
    """Weights by which rare labels count for more; their mean over the texts is 1.

    With "balanced" a label weighs the less the more texts have it, so that all labels weigh the same in all; with
    "square-root" by the square root of that, which moves less and does not let one text outweigh a thousand.

    Args:
        targets: int (texts,), the label of each training text, or (texts, labels), 1 for each label of a text, maybe
            sparse.
        kind: Of `POWERS`.
        labels: How many there are, if there may be more than the training texts have.

    Returns:
        float32 (labels,); or (2, labels), where a text may have several: of not having a label, and of having it. A
        label without a training text weighs as much as one with a single text.

    Source: scikit-learn's class_weight="balanced"; King and Zeng (2001), Logistic Regression in Rare Events Data.
    """
    if targets.ndim == 1:
        counts = np.bincount(targets, minlength=labels or 0)[None]
    else:
        having = targets.sum(axis=0)
        counts = np.stack([targets.shape[0] - having, having]).T
    weights = (1 / np.maximum(counts, 1)) ** POWERS[kind]
    weights *= targets.shape[0] / (weights * counts).sum(axis=1, keepdims=True)
    return (weights[0] if targets.ndim == 1 else weights.T).astype(np.float32)


def weigh_texts(targets: np.ndarray | sparse.csr_array) -> np.ndarray:
    """How probable it is to draw each text so that every label is drawn as often: float64 (texts,), with a sum of 1.

    A text with several labels counts for the rarest of them, texts without any for a label of their own.

    Args:
        targets: As to `weigh_labels`.
    """
    strata = targets if targets.ndim == 1 else _rarest_labels(sparse.csr_array(targets))
    shares = 1 / np.bincount(strata)[strata]
    return shares / shares.sum()


def _rarest_labels(targets: sparse.csr_array) -> np.ndarray:
    """The rarest label of each text, of equally rare ones the first; `labels` for a text without: int64 (texts,)."""
    labels = targets.shape[1]
    counts = np.bincount(targets.indices, minlength=labels)
    sizes = np.diff(targets.indptr)
    strata = np.full(len(sizes), labels, np.int64)
    if len(targets.indices):
        ranks = counts[targets.indices] * labels + targets.indices  # rarer labels first
        strata[sizes > 0] = np.minimum.reduceat(ranks, targets.indptr[:-1][sizes > 0]) % labels
    return strata
