"""Tokens and their ids: count them, number them, look them up in the graph."""

import collections
from collections.abc import Sequence

import tensorflow as tf

PADDING, UNKNOWN = "[PAD]", "[UNK]"  # no tokenizer of ours keeps a bracket inside a token
UNKNOWN_ID = 1


def count_tokens(tokens: tf.RaggedTensor) -> collections.Counter[str]:
    """Counts the tokens of a corpus.

    Args:
        tokens: string (texts, tokens), ragged.
    """
    counted = collections.Counter(tokens.flat_values.numpy().tolist())
    return collections.Counter({token.decode(): count for token, count in counted.items()})


def build_vocabulary(counts: collections.Counter[str], *, size: int, minimum_count: int = 1) -> list[str]:
    """The tokens by id: padding, unknown, then the most frequent first, equals in alphabetical order.

    Args:
        counts: How often each token stands in the training split.
        size: The most entries to keep, padding and unknown included.
        minimum_count: Rarer tokens are unknown.
    """
    kept = [token for token, count in counts.items() if count >= minimum_count]
    kept.sort(key=lambda token: (-counts[token], token))
    return [PADDING, UNKNOWN, *kept[: size - 2]]


def lookup_table(vocabulary: Sequence[str]) -> tf.lookup.StaticHashTable:
    """A table from token (string) to id (int32), unknown tokens to 1."""
    tokens = tf.constant(vocabulary[2:], tf.string)
    ids = tf.range(2, len(vocabulary), dtype=tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tokens, ids), UNKNOWN_ID)


def encode(tokens: tf.RaggedTensor, table: tf.lookup.StaticHashTable, *, maximum_tokens: int) -> tf.RaggedTensor:
    """Ids of the first `maximum_tokens` tokens of each text: int32 (texts, tokens), ragged."""
    return tf.ragged.map_flat_values(table.lookup, tokens[:, :maximum_tokens])
