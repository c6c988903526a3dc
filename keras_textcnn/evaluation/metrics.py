"""Metrics of predictions: how often they are right, how reliable their probabilities are, where they are most wrong."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import metrics

from keras_textcnn.tasks import task_of

BINS = 15  # of the calibration error, as in Guo et al. (2017)
CONFUSIONS = 10  # kept in `metrics.json`
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)


def score_labels(targets: np.ndarray, predicted: np.ndarray) -> dict[str, float | None]:
    """Accuracy and macro F1, in [0, 1], of predicted labels; None if undefined.

    Macro F1 is the mean over the labels that occur in the targets, so that two models are measured by the same labels.
    It is undefined if no text has a label; both are undefined if there are no texts.

    Args:
        targets: int (texts,), the outputs of the true labels; or (texts, num_classes), 1 for each label of a text:
            accuracy is then the share of texts whose labels are all right.
        predicted: The predicted labels, in the same form.
    """
    present = np.unique(targets) if targets.ndim == 1 else np.flatnonzero(targets.any(axis=0))
    scores: dict[str, float | None] = {"accuracy": None, "macro_f1": None}
    if len(targets):
        scores["accuracy"] = float(metrics.accuracy_score(targets, predicted))
    if len(present):
        macro_f1 = metrics.f1_score(targets, predicted, labels=present, average="macro", zero_division=0)
        scores["macro_f1"] = float(macro_f1)
    return scores


def score_probabilities(
    targets: np.ndarray, probabilities: np.ndarray, labels: Sequence[str], thresholds: np.ndarray | None = None
) -> dict[str, Any]:
    """The block of `metrics.json` for one split.

    Args:
        targets: int (texts,), the outputs of the true labels, or (texts, num_classes), 1 for each label of a text.
        probabilities: float (texts, num_classes).
        labels: Names by output.
        thresholds: float (num_classes,), if a text may have several labels.

    Returns:
        accuracy, macro_f1, micro_f1, log_loss (nats per text, or per text and label), calibration_error, support
        (texts), per_label and confused. The latter is from `rank_confusions`; per_label has precision, recall, f1 and
        support of each label, where a ratio with a zero denominator is 0. The other scores are None if undefined: macro
        F1 if no text has a label, micro F1 if no text is given one either, and all of them if there are no texts.
    """
    outputs = np.arange(len(labels))
    predicted = task_of(targets).choose(probabilities, thresholds)
    columns = np.zeros((4, len(labels)))
    if len(targets):
        columns = metrics.precision_recall_fscore_support(targets, predicted, labels=outputs, zero_division=0)
    per_label = {
        label: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
        for label, p, r, f, n in zip(labels, *columns, strict=True)
    }
    return {
        **score_labels(targets, predicted),
        "micro_f1": _micro_f1(targets, predicted),
        **score_confidence(targets, probabilities),
        "support": len(targets),
        "per_label": per_label,
        "confused": rank_confusions(targets, predicted, labels),
    }


def rank_confusions(targets: np.ndarray, predicted: np.ndarray, labels: Sequence[str]) -> list[dict[str, Any]]:
    """The most frequent pairs of a true label and another, predicted one.

    Args:
        targets: int (texts,), the outputs of the true labels. With several labels a text, int (texts, num_classes), a
            predicted label belongs to no true one, so there are no pairs.
        predicted: The predicted labels, in the same form.
        labels: Names by output.

    Returns:
        At most `CONFUSIONS` pairs, the most frequent first: true, predicted, and how many texts.
    """
    if targets.ndim > 1:
        return []
    wrong = targets != predicted
    pairs = Counter(zip(targets[wrong].tolist(), predicted[wrong].tolist(), strict=True))
    ranked = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:CONFUSIONS]
    return [{"true": labels[true], "predicted": labels[given], "texts": texts} for (true, given), texts in ranked]


def _micro_f1(targets: np.ndarray, predicted: np.ndarray) -> float | None:
    if not len(targets) or (targets.ndim == 2 and not targets.any() and not predicted.any()):
        return None
    return float(metrics.f1_score(targets, predicted, average="micro", zero_division=0))


def score_confidence(targets: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """The part of `score_probabilities` that a temperature changes: log_loss and calibration_error."""
    if not len(targets):
        return {"log_loss": None, "calibration_error": None}
    outputs = np.arange(probabilities.shape[1])
    if targets.ndim == 1:
        log_loss = metrics.log_loss(targets, probabilities, labels=outputs)
    else:
        log_loss = np.mean([metrics.log_loss(targets[:, o], probabilities[:, o], labels=[0, 1]) for o in outputs])
    return {"log_loss": float(log_loss), "calibration_error": calibration_error(targets, probabilities)}


def confusion_matrix(targets: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Texts by true (row) and predicted (column) label: int (num_classes, num_classes).

    A text with several labels counts in every row of its true labels and every column of its predicted ones.
    """
    if targets.ndim == 1:
        return metrics.confusion_matrix(targets, predicted, labels=np.arange(num_classes))
    return targets.astype(np.int64).T @ predicted


def calibration_error(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """The expected calibration error, in [0, 1]: how far probabilities are from the share of right predictions.

    It is the mean, over 15 bins of equal width weighted by their sizes, of the distance between a bin's mean
    probability and its share of right predictions. The most probable label of each text counts, or every label if a
    text may have several.

    Source: Guo et al. (2017), https://arxiv.org/abs/1706.04599, section 2.
    """
    if targets.ndim == 1:
        confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    else:
        confidence, right = probabilities.ravel(), targets.ravel()
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    distances = np.bincount(bins, weights=confidence.astype(np.float64) - right, minlength=BINS)
    return float(np.abs(distances).sum() / len(bins))


def score_shares(targets: np.ndarray, probabilities: np.ndarray) -> list[dict[str, float | None]]:
    """The share of texts answered and their accuracy, if answers below some probabilities are rejected.

    Args:
        targets: int (texts,), the outputs of the true labels.
        probabilities: float (texts, num_classes).

    Returns:
        For each of `THRESHOLDS`, reject_below, answered and accuracy, which is None if no text is answered.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    rows: list[dict[str, float | None]] = []
    for threshold in THRESHOLDS:
        answered = confidence >= threshold
        accuracy = float(right[answered].mean()) if answered.any() else None
        rows.append({"reject_below": threshold, "answered": float(answered.mean()), "accuracy": accuracy})
    return rows


def threshold_for_accuracy(targets: np.ndarray, probabilities: np.ndarray, accuracy: float) -> dict[str, float] | None:
    """The lowest probability to reject below so that the answers reach an accuracy; None if there is none.

    Returns:
        reject_below, answered and accuracy, as in `score_shares`.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    order = np.argsort(-confidence, kind="stable")
    reached = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    ends = np.append(np.diff(confidence[order]) != 0, True)  # texts with the same probability are answered together
    good = np.flatnonzero(ends & (reached >= accuracy))
    if not len(good):
        return None
    last = good[-1]
    return {
        "reject_below": float(str(confidence[order[last]])),  # as `predict` writes a float32
        "answered": float((last + 1) / len(order)),
        "accuracy": float(reached[last]),
    }


def rank_errors(targets: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray | None = None) -> np.ndarray:
    """The positions of texts with wrong predicted labels, the least probable targets first: int (errors,)."""
    task = task_of(targets)
    wrong = np.flatnonzero(~task.all_right(targets, task.choose(probabilities, thresholds)))
    return wrong[np.argsort(task.confidence(targets[wrong], probabilities[wrong]), kind="stable")]
