"""The scores of a split's texts, from logits that arrive in blocks."""

import dataclasses

import numpy as np

from keras_textcnn.evaluation.calibration import Calibration
from keras_textcnn.evaluation.label_sums import LabelSums
from keras_textcnn.evaluation.metrics import ConfidenceSums, ScoreSums


class SplitScores:
    """The scores of texts before and after calibration, from logits that arrive in blocks.

    Args:
        calibration: From logits to probabilities and labels.
        num_classes: The number of labels.
        learnt: bool (texts,), the texts that an earlier run was trained on; None if there is no such run.

    Attributes:
        calibrated: The scores.
        uncalibrated: What they would be at a temperature of 1.
        unlearnt: Those of the predicted labels without the texts that the earlier run was trained on; None if there is
            no such text.
    """

    def __init__(self, calibration: Calibration, num_classes: int, *, learnt: np.ndarray | None = None) -> None:
        self.calibrated = ScoreSums(num_classes, calibration.thresholds)
        self.uncalibrated = ConfidenceSums()
        self.unlearnt = None if learnt is None or not learnt.any() else LabelSums(num_classes)
        self._calibration, self._learnt = calibration, learnt

    def add(self, texts: np.ndarray, targets: np.ndarray, logits: np.ndarray) -> None:
        """Adds a block of texts.

        Args:
            texts: int (texts,), their positions in the split.
            targets: int (texts,), the outputs of the true labels; or (texts, num_classes), 1 for each label of a text.
            logits: float (texts, num_classes).
        """
        probabilities = self._calibration.probabilities(logits)
        self.calibrated.add(targets, probabilities, texts)
        at_one = dataclasses.replace(self._calibration, temperature=1.0)
        self.uncalibrated.add(targets, at_one.probabilities(logits))
        if self.unlearnt is not None and self._learnt is not None:
            others = ~self._learnt[texts]
            self.unlearnt.add(targets[others], self._calibration.choose(probabilities[others]))
