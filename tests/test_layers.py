import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.layers import (
    DistinctTokens,
    OneHotEmbedding,
    PooledConv1D,
    TextAveragePooling,
    TextMask,
    TextMaxPooling,
    TokenEmbedding,
)
from tests.conftest import make_ids


def test_embedding_looks_up_rows_and_zeroes_padding() -> None:
    layer = TokenEmbedding(4, 3)
    layer.build((None, None))
    table = np.arange(12, dtype=np.float32).reshape(4, 3) + 1  # row 0 is not zero
    layer.embeddings.assign(table)
    ids = np.array([[2, 1, 0], [3, 0, 0]])
    np.testing.assert_array_equal(layer(ids), np.where(ids[:, :, None] == 0, 0, table[ids]))


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


def test_mask_zeroes_padding() -> None:
    features = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    ids = np.array([[2, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(TextMask()(features, ids), features * (ids != 0)[:, :, None])


@pytest.mark.parametrize("pooling", [TextMaxPooling, TextAveragePooling])
@pytest.mark.parametrize("window", [1, 2, 4])
def test_pooling_takes_the_windows_that_start_in_the_text(pooling: type, window: int) -> None:
    random = np.random.default_rng(window)
    lengths = [0, 1, 3, 6]
    ids = np.array([[1] * length + [0] * (6 - length) for length in lengths])
    features = random.normal(size=(4, 6, 5)).astype(np.float32)
    pool = {TextMaxPooling: np.max, TextAveragePooling: np.mean}[pooling]
    expected = [pool(features[i, : max(length - window + 1, 1)], axis=0) for i, length in enumerate(lengths)]
    np.testing.assert_allclose(pooling(window)(features, ids), expected, rtol=1e-5)


def test_distinct_tokens_lays_the_texts_end_to_end() -> None:
    rows, places, spans = DistinctTokens(2)(np.array([[7, 9, 7], [0, 0, 0], [9, 4, 0]], np.int32))
    assert rows.numpy().tolist() == [0, 7, 9, 4]
    assert rows.numpy()[places].tolist() == [7, 9, 7, 0, 0, 0, 0, 0, 9, 4, 0, 0]
    assert spans.numpy().tolist() == [[0, 3], [5, 0], [8, 2]]


@pytest.mark.parametrize("window", [1, 2, 4])
@pytest.mark.parametrize("poolings", [("max",), ("average",), ("max", "average")])
def test_pooled_convolution_has_the_gradients_of_kerass_own_layers(window: int, poolings: tuple[str, ...]) -> None:
    random = np.random.default_rng(window)
    ids = make_ids(random, [0, 1, 5, 9], 9).astype(np.int32) % 6  # few different ones: windows repeat, and tie
    ids = np.array([sorted(row, key=lambda id: id == 0) for row in ids], np.int32)
    table = tf.Variable(random.normal(size=(30, 3)).astype(np.float32) * (np.arange(30) != 0)[:, None])
    weights = random.normal(size=(4, 5 * len(poolings))).astype(np.float32)
    ours = PooledConv1D(5, window, poolings)
    ours.build((None, 3), (None,), (None, 2))
    ours.bias.assign(random.normal(size=5))
    with tf.GradientTape() as tape:
        rows, places, spans = DistinctTokens(window - 1)(ids)
        pooled = ours(tf.nn.embedding_lookup(table, rows), places, spans)
        loss = tf.reduce_sum(weights * pooled)
    found = tape.gradient(loss, [table, ours.kernel.value, ours.bias.value])
    with tf.GradientTape() as tape:
        padded = tf.pad(tf.nn.embedding_lookup(table, ids), [[0, 0], [0, window - 1], [0, 0]])
        features = tf.nn.relu(tf.nn.conv1d(padded, ours.kernel.value, 1, "VALID") + ours.bias.value)
        layers = {"max": TextMaxPooling(window), "average": TextAveragePooling(window)}
        expected = tf.concat([layers[name](features, ids) for name in poolings], axis=1)
        loss = tf.reduce_sum(weights * expected)
    np.testing.assert_allclose(pooled, expected, atol=1e-5)
    for one, other in zip(found, tape.gradient(loss, [table, ours.kernel.value, ours.bias.value]), strict=True):
        np.testing.assert_allclose(tf.convert_to_tensor(one), tf.convert_to_tensor(other), atol=1e-4)
