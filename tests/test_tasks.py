"""What one label a text, or several, mean: against scikit-learn and finite differences."""

import keras
import numpy as np
import pytest
from sklearn import metrics
from sklearn.preprocessing import MultiLabelBinarizer

from keras_textcnn.tasks import ONE_LABEL, SEVERAL_LABELS, Task, task_of, task_with

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(0, 2, (40, 3))
OUTPUTS = {"a": 0, "b": 1, "c": 2}
TARGETS = {
    ONE_LABEL: RANDOM.integers(0, 3, 40),
    SEVERAL_LABELS: RANDOM.integers(0, 2, (40, 3)).astype(np.float32),
}


@pytest.mark.parametrize("task", TARGETS)
def test_losses_are_scikit_learns_and_kerass(task: Task) -> None:
    targets = TARGETS[task]
    probabilities = task.probabilities(LOGITS)
    if task.several:
        expected = np.mean([metrics.log_loss(targets[:, o], probabilities[:, o]) for o in range(3)])
    else:
        expected = metrics.log_loss(targets, probabilities)
    assert task.losses(LOGITS, targets)[0].mean() == pytest.approx(expected)
    assert float(task.build_loss()(targets, LOGITS.astype(np.float32))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("task", TARGETS)
def test_gradients_are_those_of_finite_differences(task: Task) -> None:
    targets, step = TARGETS[task], 1e-5
    _, gradient = task.losses(LOGITS, targets)
    for output in range(3):
        moved = np.zeros(3)
        moved[output] = step
        up, down = (task.losses(LOGITS + sign * moved, targets)[0].reshape(40, -1).sum(1) for sign in (1, -1))
        np.testing.assert_allclose(gradient[:, output], (up - down) / (2 * step), atol=1e-6)


@pytest.mark.parametrize("task", TARGETS)
def test_accuracy_counts_texts_whose_answer_is_right(task: Task) -> None:
    targets, probabilities = TARGETS[task], task.probabilities(LOGITS)
    predicted = task.choose(probabilities)
    expected = metrics.accuracy_score(targets, predicted)
    assert 0 < expected < 1
    assert task.all_right(targets, predicted).mean() == pytest.approx(expected)
    accuracy = task.build_accuracy()
    accuracy.update_state(keras.ops.convert_to_tensor(targets), keras.ops.convert_to_tensor(LOGITS))
    assert float(accuracy.result()) == pytest.approx(expected)


def test_targets_are_scikit_learns() -> None:
    label_sets = [("a", "c"), (), ("b",), ("a", "b", "c")]
    expected = MultiLabelBinarizer(classes=[*OUTPUTS]).fit_transform(label_sets)
    np.testing.assert_array_equal(SEVERAL_LABELS.encode(label_sets, OUTPUTS).toarray(), expected)
    assert ONE_LABEL.encode(["c", "a"], OUTPUTS).tolist() == [2, 0]
    assert SEVERAL_LABELS.encode(["c", ("a",)], OUTPUTS).toarray().tolist() == [[0, 0, 1], [1, 0, 0]]
    assert [SEVERAL_LABELS.name(row, [*OUTPUTS]) for row in expected] == ["a, c", "", "b", "a, b, c"]
    assert ONE_LABEL.name(np.int32(1), [*OUTPUTS]) == "b"


def test_confidence_is_the_probability_of_the_target_or_of_its_least_probable_part() -> None:
    probabilities = np.array([[0.75, 0.25], [0.125, 0.875]])
    assert ONE_LABEL.confidence(np.array([1, 1]), probabilities).tolist() == [0.25, 0.875]
    assert SEVERAL_LABELS.confidence(np.array([[1, 0], [0, 0]]), probabilities).tolist() == [0.75, 0.125]
    assert SEVERAL_LABELS.choose(probabilities, np.array([0.8, 0.2])).tolist() == [[0, 1], [0, 1]]


def test_the_task_follows_from_targets_and_from_thresholds() -> None:
    for task, targets in TARGETS.items():
        assert task_of(targets) is task
    assert task_with(None) is ONE_LABEL
    assert task_with(np.full(3, 0.5)) is SEVERAL_LABELS
