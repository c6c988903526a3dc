import itertools

import keras
import numpy as np
import pytest

from keras_textcnn.models import BUILDERS, build_conv1d


def forward(model: keras.Model, ids: np.ndarray, windows: tuple[int, ...]) -> np.ndarray:
    """Kim's equations, a text at a time: c_i = w . x_{i:i+h-1} + b, max over i, ReLU, softmax's logits."""
    weights = {variable.path: variable.numpy() for variable in model.weights}
    logits = []
    for row in ids:
        length = int((row != 0).sum())
        pooled = []
        for window in windows:
            x = np.zeros((max(length, window), weights["embedding/embeddings"].shape[1]))
            x[:length] = weights["embedding/embeddings"][row[:length]]
            kernel, bias = weights[f"conv_{window}/kernel"], weights[f"conv_{window}/bias"]
            starts = range(len(x) - window + 1)
            pooled.append(np.max([np.einsum("td,tdf->f", x[i : i + window], kernel) + bias for i in starts], axis=0))
        logits.append(np.maximum(np.concatenate(pooled), 0) @ weights["logits/kernel"] + weights["logits/bias"])
    return np.array(logits)


def make_ids(random: np.random.Generator, lengths: list[int], tokens: int) -> np.ndarray:
    return np.array([[*random.integers(1, 30, length), *[0] * (tokens - length)] for length in lengths])


def randomize(model: keras.Model, random: np.random.Generator) -> None:
    model.set_weights([random.normal(0, 0.5, weight.shape) for weight in model.get_weights()])


@pytest.mark.parametrize(
    ("windows", "dimensions", "filters", "labels"), [((3, 4, 5), 7, 6, 2), ((1,), 3, 4, 5), ((2, 9), 12, 10, 3)]
)
def test_equals_the_formula(windows: tuple[int, ...], dimensions: int, filters: int, labels: int) -> None:
    random = np.random.default_rng(dimensions)
    model = build_conv1d(
        vocabulary_size=30, labels=labels, dimensions=dimensions, windows=windows, filters=filters, dropout=0.5
    )
    randomize(model, random)
    ids = make_ids(random, [0, 1, 2, 5, 13, 20], 20)
    np.testing.assert_allclose(model(ids), forward(model, ids, windows), atol=1e-5, rtol=1e-5)


def test_padding_changes_nothing() -> None:
    random = np.random.default_rng(0)
    model = build_conv1d(vocabulary_size=30, labels=3, dimensions=8, windows=(1, 3, 5), filters=16)
    randomize(model, random)
    lengths = [1, 4, 9]
    ids = make_ids(random, lengths, 9)
    for padding in (0, 1, 7, 300):
        padded = np.pad(ids, [(0, 0), (0, padding)])
        np.testing.assert_array_equal(model(padded), model(ids))
    alone = [model(ids[i : i + 1, :length])[0] for i, length in enumerate(lengths)]
    np.testing.assert_allclose(alone, model(ids), atol=1e-6)


def test_parameters_by_formula() -> None:
    model = build_conv1d(vocabulary_size=30, labels=3, dimensions=8, windows=(2, 5), filters=16)
    assert model.count_params() == 30 * 8 + sum(window * 8 * 16 + 16 for window in (2, 5)) + (2 * 16 + 1) * 3


def test_gradients_equal_finite_differences() -> None:
    import tensorflow as tf

    random = np.random.default_rng(5)
    model = build_conv1d(vocabulary_size=30, labels=3, dimensions=4, windows=(2, 3), filters=5)
    randomize(model, random)
    ids, truth = make_ids(random, [3, 6], 6), np.array([2, 0])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(truth, model(ids), from_logits=True))
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])

    def loss_at() -> float:
        logits = forward(model, ids, (2, 3))
        return float(
            np.mean([np.log(np.exp(row).sum()) - row[label] for row, label in zip(logits, truth, strict=True)])
        )

    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        gradient, value = tf.convert_to_tensor(gradient).numpy(), variable.numpy()
        for place in itertools.islice(zip(*np.nonzero(gradient), strict=True), 4):
            change = np.zeros_like(value)
            change[place] = 1e-2
            variable.assign(value + change)
            above = loss_at()
            variable.assign(value - change)
            below = loss_at()
            variable.assign(value)
            assert gradient[place] == pytest.approx((above - below) / 2e-2, rel=0.02, abs=1e-4)


@pytest.mark.parametrize("size", [{"filters": 0}, {"labels": 0}, {"windows": (0, 1)}, {"windows": ()}])
def test_refuses_sizes_that_are_not_positive(size: dict[str, object]) -> None:
    name = next(iter(size))
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1. Received: {name}=0"):
        build_conv1d(**{"vocabulary_size": 9, "labels": 2, **size})


def test_is_the_builder_of_its_name() -> None:
    assert BUILDERS["conv1d"] is build_conv1d
