import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.layers.pooled_conv1d import DistinctTokens, PooledConv1D
from keras_textcnn.layers.pooling import TextAveragePooling, TextMaxPooling
from tests.conftest import make_ids


def test_distinct_tokens_lays_the_texts_end_to_end() -> None:
    rows, places, spans = DistinctTokens(2)(np.array([[7, 9, 7], [0, 0, 0], [9, 4, 0]], np.int32))
    assert rows.numpy().tolist() == [0, 7, 9, 4]
    assert rows.numpy()[places].tolist() == [7, 9, 7, 0, 0, 0, 0, 0, 9, 4, 0, 0]
    assert spans.numpy().tolist() == [[0, 3], [5, 0], [8, 2]]


@pytest.mark.parametrize("window", [1, 2, 4])
@pytest.mark.parametrize("poolings", [("max",), ("average",), ("max", "average")])
def test_pooled_convolution_has_the_gradients_of_kerass_own_layers(window: int, poolings: tuple[str, ...]) -> None:
    random = np.random.default_rng(window)
    ids = make_ids(random, [0, 1, 5, 9], 9).astype(np.int32) % 6  # few different ids: windows repeat, and tie
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
