"""Models from a builder of the user's own: built, and checked before anything is trained."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_textcnn.errors import InputError
from keras_textcnn.own_functions import describe_failure, file_of

NAME = "own"  # of every such model, whatever its builder calls it
PROBABILITIES = ("softmax", "sigmoid")


def shortest_text(windows: Sequence[int], pooling: int) -> int:
    """The fewest tokens of a text for a model of fixed length; a builder that needs more raises an error."""
    return 1


def build_own(name: str, build: Callable[..., Any], sizes: Mapping[str, Any]) -> keras.Model:
    """The functional model of a user's builder.

    Args:
        name: The builder's name, for messages.
        build: The builder.
        sizes: Its arguments; with `tokens`, the model's input has that length.

    Raises:
        InputError: The builder fails, or its model is not one from int32 ids to logits.
    """
    try:
        model = build(**sizes)
    except Exception as error:
        raise InputError(f"{name} failed: {describe_failure(error, file_of(build))}") from error
    inputs, outputs = (getattr(model, side, None) or [] for side in ("inputs", "outputs"))
    if not isinstance(model, keras.Model) or not outputs:
        made = type(model).__name__
        raise InputError(f"{name} must return a functional model, keras.Model(ids, logits); it returns: {made}")
    _check_tensors(name, "input", "ids", inputs, dtype="int32", shape=(None, sizes.get("tokens")))
    _check_tensors(name, "output", "logits", outputs, dtype="float32", shape=(None, sizes["num_classes"]))
    if activation := probability_activation(model):
        raise InputError(
            f"{name} must return logits, but its last layer applies {activation}, which the loss and the export "
            "apply; leave it out"
        )
    return keras.Model(inputs[0], outputs[0], name=NAME)


def check_texts(name: str, model: keras.Model, *, vocabulary_size: int) -> list[str]:
    """Checks that a model of any length reads a text of one token; warns if padding changes what it answers.

    Args:
        name: The builder's name, for messages.
        model: From `build_own`.
        vocabulary_size: Number of its ids.

    Returns:
        The warnings.

    Raises:
        InputError: It cannot read such a text.
    """
    if model.input_shape[1] is not None:
        return []
    ids = np.array([[vocabulary_size - 1]], np.int32)
    try:
        with warnings.catch_warnings(action="ignore"):  # Keras has doubts about a softmax of one place
            logits, padded = (np.asarray(model(np.pad(ids, [(0, 0), (0, more)]), training=False)) for more in (0, 7))
    except Exception as error:
        raise InputError(
            f"{name} cannot read a text of one token; pad inside, or take `tokens` as an argument, to which all texts "
            f"are then padded ({describe_failure(error, None)})"
        ) from error
    if np.allclose(logits, padded, rtol=1e-4, atol=1e-5):
        return []
    return [f"padding changes what {name} answers, so that answers depend on the batch; mask the places where ids == 0"]


def _check_tensors(
    name: str, side: str, what: str, tensors: Sequence[Any], *, dtype: str, shape: tuple[int | None, int | None]
) -> None:
    """Raises InputError unless there is one tensor, of this type and shape."""
    received = ", ".join(f"{one.dtype} {_describe(one.shape)}" for one in tensors)
    if len(tensors) != 1 or tensors[0].dtype != dtype or tuple(tensors[0].shape) != shape:
        advice = f'keras.Input(({shape[1]},), dtype="int32")' if side == "input" else f"keras.layers.Dense({shape[1]})"
        if side == "output" and len(tensors) == 1 and tuple(tensors[0].shape) == shape:
            advice = f'dtype="{dtype}" in the last layer'
        raise InputError(
            f"the {side} of the model of {name} must be {what}, {dtype} {_describe(shape)}: {advice}; it is: {received}"
        )


def _describe(shape: Sequence[int | None]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"


def probability_activation(model: keras.Model) -> str:
    """Softmax or sigmoid, if the output of a model is one, as a layer or as an operation; otherwise an empty string."""
    outputs = getattr(model, "outputs", None)  # a model that is a class of its own has none
    last = outputs[0]._keras_history.operation if outputs else model.layers[-1]
    if isinstance(last, keras.Model):
        return probability_activation(last)
    activation = getattr(last, "activation", None) or type(last)
    name = str(getattr(activation, "__name__", "")).lower()
    return name if name in PROBABILITIES else ""
