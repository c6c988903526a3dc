"""From logits to calibrated probabilities, and to decisions about several labels."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import optimize, special
from sklearn import metrics

from keras_textcnn.tasks import Task, task_of, task_with
from keras_textcnn.utils.blocks import slice_texts

UNTUNED = 0.5
CUTS = 1e-4, 1 - 1e-4  # the lowest and highest threshold
TEXTS_OF_SHARED = 20  # with this many held-out texts, a label's own threshold has as much weight as the shared one


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How logits become probabilities and labels.

    Attributes:
        temperature: The logits are divided by it.
        thresholds: float32 (num_classes,), the lowest probability at which each label is given, if a text may have
            several; otherwise None.
    """

    temperature: float
    thresholds: np.ndarray | None = None

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """The softmax, or the sigmoid if a text may have several labels: float32 (texts, num_classes)."""
        return self.task.probabilities(logits.astype(np.float64) / self.temperature).astype(np.float32)

    def choose(self, probabilities: np.ndarray) -> np.ndarray:
        """The label, or labels, of each text, in the form of targets."""
        return self.task.choose(probabilities, self.thresholds)

    @property
    def task(self) -> Task:
        """Whether each text has one label, or may have several."""
        return task_with(self.thresholds)


def calibrate(logits: np.ndarray, targets: np.ndarray) -> Calibration:
    """Fits a calibration to held-out texts.

    Args:
        logits: float (texts, num_classes).
        targets: int (texts,), or (texts, num_classes), 1 for each label of a text.
    """
    temperature = fit_temperature(logits, targets)
    if not task_of(targets).several:
        return Calibration(temperature)
    untuned = Calibration(temperature, np.full(targets.shape[1], UNTUNED, np.float32))
    return Calibration(temperature, tune_thresholds(targets, untuned.probabilities(logits)))


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Fits the number to divide logits by, so that the probabilities of held-out texts fit best.

    It minimizes the log loss of all texts plus half the square of its own logarithm (a standard normal prior), because
    a few texts that are all right would otherwise make every answer certain. It does not change which label is the most
    probable.

    Args:
        logits: float (texts, num_classes), of texts that the model was not trained on.
        targets: int (texts,), or (texts, num_classes), 1 for each label of a text.

    Source: Guo et al. (2017), https://arxiv.org/abs/1706.04599, section 4.2.
    """
    task, blocks = task_of(targets), [*slice_texts(*logits.shape)]

    def cost(logarithm: float) -> float:
        losses = (
            task.losses(logits[block].astype(np.float64) * np.exp(-logarithm), targets[block])[0].sum()
            for block in blocks
        )
        return float(sum(losses) + logarithm**2 / 2)

    return float(np.exp(optimize.minimize_scalar(cost, bounds=(-5, 5), method="bounded").x))


def fit_scales(outputs: Sequence[np.ndarray], targets: np.ndarray) -> np.ndarray:
    """Fits the scales that the logits of several models are multiplied by before they are added up, each at least 0.

    They minimize the log loss of held-out texts plus half the squares of their distances from 1.

    Args:
        outputs: Logits of each model, float (texts, num_classes), of texts that it was not trained on.
        targets: int (texts,), or (texts, num_classes), 1 for each label of a text.

    Returns:
        float64 (len(outputs),).

    Source: Wolpert (1992), Stacked Generalization, https://doi.org/10.1016/S0893-6080(05)80023-1.
    """
    task, blocks = task_of(targets), [*slice_texts(*outputs[0].shape)]

    def cost(scales: np.ndarray) -> tuple[float, np.ndarray]:
        total, gradient = 0.0, np.zeros(len(outputs))
        for block in blocks:
            scores = np.stack([logits[block] for logits in outputs]).astype(np.float64)
            losses, wrong = task.losses(np.tensordot(scales, scores, 1), targets[block])
            total += losses.sum()
            gradient += np.tensordot(scores, wrong, 2)
        return float(total + ((scales - 1) ** 2).sum() / 2), gradient + scales - 1

    return optimize.minimize(cost, np.ones(len(outputs)), jac=True, bounds=[(0, None)] * len(outputs)).x


def tune_thresholds(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Tunes, on held-out texts, the lowest probability at which each label is given.

    Each threshold lies between the label's own cut, which has its highest F1, and a shared cut for all labels, which
    has the highest micro F1. It is the mean of their log-odds, weighted by how many texts have the label, because rare
    labels say little about their own cut (tests/benchmarks/ACCURACY.md).

    Args:
        targets: (texts, num_classes), 1 for each label of a text.
        probabilities: float (texts, num_classes).

    Returns:
        float32 (num_classes,).
    """
    having = targets.sum(axis=0)
    shared = _best_cut(targets.ravel(), probabilities.ravel())
    own = np.array([_best_cut(right, column) for right, column in zip(targets.T, probabilities.T, strict=True)])
    weight = np.where(having < len(targets), having / (having + TEXTS_OF_SHARED), 0)
    return special.expit(weight * special.logit(own) + (1 - weight) * special.logit(shared)).astype(np.float32)


def _best_cut(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """The cut with the highest F1, halfway between two of the probabilities; 0.5 if no target is 1."""
    if not targets.any():
        return UNTUNED
    precision, recall, candidates = metrics.precision_recall_curve(targets, probabilities)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(f1[:-1].argmax())
    below = candidates[best - 1] if best else 0.0
    return float(np.clip((candidates[best] + below) / 2, *CUTS))
