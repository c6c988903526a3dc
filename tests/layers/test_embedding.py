import numpy as np
import tensorflow as tf

from keras_textcnn.layers.embedding import OneHotEmbedding, TokenEmbedding


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
