"""Tokenizers of the user's own."""

import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.data.corpus import Record
from keras_textcnn.data.shards import open_shards, write_shards
from keras_textcnn.data.tokenized import tokenize_corpus
from keras_textcnn.errors import InputError
from keras_textcnn.own_functions import OwnFunction
from keras_textcnn.text.own_tokenizer import check_tokenizer, find_separator


def at_commas(texts: tf.Tensor) -> tf.RaggedTensor:
    return tf.strings.split(texts, ",")


def test_tokens_are_valid_and_never_empty() -> None:
    split = check_tokenizer(at_commas, name="m:at_commas")
    tokens = split(tf.constant([b"a,,b c", b"", b"\xff,d"]))
    assert tokens.to_list() == [[b"a", b"b c"], [], ["\N{REPLACEMENT CHARACTER}".encode(), b"d"]]


def as_matrix(texts: tf.Tensor) -> tf.Tensor:
    return tf.strings.split(texts).to_tensor()


def as_ids(texts: tf.Tensor) -> tf.RaggedTensor:
    return tf.strings.to_hash_bucket_fast(tf.strings.split(texts), 9)


def as_one_row(texts: tf.Tensor) -> tf.RaggedTensor:
    return tf.strings.split(tf.strings.reduce_join(texts)[None])


def in_python(texts: tf.Tensor) -> tf.RaggedTensor:
    return tf.RaggedTensor.from_tensor([[text.decode()] for text in texts.numpy()])


def calling_back(texts: tf.Tensor) -> tf.RaggedTensor:
    lower = tf.numpy_function(lambda rows: np.array([row.lower() for row in rows], object), [texts], tf.string)
    return tf.strings.split(tf.ensure_shape(lower, [None]))


TABLE = []


def with_a_table(texts: tf.Tensor) -> tf.RaggedTensor:
    if not TABLE:
        with tf.init_scope():
            TABLE.append(tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], ["b"]), "?"))
    return tf.ragged.map_flat_values(TABLE[0].lookup, tf.strings.split(texts))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (as_matrix, r"must return a row of tokens .* it returns: EagerTensor of string, \(3, 7\)"),
        (as_ids, r"it returns: RaggedTensor of int64, \(3, None\)"),
        (as_one_row, r"for 3 texts it returns: RaggedTensor of string, \(1, None\)"),
        (in_python, r"m:f failed: AttributeError: .*numpy.* \(test_own_tokenizer.py:\d+\)"),
        (calling_back, "m:f uses Python code, which a SavedModel cannot hold"),
        (with_a_table, "m:f uses a table or a variable, which a SavedModel cannot hold"),
    ],
)
def test_what_is_wrong_with_a_tokenizer_is_one_line(function: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        check_tokenizer(function, name="m:f")
    assert "\n" not in str(raised.value)


def pairs(texts: tf.Tensor) -> tf.RaggedTensor:
    return tf.strings.ngrams(tf.strings.split(texts), 2)


@pytest.mark.parametrize(
    ("function", "separator"),
    [
        (tf.strings.split, " "),
        (at_commas, ","),
        (lambda texts: tf.strings.split(texts, ";"), ";"),
        (lambda texts: tf.strings.unicode_split(texts, "UTF-8"), ""),
        (pairs, None),
    ],
)
def test_what_joins_tokens_into_the_same_tokens(function: object, separator: str | None) -> None:
    assert find_separator(function, name="m:f") == separator


def test_two_tokenizers_of_one_name_are_not_taken_for_each_other() -> None:
    """As in a notebook whose cell is changed and run again."""
    records = [Record("train", "a b,c", "x")]
    for function, expected in ((at_commas, ["a b", "c"]), (lambda texts: tf.strings.split(texts), ["a", "b,c"])):
        corpus = tokenize_corpus(records, tokenizer=OwnFunction("__main__:split", function))
        assert [token for token, _ in corpus.tokens()] == expected


def test_shards_keep_tabs_and_line_ends_inside_tokens(tmp_path: Path) -> None:
    own = OwnFunction("m:at_commas", at_commas)
    write_shards([Record("train", "a\tb,c\nd,\\t", "x")], tmp_path / "shards", memory=4096, tokenizer=own)
    corpus = open_shards(tmp_path / "shards")
    assert [token for token, _ in corpus.tokens()] == ["\\t", "a\tb", "c\nd"]
    assert corpus.tokenizer == "m:at_commas"


def test_the_example_of_the_readme_splits_as_it_says() -> None:
    readme = (Path(__file__).parents[2] / "keras_textcnn" / "text" / "README.md").read_text("utf-8")
    namespace: dict[str, object] = {}
    exec(re.search(r"```python\n(import tensorflow.*?)```", readme, re.DOTALL)[1], namespace)
    split = check_tokenizer(namespace["split"], name="my_tokens.py:split")
    assert split(tf.constant(["Science Fiction, 1950s", ""])).to_list() == [[b"science fiction", b"1950s"], []]
