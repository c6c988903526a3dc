"""Scores of logits that arrive in blocks."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from keras_textcnn.evaluation import kept_predictions
from keras_textcnn.evaluation.calibration import Calibration
from keras_textcnn.evaluation.kept_predictions import KeptPredictions
from keras_textcnn.evaluation.split_scores import SplitScores

LABELS = [str(output) for output in range(4)]


def test_scores_before_and_after_calibration_and_without_learnt_texts() -> None:
    random = np.random.default_rng(0)
    logits, targets = random.normal(0, 3, (90, 4)).astype(np.float32), random.integers(0, 4, 90)
    learnt = random.random(90) < 0.3
    scores = SplitScores(Calibration(2.0), 4, learnt=learnt)
    for texts in np.array_split(random.permutation(90), 5):
        scores.add(texts, targets[texts], logits[texts])
    for temperature, found in ((2, scores.calibrated.scores(LABELS)), (1, scores.uncalibrated.scores())):
        probabilities = special.softmax(logits.astype(np.float64) / temperature, axis=1)
        expected = metrics.log_loss(targets, probabilities, labels=range(4))
        assert found["log_loss"] == pytest.approx(expected, rel=1e-6)
    right = logits.argmax(axis=1) == targets
    assert scores.unlearnt.texts == (~learnt).sum()
    assert scores.unlearnt.scores()["accuracy"] == pytest.approx(right[~learnt].mean())
    assert SplitScores(Calibration(1.0), 4, learnt=np.zeros(9, bool)).unlearnt is None  # nothing to leave out


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("most", [0, 10**7])
def test_memory_does_not_grow_with_texts_times_labels(
    several: bool, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the predictions are kept: all probabilities, on the disk, or some of them."""
    monkeypatch.setattr(kept_predictions, "MOST_PROBABILITIES", most)
    peaks = {blocks: peak_of_scoring(blocks, several=several, path=tmp_path / "kept") for blocks in (2, 40)}
    grown, scores = peaks[40] - peaks[2], 38 * 500 * 200
    assert grown < scores / 3  # bytes: less than a twelfth of what the logits alone would take


def peak_of_scoring(blocks: int, *, several: bool, path: Path) -> int:
    """The peak bytes that scores of blocks of 500 texts with 200 labels take."""
    random = np.random.default_rng(0)
    thresholds = np.full(200, 0.99, np.float32) if several else None
    kept = KeptPredictions(path, texts=blocks * 500, num_classes=200)
    scores = SplitScores(Calibration(1.0, thresholds), 200, kept=kept)
    tracemalloc.start()
    for block in range(blocks):
        targets = random.integers(0, 200, 500)
        logits = random.normal(0, 1, (500, 200)).astype(np.float32)
        logits[np.arange(500), targets] += 5
        targets = np.eye(200, dtype=np.float32)[targets] if several else targets
        scores.add(block * 500 + np.arange(500), targets, logits)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak
