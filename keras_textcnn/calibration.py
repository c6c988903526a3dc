"""From logits to probabilities that mean what they say, and to decisions about several labels."""

import dataclasses

import numpy as np
from scipy import optimize, special
from sklearn import metrics

FEWEST_TO_TUNE = 5  # validation texts that have a label and that lack it: of fewer a threshold would be chance
UNTUNED = 0.5


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How logits become probabilities and labels.

    Attributes:
        temperature: What the logits are divided by.
        thresholds: float32 (labels,), from which probability on each label is given, where a text may have several;
            else None.
    """

    temperature: float
    thresholds: np.ndarray | None = None

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Softmax, or where a text may have several labels the sigmoid: float32 (texts, labels)."""
        scaled = logits.astype(np.float64) / self.temperature
        found = special.softmax(scaled, axis=1) if self.thresholds is None else special.expit(scaled)
        return found.astype(np.float32)


def calibrate(logits: np.ndarray, truth: np.ndarray) -> Calibration:
    """What fits held-out texts.

    Args:
        logits: float (texts, labels).
        truth: int (texts,), or (texts, labels), 1 for each label of a text.
    """
    temperature = fit_temperature(logits, truth)
    if truth.ndim == 1:
        return Calibration(temperature)
    untuned = Calibration(temperature, np.full(truth.shape[1], UNTUNED, np.float32))
    return Calibration(temperature, tune_thresholds(truth, untuned.probabilities(logits)))


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The number that logits are to be divided by so that the probabilities of held-out texts fit the truth best.

    It minimizes the log loss of all texts, plus half the square of its own logarithm (a standard normal prior): a few
    texts that are all right would else make every answer certain. It does not change which label is the most probable.

    Args:
        logits: float (texts, labels), of texts that the model was not trained on.
        truth: int (texts,), or (texts, labels), 1 for each label of a text.

    Source: Guo et al. (2017), https://arxiv.org/abs/1706.04599, section 4.2.
    """
    scores = logits.astype(np.float64)

    def cost(logarithm: float) -> float:
        scaled = scores * np.exp(-logarithm)
        if truth.ndim == 1:
            losses = special.logsumexp(scaled, axis=1) - scaled[np.arange(len(truth)), truth]
        else:
            losses = np.logaddexp(0, scaled) - truth * scaled
        return float(losses.sum() + logarithm**2 / 2)

    return float(np.exp(optimize.minimize_scalar(cost, bounds=(-5, 5), method="bounded").x))


def tune_thresholds(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """For each label the probability from which on it is given: what has the highest F1 on held-out texts.

    It stands in the middle between two of the probabilities. A label that fewer than five of the texts have, or lack,
    keeps 0.5.

    Args:
        truth: (texts, labels), 1 for each label of a text.
        probabilities: float (texts, labels).

    Returns:
        float32 (labels,).
    """
    thresholds = np.full(truth.shape[1], UNTUNED, np.float32)
    for label, (right, probability) in enumerate(zip(truth.T, probabilities.T, strict=True)):
        if min(right.sum(), len(right) - right.sum()) < FEWEST_TO_TUNE:
            continue
        precision, recall, candidates = metrics.precision_recall_curve(right, probability)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        best = int(f1[:-1].argmax())
        below = candidates[best - 1] if best else 0.0
        thresholds[label] = (candidates[best] + below) / 2
    return thresholds
