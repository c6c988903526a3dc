"""`text_dataset`: from texts and labels to padded batches of ids."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from keras_textcnn.data.batching import Epochs, Examples, length_boundaries, plan_batches
from keras_textcnn.data.soft_targets import check_weights
from keras_textcnn.data.tokenized import ArrayIds
from keras_textcnn.errors import InputError
from keras_textcnn.text.vectorizer import TextVectorizer
from keras_textcnn.utils.inputs import as_labels, as_texts, describe

CHUNK = 1024  # texts encoded at a time


def text_dataset(
    texts: Any,
    labels: Any,
    vectorizer: TextVectorizer,
    *,
    batch_size: int = 64,
    seed: int | None = 0,
    label_names: Any = (),
    sample_weight: Any = None,
) -> tf.data.Dataset:
    """Batches of texts of similar length, padded to one of a few lengths, and prefetched.

    Each iteration is an epoch with another order, which depends on the seed alone: `two_phase_fit` continues an
    interrupted training with the same batches.

    Args:
        texts: A list, array or Series of strings.
        labels: The outputs, ints; or the labels, strings; or a matrix, float (texts, num_classes), 1 for each label of
            a text, or its probabilities, for which `two_phase_fit` needs
            `loss=keras.losses.CategoricalCrossentropy(from_logits=True)`.
        vectorizer: From texts to ids, with its vocabulary.
        batch_size: The largest number of texts in a batch.
        seed: Determines the order; None: the shortest texts first, as for validation.
        label_names: The label of each output, if the labels are strings; by default these labels in alphabetical order.
            Give it for validation texts, which may lack some.
        sample_weight: How much each text counts in the loss.

    Returns:
        (ids, targets) or (ids, targets, weights) for each batch: int32 (batch, tokens), padded on the right with 0;
        int32 (batch,) or float32 (batch, num_classes); float32 (batch,). The dataset's `label_names` are those of the
        outputs, if the labels are strings.

    Raises:
        InputError: A text or label is missing, by its position, or their numbers differ.

    Example:
        names = sorted(set(labels))
        train = text_dataset(texts, labels, vectorizer, label_names=names, batch_size=32, seed=1)
        model.fit(train, epochs=3)
    """
    if not isinstance(vectorizer, TextVectorizer):
        raise InputError(f"vectorizer must be a keras_textcnn.TextVectorizer; received: {describe(vectorizer)}")
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1; received: {batch_size}")
    texts, (targets, names) = as_texts(texts), _targets(labels, label_names)
    if len(texts) != len(targets):
        raise InputError(f"{len(texts):,} texts, but {len(targets):,} labels; give one for each text")
    if not texts:
        raise InputError("no texts; give at least one")
    boundaries = length_boundaries(vectorizer.maximum_tokens, fixed=vectorizer.fixed_length)
    weights = () if sample_weight is None else check_weights(sample_weight, texts=len(texts))  # empty if all are 1
    examples = _encode(texts, targets, vectorizer)
    if weights:
        examples = dataclasses.replace(examples, weights=np.array(weights, np.float32))

    def plan(epoch: int) -> list[np.ndarray]:
        order = None if seed is None else (seed, epoch)
        return plan_batches(examples.lengths, boundaries=boundaries, batch_size=batch_size, seed=order)

    dataset = Epochs(examples, plan, boundaries=boundaries).dataset
    dataset.label_names = names
    return dataset


def _targets(labels: Any, label_names: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """The targets of texts, and the label of each output if the labels are strings."""
    try:
        array = np.asarray(labels)
    except ValueError:  # lists of different lengths, of which `as_labels` says more
        array = np.empty(0)
    if array.ndim == 2 and array.shape[1] == 1:
        labels = array = array[:, 0]
    if array.ndim == 2 and array.dtype.kind in "biuf":
        _check_numbers(array, np.isfinite(array).all(axis=1))
        return array.astype(np.float32), ()
    if array.ndim == 1 and array.dtype.kind in "iu" and not len(label_names):
        _check_numbers(array, array >= 0)
        return array.astype(np.int32), ()
    read = as_labels(labels)
    if wrong := next((label for label in read if not isinstance(label, str)), None):
        raise InputError(f"a text has several labels, {describe(wrong)}; give a matrix of 0 and 1")
    names = tuple(map(str, as_labels(label_names))) or tuple(sorted({*map(str, read)}))
    outputs = {name: output for output, name in enumerate(names)}
    for position, label in enumerate(read):
        if label not in outputs:
            raise InputError(f"label {position} (from 0), {label!r}, is not one of label_names: {', '.join(names)}")
    return np.array([outputs[str(label)] for label in read], np.int32), names


def _check_numbers(labels: np.ndarray, right: np.ndarray) -> None:
    """Raises InputError unless all labels are right: bool (texts,)."""
    if not right.all():
        position = int(np.argmin(right))
        shown = describe(labels[position].tolist())
        raise InputError(f"label {position} (from 0) must be an output, from 0, or finite numbers; received: {shown}")


def _encode(texts: list[str], targets: np.ndarray, vectorizer: TextVectorizer) -> Examples:
    chunks, lengths = [], []
    for begin in range(0, len(texts), CHUNK):
        rows = vectorizer.encode(tf.constant(texts[begin : begin + CHUNK]))
        chunks.append(rows.flat_values.numpy())
        lengths.append(rows.row_lengths().numpy())
    sizes = np.concatenate(lengths).astype(np.int32)
    return Examples(
        ids=ArrayIds(np.concatenate(chunks)),
        starts=np.cumsum(sizes, dtype=np.int64) - sizes,
        lengths=sizes,
        renumber=np.arange(len(vectorizer.get_vocabulary()), dtype=np.int32),
        rows=np.arange(len(texts), dtype=np.int32),
        row_targets=targets,
    )
