"""Builds the model that the settings describe, and loads its vectors."""

import inspect
import re

import keras

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.preprocessing import Encoded
from keras_textcnn.errors import InputError
from keras_textcnn.layers.embedding import set_embedding
from keras_textcnn.presets import NO_VECTORS
from keras_textcnn.text import pretrained_vectors
from keras_textcnn.utils import devices


def build_model(config: TrainConfig, *, vocabulary_size: int, num_classes: int) -> keras.Model:
    """The model that a config describes.

    Raises:
        InputError: The sizes do not fit together.
    """
    config = config.resolved()
    build = config.family.load_builder()
    arguments = inspect.signature(build).parameters
    sizes = {name: getattr(config, name) for name in config.family.defaults if name in arguments}
    if config.family.fixed_length:
        sizes["tokens"] = config.maximum_tokens
    sizes |= {"vocabulary_size": vocabulary_size, "num_classes": num_classes}
    try:
        with devices.computing_in(config.precision):
            return build(**{name: size for name, size in sizes.items() if size is not None})
    except ValueError as error:
        reason = " ".join(str(error).split()).replace("`tokens`", "--maximum-tokens")
        reason = re.sub("`([a-z_]+)`", lambda name: f"--{name[1].replace('_', '-')}", reason)
        raise InputError(f"cannot build {config.model} with these settings: {reason}") from error


def load_vectors(config: TrainConfig, model: keras.Model, encoded: Encoded) -> None:
    """Loads the vectors that a corpus was encoded with, if any, into a model's embedding."""
    if config.vectors != NO_VECTORS:
        matrix = pretrained_vectors.embedding_matrix(
            encoded.vocabulary,
            encoded.found,
            dimensions=config.dimensions or 0,
            missing_deviation=config.missing_deviation,
            seed=config.seed,
        )
        set_embedding(model, matrix)
