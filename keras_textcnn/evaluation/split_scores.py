"""The scores of a split's texts, from logits that arrive in blocks."""

import dataclasses

import numpy as np

from keras_textcnn.evaluation.calibration import Calibration
from keras_textcnn.evaluation.kept_predictions import KeptPredictions
from keras_textcnn.evaluation.label_sums import LabelSums
from keras_textcnn.evaluation.metrics import ConfidenceSums, ScoreSums


class SplitScores:
    """The scores of texts before and after calibration, from logits that arrive in blocks.

    Args:
        calibration: From logits to probabilities and labels.
        num_classes: The number of labels.
        learnt: bool (texts,), the texts that an earlier run was trained on; None if there is no such run.
        kept: Where the predictions are kept for `predictions.csv`; None: only scores are.

    Attributes:
        calibrated: The scores.
        uncalibrated: What they would be at a temperature of 1.
        unlearnt: Those of the predicted labels without the texts that the earlier run was trained on; None if there is
            no such text.
        kept: As given.
    """

    def __init__(
        self,
        calibration: Calibration,
        num_classes: int,
        *,
        learnt: np.ndarray | None = None,
        kept: KeptPredictions | None = None,
    ) -> None:
        self.calibrated = ScoreSums(num_classes, calibration.thresholds)
        self.uncalibrated = ConfidenceSums()
        self.unlearnt = None if learnt is None or not learnt.any() else LabelSums(num_classes)
        self._calibration, self._learnt, self.kept = calibration, learnt, kept

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
        if self.kept:
            self.kept.add(texts, targets, self._calibration.choose(probabilities), probabilities)
        if self.unlearnt is not None and self._learnt is not None:
            others = ~self._learnt[texts]
            self.unlearnt.add(targets[others], self._calibration.choose(probabilities[others]))


@dataclasses.dataclass(frozen=True)
class Answered:
    """Texts that a run is scored on.

    Attributes:
        texts: int (texts,), their positions in the corpus.
        lengths: int (texts,), the tokens that the model reads of each.
        scores: Their scores, from models that were not trained on them; positions are those among these texts.
        learnt: Whether the final model was trained on them, unlike those that gave the scores.
        folds: int (texts,), the fold of the inner cross-validation that held each of them out; None without one.
        learnt_before: bool (texts,), whether the run that this one starts from was trained on them; None: not known.
        linear: The linear model's labels, in the form of targets; None if there is no linear model.
    """

    texts: np.ndarray
    lengths: np.ndarray
    scores: SplitScores
    learnt: bool = False
    folds: np.ndarray | None = None
    learnt_before: np.ndarray | None = None
    linear: np.ndarray | None = None
