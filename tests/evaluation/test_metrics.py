import json

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from keras_textcnn.evaluation import metrics
from keras_textcnn.tasks import SEVERAL_LABELS
from tests.evaluation.test_tables import PROBABILITIES, TRUTH


def test_scores_by_hand() -> None:
    scores = metrics.score_probabilities(TRUTH, PROBABILITIES, ["a", "b", "c"])
    # Predicted 0 0 1 1 0 1. Label a: 2 of 3 found, 2 of 3 right; b: 1 of 2 found, 1 of 3 right; c: never predicted.
    assert scores["accuracy"] == scores["micro_f1"] == pytest.approx(3 / 6)
    assert scores["per_label"]["a"] == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3})
    assert scores["per_label"]["b"] == pytest.approx({"precision": 1 / 3, "recall": 1 / 2, "f1": 0.4, "support": 2})
    assert scores["per_label"]["c"] == {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 0.4 + 0) / 3)
    assert scores["log_loss"] == pytest.approx(-np.log([0.8, 0.6, 0.1, 0.7, 0.3, 0.3]).mean())
    assert scores["support"] == 6


def test_macro_f1_is_the_mean_over_the_labels_of_the_truth() -> None:
    targets, predicted = np.array([0, 0, 1]), np.array([0, 2, 1])
    assert metrics.score_labels(targets, predicted)["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)


def test_calibration_error_by_hand() -> None:
    # Ten texts at 0.9, of which 8 are right; ten at 0.55, of which 6 are right: |0.9 - 0.8| / 2 + |0.55 - 0.6| / 2.
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.55, 0.45]] * 10)
    targets = np.array([0] * 8 + [1] * 2 + [0] * 6 + [1] * 4)
    assert metrics.calibration_error(targets, probabilities) == pytest.approx(0.075)
    several = np.eye(2, dtype=np.int32)[targets]  # each label alone: the bins of 0.1 and 0.45 are as far off
    assert metrics.calibration_error(several, probabilities) == pytest.approx(0.075)


def test_confusions_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    targets, predicted = random.integers(0, 4, 50), random.integers(0, 4, 50)
    ours = metrics.confusion_matrix(targets, predicted, 5)
    np.testing.assert_array_equal(ours, sklearn_metrics.confusion_matrix(targets, predicted, labels=range(5)))
    several = metrics.confusion_matrix(np.array([[1, 1, 0]]), np.array([[0, 1, 1]]), 3)
    assert several.tolist() == [[0, 1, 1], [0, 1, 1], [0, 0, 0]]


def test_thresholds_choose_several_labels() -> None:
    chosen = SEVERAL_LABELS.choose(np.array([[0.5, 0.2], [0.49, 0.1]]), np.array([0.5, 0.2]))
    assert chosen.tolist() == [[1, 1], [0, 0]]


def test_share_answered_and_its_accuracy() -> None:
    rows = {row["reject_below"]: row for row in metrics.score_shares(TRUTH, PROBABILITIES)}
    assert rows[0.0] == {"reject_below": 0.0, "answered": 1.0, "accuracy": 0.5}
    assert rows[0.7] == pytest.approx({"reject_below": 0.7, "answered": 3 / 6, "accuracy": 2 / 3})  # 0.8, 0.8, 0.7
    assert rows[0.95] == {"reject_below": 0.95, "answered": 0.0, "accuracy": None}  # undefined without answers


def test_the_threshold_for_an_accuracy_keeps_it_and_answers_the_most() -> None:
    random = np.random.default_rng(1)
    probabilities = random.dirichlet([0.4] * 3, 400).astype(np.float32).round(2)  # many texts have equal confidence
    targets = np.array([random.choice(3, p=row / row.sum()) for row in probabilities.astype(np.float64)])
    for accuracy in (0.7, 0.9, 0.95):
        found = metrics.threshold_for_accuracy(targets, probabilities, accuracy)
        confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
        shares = {}
        for threshold in np.unique(confidence):
            answered = confidence >= threshold
            if right[answered].mean() >= accuracy:
                shares[float(str(threshold))] = answered.mean()
        assert found["answered"] == pytest.approx(max(shares.values()))
        assert found["reject_below"] in shares
        assert found["accuracy"] >= accuracy
    assert metrics.threshold_for_accuracy(np.array([1]), np.array([[0.9, 0.1]]), 0.5) is None


def test_errors_come_the_least_probable_truth_first() -> None:
    assert metrics.rank_errors(TRUTH, PROBABILITIES).tolist() == [2, 4, 5]  # the targets have 0.1, 0.3, 0.3
    targets, probabilities = np.array([[1, 0], [1, 1], [0, 1]]), np.array([[0.9, 0.6], [0.9, 0.8], [0.1, 0.05]])
    assert metrics.rank_errors(targets, probabilities, np.array([0.5, 0.5])).tolist() == [2, 0]


def test_confusions_are_counted_the_most_frequent_first() -> None:
    random = np.random.default_rng(0)
    targets, predicted = random.integers(0, 9, (2, 500))
    labels = [f"label {output}" for output in range(9)]
    counts = sklearn_metrics.confusion_matrix(targets, predicted)
    np.fill_diagonal(counts, 0)
    found = metrics.rank_confusions(targets, predicted, labels)
    assert [pair["texts"] for pair in found] == sorted(counts.ravel().tolist(), reverse=True)[:10]
    assert all(pair["texts"] == counts[labels.index(pair["true"]), labels.index(pair["predicted"])] for pair in found)
    assert metrics.rank_confusions(targets, targets, labels) == []
    assert metrics.rank_confusions(np.eye(9, dtype=np.int32), np.ones((9, 9), np.int32), labels) == []


NAMES, HALVES = ["a", "b"], np.array([0.5, 0.5])
UNDEFINED = dict.fromkeys(["accuracy", "macro_f1", "micro_f1", "log_loss", "calibration_error"])


@pytest.mark.parametrize(
    ("targets", "probability", "thresholds", "expected"),
    [
        # No true labels and none given: every text is right; precision and recall are 0 / 0.
        (
            np.zeros((3, 2)),
            0.25,
            HALVES,
            {"accuracy": 1.0, "macro_f1": None, "micro_f1": None, "log_loss": -np.log(0.75)},
        ),
        (
            np.zeros((3, 2)),
            0.75,
            HALVES,
            {"accuracy": 0.0, "macro_f1": None, "micro_f1": 0.0, "log_loss": -np.log(0.25)},
        ),
        (np.ones((3, 2)), 0.25, HALVES, {"accuracy": 0.0, "macro_f1": 0.0, "micro_f1": 0.0, "log_loss": -np.log(0.25)}),
        (np.zeros((0, 2)), 0.25, HALVES, UNDEFINED),
        (np.zeros(0, np.int32), 0.5, None, UNDEFINED),
    ],
)
def test_what_is_undefined_is_none_and_json(
    targets: np.ndarray, probability: float, thresholds: np.ndarray | None, expected: dict[str, float | None]
) -> None:
    scores = metrics.score_probabilities(targets, np.full((len(targets), 2), probability), NAMES, thresholds)
    for name, value in expected.items():
        assert scores[name] is None if value is None else scores[name] == pytest.approx(value)
    assert scores["support"] == len(targets)
    assert [row["f1"] for row in scores["per_label"].values()] == [0, 0]
    json.dumps(scores, allow_nan=False)
    assert metrics.score_labels(targets, targets)["macro_f1"] == (1 if targets.any() else None)
