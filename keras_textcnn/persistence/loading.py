"""Loads the trained model of a finished run."""

from pathlib import Path

import keras
import tensorflow as tf

from keras_textcnn.errors import InputError
from keras_textcnn.models.factory import build_model
from keras_textcnn.persistence.run import Run
from keras_textcnn.persistence.weights import check_weights, load_weights


def load_model(run: Run | str | Path) -> keras.Model:
    """A run's trained model, from ids, int32 (batch, tokens), to logits, float32 (batch, num_classes).

    Args:
        run: A run, or its directory.

    Raises:
        InputError: There is no run, it is damaged, or another version wrote it, whose SavedModel still works.

    Example:
        model = keras_textcnn.load_model("runs/reuters-r8")
    """
    run = run if isinstance(run, Run) else Run.open(run)
    if not run.current:
        raise InputError(
            f"{run.directory} was written by another version, whose models have other layers; use its SavedModel, or "
            "train again"
        )
    config = run.config()
    sizes = {"vocabulary_size": len(run.read_lines("vocabulary.txt")), "num_classes": len(run.read_lines("labels.txt"))}
    run.check(run.weights.name)
    with tf.Graph().as_default():  # weights take no memory in a graph
        parameters = build_model(config, **sizes).count_params()
    check_weights(run.weights, parameters)
    model = build_model(config, **sizes)
    load_weights(model, run.weights)
    return model
