import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_textcnn.layers.embedding import OneHotEmbedding, TokenEmbedding, find_embedding, set_embedding


def test_embedding_looks_up_rows_and_zeroes_padding() -> None:
    layer = TokenEmbedding(4, 3)
    layer.build((None, None))
    table = np.arange(12, dtype=np.float32).reshape(4, 3) + 1  # row 0 is not zeros
    layer.embeddings.assign(table)
    ids = np.array([[2, 1, 0], [3, 0, 0]])
    np.testing.assert_array_equal(layer(ids), np.where(ids[:, :, None] == 0, 0, table[ids]))


def test_embedding_starts_from_noise_but_for_padding_and_the_unknown_token() -> None:
    layer = TokenEmbedding(200, 50)
    layer.build((None, None))
    table = layer.embeddings.numpy()
    np.testing.assert_array_equal(table[:2], 0)
    assert abs(table[2:].std() - 0.1 / 12**0.5) < 1e-3  # uniform from -0.05 to 0.05
    assert np.abs(table[2:]).sum(axis=1).min() > 0.5


def test_embedding_has_a_gradient_of_the_rows_used() -> None:
    layer = TokenEmbedding(1000, 3)
    layer.build((None, None))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.constant([[7, 9, 7]])))
    gradient = tape.gradient(loss, layer.embeddings.value)
    assert isinstance(gradient, tf.IndexedSlices)
    assert gradient.indices.numpy().tolist() == [7, 9, 7]


def test_one_hot_embedding_has_zeros_for_padding_and_unknown() -> None:
    ids = np.array([[2, 1, 0], [4, 3, 0]])
    expected = [[[1, 0, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 1], [0, 1, 0], [0, 0, 0]]]
    np.testing.assert_array_equal(OneHotEmbedding(5)(ids), expected)


def make_model(*names: str) -> keras.Model:
    """A model of the sum of embeddings, with 7 rows in the first one and one less in each further one."""
    ids = keras.Input((None,), dtype="int32")
    embedded = [layers.Embedding(7 - number, 2, name=name)(ids) for number, name in enumerate(names)]
    return keras.Model(ids, layers.Add()(embedded) if len(embedded) > 1 else embedded[0])


def test_the_embedding_has_its_name_or_the_most_rows() -> None:
    assert find_embedding(make_model("words", "positions")).name == "words"
    assert find_embedding(make_model("words", "embedding")).name == "embedding"
    inputs = keras.Input((3,))
    assert find_embedding(keras.Model(inputs, layers.Dense(2)(inputs))) is None


def test_vectors_reach_the_embedding_of_an_inner_model() -> None:
    inner = make_model("words")
    ids = keras.Input((None,), dtype="int32")
    outer = keras.Model(ids, layers.GlobalMaxPooling1D()(inner(ids)))
    matrix = np.arange(14, dtype=np.float32).reshape(7, 2)
    set_embedding(outer, matrix)
    np.testing.assert_array_equal(outer(np.array([[1, 4]])), [matrix[4]])
    with pytest.raises(ValueError, match=r"`matrix` must have the embedding's shape \(7, 2\)"):
        set_embedding(outer, matrix[1:])
