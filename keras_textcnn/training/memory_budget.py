"""The memory that a training needs, estimated before it begins."""

import dataclasses
import math
from collections.abc import Iterator

import keras
import numpy as np

from keras_textcnn.config import TrainConfig, without_effect
from keras_textcnn.data.batching import Examples
from keras_textcnn.data.corpus import TRAIN
from keras_textcnn.data.preprocessing import Encoded
from keras_textcnn.data.shards import ShardedIds
from keras_textcnn.data.tokenized import TokenizedCorpus
from keras_textcnn.errors import InputError
from keras_textcnn.layers.ngram_logits import NgramLogits, count_ngrams
from keras_textcnn.layers.pooled_conv1d import PooledConv1D
from keras_textcnn.layers.vector_mean_logits import VectorMeanLogits
from keras_textcnn.presets import MOST_SUBWORD_LABELS, MOST_SUBWORD_TOKENS, MOST_SUBWORD_WORK
from keras_textcnn.utils.blocks import MOST_DECIDING
from keras_textcnn.utils.log import logger

# The memory of a run in addition to the libraries, in bytes, as measured: a fixed part; for each text; for each
# provisional id; for each weight (moments, best and first values, matrix, a copy for the checkpoint); for each number
# in a batch's layers; for each score that decides, where a text has one label and where it may have several.
WORKING_BYTES, TEXT_BYTES, ENTRY_BYTES = 120 * 2**20, 150, 24
WEIGHT_BYTES, LAYER_BYTES, SCORE_BYTES = 44, 4, (30, 56)
# For each n-gram of a solved part: row, column and count, as lists, sparse matrices and the solver's copy. For each
# number of a mean vector: the number, its standardized value and the solver's copy.
NGRAM_BYTES, MEAN_BYTES = 60, 24
# For each running token, whose text has up to ten parts of words more by it: their weights, and the solver's copy.
# For each target of a text that may have several labels: it, its weight and the solver's copy.
SUBWORD_BYTES, TARGET_BYTES = 370, 16
SUBWORD_SHARE = 4  # the part of --memory that they may take by default

# Limits of the linear model of n-grams: rows for n-grams of two or more tokens; weights in these rows, and in the
# tokens' rows.
MOST_BUCKETS, MOST_BUCKET_NUMBERS, MOST_WORD_NUMBERS = 2**18, 2**25, 2**24
BUCKETS_A_NGRAM = 8  # so that few n-grams share a row: even TREC, with 26,064 different pairs, gets the most rows
BLOCK_TOKENS = 2**18  # tokens whose n-grams are counted at once


def size_ngrams(config: TrainConfig, encoded: Encoded) -> TrainConfig:
    """Fills in the sizes of the linear model of n-grams that the settings do not give, and whether it has subwords.

    Every row has a weight for each label, so with many labels there are fewer rows.
    """
    if not config.ngrams:
        return config
    labels, tokens = len(encoded.labels), len(encoded.vocabulary)
    buckets, words = config.ngram_buckets, config.ngram_words
    if buckets is None and config.ngrams > 1:
        blocks = _blocks(encoded.examples["train"])
        ngrams = count_ngrams(blocks, longest=config.ngrams, most=MOST_BUCKETS // BUCKETS_A_NGRAM)
        wanted = min(_power_of_two(BUCKETS_A_NGRAM * ngrams), MOST_BUCKETS)
        buckets = min(wanted, _power_of_two(MOST_BUCKET_NUMBERS // labels + 1) // 2 or 1)
        if buckets < wanted:
            bound = f"limited to {MOST_BUCKET_NUMBERS:,} weights"
            logger.info(
                f"n-grams: {buckets:,} rows for {labels:,} labels, {bound}; --ngram-buckets sets the number of rows"
            )
    if words is None and tokens > (most := max(MOST_WORD_NUMBERS // labels, 1)):
        words = most
        bound = f"limited to {MOST_WORD_NUMBERS:,} weights"
        logger.info(
            f"n-grams: only the {words:,} most frequent tokens have a row for {labels:,} labels, {bound}; "
            "--ngram-words sets their number"
        )
    config = dataclasses.replace(config, ngram_buckets=buckets, ngram_words=words)
    if config.subwords is None and not without_effect(vars(config), "subwords"):
        config = dataclasses.replace(config, subwords=_can_afford_subwords(config, encoded))
    return config


def _can_afford_subwords(config: TrainConfig, encoded: Encoded) -> bool:
    """Whether subwords pay, and are solved in seconds and in a small part of the memory."""
    if config.ngram_svm:  # there are few texts (tests/benchmarks/ACCURACY.md)
        return False
    running, labels = int(encoded.examples["train"].lengths.sum()), len(encoded.labels)
    if config.memory and _subword_bytes(config, encoded) > config.memory * 2**20 / SUBWORD_SHARE:
        return False
    few = running <= MOST_SUBWORD_TOKENS and labels <= MOST_SUBWORD_LABELS
    return few and running * labels <= MOST_SUBWORD_WORK


def _subword_bytes(config: TrainConfig, encoded: Encoded) -> int:
    """The bytes of the features of all texts' parts of words and, with several labels, of their dense targets."""
    lengths = encoded.examples["train"].lengths
    targets = len(lengths) * len(encoded.labels) if config.task.several else 0
    return SUBWORD_BYTES * int(lengths.sum()) + TARGET_BYTES * targets


def _power_of_two(number: int) -> int:
    """The power of two at or above a number."""
    return 1 << max(number - 1, 0).bit_length()


def _blocks(examples: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields blocks of texts, of one text or up to `BLOCK_TOKENS` tokens: the ids and the texts' lengths."""
    lengths = examples.lengths.astype(np.int64)
    ends = np.cumsum(lengths)
    first, begin = 0, 0
    while first < len(ends):
        after = max(int(np.searchsorted(ends, begin + BLOCK_TOKENS, "right")), first + 1)
        texts = slice(first, after)
        ids = examples.ids.read_all(examples.starts[texts], lengths[texts])
        yield examples.renumber[ids], lengths[texts]
        first, begin = after, int(ends[after - 1])


def fit_into_memory(config: TrainConfig, model: keras.Model, tokenized: TokenizedCorpus, encoded: Encoded) -> None:
    """Raises InputError if training would need more memory than --memory allows.

    The ids of shards are loaded into memory if there is room for them.
    """
    scored = len(encoded.splits) if config.inner_folds else int((encoded.splits != TRAIN).sum())
    longest = int(tokenized.lengths.max())
    longest = config.maximum_tokens if config.family.fixed_length else min(config.maximum_tokens, longest)
    layers = sum(_numbers_a_text(layer, longest) for layer in model.layers)
    batch = max(
        2 * config.batch_size, config.prediction_batch_size
    )  # a training step keeps its layers' outputs for the gradient
    needed = (
        WORKING_BYTES
        + batch * layers * LAYER_BYTES
        + len(encoded.splits) * TEXT_BYTES
        + tokenized.entries * ENTRY_BYTES
        + model.count_params() * WEIGHT_BYTES
        + min(scored * len(encoded.labels), MOST_DECIDING) * SCORE_BYTES[config.task.several]
        + _label_bytes(encoded)
        + _solver_bytes(config, encoded)
    ) // 2**20
    if config.memory and needed > config.memory:
        raise InputError(
            f"{len(encoded.splits):,} texts, {len(encoded.vocabulary):,} tokens and {len(encoded.labels):,} labels "
            f"need about {needed:,} MiB, {batch * layers * LAYER_BYTES // 2**20:,} of them for the layers of a batch; "
            "raise --memory, or lower --vocabulary-size, --filters or --maximum-tokens"
        )
    if isinstance(tokenized.ids, ShardedIds) and needed + tokenized.ids.megabytes <= (config.memory or 0):
        tokenized.ids.load()


def _solver_bytes(config: TrainConfig, encoded: Encoded) -> int:
    """The bytes of the solved parts' features, for all texts at once."""
    examples = encoded.examples["train"]
    ngrams = int(examples.lengths.sum()) * (config.ngrams or 0) if config.ngram_svm else 0
    subwords = _subword_bytes(config, encoded) if config.subwords else 0
    means = len(examples.lengths) * (config.dimensions or 0) if config.vector_mean else 0
    return 0 if config.from_run else NGRAM_BYTES * ngrams + subwords + MEAN_BYTES * means


def _label_bytes(encoded: Encoded) -> int:
    """The bytes of the training texts' labels: once for each different set and, for class weights, once per text."""
    examples = encoded.examples["train"]
    if isinstance(examples.row_targets, np.ndarray):
        return 0
    sizes = np.diff(examples.row_targets.indptr)
    return 8 * int(sizes.sum() + sizes[examples.rows].sum())


def _numbers_a_text(layer: keras.Layer, tokens: int) -> int:
    """The numbers that a batch holds for a layer, for each text of `tokens` tokens."""
    if isinstance(layer, (PooledConv1D, NgramLogits, VectorMeanLogits)):
        return layer.numbers_a_token * tokens
    outputs = [output for node in layer._inbound_nodes for output in node.output_tensors]  # of each use of the layer
    return sum(math.prod(tokens if size is None else size for size in output.shape[1:]) for output in outputs)
