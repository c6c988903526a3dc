"""Loads the trained model of a finished run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from keras_textcnn.errors import InputError
from keras_textcnn.models.factory import build_model
from keras_textcnn.own_functions import give_functions, is_own
from keras_textcnn.persistence.run import Run
from keras_textcnn.persistence.weights import check_weights, load_weights


def load_model(run: Run | str | Path, *, model: Callable[..., Any] | None = None) -> keras.Model:
    """A run's trained model, from ids, int32 (batch, tokens), to logits, float32 (batch, num_classes).

    Args:
        run: A finished run, or its directory.
        model: The builder, if the run has one of the user's own: the run only names it.

    Raises:
        InputError: There is no run, it is damaged, its builder is missing, or another version wrote it; in the last two
            cases, its SavedModel still works.

    Example:
        model = keras_textcnn.load_model("runs/reuters-r8")
    """
    run = run if isinstance(run, Run) else Run.open(run)
    if not run.current:
        raise InputError(
            f"{run.directory} was written by another version, whose models have other layers; use its SavedModel, or "
            "train again"
        )
    functions = {} if model is None else {"model": model}
    config = give_functions(run.config(), run.directory, functions, needed=("model",))
    sizes = {"vocabulary_size": len(run.read_lines("vocabulary.txt")), "num_classes": len(run.read_lines("labels.txt"))}
    run.check(run.weights.name)
    with tf.Graph().as_default():  # weights take no memory in a graph
        parameters = build_model(config, **sizes).count_params()
    try:
        check_weights(run.weights, parameters)
        trained = build_model(config, **sizes)
        load_weights(trained, run.weights)
    except InputError as error:
        if is_own(config.model):  # the file has not changed
            raise InputError(
                f"the weights of {run.directory} do not fit the model of {config.model}; give the function "
                "that built it"
            ) from error
        raise
    return trained
