"""Unequal labels: how much each weighs in the loss, and how often each text is drawn."""

import numpy as np


def weigh_labels(truth: np.ndarray) -> np.ndarray:
    """Weights by which all labels weigh the same in all, however many texts have them; their mean over the texts is 1.

    Args:
        truth: int (texts,), the label of each training text, or (texts, labels), 1 for each label of a text.

    Returns:
        float32 (labels,); or (2, labels), where a text may have several: of not having a label, and of having it.

    Source: scikit-learn's class_weight="balanced"; King and Zeng (2001), Logistic Regression in Rare Events Data.
    """
    if truth.ndim == 1:
        counts = np.bincount(truth)
        return (len(truth) / (np.count_nonzero(counts) * np.maximum(counts, 1))).astype(np.float32)
    having = truth.sum(axis=0)
    counts = np.stack([len(truth) - having, having])
    return (len(truth) / (2 * np.maximum(counts, 1))).astype(np.float32)


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
