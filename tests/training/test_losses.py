import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special
from sklearn import metrics

from keras_textcnn.tasks import ONE_LABEL, SEVERAL_LABELS, SOFT_LABELS
from keras_textcnn.training.losses import LabelLoss, MarginLoss, build_loss

LOGITS = np.random.default_rng(0).normal(0, 2, (6, 3)).astype(np.float32)
TRUTH = np.array([0, 1, 2, 2, 1, 0], np.int32)
SEVERAL = np.eye(3, dtype=np.float32)[TRUTH] + np.eye(3, dtype=np.float32)[[1, 2, 0, 1, 0, 2]]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_one_label_by_the_formula(gamma: float) -> None:
    weights = np.array([0.5, 1.0, 3.0])
    p = special.softmax(LOGITS, axis=1)[np.arange(6), TRUTH]
    expected = (weights[TRUTH] * (1 - p) ** gamma * -np.log(p)).mean()
    found = LabelLoss(label_weights=weights, focal_gamma=gamma)(TRUTH, LOGITS)
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_several_labels_by_the_formula(gamma: float) -> None:
    weights = np.array([[0.5, 1.0, 3.0], [2.0, 1.5, 0.25]])
    p = special.expit(LOGITS)
    p = np.where(SEVERAL > 0, p, 1 - p)
    weight = np.where(SEVERAL > 0, weights[1], weights[0])
    found = LabelLoss(several_labels=True, label_weights=weights, focal_gamma=gamma)(SEVERAL, LOGITS)
    assert float(found) == pytest.approx((weight * (1 - p) ** gamma * -np.log(p)).mean(), rel=1e-5)


def test_without_weights_and_gamma_it_is_kerass_own() -> None:
    assert isinstance(build_loss(ONE_LABEL), keras.losses.SparseCategoricalCrossentropy)
    assert isinstance(build_loss(SEVERAL_LABELS), keras.losses.BinaryCrossentropy)
    ones = LabelLoss(label_weights=np.ones(3))
    assert float(ones(TRUTH, LOGITS)) == pytest.approx(float(build_loss(ONE_LABEL)(TRUTH, LOGITS)), rel=1e-6)
    again = LabelLoss.from_config(LabelLoss(label_weights=np.arange(3), focal_gamma=2.0).get_config())
    assert (again.label_weights.tolist(), again.focal_gamma) == ([0, 1, 2], 2)


def test_the_margin_is_a_support_vector_machines() -> None:
    weights = np.array([0.5, 1.0, 3.0])
    # scikit-learn takes the hinge of the largest other logit, as a mean over the texts. Here each label counts alone,
    # so each one is a problem of two labels.
    hinges = np.array(
        [
            [metrics.hinge_loss([0, text == label], [-1, logits[label]], labels=[0, 1]) * 2 for label in range(3)]
            for text, logits in zip(TRUTH, LOGITS, strict=True)
        ]
    )
    squares = (hinges**2).sum(axis=1)
    assert float(MarginLoss()(TRUTH, LOGITS)) == pytest.approx(squares.mean(), rel=1e-5)
    weighted = MarginLoss(label_weights=weights)
    assert float(weighted(TRUTH, LOGITS)) == pytest.approx((weights[TRUTH] * squares).mean(), rel=1e-5)
    kerass = keras.losses.SquaredHinge()(SEVERAL, LOGITS)  # the mean over the labels
    assert float(MarginLoss(several_labels=True)(SEVERAL, LOGITS)) == pytest.approx(3 * float(kerass), rel=1e-5)
    twice = MarginLoss(several_labels=True, label_weights=np.full((2, 3), 2.0))
    assert float(twice(SEVERAL, LOGITS)) == pytest.approx(6 * float(kerass), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_gradient_is_finite_where_a_text_is_certain(gamma: float) -> None:
    logits = tf.constant([[200.0, 0.0], [0.0, 200.0]])
    for loss, targets in (
        (LabelLoss(focal_gamma=gamma), [0, 0]),
        (LabelLoss(several_labels=True, focal_gamma=gamma), [[1.0, 0.0]] * 2),
    ):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(tf.constant(targets), logits)
        assert np.isfinite(value)
        assert np.isfinite(tape.gradient(value, logits)).all()


def test_soft_targets_by_the_formulas() -> None:
    soft = special.softmax(np.random.default_rng(1).normal(size=(6, 3)), axis=1).astype(np.float32)
    cross_entropy = -(soft * special.log_softmax(LOGITS, axis=1)).sum(axis=1)
    hinges = (soft * np.maximum(1 - LOGITS, 0) ** 2 + (1 - soft) * np.maximum(1 + LOGITS, 0) ** 2).sum(axis=1)
    weights = np.array([0.0, 2.0, 1.0, 1.0, 0.5, 1.5], np.float32)
    for loss, expected in ((SOFT_LABELS.build_loss(), cross_entropy), (MarginLoss(soft_targets=True), hinges)):
        assert float(loss(soft, LOGITS)) == pytest.approx(expected.mean(), rel=1e-5)
        assert float(loss(soft, LOGITS, sample_weight=weights)) == pytest.approx((weights * expected).mean(), rel=1e-5)
    accuracy = SOFT_LABELS.build_accuracy()
    accuracy.update_state(soft, LOGITS)
    assert float(accuracy.result()) == pytest.approx((soft.argmax(axis=1) == LOGITS.argmax(axis=1)).mean())
    assert MarginLoss.from_config(MarginLoss(soft_targets=True).get_config()).soft_targets


def test_soft_targets_of_a_single_label_are_that_label() -> None:
    certain = np.eye(3, dtype=np.float32)[TRUTH]
    for soft, hard in ((SOFT_LABELS, ONE_LABEL), (MarginLoss(soft_targets=True), MarginLoss())):
        losses = [one if isinstance(one, MarginLoss) else one.build_loss() for one in (soft, hard)]
        found, expected = (float(loss(targets, LOGITS)) for loss, targets in zip(losses, (certain, TRUTH), strict=True))
        assert found == pytest.approx(expected, abs=1e-6)
