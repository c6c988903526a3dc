import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from keras_textcnn.evaluation.calibration import Calibration, calibrate, fit_scales, fit_temperature, tune_thresholds


def draw(logits: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.array([random.choice(len(row), p=row) for row in special.softmax(logits, axis=1)])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_finds_the_temperature_that_logits_were_made_too_cold_by(temperature: float) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (20_000, 5))
    assert fit_temperature(logits * temperature, draw(logits, random)) == pytest.approx(temperature, rel=0.05)
    several = (random.random(logits.shape) < special.expit(logits)).astype(np.float32)
    assert fit_temperature(logits * temperature, several) == pytest.approx(temperature, rel=0.05)


def test_it_minimizes_the_log_loss() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 4, (2_000, 3))
    targets = draw(logits / 2.2, random)
    found = fit_temperature(logits, targets)
    loss = {t: metrics.log_loss(targets, Calibration(t).probabilities(logits)) for t in (found, *np.linspace(1, 4, 61))}
    assert loss[found] < min(loss.values()) + 1e-5


def test_a_few_texts_that_are_all_right_make_no_answer_certain() -> None:
    logits = np.array([[1.0, 0.0]] * 5)
    assert 0.2 < fit_temperature(logits, np.zeros(5, np.int32)) < 1


@pytest.mark.parametrize("several", [False, True])
def test_finds_the_scales_that_models_were_added_with(several: bool) -> None:
    random = np.random.default_rng(3)
    first, second, third = random.normal(0, 1, (3, 20_000, 4))
    logits = 1.5 * first + 0.6 * second
    targets = (random.random(logits.shape) < special.expit(logits)).astype(int) if several else draw(logits, random)
    np.testing.assert_allclose(fit_scales([first, second, third], targets), [1.5, 0.6, 0], rtol=0.05, atol=0.03)
    assert fit_scales([first, -second], targets)[1] == 0  # a model that says the opposite is ignored, not inverted


def test_a_few_texts_that_are_all_right_leave_the_scales_near_one() -> None:
    logits = np.array([[1.0, 0.0]] * 3)
    first, second = fit_scales([logits, logits], np.zeros(3, np.int32))
    assert first == pytest.approx(second, abs=1e-4)
    assert 1 < first < 1.5


def test_probabilities_are_softmax_or_sigmoid() -> None:
    logits = np.array([[1.0, -2.0, 0.5]], np.float32)
    np.testing.assert_allclose(Calibration(2.0).probabilities(logits), special.softmax(logits / 2, axis=1), rtol=1e-6)
    several = Calibration(2.0, np.full(3, 0.5, np.float32))
    np.testing.assert_allclose(several.probabilities(logits), special.expit(logits / 2), rtol=1e-6)


def best_cut(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean of the cuts with the highest F1 on a fine grid."""
    cuts = np.linspace(0.0005, 0.9995, 1000)
    given = probabilities[:, None] >= cuts
    scores = metrics.f1_score(np.broadcast_to(targets[:, None], given.shape), given, average=None)  # one per cut
    return cuts[scores == scores.max()].mean()


def test_thresholds_lie_between_the_labels_best_cut_and_the_one_for_all() -> None:
    random = np.random.default_rng(2)
    targets = (random.random((1000, 4)) < [0.5, 0.1, 0.01, 0]).astype(np.int32)
    probabilities = special.expit(random.normal(0, 1.5, targets.shape) + 3 * targets - [2, 2, 4, 4]).astype(np.float32)
    shared = best_cut(targets.ravel(), probabilities.ravel())
    thresholds = tune_thresholds(targets, probabilities)
    for label in range(3):
        own, having = best_cut(targets[:, label], probabilities[:, label]), targets[:, label].sum()
        expected = special.expit((having * special.logit(own) + 20 * special.logit(shared)) / (having + 20))
        assert thresholds[label] == pytest.approx(expected, abs=0.01)
    assert thresholds[3] == pytest.approx(shared, abs=0.002)  # no text has this label


def test_one_label_has_no_thresholds() -> None:
    assert calibrate(np.eye(3), np.arange(3)).thresholds is None
    assert calibrate(np.eye(3), np.zeros((3, 3), np.float32)).thresholds.tolist() == [0.5] * 3  # nothing to tune
