"""The SavedModel: raw strings in, labels and probabilities out, in a process that has TensorFlow alone."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.inference.window_trace import WindowTrace
from keras_textcnn.text.tokenizers import SEPARATORS, TOKENIZERS, in_parts
from keras_textcnn.text.vocabulary import encode, lookup_table
from keras_textcnn.utils import devices

CHUNK = 64  # texts that the model answers at once, two such chunks side by side: what they need stays in caches


def export_model(
    model: keras.Model,
    vocabulary: Sequence[str],
    labels: Sequence[str],
    folder: Path,
    *,
    tokenizer: str,
    maximum_tokens: int,
    temperature: float = 1.0,
    thresholds: np.ndarray | None = None,
    trace: WindowTrace | None = None,
) -> None:
    """Writes a SavedModel.

    Signature `serving_default`: `text`, string (batch,), to `label`, string (batch,), and `probabilities`, float32
    (batch, labels) in the order of signature `labels`, which takes nothing and returns `labels`, string (labels,).

    Signature `tokens` takes `text` and returns `tokens`, string (batch, tokens): what the model reads of each text, cut
    as it cuts, with "" behind the shorter ones; and `separator`, string (), which joins tokens to a text that has these
    tokens again.

    Where a text may have several labels, signature `thresholds` returns `thresholds`, float32 (labels,): the
    probability from which on a label is given. Where windows can be traced, signature `explain` takes `text` and
    returns `tokens`, string (batch, tokens), `added`, float32 (batch, len(windows), tokens, labels), what each window
    of tokens adds to each logit by its first token, `windows`, int32, their sizes, `bias`, float32 (labels,),
    `logits`, float32 (batch, labels), which are the bias and all that is added, and `probabilities`.

    Args:
        model: From ids, int32 (batch, tokens), to logits, float32 (batch, labels).
        vocabulary: Tokens by id.
        labels: Names by output.
        folder: Where to write; it must not exist.
        tokenizer: Makes tokens of texts, as in training; a name of `tokenizers.TOKENIZERS`.
        maximum_tokens: Longer texts are cut, as in training.
        temperature: What the logits are divided by.
        thresholds: float32 (labels,), where each label has a probability of its own; `label` is the most probable one
            all the same.
        trace: From `window_trace.trace_windows`.
    """
    split = TOKENIZERS[tokenizer]
    table = lookup_table(vocabulary)
    fixed = model.input_shape[1]  # the length that every text is padded to, if there is one
    names = tf.constant(labels, tf.string)
    activation = tf.nn.softmax if thresholds is None else tf.nn.sigmoid

    def pad(rows: tf.RaggedTensor) -> tf.Tensor:
        padded = rows.to_tensor(shape=[None, fixed])
        return padded if fixed else tf.pad(padded, [[0, 0], [0, 1]])  # a batch of empty texts needs a window too

    def answer(ids: tf.RaggedTensor) -> tf.Tensor:
        return activation(model(pad(ids), training=False) / temperature)

    def serve(text: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = in_parts(lambda part: encode(split(part), table, maximum_tokens=maximum_tokens), text)
        probabilities = _in_chunks(answer, ids, labels=len(labels))
        return {"label": tf.gather(names, tf.argmax(probabilities, axis=1)), "probabilities": probabilities}

    def list_labels() -> dict[str, tf.Tensor]:
        return {"labels": tf.identity(names)}

    def list_thresholds() -> dict[str, tf.Tensor]:
        return {"thresholds": tf.constant(thresholds, tf.float32)}

    def list_tokens(text: tf.Tensor) -> dict[str, tf.Tensor]:
        tokens = split(text)[:, :maximum_tokens].to_tensor()
        return {"tokens": tokens, "separator": tf.constant(SEPARATORS[tokenizer])}

    def explain(trace: WindowTrace, text: tf.Tensor) -> dict[str, tf.Tensor]:
        tokens = split(text)[:, :maximum_tokens]
        ids = pad(encode(tokens, table, maximum_tokens=maximum_tokens))
        logits = model(ids, training=False)
        return {
            "tokens": pad(tokens),
            "added": trace.added(ids),
            "windows": tf.constant(trace.windows, tf.int32),
            "bias": tf.identity(trace.bias()),
            "logits": logits,
            "probabilities": activation(logits / temperature),
        }

    archive = keras.export.ExportArchive()
    # Keras finds the variables that the endpoints use; tracking the model too would store them twice (issue 23553).
    archive.track(table)
    signature = [tf.TensorSpec([None], tf.string, name="text")]
    archive.add_endpoint("serving_default", serve, signature)
    archive.add_endpoint("labels", list_labels, [])
    archive.add_endpoint("tokens", list_tokens, signature)
    if thresholds is not None:
        archive.add_endpoint("thresholds", list_thresholds, [])
    if trace is not None:
        archive.add_endpoint(
            "explain", functools.partial(explain, trace), [tf.TensorSpec([None], tf.string, name="text")]
        )
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # in a notebook TensorFlow says where it writes
    try:
        with devices.writing():
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
