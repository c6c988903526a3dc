"""What a training would hold, counted before it begins."""

import math

import keras
import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.convolution import PooledConv1D
from keras_textcnn.corpus import TRAIN
from keras_textcnn.encoding import Encoded
from keras_textcnn.errors import InputError
from keras_textcnn.models import SHORTEST
from keras_textcnn.ngrams import NgramLogits
from keras_textcnn.store import TokenizedCorpus

# What a run holds beside the libraries, in bytes, measured: whatever it does; for each text; for each provisional id;
# for each weight (moments, best and first values, matrix, a copy for the checkpoint); for each number in a batch's
# layers; for each score.
WORKING_BYTES, TEXT_BYTES, ENTRY_BYTES = 120 * 2**20, 150, 24
WEIGHT_BYTES, LAYER_BYTES, SCORE_BYTES = 44, 4, 40


def check_memory(config: TrainConfig, model: keras.Model, tokenized: TokenizedCorpus, encoded: Encoded) -> None:
    """Raises InputError if training would hold more than --memory says."""
    scored, longest = int((encoded.splits != TRAIN).sum()), int(tokenized.lengths.max())
    longest = config.maximum_tokens if config.model in SHORTEST else min(config.maximum_tokens, longest)
    layers = sum(_numbers_a_text(layer, longest) for layer in model.layers)
    batch = max(
        2 * config.batch_size, config.prediction_batch_size
    )  # a training step keeps its layers for the gradient
    needed = (
        WORKING_BYTES
        + batch * layers * LAYER_BYTES
        + len(encoded.splits) * TEXT_BYTES
        + tokenized.entries * ENTRY_BYTES
        + model.count_params() * WEIGHT_BYTES
        + scored * len(encoded.labels) * SCORE_BYTES
        + _label_bytes(encoded)
    ) // 2**20
    if config.memory and needed > config.memory:
        raise InputError(
            f"{len(encoded.splits):,} texts, {len(encoded.vocabulary):,} tokens and {len(encoded.labels):,} labels "
            f"need about {needed:,} MiB, {batch * layers * LAYER_BYTES // 2**20:,} of them for the layers of a batch: "
            "raise --memory, or lower --vocabulary-size, --filters or --maximum-tokens"
        )


def _label_bytes(encoded: Encoded) -> int:
    """What the labels of the training texts take, once by different sets and once by texts, for their weights."""
    examples = encoded.examples["train"]
    if isinstance(examples.targets, np.ndarray):
        return 0
    sizes = np.diff(examples.targets.indptr)
    return 8 * int(sizes.sum() + sizes[examples.rows].sum())


def _numbers_a_text(layer: keras.Layer, tokens: int) -> int:
    """How many numbers a batch holds of a layer for each text of so many tokens."""
    if isinstance(layer, (PooledConv1D, NgramLogits)):
        return layer.numbers_a_token * tokens
    return sum(
        math.prod(tokens if size is None else size for size in output.shape[1:])
        for output in keras.tree.flatten(layer.output)
    )
