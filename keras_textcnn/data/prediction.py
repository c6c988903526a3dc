"""The logits of encoded texts, all at once or in blocks."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.data.batching import Examples, padded_batches, plan_batches
from keras_textcnn.utils.blocks import texts_a_block

Blocks = Iterator[tuple[np.ndarray, np.ndarray]]  # positions of texts and their logits


def trace_answer(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Traces a model, from ids to logits, once for all widths.

    `model.predict` traces once per width, and TensorFlow warns about that in a notebook.
    """
    function = tf.function(lambda ids: model(ids, training=False))
    return function.get_concrete_function(tf.TensorSpec(model.inputs[0].shape, tf.int32))


def predict_blocks(
    model: keras.Model,
    examples: Examples,
    *,
    boundaries: Sequence[int],
    batch_size: int,
    answer: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> Blocks:
    """Yields the logits that a model gives to encoded texts, block by block, each text once.

    A block has at most `blocks.BLOCK_SCORES` logits or, if a batch has more, one batch. Its texts have similar
    lengths.

    Args:
        model: From ids to logits.
        examples: The texts.
        boundaries: From `length_boundaries`.
        batch_size: The largest number of texts in a batch.
        answer: The result of `trace_answer` for this model; None: the model is traced here.

    Yields:
        The positions of a block's texts, int64 (texts,), sorted; and their logits, float32 (texts, num_classes).
    """
    answer = answer or trace_answer(model)
    num_classes = model.output_shape[-1]
    plan = plan_batches(examples.lengths, boundaries=boundaries, batch_size=batch_size)
    ids = (ids for ids, *_ in padded_batches(examples, plan, boundaries=boundaries))
    together = max(texts_a_block(num_classes) // batch_size, 1)  # batches
    for first in range(0, len(plan), together):
        batches = plan[first : first + together]
        texts = np.sort(np.concatenate(batches))
        logits = np.empty((len(texts), num_classes), np.float32)
        for batch in batches:
            logits[np.searchsorted(texts, batch)] = answer(next(ids))
        yield texts, logits


def predict_logits(model: keras.Model, examples: Examples, **settings: Any) -> np.ndarray:
    """The same logits at once: float32 (texts, num_classes), in the order of the texts.

    Args:
        model, examples, settings: As for `predict_blocks`.
    """
    logits = np.empty((len(examples.lengths), model.output_shape[-1]), np.float32)
    for texts, block in predict_blocks(model, examples, **settings):
        logits[texts] = block
    return logits
