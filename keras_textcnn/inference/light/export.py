"""Writes `model.textcnn`: a trained model, its tokenizer and vocabulary, for answers without TensorFlow."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from keras_textcnn.errors import InputError
from keras_textcnn.inference.light.file import write_file
from keras_textcnn.inference.light.layers import describe_network
from keras_textcnn.inference.light.predictor import LightPredictor
from keras_textcnn.inference.saved_model import check_parts
from keras_textcnn.io.integrity import replacing
from keras_textcnn.presets import MODELS, TOKENIZERS
from keras_textcnn.text.code_points import read_code_points
from keras_textcnn.text.vectorizer import UNITS, TextVectorizer
from keras_textcnn.utils.inputs import as_labels

TOLERANCES = {"float32": 1e-3, "float16": 5e-2}  # of the logits of the texts that both answer before a file is kept
PROBES = 4


def export_light(
    model: keras.Model,
    vectorizer: TextVectorizer,
    labels: Sequence[str],
    path: Path | str,
    *,
    temperature: float = 1.0,
    thresholds: np.ndarray | None = None,
    weights: str = "float32",
) -> None:
    """Writes a `model.textcnn`, from which `LightPredictor` answers.

    Args:
        model: From one of this package's builders, in float32: from ids, int32 (batch, tokens), to logits, float32
            (batch, num_classes).
        vectorizer: From texts to ids, as in training, with one of this package's tokenizers.
        labels: Names by output.
        path: The file; an older one is replaced.
        temperature: The logits are divided by it.
        thresholds: float32 (num_classes,), if each label has its own probability.
        weights: "float32", or "float16": half the size, and probabilities that differ by up to about 0.001.

    Raises:
        InputError: The model has layers, or the vectorizer a tokenizer, that only a SavedModel can hold; or they do not
            fit together.

    Example:
        export_light(model, vectorizer, ["bad", "good"], "model.textcnn")
        print(LightPredictor("model.textcnn")("a good film"))
    """
    if weights not in TOLERANCES:
        raise InputError(f"`weights` must be {' or '.join(TOLERANCES)}; received: {weights!r}")
    labels = list(map(str, as_labels(labels)))
    check_parts(model, vectorizer, labels, thresholds)
    if reason := needs_tensorflow(model, vectorizer):
        raise InputError(f"{reason} needs TensorFlow; use export_saved_model")
    network, arrays = describe_network(model)
    spec = {
        "model": model.name,
        "labels": labels,
        "temperature": float(temperature),
        "thresholds": None if thresholds is None else [*map(float, thresholds)],
        "tokenizer": _tokenizer_of(vectorizer),
        "maximum_tokens": vectorizer.maximum_tokens,
        "fixed_length": vectorizer.fixed_length,
        "network": network,
    }
    documents = {"vocabulary": vectorizer.get_vocabulary(), "code_points": read_code_points().to_json()}
    with replacing(Path(path)) as partial:
        write_file(partial, spec, documents, arrays, weights=weights)
        _check_answers(partial, model, vectorizer, tolerance=TOLERANCES[weights])


def needs_tensorflow(model: keras.Model, vectorizer: TextVectorizer) -> str:
    """What can have no `model.textcnn`: of a model and a vectorizer; empty if they can."""
    if _tokenizer_of(vectorizer) is None:
        return "a tokenizer of your own"
    if any(layer.compute_dtype != "float32" for layer in model.layers):
        return "a model in bfloat16"
    return "" if model.name in MODELS else "a model of your own"


def _tokenizer_of(vectorizer: TextVectorizer) -> str | None:
    """The name of a vectorizer's tokenizer; None if it is one of the user's own."""
    unit = vectorizer.unit
    name = UNITS.get(unit, unit) if isinstance(unit, str) else None
    return name if name in TOKENIZERS else None


def _check_answers(path: Path, model: keras.Model, vectorizer: TextVectorizer, *, tolerance: float) -> None:
    """Compares the logits of random texts, so that no file is kept that answers something else.

    Raises:
        InputError: They differ: the model only looks like one from this package's builders.
    """
    network = LightPredictor(path).network
    random = np.random.default_rng(0)
    longest = min(vectorizer.maximum_tokens, 64)
    lengths = [0, 1, *random.integers(2, max(longest, 2) + 1, PROBES - 2)]
    texts = [random.integers(1, len(vectorizer.get_vocabulary()), min(length, longest), np.int32) for length in lengths]
    width = model.input_shape[1] or longest
    padded = np.stack([np.pad(ids, (0, width - len(ids))) for ids in texts])
    expected = np.asarray(model(padded, training=False))
    if not np.allclose(network.logits(texts), expected, rtol=tolerance, atol=tolerance):
        raise InputError(f"{model.name} is not what its builder makes; use export_saved_model")
