"""Padded batches of encoded texts: planned in NumPy from seed and epoch, gathered and prefetched by tf.data."""

import bisect
import dataclasses
import functools
import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import sparse

from keras_textcnn.text.vocabulary import Ids

BY_TEXT = ("starts", "lengths", "rows", "weights", "soft_targets")  # the fields of `Examples` with a row for each text


@dataclasses.dataclass(frozen=True)
class Examples:
    """Texts as ids, with their targets.

    Attributes:
        ids: The ids of this split's texts, and of other texts.
        starts: int64 (texts,), where each text begins in `ids`.
        lengths: int32 (texts,), how many ids of each text are read.
        renumber: int32 (ids,), the vocabulary id for each id in `ids`.
        rows: int32 (texts,), each text's row in `row_targets`.
        row_targets: int32 (rows,), the correct output, or float32 (rows, num_classes), 1 for each correct output, which
            may be sparse: one row for each distinct set of labels.
        weights: float32 (texts,), how much each text counts in training; None if all count the same.
        soft_targets: float32 (texts, num_classes), the probabilities that training learns instead of the targets; None
            if it learns the targets.
    """

    ids: Ids
    starts: np.ndarray
    lengths: np.ndarray
    renumber: np.ndarray
    rows: np.ndarray
    row_targets: np.ndarray | sparse.csr_array
    weights: np.ndarray | None = None
    soft_targets: np.ndarray | None = None

    @property
    def sparse_targets(self) -> np.ndarray | sparse.csr_array:
        """The target of each text: int32 (texts,) or float32 (texts, num_classes), sparse if the targets are."""
        return self.row_targets[self.rows]

    @property
    def targets(self) -> np.ndarray:
        """The target of each text: int32 (texts,) or float32 (texts, num_classes), 4 bytes per text and label."""
        return self.targets_of(np.arange(len(self.rows)))

    def targets_of(self, texts: np.ndarray) -> np.ndarray:
        """The targets of some texts: int32 (len(texts),) or float32 (len(texts), labels)."""
        targets = self.row_targets[self.rows[texts]]
        return targets.toarray() if sparse.issparse(targets) else targets

    def padded(self, texts: np.ndarray, width: int) -> np.ndarray:
        """The ids of some texts, padded on the right with 0: int32 (len(texts), width)."""
        lengths = self.lengths[texts]
        ids = np.zeros((len(texts), width), np.int32)
        ids[np.arange(width) < lengths[:, None]] = self.renumber[self.ids.read_all(self.starts[texts], lengths)]
        return ids


def join_examples(first: Examples, second: Examples) -> Examples:
    """The texts of two splits of one corpus, first those of `first`, then those of `second`."""
    both: dict[str, Any] = {
        name: np.concatenate([values, getattr(second, name)])
        for name in BY_TEXT
        if (values := getattr(first, name)) is not None
    }
    return dataclasses.replace(first, **both)


def select_examples(examples: Examples, texts: np.ndarray) -> Examples:
    """Some of the texts: `texts` are their positions, or bool (texts,)."""
    chosen: dict[str, Any] = {
        name: values[texts] for name in BY_TEXT if (values := getattr(examples, name)) is not None
    }
    return dataclasses.replace(examples, **chosen)


def length_boundaries(maximum_tokens: int, *, fixed: bool = False) -> list[int]:
    """The lengths that batches are padded to: 16, 24, 32, 48, 64, 96 ... and the maximum; only the maximum if fixed.

    They are few, so that every shape occurs early, and close together, so that less than a third of a row is padding,
    except for short texts (below 16 tokens).
    """
    if fixed:
        return [maximum_tokens]
    steps = (base << power for power in range(32) for base in (16, 24))
    return [*itertools.takewhile(lambda boundary: boundary < maximum_tokens, steps), maximum_tokens]


def plan_batches(
    lengths: np.ndarray,
    *,
    boundaries: Sequence[int],
    batch_size: int,
    seed: tuple[int, ...] | None = None,
    weights: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Groups texts into batches of similar length, so that there is little padding.

    Each batch is one optimizer step, so none may be small: a text in a batch of three would weigh 20 times as much as
    one in a batch of 64. The texts left over from a length bucket move to the next wider bucket and get its padding. If
    fewer than half a batch are left over from the last bucket, they are split evenly with the batch before.

    Args:
        lengths: int (texts,): tokens of each text.
        boundaries: From `length_boundaries`; no text is longer than the last.
        batch_size: The largest number of texts in a batch.
        seed: Numbers that determine the order of texts and batches; None: the shortest texts first.
        weights: float (texts,), with a sum of 1: the probabilities with which the same number of texts is drawn, with
            replacement; None: each text once.

    Returns:
        The positions of the texts in each batch, int64, at least half of `batch_size` unless there are fewer texts.
        Without weights, every text is in exactly one batch.
    """
    random = None if seed is None else np.random.default_rng(seed)
    if random is None:
        order = np.arange(len(lengths))
    elif weights is None:
        order = random.permutation(len(lengths))
    else:
        order = random.choice(len(lengths), len(lengths), p=weights)
    buckets = np.searchsorted(boundaries, lengths[order])
    batches: list[np.ndarray] = []
    left = order[:0]
    for bucket in np.unique(buckets):
        texts = np.concatenate([left, order[buckets == bucket]])
        *full, left = np.split(texts, range(batch_size, len(texts) + 1, batch_size))
        batches += full
    if 0 < 2 * len(left) < batch_size and batches:
        batches += np.array_split(np.concatenate([batches.pop(), left]), 2)
    elif len(left):
        batches.append(left)
    if random is not None:
        random.shuffle(batches)
    return batches


def plan_epoch(lengths: np.ndarray, *, minimum_steps: int, seed: int, epoch: int, **settings: Any) -> list[np.ndarray]:
    """The batches of an epoch: all texts once, or several times if there are too few for the minimum number of steps.

    Args:
        lengths: int (texts,): tokens of each text.
        minimum_steps: The smallest number of batches.
        seed, epoch: Determine the order of texts and batches.
        settings: boundaries, batch_size and weights, as for `plan_batches`.
    """
    batches = plan_batches(lengths, seed=(seed, epoch), **settings)
    repeats = itertools.count(1)
    while len(batches) < minimum_steps:
        batches += plan_batches(lengths, seed=(seed, epoch, next(repeats)), **settings)
    return batches


def padded_batches(examples: Examples, plan: list[np.ndarray], *, boundaries: Sequence[int]) -> tf.data.Dataset:
    """The batches of a plan.

    Args:
        examples: The texts.
        plan: From `plan_batches`.
        boundaries: From `length_boundaries`; no text is longer than the last.

    Returns:
        (ids, targets) for each batch: int32 (batch, tokens), padded on the right with 0 to a boundary, and int32
        (batch,) or float32 (batch, num_classes), soft targets if there are any; or (ids, targets, weights), with
        float32 (batch,), if the texts have weights.
    """
    return Epochs(examples, lambda epoch: plan, boundaries=boundaries).rest(0, 0)


class Epochs:
    """The batches of a training, epoch by epoch; each may begin at any batch.

    Args:
        examples: The texts.
        plan: Returns the batches of an epoch, from `plan_batches`; each epoch has the same number.
        boundaries: From `length_boundaries`; no text is longer than the last.

    Attributes:
        next_epoch: The epoch that the next iteration is.
    """

    def __init__(
        self, examples: Examples, plan: Callable[[int], list[np.ndarray]], *, boundaries: Sequence[int]
    ) -> None:
        self._examples, self._boundaries = examples, boundaries
        self._lock = threading.Lock()
        self._plan = functools.lru_cache(maxsize=2)(plan)  # Keras ends an epoch after it has begun the next one
        self.next_epoch = 0
        self._steps = len(self._plan(0))

    @functools.cached_property
    def dataset(self) -> tf.data.Dataset:
        """Batches as from `padded_batches`. Each iteration is the next epoch.

        It knows these epochs as its attribute `epochs`, by which `two_phase_fit` resumes.
        """

        def next_epoch(_: tf.Tensor) -> tf.Tensor:  # asked in each iteration
            return tf.numpy_function(lambda: np.int64(self.next_epoch), [], tf.int64)

        epoch = tf.data.Dataset.range(1).map(next_epoch)
        numbers = epoch.flat_map(lambda epoch: _numbers(epoch, 0, self._steps))
        whole = tf.data.experimental.assert_cardinality(self._steps)
        dataset = self._gathered(numbers).apply(whole)
        dataset.epochs = self
        return dataset

    def rest(self, epoch: int, batches: int) -> tf.data.Dataset:
        """An epoch without its first batches."""
        return self._gathered(_numbers(epoch, batches, self._steps))

    def _gathered(self, numbers: tf.data.Dataset) -> tf.data.Dataset:
        # TensorFlow 2.21's autotuner wakes up 10, 20, 40 ... 2,560, 5,120 ms after the start, and an iterator does not
        # end before it does: with the autotuner, an epoch of 2.6 s could take 5.1 s.
        options = tf.data.Options()
        options.autotune.enabled = False
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF  # a single host
        return numbers.with_options(options).map(self._batch, num_parallel_calls=2).prefetch(4)

    def _batch(self, epoch: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        examples = self._examples
        learnt = examples.row_targets if examples.soft_targets is None else examples.soft_targets
        parts = 2 if examples.weights is None else 3
        kinds, shapes = [tf.int32, learnt.dtype, tf.float32], [[None, None], [None, *learnt.shape[1:]], [None]]
        gathered = tf.numpy_function(self._gather, [epoch, number], kinds[:parts])
        return tuple(tf.ensure_shape(part, shape) for part, shape in zip(gathered, shapes, strict=False))

    def _gather(self, epoch: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, ...]:
        examples = self._examples
        with self._lock:  # two threads would make the same plan
            texts = self._plan(int(epoch))[number]
        if number == self._steps - 1:
            self.next_epoch = int(epoch) + 1
        width = self._boundaries[bisect.bisect_left(self._boundaries, examples.lengths[texts].max())]
        targets = examples.targets_of(texts) if examples.soft_targets is None else examples.soft_targets[texts]
        return (
            examples.padded(texts, width),
            targets,
            *([] if examples.weights is None else [examples.weights[texts]]),
        )


def _numbers(epoch: int | tf.Tensor, begin: int, end: int) -> tf.data.Dataset:
    """(epoch, number) of each batch, int64."""
    return tf.data.Dataset.range(begin, end).map(lambda number: (tf.cast(epoch, tf.int64), number))
