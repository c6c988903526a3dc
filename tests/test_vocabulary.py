from collections import Counter

import tensorflow as tf

from keras_textcnn.vocabulary import build_vocabulary, count_tokens, encode, lookup_table

TOKENS = tf.ragged.constant([["b", "a", "b"], [], ["c", "b", "é"]])


def test_counts_equal_a_counter_of_the_same_tokens() -> None:
    assert count_tokens(TOKENS) == Counter("babcb") + Counter(["é"])


def test_most_frequent_first_then_alphabetical() -> None:
    assert build_vocabulary(count_tokens(TOKENS), size=50) == ["[PAD]", "[UNK]", "b", "a", "c", "é"]


def test_size_counts_padding_and_unknown() -> None:
    assert build_vocabulary(count_tokens(TOKENS), size=4) == ["[PAD]", "[UNK]", "b", "a"]


def test_minimum_count() -> None:
    assert build_vocabulary(count_tokens(TOKENS), size=50, minimum_count=2) == ["[PAD]", "[UNK]", "b"]


def test_ids_of_known_and_unknown_tokens() -> None:
    table = lookup_table(["[PAD]", "[UNK]", "b", "a", "é"])
    ids = encode(tf.ragged.constant([["é", "x", "b", "a"], [], ["[PAD]", "b"]]), table, maximum_tokens=3)
    assert ids.dtype == tf.int32
    assert ids.to_list() == [[4, 1, 2], [], [1, 2]]
