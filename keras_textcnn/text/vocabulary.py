"""Tokens and their ids: count them, number them, look them up in the graph."""

import heapq
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

PADDING, UNKNOWN = "[PAD]", "[UNK]"  # a token that spells so, which --tokenizer spaces can make, is unknown
UNKNOWN_ID = 1
# Zhang, Zhao and LeCun (2015), section 2.2, print 70 characters, but the hyphen twice; the space is none of them.
ZHANG_ALPHABET = (*"abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+=<>()[]{}", "\n")


class Ids(Protocol):
    """Where the ids of many texts lie one after the other: in memory, in files."""

    def read(self, start: int, length: int) -> np.ndarray:
        """int32 (length,), from a position on."""

    def read_all(self, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """int32 (sum of the lengths,): what `read` gives for each start and length, one after the other."""


def build_vocabulary(counts: Iterable[tuple[str, int]], *, size: int, minimum_count: int = 1) -> dict[str, int]:
    """The most frequent tokens, the most frequent first, equals in alphabetical order, each with its count.

    Args:
        counts: Each token once, with how often it stands in the training split.
        size: The most ids, padding and unknown included.
        minimum_count: Rarer tokens are unknown.
    """
    reserved = (PADDING, UNKNOWN)
    kept = ((-count, token) for token, count in counts if count >= minimum_count and token not in reserved)
    return {token: -negative for negative, token in heapq.nsmallest(size - 2, kept)}


def lookup_table(vocabulary: Sequence[str]) -> tf.lookup.StaticHashTable:
    """A table from token (string) to id (int32), unknown tokens to 1."""
    tokens = tf.constant(vocabulary[2:], tf.string)
    ids = tf.range(2, len(vocabulary), dtype=tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tokens, ids), UNKNOWN_ID)


def encode(tokens: tf.RaggedTensor, table: tf.lookup.StaticHashTable, *, maximum_tokens: int) -> tf.RaggedTensor:
    """Ids of the first `maximum_tokens` tokens of each text: int32 (texts, tokens), ragged."""
    return tf.ragged.map_flat_values(table.lookup, tokens[:, :maximum_tokens])
