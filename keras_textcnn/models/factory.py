"""Builds the model that the settings describe, and loads its vectors."""

import inspect
import re

import keras

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.preprocessing import Encoded
from keras_textcnn.errors import InputError
from keras_textcnn.layers.embedding import find_embedding, set_embedding
from keras_textcnn.models.own_model import build_own
from keras_textcnn.own_functions import is_own
from keras_textcnn.presets import NO_VECTORS
from keras_textcnn.text import pretrained_vectors
from keras_textcnn.utils import devices
from keras_textcnn.utils.log import logger


def build_model(config: TrainConfig, *, vocabulary_size: int, num_classes: int) -> keras.Model:
    """The model that a config describes.

    Raises:
        InputError: The sizes do not fit together, or a builder of the user's own does not build such a model.
    """
    config = config.resolved()
    build = config.family.load_builder()
    arguments = inspect.signature(build).parameters
    sizes = {name: getattr(config, name) for name in config.family.defaults if name in arguments}
    if config.family.fixed_length:
        sizes["tokens"] = config.maximum_tokens
    sizes |= {"vocabulary_size": vocabulary_size, "num_classes": num_classes}
    sizes = {name: size for name, size in sizes.items() if size is not None}
    try:
        with devices.computing_in(config.precision):
            return build_own(config.model, build, sizes) if is_own(config.model) else build(**sizes)
    except InputError:
        raise
    except ValueError as error:
        reason = " ".join(str(error).split()).replace("`tokens`", "--maximum-tokens")
        reason = re.sub("`([a-z_]+)`", lambda name: f"--{name[1].replace('_', '-')}", reason)
        raise InputError(f"cannot build {config.model} with these settings: {reason}") from error


def load_encoded_vectors(config: TrainConfig, model: keras.Model, encoded: Encoded) -> None:
    """Loads the vectors that a corpus was encoded with, if any, into a model's embedding."""
    if config.vectors == NO_VECTORS:
        return
    if (embedding := find_embedding(model)) is None:
        logger.warning(f"{config.model} has no embedding, so the vectors {config.vectors} are not used")
        return
    width = embedding.embeddings.shape[1]
    if width != encoded.dimensions:
        raise InputError(
            f"vectors of {encoded.dimensions} dimensions for the embedding of {config.model}, which has {width}; "
            "take `dimensions` as an argument there, or leave the vectors out with --vectors none"
        )
    matrix = pretrained_vectors.embedding_matrix(
        encoded.vocabulary,
        encoded.found,
        dimensions=config.dimensions or 0,
        missing_deviation=config.missing_deviation,
        seed=config.seed,
    )
    set_embedding(model, matrix)
