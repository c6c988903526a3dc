import json

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from keras_textcnn.evaluation import metrics
from keras_textcnn.evaluation.label_sums import LabelSums
from keras_textcnn.tasks import SEVERAL_LABELS
from tests.evaluation.test_tables import PROBABILITIES, TRUTH

NAMES, HALVES = ["a", "b"], np.array([0.5, 0.5])


def label_sums(targets: np.ndarray, predicted: np.ndarray, num_classes: int) -> LabelSums:
    sums = LabelSums(num_classes)
    sums.add(targets, predicted)
    return sums


def score_sums(
    targets: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray | None = None
) -> metrics.ScoreSums:
    sums = metrics.ScoreSums(probabilities.shape[1], thresholds)
    sums.add(targets, probabilities)
    return sums


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
    several = np.eye(2, dtype=np.int32)[targets]  # each label alone: the bins of 0.1 and 0.45 are as far off
    for its in (targets, several):
        sums = metrics.ConfidenceSums()
        sums.add(its, probabilities)
        assert sums.scores()["calibration_error"] == pytest.approx(0.075)


def test_confusions_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    targets, predicted = random.integers(0, 4, 50), random.integers(0, 4, 50)
    ours = label_sums(targets, predicted, 5).confusions
    np.testing.assert_array_equal(ours, sklearn_metrics.confusion_matrix(targets, predicted, labels=range(5)))
    several = label_sums(np.array([[1, 1, 0]]), np.array([[0, 1, 1]]), 3).confusions
    assert several.tolist() == [[0, 1, 1], [0, 1, 1], [0, 0, 0]]


def test_thresholds_choose_several_labels() -> None:
    chosen = SEVERAL_LABELS.choose(np.array([[0.5, 0.2], [0.49, 0.1]]), np.array([0.5, 0.2]))
    assert chosen.tolist() == [[1, 1], [0, 0]]


def test_share_answered_and_its_accuracy() -> None:
    rows = {row["reject_below"]: row for row in score_sums(TRUTH, PROBABILITIES).shares()}
    assert rows[0.0] == {"reject_below": 0.0, "answered": 1.0, "accuracy": 0.5}
    assert rows[0.7] == pytest.approx({"reject_below": 0.7, "answered": 3 / 6, "accuracy": 2 / 3})  # 0.8, 0.8, 0.7
    assert rows[0.95] == {"reject_below": 0.95, "answered": 0.0, "accuracy": None}  # undefined without answers


def test_the_threshold_for_an_accuracy_keeps_it_and_answers_the_most() -> None:
    random = np.random.default_rng(1)
    probabilities = random.dirichlet([0.4] * 3, 400).astype(np.float32).round(2)  # many texts have equal confidence
    targets = np.array([random.choice(3, p=row / row.sum()) for row in probabilities.astype(np.float64)])
    for accuracy in (0.7, 0.9, 0.95):
        found = score_sums(targets, probabilities).threshold_for_accuracy(accuracy)
        confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
        shares = {}
        for threshold in np.unique(confidence):
            answered = confidence >= threshold
            if right[answered].mean() >= accuracy:
                shares[float(str(threshold))] = answered.mean()
        assert found["answered"] == pytest.approx(max(shares.values()))
        assert found["reject_below"] in shares
        assert found["accuracy"] >= accuracy
    assert score_sums(np.array([1]), np.array([[0.9, 0.1]])).threshold_for_accuracy(0.5) is None


def test_errors_come_the_least_probable_truth_first() -> None:
    worst = score_sums(TRUTH, PROBABILITIES).worst
    assert [wrong.text for wrong in worst] == [2, 4, 5]  # the targets have 0.1, 0.3, 0.3
    targets, probabilities = np.array([[1, 0], [1, 1], [0, 1]]), np.array([[0.9, 0.6], [0.9, 0.8], [0.1, 0.05]])
    assert [wrong.text for wrong in score_sums(targets, probabilities, HALVES).worst] == [2, 0]


def test_confusions_are_counted_the_most_frequent_first() -> None:
    random = np.random.default_rng(0)
    targets, predicted = random.integers(0, 9, (2, 500))
    labels = [f"label {output}" for output in range(9)]
    counts = sklearn_metrics.confusion_matrix(targets, predicted)
    np.fill_diagonal(counts, 0)
    found = label_sums(targets, predicted, 9).rank_confusions(labels)
    assert [pair["texts"] for pair in found] == sorted(counts.ravel().tolist(), reverse=True)[:10]
    assert all(pair["texts"] == counts[labels.index(pair["true"]), labels.index(pair["predicted"])] for pair in found)
    assert label_sums(targets, targets, 9).rank_confusions(labels) == []
    assert metrics.score_probabilities(np.eye(9), np.ones((9, 9)), labels, np.full(9, 0.5))["confused"] == []


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


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
@pytest.mark.parametrize("several", [False, True])
def test_texts_in_blocks_of_any_size_and_order_have_scikit_learns_scores(several: bool, size: int) -> None:
    random = np.random.default_rng(5)
    labels = [f"label {output}" for output in range(6)]
    if several:
        probabilities = random.random((300, 6)) ** 2
        targets = (random.random((300, 6)) < probabilities * [1, 1, 1, 1, 0.1, 0]).astype(np.int32)
        thresholds = np.linspace(0.2, 0.7, 6)
        predicted = (probabilities >= thresholds).astype(np.int32)
        log_loss = np.mean(
            [
                sklearn_metrics.log_loss(*columns, labels=[0, 1])
                for columns in zip(targets.T, probabilities.T, strict=True)
            ]
        )
    else:
        probabilities = random.dirichlet(np.full(6, 0.4), 300)
        targets = np.array([random.choice(5, p=row[:5] / row[:5].sum()) for row in probabilities])
        thresholds, predicted = None, probabilities.argmax(axis=1)
        log_loss = sklearn_metrics.log_loss(targets, probabilities, labels=range(6))
    sums, order = metrics.ScoreSums(6, thresholds), random.permutation(300)
    for texts in np.split(order, range(size, 300, size)):
        sums.add(targets[texts], probabilities[texts], texts)
    scores, present = sums.scores(labels), np.flatnonzero(np.bincount(targets)) if not several else range(5)
    expected = sklearn_metrics.f1_score(targets, predicted, labels=[*present], average="macro", zero_division=0)
    assert scores["macro_f1"] == pytest.approx(expected, rel=1e-12)
    expected = sklearn_metrics.f1_score(targets, predicted, average="micro")
    assert scores["micro_f1"] == pytest.approx(expected, rel=1e-12)
    assert scores["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(targets, predicted), rel=1e-12)
    assert scores["log_loss"] == pytest.approx(log_loss, rel=1e-12)
    columns = sklearn_metrics.precision_recall_fscore_support(targets, predicted, labels=range(6), zero_division=0)
    found = [[*row.values()] for row in scores["per_label"].values()]
    np.testing.assert_allclose(found, np.transpose(columns), rtol=1e-12)
    whole = score_sums(targets, probabilities, thresholds)
    assert scores["calibration_error"] == pytest.approx(whole.scores(labels)["calibration_error"], rel=1e-12)
    assert [wrong.text for wrong in sums.worst] == [wrong.text for wrong in whole.worst]
    assert (sums.shares(), sums.threshold_for_accuracy(0.8)) == (whole.shares(), whole.threshold_for_accuracy(0.8))
    np.testing.assert_array_equal(sums.labels.confusions, whole.labels.confusions)
