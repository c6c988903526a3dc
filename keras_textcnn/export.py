"""The SavedModel: raw strings in, labels and probabilities out, in a process that has TensorFlow alone."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from keras_textcnn.text import in_parts
from keras_textcnn.vocabulary import encode, lookup_table

CHUNK = 64  # texts that the model answers at once, two such chunks side by side: what they need stays in caches


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

    def answer(ids: tf.RaggedTensor) -> tf.Tensor:
        padded = ids.to_tensor(shape=[None, fixed])
        if fixed is None:
            padded = tf.pad(padded, [[0, 0], [0, 1]])  # a batch of empty texts needs a window too
        return activation(model(padded, training=False))

    def serve(text: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = in_parts(lambda part: encode(split(part), table, maximum_tokens=maximum_tokens), text)
        probabilities = _in_chunks(answer, ids, labels=len(labels))
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


def _in_chunks(answer: Callable[[tf.RaggedTensor], tf.Tensor], ids: tf.RaggedTensor, *, labels: int) -> tf.Tensor:
    """What `answer` says of each text, float32 (texts, labels), asked for some texts of a like length at a time."""
    order = tf.argsort(ids.row_lengths())
    chunks = tf.maximum((tf.size(order) + CHUNK - 1) // CHUNK, 1)
    empty = tf.TensorArray(tf.float32, chunks, infer_shape=False, element_shape=[None, labels])

    def step(chunk: tf.Tensor, answers: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        texts = order[chunk * CHUNK : (chunk + 1) * CHUNK]
        return chunk + 1, answers.write(chunk, answer(tf.gather(ids, texts)))

    _, answers = tf.while_loop(lambda chunk, _: chunk < chunks, step, (0, empty), parallel_iterations=2)
    return tf.gather(answers.concat(), tf.math.invert_permutation(order))
