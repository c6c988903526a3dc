"""`TextVectorizer` as Keras's `TextVectorization` is used: adapted, called, in a dataset, saved."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from keras_textcnn.errors import InputError
from keras_textcnn.text.tokenizers import tokenize
from keras_textcnn.text.vectorizer import TextVectorizer

TEXTS = ["A good film, a film!", "good", "", "\u00c9COLE \ufb01lm\u2028\u3000don't"]


@pytest.fixture(scope="module")
def vectorizer() -> TextVectorizer:
    adapted = TextVectorizer(maximum_tokens=6)
    adapted.adapt(TEXTS)
    return adapted


def test_the_vocabulary_is_the_most_frequent_tokens_first(vectorizer: TextVectorizer) -> None:
    tokens = [token.decode() for row in tokenize(tf.constant(TEXTS)).to_list() for token in row]
    counted = sorted(set(tokens), key=lambda token: (-tokens.count(token), token))
    assert vectorizer.get_vocabulary() == ["[PAD]", "[UNK]", *counted]
    assert vectorizer.get_vocabulary()[2:4] == ["film", "a"]


def test_ids_are_positions_in_the_vocabulary_padded_to_the_longest_text(vectorizer: TextVectorizer) -> None:
    ids = vectorizer(["a bad film", "good"])
    vocabulary = vectorizer.get_vocabulary()
    expected = [[vocabulary.index("a"), 1, vocabulary.index("film")], [vocabulary.index("good"), 0, 0]]
    np.testing.assert_array_equal(ids, expected)
    assert ids.dtype == tf.int32


def test_one_string_has_no_batch_and_no_text_has_one_column(vectorizer: TextVectorizer) -> None:
    np.testing.assert_array_equal(vectorizer("good film"), vectorizer(["good film"])[0])
    np.testing.assert_array_equal(vectorizer(["", " "]), [[0], [0]])
    assert vectorizer([]).shape == (0, 1)
    assert vectorizer(["a " * 9]).shape == (1, 6)
    assert vectorizer(pd.Series(["good"], index=[7])).shape == (1, 1)


def test_a_fixed_length_pads_every_text_to_it() -> None:
    fixed = TextVectorizer(maximum_tokens=5, fixed_length=True, vocabulary=["[PAD]", "[UNK]", "a"])
    np.testing.assert_array_equal(fixed(["a", "a b a b a b"]), [[2, 0, 0, 0, 0], [2, 1, 2, 1, 2]])


@pytest.mark.parametrize(
    ("unit", "text", "tokens"),
    [
        ("word", "Don't!", ["do", "n't", "!"]),
        ("character", "A b", ["a", " ", "b"]),
        ("space", "Don't! x", ["Don't!", "x"]),
        (lambda texts: tf.strings.split(texts, ","), "a b,c", ["a b", "c"]),
    ],
)
def test_units(unit: object, text: str, tokens: list[str]) -> None:
    adapted = TextVectorizer(unit)
    adapted.adapt([text])
    assert {*adapted.get_vocabulary()[2:]} == {*tokens}
    ids = {token: adapted.get_vocabulary().index(token) for token in tokens}
    np.testing.assert_array_equal(adapted(text), [ids[token] for token in tokens])


def test_it_maps_a_dataset_and_adapts_to_one(vectorizer: TextVectorizer) -> None:
    single, batched = TextVectorizer(), TextVectorizer()
    texts = tf.data.Dataset.from_tensor_slices(TEXTS)
    single.adapt(texts)
    batched.adapt(texts.batch(3))
    assert single.get_vocabulary() == batched.get_vocabulary() == vectorizer.get_vocabulary()
    (ids,) = texts.batch(4).map(vectorizer)
    np.testing.assert_array_equal(ids, vectorizer(TEXTS))


def test_a_model_that_holds_it_is_saved_and_loaded_with_its_odd_tokens(tmp_path: Path) -> None:
    adapted = TextVectorizer("character", maximum_tokens=9)
    adapted.adapt(["a\u0085b\u2028\nc\r\u00c9\x00"])
    model = keras.Sequential([keras.Input((), dtype="string"), adapted, keras.layers.Embedding(20, 3)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    texts = tf.constant(["b\n\u00e9", "c"])
    np.testing.assert_array_equal(loaded(texts), model(texts))
    assert loaded.layers[0].get_vocabulary() == adapted.get_vocabulary()


def test_rare_tokens_and_those_beyond_the_size_are_unknown() -> None:
    rare = TextVectorizer(minimum_count=2)
    rare.adapt(["a a b"])
    assert rare.get_vocabulary() == ["[PAD]", "[UNK]", "a"]
    small = TextVectorizer(vocabulary_size=3)
    small.adapt(["a a b"])
    assert small.get_vocabulary() == ["[PAD]", "[UNK]", "a"]


def test_what_is_wrong_is_said_in_one_line(vectorizer: TextVectorizer) -> None:
    with pytest.raises(InputError, match="^this vectorizer .* call adapt with the training texts first$"):
        TextVectorizer()(["a"])
    with pytest.raises(InputError, match="no tokens"):
        TextVectorizer().adapt(["", " "])
    with pytest.raises(InputError, match=r"`unit` must be one of word, character, space"):
        TextVectorizer("sentence")
    with pytest.raises(InputError, match="must begin with"):
        TextVectorizer(vocabulary=["a", "b"])
    with pytest.raises(InputError, match=r"^text 1 \(from 0\) is missing .*it in$"):  # and no line of Keras
        vectorizer(["a", None])
    with pytest.raises(InputError, match="maximum_tokens must be at least 1"):
        TextVectorizer(maximum_tokens=0)
    pairs = tf.data.Dataset.from_tensor_slices((["a", "b"], [0, 1]))
    with pytest.raises(InputError, match="a dataset of texts alone"):
        TextVectorizer().adapt(pairs)


def test_adapts_to_a_column_of_texts() -> None:
    column = TextVectorizer()
    column.adapt(tf.data.Dataset.from_tensor_slices([["a b"], ["a"]]).batch(2))
    assert column.get_vocabulary() == ["[PAD]", "[UNK]", "a", "b"]
