"""Unequal labels: how much each weighs in the loss, and how often each text is drawn."""

import numpy as np

POWERS = {"balanced": 1.0, "square-root": 0.5}


def weigh_labels(truth: np.ndarray, kind: str = "balanced") -> np.ndarray:
    """Weights by which rare labels count for more; their mean over the texts is 1.

    With "balanced" a label weighs the less the more texts have it, so that all labels weigh the same in all; with
    "square-root" by the square root of that, which moves less and does not let one text outweigh a thousand.

    Args:
        truth: int (texts,), the label of each training text, or (texts, labels), 1 for each label of a text.
        kind: Of `POWERS`.

    Returns:
        float32 (labels,); or (2, labels), where a text may have several: of not having a label, and of having it.

    Source: scikit-learn's class_weight="balanced"; King and Zeng (2001), Logistic Regression in Rare Events Data.
    """
    if truth.ndim == 1:
        counts = np.bincount(truth)[None]
    else:
        having = truth.sum(axis=0)
        counts = np.stack([len(truth) - having, having]).T
    weights = (1 / np.maximum(counts, 1)) ** POWERS[kind]
    weights *= len(truth) / (weights * counts).sum(axis=1, keepdims=True)
    return (weights[0] if truth.ndim == 1 else weights.T).astype(np.float32)


def weigh_texts(truth: np.ndarray) -> np.ndarray:
    """How probable it is to draw each text so that every label is drawn as often: float64 (texts,), with a sum of 1.

    A text with several labels counts for the rarest of them, texts without any for a label of their own.

    Args:
        truth: As to `weigh_labels`.
    """
    strata = truth
    if truth.ndim == 2:
        having = np.where(truth > 0, truth.sum(axis=0), np.inf)
        strata = np.where(truth.any(axis=1), having.argmin(axis=1), truth.shape[1])
    shares = 1 / np.bincount(strata)[strata]
    return shares / shares.sum()
