import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.data.batching import length_boundaries, padded_batches, plan_batches
from keras_textcnn.data.prediction import predict_blocks, predict_logits
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.utils import blocks
from tests.conftest import make_examples

LENGTHS = np.random.default_rng(0).integers(0, 101, 500)
BOUNDARIES = length_boundaries(100)


ROWS = [np.random.default_rng(length).integers(1, 50, length).tolist() for length in LENGTHS.tolist()]


@pytest.mark.parametrize(
    ("maximum", "boundaries"),
    [(10, [10]), (16, [16]), (17, [16, 17]), (100, [16, 24, 32, 48, 64, 96, 100]), (24, [16, 24])],
)
def test_boundaries(maximum: int, boundaries: list[int]) -> None:
    assert length_boundaries(maximum) == boundaries


@pytest.mark.parametrize("batch_size", [1, 2, 5, 16, 64])
@pytest.mark.parametrize("seed", [None, (0, 0), (3, 7)])
def test_every_text_stands_in_one_batch_and_no_batch_is_small(batch_size: int, seed: tuple[int, int] | None) -> None:
    """A text in a small batch would weigh more than the others, because each batch is one step."""
    random = np.random.default_rng(batch_size)
    for texts in [0, 1, 2, 3, 15, 16, 17, 23, 24, 25, 65, *random.integers(1, 700, 40)]:
        longest = random.integers(1, 120)
        lengths = np.minimum(random.geometric(1 / longest, texts) - 1, 100)
        plan = plan_batches(lengths, boundaries=BOUNDARIES, batch_size=batch_size, seed=seed)
        assert sorted(np.concatenate([[], *plan])) == list(range(texts))
        sizes = [len(batch) for batch in plan]
        assert max(sizes, default=0) <= batch_size
        assert 2 * min(sizes, default=texts) >= min(batch_size, 2 * texts)


def test_batches_hold_texts_of_a_like_length() -> None:
    """Except for one batch per boundary, which may hold the rest of a narrower bucket, and the last two."""
    lengths = np.random.default_rng(0).integers(0, 101, 5_000)
    plan = plan_batches(lengths, boundaries=BOUNDARIES, batch_size=16, seed=(0, 0))
    mixed = [texts for texts in plan if len(set(np.searchsorted(BOUNDARIES, lengths[texts]))) > 1]
    assert len(mixed) <= len(BOUNDARIES) + 1


def test_drawn_texts_fill_batches_too() -> None:
    weights = np.arange(500) / np.arange(500).sum()
    plan = plan_batches(LENGTHS, boundaries=BOUNDARIES, batch_size=64, seed=(0, 0), weights=weights)
    assert sum(map(len, plan)) == 500
    assert min(map(len, plan)) >= 32


def test_seed_and_epoch_fix_the_order() -> None:
    def order(seed: tuple[int, int]) -> list[int]:
        return np.concatenate(plan_batches(LENGTHS, boundaries=BOUNDARIES, batch_size=16, seed=seed)).tolist()

    assert order((3, 1)) == order((3, 1))
    assert order((3, 1)) != order((3, 2))
    assert order((3, 1)) != order((4, 1))


def test_batches_hold_their_texts_padded_to_a_boundary() -> None:
    examples = make_examples(ROWS, np.arange(500, dtype=np.int32))
    plan = plan_batches(LENGTHS, boundaries=BOUNDARIES, batch_size=16, seed=(0, 0))
    dataset = padded_batches(examples, plan, boundaries=BOUNDARIES)
    assert int(dataset.cardinality()) == len(plan)
    for texts, (ids, labels) in zip(plan, dataset.as_numpy_iterator(), strict=True):
        assert (ids.dtype, labels.dtype) == (np.int32, np.int32)
        assert labels.tolist() == texts.tolist()
        assert ids.shape[1] in BOUNDARIES
        for row, text in zip(ids, texts, strict=True):
            assert row.tolist() == ROWS[text] + [0] * (ids.shape[1] - len(ROWS[text]))


def test_logits_come_in_the_order_of_the_texts() -> None:
    examples = make_examples(ROWS[:40], np.arange(40, dtype=np.int32))
    model = build_conv1d(vocabulary_size=50, num_classes=3, dimensions=4, windows=(2,), filters=8)
    logits = predict_logits(model, examples, boundaries=BOUNDARIES, batch_size=16)
    for row, ids in zip(logits, ROWS[:40], strict=True):
        np.testing.assert_allclose(row, model(np.array([ids or [0]]))[0], atol=1e-6)


@pytest.mark.parametrize("scores", [1, 60, 10**6])
def test_blocks_have_every_text_once_and_few_logits(scores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SCORES", scores)
    examples = make_examples(ROWS[:100], np.arange(100, dtype=np.int32))
    model = build_conv1d(vocabulary_size=50, num_classes=3, dimensions=4, windows=(2,), filters=8)
    found = [*predict_blocks(model, examples, boundaries=BOUNDARIES, batch_size=8)]
    assert sorted(np.concatenate([texts for texts, _ in found])) == [*range(100)]
    assert max(logits.size for _, logits in found) <= max(scores, 8 * 3)
    assert (len(found) == 1) == (scores == 10**6)
    for texts, logits in found:
        assert (np.diff(texts) > 0).all()
        expected = [model(np.array([ROWS[text] or [0]]))[0] for text in texts[:2]]
        np.testing.assert_allclose(logits[:2], expected, atol=1e-6)


def test_no_warning_of_retracing_whatever_the_widths_and_models(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf.get_logger(), "propagate", True)
    examples = make_examples(ROWS, np.arange(500, dtype=np.int32))
    for _ in range(3):
        model = build_conv1d(vocabulary_size=50, num_classes=3, dimensions=4, windows=(2,), filters=8)
        predict_logits(model, examples, boundaries=BOUNDARIES, batch_size=256)
    assert "retracing" not in caplog.text
