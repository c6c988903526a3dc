"""The SavedModel: raw strings in, labels and probabilities out; using it takes only TensorFlow."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.errors import InputError
from keras_textcnn.inference.window_trace import WindowTrace, trace_windows
from keras_textcnn.layers.embedding import find_embedding
from keras_textcnn.models.own_model import probability_activation
from keras_textcnn.tasks import Task, task_with
from keras_textcnn.text.tokenizers import in_parts
from keras_textcnn.text.vectorizer import NO_VOCABULARY, TextVectorizer
from keras_textcnn.utils import devices
from keras_textcnn.utils.inputs import as_labels

CHUNK = 64  # texts that the model answers at once, two such chunks in parallel: their data stays in the CPU's caches


def export_saved_model(
    model: keras.Model,
    vectorizer: TextVectorizer,
    labels: Sequence[str],
    folder: Path | str,
    *,
    temperature: float = 1.0,
    thresholds: np.ndarray | None = None,
) -> None:
    """Writes a SavedModel.

    Signature `serving_default` takes `text`, string (batch,), and returns `label`, string (batch,), and
    `probabilities`, float32 (batch, num_classes), in the order of signature `labels`, which takes nothing and returns
    `labels`, string (labels,).

    Signature `tokens` takes `text` and returns `tokens`, string (batch, tokens): what the model reads of each text, cut
    to its maximum and padded with ""; and `separator`, string (): tokens joined with it make a text that has the same
    tokens. It is left out if nothing joins the tokens of a user's own tokenizer like that.

    If a text may have several labels, signature `thresholds` returns `thresholds`, float32 (num_classes,): the lowest
    probability at which each label is given. If windows can be traced, signature `explain` takes `text` and returns
    `tokens`, string (batch, tokens); `added`, float32 (batch, len(windows), tokens, labels), what each window of tokens
    adds to each logit, by its first token; `windows`, int32, their sizes; `bias`, float32 (num_classes,); `logits`,
    float32 (batch, num_classes), the bias plus everything added; and `probabilities`.

    Args:
        model: From ids, int32 (batch, tokens), to logits, float32 (batch, num_classes).
        vectorizer: From texts to ids, as in training.
        labels: Names by output.
        folder: Where to write; it must not exist.
        temperature: The logits are divided by it.
        thresholds: float32 (num_classes,), if each label has its own probability; `label` is still the most probable.

    Raises:
        InputError: The model, the vectorizer, the labels and the thresholds do not fit together, the model's output is
            no logits, or the folder exists.

    Example:
        export_saved_model(model, vectorizer, ["bad", "good"], "saved_model/1")
        print(Predictor("saved_model/1")("a good film"))
    """
    if Path(folder).exists():
        raise InputError(f"{folder} exists; remove it, or choose another folder")
    labels = list(map(str, as_labels(labels)))
    check_parts(model, vectorizer, labels, thresholds)
    endpoints = _Endpoints(model, vectorizer, labels, temperature, task=task_with(thresholds))
    archive = keras.export.ExportArchive()
    # Keras finds the variables that the endpoints use. Tracking the model too would store them twice (issue 23553).
    archive.track(vectorizer.table)
    signature = [tf.TensorSpec([None], tf.string, name="text")]
    archive.add_endpoint("serving_default", endpoints.serve, signature)
    archive.add_endpoint("labels", endpoints.list_labels, [])
    if vectorizer.tokenizer.separator is not None:
        archive.add_endpoint("tokens", endpoints.list_tokens, signature)
    if thresholds is not None:
        archive.add_endpoint("thresholds", lambda: {"thresholds": tf.constant(thresholds, tf.float32)}, [])
    if (trace := trace_windows(model)) is not None:
        explain = functools.partial(endpoints.explain, trace)
        archive.add_endpoint("explain", explain, [tf.TensorSpec([None], tf.string, name="text")])
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # in a notebook, TensorFlow would log where it writes
    try:
        with devices.writing():
            archive.write_out(str(folder), verbose=False)
    finally:
        logger.setLevel(level)


class _Endpoints:
    """What the signatures of `export_saved_model` compute.

    Args:
        model, vectorizer, labels, temperature: As for `export_saved_model`.
        task: Whether each label has its own probability.
    """

    def __init__(
        self,
        model: keras.Model,
        vectorizer: TextVectorizer,
        labels: Sequence[str],
        temperature: float,
        *,
        task: Task,
    ) -> None:
        self._model, self._vectorizer, self._temperature = model, vectorizer, temperature
        self._num_classes, self._names = len(labels), tf.constant(labels, tf.string)
        self._activation = getattr(tf.nn, task.activation)

    def serve(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = in_parts(self._vectorizer.encode, text)
        probabilities = _in_chunks(self._answer, ids, num_classes=self._num_classes)
        return {"label": tf.gather(self._names, tf.argmax(probabilities, axis=1)), "probabilities": probabilities}

    def list_labels(self) -> dict[str, tf.Tensor]:
        return {"labels": tf.identity(self._names)}

    def list_tokens(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"tokens": self._split(text).to_tensor(), "separator": tf.constant(self._vectorizer.tokenizer.separator)}

    def explain(self, trace: WindowTrace, text: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = self._vectorizer.pad(self._vectorizer.encode(text))
        logits = self._model(ids, training=False)
        return {
            "tokens": self._vectorizer.pad(self._split(text)),
            "added": trace.added(ids),
            "windows": tf.constant(trace.windows, tf.int32),
            "bias": tf.identity(trace.bias()),
            "logits": logits,
            "probabilities": self._activation(logits / self._temperature),
        }

    def _split(self, text: tf.Tensor) -> tf.RaggedTensor:
        return self._vectorizer.split(text)[:, : self._vectorizer.maximum_tokens]

    def _answer(self, ids: tf.RaggedTensor) -> tf.Tensor:
        return self._activation(self._model(self._vectorizer.pad(ids), training=False) / self._temperature)


def check_parts(
    model: keras.Model, vectorizer: TextVectorizer, labels: Sequence[str], thresholds: np.ndarray | None
) -> None:
    """Raises InputError if a model, a vectorizer, labels and thresholds do not fit together."""
    _check_vectorizer(model, vectorizer)
    _check_outputs(model, labels, thresholds)


def _check_outputs(model: keras.Model, labels: Sequence[str], thresholds: np.ndarray | None) -> None:
    """Raises InputError if a model gives no logits, or not one for each label and threshold."""
    if activation := probability_activation(model):
        raise InputError(f"the output of {model.name} is a {activation}, not logits; leave the activation out")
    outputs = model.output_shape[-1]
    if len(set(labels)) != outputs:
        raise InputError(f"{model.name} has {outputs} outputs; give as many labels, all different: {', '.join(labels)}")
    if thresholds is not None and np.shape(thresholds) != (outputs,):
        raise InputError(f"{model.name} has {outputs} outputs; received thresholds of shape {np.shape(thresholds)}")


def _check_vectorizer(model: keras.Model, vectorizer: TextVectorizer) -> None:
    """Raises InputError if a model needs texts of another length, or fewer ids, than the vectorizer makes."""
    needed = model.input_shape[1]
    if needed and not (vectorizer.fixed_length and vectorizer.maximum_tokens == needed):
        raise InputError(
            f"{model.name} reads texts of {needed} tokens, all padded to that length; make the vectorizer with "
            f"maximum_tokens={needed}, fixed_length=True"
        )
    if vectorizer.table is None:
        raise InputError(NO_VOCABULARY)
    embedding, ids = find_embedding(model), len(vectorizer.get_vocabulary())
    if embedding is not None and (rows := embedding.embeddings.shape[0]) < ids:
        raise InputError(f"the embedding of {model.name} has {rows:,} rows for {ids:,} tokens of the vectorizer")


def _in_chunks(answer: Callable[[tf.RaggedTensor], tf.Tensor], ids: tf.RaggedTensor, *, num_classes: int) -> tf.Tensor:
    """The result of `answer` for each text, float32 (texts, num_classes), in chunks of texts of similar length."""
    order = tf.argsort(ids.row_lengths())
    chunks = tf.maximum((tf.size(order) + CHUNK - 1) // CHUNK, 1)
    empty = tf.TensorArray(tf.float32, chunks, infer_shape=False, element_shape=[None, num_classes])

    def step(chunk: tf.Tensor, answers: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        texts = order[chunk * CHUNK : (chunk + 1) * CHUNK]
        return chunk + 1, answers.write(chunk, answer(tf.gather(ids, texts)))

    _, answers = tf.while_loop(lambda chunk, _: chunk < chunks, step, (0, empty), parallel_iterations=2)
    return tf.gather(answers.concat(), tf.math.invert_permutation(order))
