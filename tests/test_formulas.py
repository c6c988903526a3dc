"""Compares the formulas with NumPy, SciPy and Keras."""

import keras
import numpy as np
import pytest
from scipy import signal, special
from sklearn.metrics import log_loss

from keras_textcnn import formulas


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(11)


def test_discrete_convolution_is_numpys(random: np.random.Generator) -> None:
    f, g = random.normal(size=7), random.normal(size=3)
    np.testing.assert_allclose(formulas.discrete_convolution(f, g), np.convolve(f, g))


def test_a_networks_convolution_is_the_discrete_one_with_the_kernel_turned_round(random: np.random.Generator) -> None:
    x, w = random.normal(size=9), random.normal(size=4)
    ours = formulas.convolve(x[:, None], w[:, None, None])[:, 0]
    np.testing.assert_allclose(ours, np.convolve(x, w[::-1], mode="valid"))
    np.testing.assert_allclose(ours, formulas.discrete_convolution(x, w[::-1])[3:-3])


@pytest.mark.parametrize(("n", "k"), [(5, 1), (5, 2), (5, 5), (12, 7), (4, 5)])
def test_convolution_leaves_n_minus_k_plus_1_places(random: np.random.Generator, n: int, k: int) -> None:
    x, w, b = random.normal(size=(n, 3)), random.normal(size=(k, 3, 4)), random.normal(size=4)
    ours = formulas.convolve(x, w, b)
    assert ours.shape == (n - k + 1, 4)
    if k > n:
        return  # there is no position for the window
    layer = keras.layers.Conv1D(4, k)
    layer.build((None, n, 3))
    layer.set_weights([w, b])
    np.testing.assert_allclose(layer(x[None].astype(np.float32))[0], ours, atol=1e-5)


@pytest.mark.parametrize("window", [1, 2, 3, 4])
def test_padding_is_what_keras_calls_same(random: np.random.Generator, window: int) -> None:
    x, w = random.normal(size=(6, 2)), random.normal(size=(window, 2, 3))
    layer = keras.layers.Conv1D(3, window, padding="same")
    layer.build((None, 6, 2))
    layer.set_weights([w, np.zeros(3)])
    ours = formulas.convolve(formulas.pad(x, window), w)
    np.testing.assert_allclose(layer(x[None].astype(np.float32))[0], ours, atol=1e-5)


def test_image_convolution_is_scipys_correlation(random: np.random.Generator) -> None:
    x, w = random.normal(size=(6, 5, 2)), random.normal(size=(3, 2, 2, 4))
    expected = [signal.correlate(x, w[..., f], mode="valid")[..., 0] for f in range(4)]
    np.testing.assert_allclose(formulas.convolve_image(x, w), np.stack(expected, axis=-1))


@pytest.mark.parametrize(("n", "pooling"), [(6, 2), (7, 2), (5, 5), (9, 4)])
def test_pooling_is_keras_own(random: np.random.Generator, n: int, pooling: int) -> None:
    x = random.normal(size=(n, 3)).astype(np.float32)
    np.testing.assert_allclose(formulas.max_pool(x, pooling), keras.layers.MaxPooling1D(pooling)(x[None])[0])
    average = keras.layers.AveragePooling1D(pooling)(x[None])[0]
    np.testing.assert_allclose(formulas.average_pool(x, pooling), average, rtol=1e-6)


def test_softmax_sigmoid_and_losses(random: np.random.Generator) -> None:
    z, targets = random.normal(0, 30, (5, 4)), np.array([0, 3, 1, 1, 2])
    np.testing.assert_allclose(formulas.softmax(z), special.softmax(z, axis=-1))
    np.testing.assert_allclose(formulas.sigmoid(z / 9), special.expit(z / 9))
    p = formulas.softmax(z / 30)
    assert formulas.cross_entropy(p, targets) == pytest.approx(log_loss(targets, p, labels=range(4)))
    p, several = formulas.sigmoid(z / 30), random.integers(0, 2, z.shape)
    expected = np.mean([log_loss(several[:, i], p[:, i], labels=[0, 1]) for i in range(4)])
    assert formulas.binary_cross_entropy(p, several) == pytest.approx(expected)


def test_softmax_of_two_is_the_sigmoid_of_their_difference(random: np.random.Generator) -> None:
    z = random.normal(size=(6, 2))
    np.testing.assert_allclose(formulas.softmax(z)[:, 1], formulas.sigmoid(z[:, 1] - z[:, 0]))
