"""Encoded texts to padded batches: planned in NumPy from seed and epoch, gathered and prefetched by tf.data."""

import dataclasses
import itertools

import keras
import numpy as np
import tensorflow as tf

PREDICTION_BATCH = 256


@dataclasses.dataclass(frozen=True)
class Examples:
    """Encoded texts and their labels.

    Attributes:
        ids: int32 (texts, tokens), ragged.
        labels: int32 (texts,), the output that each text is to have.
    """

    ids: tf.RaggedTensor
    labels: np.ndarray


def length_boundaries(maximum_tokens: int) -> list[int]:
    """The lengths that batches are padded to: 16, 24, 32, 48, 64, 96 ... and the maximum.

    Few, so that every shape is met early; near each other, so that less than a third of a row is padding, short texts
    (below 16 tokens) aside.
    """
    steps = (base << power for power in range(32) for base in (16, 24))
    return [*itertools.takewhile(lambda boundary: boundary < maximum_tokens, steps), maximum_tokens]


def plan_batches(
    lengths: np.ndarray, *, maximum_tokens: int, batch_size: int, seed: tuple[int, int] | None = None
) -> list[np.ndarray]:
    """Which texts stand together in a batch: only such as are padded to the same boundary.

    Args:
        lengths: int (texts,): tokens of each text.
        maximum_tokens: No text is longer.
        batch_size: The most texts in a batch.
        seed: (seed, epoch), which fix the order of texts and of batches; None: the shortest texts first.

    Returns:
        For each batch the positions of its texts, int64; every text stands in exactly one batch.
    """
    random = None if seed is None else np.random.default_rng(seed)
    order = np.arange(len(lengths)) if random is None else random.permutation(len(lengths))
    buckets = np.searchsorted(length_boundaries(maximum_tokens), lengths[order])
    batches: list[np.ndarray] = []
    for bucket in np.unique(buckets):
        texts = order[buckets == bucket]
        batches += np.split(texts, range(batch_size, len(texts), batch_size))
    if random is not None:
        random.shuffle(batches)
    return batches


def padded_batches(examples: Examples, plan: list[np.ndarray], *, maximum_tokens: int) -> tf.data.Dataset:
    """The batches of a plan.

    Args:
        examples: Texts of at most `maximum_tokens` tokens.
        plan: From `plan_batches`.
        maximum_tokens: No text is longer.

    Returns:
        For each batch (ids, labels): int32 (batch, tokens), padded on the right with 0 to a boundary, and int32
        (batch,).
    """
    boundaries = tf.constant(length_boundaries(maximum_tokens))
    labels = tf.constant(examples.labels)

    def gather(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        ids = tf.gather(examples.ids, texts).to_tensor()
        longest = tf.shape(ids)[1]
        boundary = boundaries[tf.searchsorted(boundaries, longest[None])[0]]
        return tf.pad(ids, [[0, 0], [0, boundary - longest]]), tf.gather(labels, texts)

    positions = tf.RaggedTensor.from_row_lengths(np.concatenate(plan), [len(texts) for texts in plan])
    # TensorFlow 2.21's autotuner wakes 10, 20, 40 ... 2,560, 5,120 ms after the start, and an iterator does not end
    # before it wakes: with it an epoch of 2.6 s could take 5.1 s.
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_tensor_slices(positions).with_options(options)
    return dataset.map(gather, num_parallel_calls=2).prefetch(4)


def predict_probabilities(model: keras.Model, examples: Examples, *, maximum_tokens: int) -> np.ndarray:
    """The probabilities that a compiled model gives to encoded texts: float32 (texts, labels), in their order."""
    lengths = examples.ids.row_lengths().numpy()
    plan = plan_batches(lengths, maximum_tokens=maximum_tokens, batch_size=PREDICTION_BATCH)
    logits = model.predict(padded_batches(examples, plan, maximum_tokens=maximum_tokens), verbose=0)
    probabilities = np.empty_like(logits)
    probabilities[np.concatenate(plan)] = tf.nn.softmax(logits)
    return probabilities
