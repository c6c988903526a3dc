from collections import Counter

import tensorflow as tf

from keras_textcnn.text.vocabulary import build_vocabulary, encode, lookup_table

COUNTS = Counter("écabbb")


def test_most_frequent_first_then_alphabetical() -> None:
    assert list(build_vocabulary(COUNTS.items(), size=50).items()) == [("b", 3), ("a", 1), ("c", 1), ("é", 1)]


def test_size_counts_padding_and_unknown() -> None:
    assert list(build_vocabulary(COUNTS.items(), size=4)) == ["b", "a"]


def test_minimum_count() -> None:
    assert build_vocabulary(COUNTS.items(), size=50, minimum_count=2) == {"b": 3}


def test_the_names_of_padding_and_unknown_are_no_tokens() -> None:
    assert list(build_vocabulary([("[PAD]", 3), ("a", 1), ("[UNK]", 2)], size=50)) == ["a"]


def test_ids_of_known_and_unknown_tokens() -> None:
    table = lookup_table(["[PAD]", "[UNK]", "b", "a", "é"])
    ids = encode(tf.ragged.constant([["é", "x", "b", "a"], [], ["[PAD]", "b"]]), table, maximum_tokens=3)
    assert ids.dtype == tf.int32
    assert ids.to_list() == [[4, 1, 2], [], [1, 2]]
