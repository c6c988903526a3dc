"""Tokens and their ids: builds a vocabulary, and looks tokens up in the graph."""

import heapq
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

PADDING, UNKNOWN = "[PAD]", "[UNK]"  # a token spelled like these, which --tokenizer spaces can make, is unknown
UNKNOWN_ID = 1
# Zhang, Zhao and LeCun (2015), section 2.2, list 70 characters, but the hyphen twice; the space is not among them.
ZHANG_ALPHABET = (*"abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+=<>()[]{}", "\n")


class Ids(Protocol):
    """The ids of many texts, one after another, in memory or in files."""

    def read(self, start: int, length: int) -> np.ndarray:
        """int32 (length,): the ids from a position on."""

    def read_all(self, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """int32 (sum of the lengths,): what `read` returns for each start and length, one after another."""


def build_vocabulary(counts: Iterable[tuple[str, int]], *, size: int, minimum_count: int = 1) -> dict[str, int]:
    """The most frequent tokens with their counts, most frequent first, ties in alphabetical order.

    Args:
        counts: Each token once, with its count in the training split.
        size: The largest number of ids, including padding and unknown.
        minimum_count: Rarer tokens are unknown.
    """
    reserved = (PADDING, UNKNOWN)
    kept = ((-count, token) for token, count in counts if count >= minimum_count and token not in reserved)
    return {token: -negative for negative, token in heapq.nsmallest(size - 2, kept)}


def lookup_table(vocabulary: Sequence[str]) -> tf.lookup.StaticHashTable:
    """A table from token (string) to id (int32); unknown tokens have 1."""
    tokens = tf.constant(vocabulary[2:], tf.string)
    ids = tf.range(2, len(vocabulary), dtype=tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tokens, ids), UNKNOWN_ID)


def encode(tokens: tf.RaggedTensor, table: tf.lookup.StaticHashTable, *, maximum_tokens: int) -> tf.RaggedTensor:
    """Ids of the first `maximum_tokens` tokens of each text: int32 (texts, tokens), ragged."""
    return tf.ragged.map_flat_values(table.lookup, tokens[:, :maximum_tokens])
