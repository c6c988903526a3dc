"""The SavedModel: raw strings in, labels and probabilities out, in a process that has TensorFlow alone."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from keras_textcnn.vocabulary import encode, lookup_table


def export_model(
    model: keras.Model,
    vocabulary: Sequence[str],
    labels: Sequence[str],
    folder: Path,
    *,
    split: Callable[[tf.Tensor], tf.RaggedTensor],
    maximum_tokens: int,
    several_labels: bool = False,
) -> None:
    """Writes a SavedModel.

    Signature `serving_default`: `text`, string (batch,), to `label`, string (batch,), and `probabilities`, float32
    (batch, labels) in the order of signature `labels`, which takes nothing and returns `labels`, string (labels,).

    Args:
        model: From ids, int32 (batch, tokens), to logits, float32 (batch, labels).
        vocabulary: Tokens by id.
        labels: Names by output.
        folder: Where to write; it must not exist.
        split: Makes tokens of texts, as in training; from `text.UNITS`.
        maximum_tokens: Longer texts are cut, as in training.
        several_labels: Whether each label has a probability of its own; `label` is the most probable one all the same.
    """
    table = lookup_table(vocabulary)
    fixed = model.input_shape[1]  # the length that every text is padded to, if there is one
    names = tf.constant(labels, tf.string)
    activation = tf.nn.sigmoid if several_labels else tf.nn.softmax

    def serve(text: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = encode(split(text), table, maximum_tokens=maximum_tokens).to_tensor(shape=[None, fixed])
        if fixed is None:
            ids = tf.pad(ids, [[0, 0], [0, 1]])  # a batch of empty texts needs a window too
        probabilities = activation(model(ids, training=False))
        return {"label": tf.gather(names, tf.argmax(probabilities, axis=1)), "probabilities": probabilities}

    def list_labels() -> dict[str, tf.Tensor]:
        return {"labels": tf.identity(names)}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.track(table)
    archive.add_endpoint("serving_default", serve, [tf.TensorSpec([None], tf.string, name="text")])
    archive.add_endpoint("labels", list_labels, [])
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # in a notebook TensorFlow says where it writes
    try:
        archive.write_out(folder, verbose=False)
    finally:
        logger.setLevel(level)
