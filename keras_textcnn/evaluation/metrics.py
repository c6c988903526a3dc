"""Metrics of predictions: how often they are right, how reliable their probabilities are, where they are most wrong.

The predictions may arrive in blocks of texts. Of each block only sums are kept, a few numbers a text, and the worst
errors, so that memory does not grow with texts times labels.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from keras_textcnn.evaluation.label_sums import LabelSums
from keras_textcnn.tasks import task_of, task_with

BINS = 15  # of the calibration error, as in Guo et al. (2017)
WORST = 100  # errors kept
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)


class ConfidenceSums:
    """The scores of probabilities that a temperature changes; the probabilities may arrive in blocks of texts."""

    def __init__(self) -> None:
        self._losses: list[np.ndarray] = []
        self._distances, self._decisions = np.zeros(BINS), 0

    def add(self, targets: np.ndarray, probabilities: np.ndarray) -> None:
        """Adds a block of texts.

        Args:
            targets: int (texts,), the outputs of the true labels; or (texts, num_classes), 1 for each label of a text.
            probabilities: float (texts, num_classes).
        """
        if targets.ndim == 1:
            confidence, right = _most_probable(targets, probabilities)
            self._losses.append(_log_loss(task_of(targets).confidence(targets, probabilities)))
        else:
            confidence, right = probabilities.ravel(), targets.ravel()
            losses = _log_loss(np.where(targets > 0, probabilities, 1 - probabilities))
            self._losses.append(losses.mean(axis=1, dtype=np.float64))
        bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
        self._distances += np.bincount(bins, weights=confidence.astype(np.float64) - right, minlength=BINS)
        self._decisions += len(bins)

    def scores(self) -> dict[str, float | None]:
        """log_loss and calibration_error; None if there are no texts.

        The log loss is in nats per text, or per text and label. The expected calibration error, in [0, 1], is how far
        probabilities are from the share of right predictions: the mean, over 15 bins of equal width weighted by their
        sizes, of the distance between a bin's mean probability and its share of right predictions. The most probable
        label of each text counts, or every label if a text may have several.

        Source: Guo et al. (2017), https://arxiv.org/abs/1706.04599, section 2.
        """
        if not self._decisions:
            return {"log_loss": None, "calibration_error": None}
        return {
            "log_loss": float(np.mean(np.concatenate(self._losses))),
            "calibration_error": float(np.abs(self._distances).sum() / self._decisions),
        }


@dataclasses.dataclass(frozen=True)
class WrongText:
    """A text with a wrong predicted label.

    Attributes:
        confidence: The probability of its target; with several labels, of the least probable part of it.
        text: Its position.
        target, predicted: Its labels, in the form of targets: an output, or (num_classes,), 1 for each label.
        probability: The highest of its probabilities.
    """

    confidence: float
    text: int
    target: Any
    predicted: Any
    probability: float


class ScoreSums:
    """All scores of a model's probabilities, which may arrive in blocks of texts.

    Args:
        num_classes: The number of labels.
        thresholds: float (num_classes,), if a text may have several labels; otherwise None.

    Attributes:
        labels: The sums of the predicted labels.
        worst: At most `WORST` wrong answers, the least probable targets first.
    """

    def __init__(self, num_classes: int, thresholds: np.ndarray | None = None) -> None:
        self.labels, self._confidence = LabelSums(num_classes), ConfidenceSums()
        self.worst: list[WrongText] = []
        self._thresholds, self._task = thresholds, task_with(thresholds)
        self._answers: list[tuple[np.ndarray, np.ndarray]] = []  # highest probability, and whether it is right

    def add(self, targets: np.ndarray, probabilities: np.ndarray, texts: np.ndarray | None = None) -> None:
        """Adds a block of texts.

        Args:
            targets: int (texts,), the outputs of the true labels; or (texts, num_classes), 1 for each label of a text.
            probabilities: float (texts, num_classes).
            texts: int (texts,), their positions; None: those after the texts so far.
        """
        texts = self.labels.texts + np.arange(len(targets)) if texts is None else texts
        predicted = self._task.choose(probabilities, self._thresholds)
        self.labels.add(targets, predicted)
        self._confidence.add(targets, probabilities)
        if not self._task.several:
            self._answers.append(_most_probable(targets, probabilities))
        wrong = np.flatnonzero(~self._task.all_right(targets, predicted))
        confidence = self._task.confidence(targets[wrong], probabilities[wrong])
        new = [
            WrongText(
                confidence=float(confidence[place]),
                text=int(texts[wrong[place]]),
                target=targets[wrong[place]].copy(),
                predicted=predicted[wrong[place]].copy(),
                probability=float(str(probabilities[wrong[place]].max())),  # as `predict` writes a float32
            )
            for place in np.lexsort((texts[wrong], confidence))[:WORST]
        ]
        self.worst = sorted([*self.worst, *new], key=lambda answer: (answer.confidence, answer.text))[:WORST]

    def scores(self, labels: Sequence[str]) -> dict[str, Any]:
        """The block of `metrics.json` for one split.

        Args:
            labels: Names by output.

        Returns:
            accuracy, macro_f1, micro_f1, log_loss, calibration_error, support (texts), per_label and confused, from
            `LabelSums` and `ConfidenceSums`. The scores are None if undefined.
        """
        return {
            **self.labels.scores(),
            "micro_f1": self.labels.micro_f1,
            **self._confidence.scores(),
            "support": self.labels.texts,
            "per_label": self.labels.per_label(labels),
            "confused": [] if self._task.several else self.labels.rank_confusions(labels),
        }

    def shares(self) -> list[dict[str, float | None]]:
        """The share of texts answered and their accuracy, if answers below some probabilities are rejected.

        Returns:
            For each of `THRESHOLDS`, reject_below, answered and accuracy, which is None if no text is answered. Empty
            if a text may have several labels.
        """
        if self._task.several:
            return []
        confidence, right = self._all_answers()
        rows: list[dict[str, float | None]] = []
        for threshold in THRESHOLDS:
            answered = confidence >= threshold
            accuracy = float(right[answered].mean()) if answered.any() else None
            rows.append({"reject_below": threshold, "answered": float(answered.mean()), "accuracy": accuracy})
        return rows

    def threshold_for_accuracy(self, accuracy: float) -> dict[str, float] | None:
        """The lowest probability to reject below so that the answers reach an accuracy.

        Returns:
            reject_below, answered and accuracy, as in `shares`; None if there is none, or a text may have several
            labels.
        """
        if self._task.several:
            return None
        confidence, right = self._all_answers()
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

    def _all_answers(self) -> tuple[np.ndarray, np.ndarray]:
        confidence, right = (np.concatenate(column) for column in zip(*self._answers, strict=True))
        return confidence, right


def score_labels(
    targets: np.ndarray | sparse.csr_array, predicted: np.ndarray | sparse.csr_array
) -> dict[str, float | None]:
    """The scores of `LabelSums`, of texts that are all in memory."""
    if targets.ndim == 1:
        num_classes = 1 + max(int(labels.max(initial=0)) for labels in (targets, predicted))
    else:
        num_classes = targets.shape[1]
    sums = LabelSums(num_classes)
    sums.add(targets, predicted)
    return sums.scores()


def score_probabilities(
    targets: np.ndarray, probabilities: np.ndarray, labels: Sequence[str], thresholds: np.ndarray | None = None
) -> dict[str, Any]:
    """The scores of `ScoreSums`, of texts that are all in memory."""
    sums = ScoreSums(len(labels), thresholds)
    sums.add(targets, probabilities)
    return sums.scores(labels)


def _most_probable(targets: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The highest probability of each text with one label, and whether it is the true label's."""
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == targets


def _log_loss(probabilities: np.ndarray) -> np.ndarray:
    """The negative logarithms of probabilities, which are kept away from 0 as in scikit-learn."""
    smallest = np.finfo(probabilities.dtype).eps
    return -np.log(np.clip(probabilities, smallest, 1 - smallest))
