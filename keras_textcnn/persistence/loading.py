"""Loads the trained model of a finished run."""

import keras
import tensorflow as tf

from keras_textcnn.errors import InputError
from keras_textcnn.models.factory import build_model
from keras_textcnn.persistence.run import Run
from keras_textcnn.persistence.weights import check_weights, load_weights


def load_model(run: Run) -> keras.Model:
    """A run's trained model, from ids, int32 (batch, tokens), to logits, float32 (batch, num_classes).

    Raises:
        InputError: The run is damaged, or another version wrote it; in that case its SavedModel still works.
    """
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
