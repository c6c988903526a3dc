import numpy as np
import pytest
from scipy import sparse
from sklearn.utils.class_weight import compute_class_weight

from keras_textcnn.data.batching import plan_batches
from keras_textcnn.training.class_weights import weigh_labels, weigh_texts

TRUTH = np.array([0] * 90 + [1] * 9 + [2])
SEVERAL = np.array([[1, 0], [1, 1], [1, 0], [0, 0]], np.float32)


def test_weights_of_labels_are_scikit_learns() -> None:
    expected = compute_class_weight("balanced", classes=np.arange(3), y=TRUTH)
    np.testing.assert_allclose(weigh_labels(TRUTH), expected, rtol=1e-6)
    for label in range(2):
        expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=SEVERAL[:, label].astype(int))
        np.testing.assert_allclose(weigh_labels(SEVERAL)[:, label], expected, rtol=1e-6)


def test_square_roots_of_the_weights_have_a_mean_of_one_too() -> None:
    weights, balanced = weigh_labels(TRUTH, "square-root"), weigh_labels(TRUTH)
    np.testing.assert_allclose(weights / weights[0], np.sqrt(balanced / balanced[0]), rtol=1e-6)
    assert weights[TRUTH].mean() == pytest.approx(1)
    several = weigh_labels(SEVERAL, "square-root")
    np.testing.assert_allclose(several[1] / several[0], np.sqrt([1 / 3, 3]), rtol=1e-6)  # 3 and 1 of four texts
    assert (several[0] * [1, 3] + several[1] * [3, 1]).tolist() == pytest.approx([4, 4])


def test_a_label_without_texts_weighs_as_much_as_one_with_a_single_text() -> None:
    weights = weigh_labels(np.array([0, 0, 2, 2, 2, 1]), num_classes=5)
    assert weights.tolist() == pytest.approx([6 / 3 / 2, 6 / 3, 6 / 3 / 3, 6 / 3, 6 / 3])
    several = weigh_labels(sparse.csr_array(np.column_stack([SEVERAL, np.zeros(4)])), num_classes=3)
    assert several[:, 2].tolist() == pytest.approx([1, 4])  # no text of four has it: as if one had


@pytest.mark.parametrize("seed", range(5))
def test_sparse_labels_weigh_what_dense_ones_do(seed: int) -> None:
    random = np.random.default_rng(seed)
    dense = (random.random((200, 9)) < random.random(9) ** 3).astype(np.float32)
    for kind in ("balanced", "square-root"):
        np.testing.assert_array_equal(weigh_labels(sparse.csr_array(dense), kind), weigh_labels(dense, kind))
    counts = dense.sum(axis=0)
    rarest = [min(np.flatnonzero(row), key=lambda label: (counts[label], label), default=9) for row in dense]
    sizes = {label: rarest.count(label) for label in rarest}
    expected = np.array([1 / sizes[label] for label in rarest])
    for targets in (dense, sparse.csr_array(dense)):
        np.testing.assert_allclose(weigh_texts(targets), expected / expected.sum(), rtol=1e-12)


def test_every_label_is_drawn_as_often() -> None:
    weights = weigh_texts(TRUTH)
    drawn = np.concatenate(plan_batches(np.ones(100, int), boundaries=[1], batch_size=8, seed=(0, 0), weights=weights))
    assert len(drawn) == 100
    counts = np.zeros(3)
    for epoch in range(100):
        plan = plan_batches(np.ones(100, int), boundaries=[1], batch_size=8, seed=(0, epoch), weights=weights)
        counts += np.bincount(TRUTH[np.concatenate(plan)], minlength=3)
    np.testing.assert_allclose(counts / counts.sum(), 1 / 3, atol=0.02)


def test_a_text_with_several_labels_is_drawn_for_the_rarest() -> None:
    assert weigh_texts(SEVERAL).tolist() == pytest.approx([1 / 6, 1 / 3, 1 / 6, 1 / 3])
