import itertools
from typing import Any

import keras
import numpy as np
import pytest

from keras_textcnn import formulas
from keras_textcnn.models.conv1d import build_conv1d, build_conv1d_stack
from keras_textcnn.presets import MODELS
from tests.conftest import make_ids, randomize, weights_of

POOLING = {"max": lambda maps: maps.max(axis=0), "average": lambda maps: maps.mean(axis=0)}


def dense(features: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Hidden layers with ReLU, then the logits."""
    for number in range(1, 1 + sum("hidden" in name for name in weights) // 2):
        features = formulas.relu(features @ weights[f"hidden_{number}/kernel"] + weights[f"hidden_{number}/bias"])
    return features @ weights["logits/kernel"] + weights["logits/bias"]


def forward(
    model: keras.Model, ids: np.ndarray, windows: tuple[int, ...], poolings: tuple[str, ...] = ("max",)
) -> np.ndarray:
    """Kim's equations, a text at a time: c_i = relu(w . x_{i:i+h-1} + b), pooled over i, then the logits."""
    weights = weights_of(model)
    tables = [weights[name] for name in ("static_embedding/embeddings", "embedding/embeddings") if name in weights]
    logits = []
    for row in ids:
        words = row[row != 0]
        pooled = []
        for window in windows:
            x = np.zeros((max(len(words), window), sum(table.shape[1] for table in tables)))
            x[: len(words)] = np.concatenate([table[words] for table in tables], axis=1)
            c = formulas.relu(formulas.convolve(x, weights[f"conv_{window}/kernel"], weights[f"conv_{window}/bias"]))
            pooled += [POOLING[name](c) for name in poolings]
        logits.append(dense(np.concatenate(pooled), weights))
    return np.array(logits)


@pytest.mark.parametrize(
    ("sizes", "dimensions"),
    [
        ({"windows": (3, 4, 5), "filters": 6, "num_classes": 2}, 7),
        ({"windows": (1,), "filters": 4, "num_classes": 5}, 3),
        ({"windows": (2, 9), "filters": 10, "num_classes": 3}, 12),
        ({"windows": (2, 3), "filters": 5, "num_classes": 3, "poolings": ("average",)}, 4),
        ({"windows": (1, 4), "filters": 5, "num_classes": 2, "poolings": ("max", "average"), "hidden": (6,)}, 4),
        ({"windows": (3,), "filters": 5, "num_classes": 4, "hidden": (7, 4), "multichannel": True, "max_norm": 3.0}, 5),
    ],
)
def test_equals_the_formula(sizes: dict[str, Any], dimensions: int) -> None:
    random = np.random.default_rng(dimensions)
    model = build_conv1d(vocabulary_size=30, dimensions=dimensions, **sizes)
    randomize(model, random)
    ids = make_ids(random, [0, 1, 2, 5, 13, 20], 20)
    expected = forward(model, ids, sizes["windows"], sizes.get("poolings", ("max",)))
    np.testing.assert_allclose(model(ids), expected, atol=1e-5, rtol=1e-5)


def test_padding_changes_nothing() -> None:
    random = np.random.default_rng(0)
    model = build_conv1d(
        vocabulary_size=30, num_classes=3, dimensions=8, windows=(1, 3, 5), filters=16, poolings=("max", "average")
    )
    randomize(model, random)
    lengths = [1, 4, 9]
    ids = make_ids(random, lengths, 9)
    for padding in (0, 1, 7, 300):
        padded = np.pad(ids, [(0, 0), (0, padding)])
        np.testing.assert_array_equal(model(padded), model(ids))
    alone = [keras.ops.softmax(model(ids[i : i + 1, :length])[0]) for i, length in enumerate(lengths)]
    np.testing.assert_allclose(alone, keras.ops.softmax(model(ids)), atol=1e-6)


def test_parameters_by_formula() -> None:
    model = build_conv1d(vocabulary_size=30, num_classes=3, dimensions=8, windows=(2, 5), filters=16)
    assert model.count_params() == 30 * 8 + sum(window * 8 * 16 + 16 for window in (2, 5)) + (2 * 16 + 1) * 3
    model = build_conv1d(
        vocabulary_size=30, num_classes=3, dimensions=8, windows=(2, 5), filters=16, poolings=("max", "average"),
        hidden=(9,), multichannel=True,
    )  # fmt: skip
    convolutions = sum(window * 16 * 16 + 16 for window in (2, 5))
    assert model.count_params() == 2 * 30 * 8 + convolutions + (4 * 16 + 1) * 9 + (9 + 1) * 3


def test_gradients_equal_finite_differences() -> None:
    import tensorflow as tf

    random = np.random.default_rng(5)
    model = build_conv1d(vocabulary_size=30, num_classes=3, dimensions=4, windows=(2, 3), filters=5)
    randomize(model, random)
    ids, targets = make_ids(random, [3, 6], 6), np.array([2, 0])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(targets, model(ids), from_logits=True))
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])

    def loss_at() -> float:
        logits = forward(model, ids, (2, 3))
        return float(
            np.mean([np.log(np.exp(row).sum()) - row[label] for row, label in zip(logits, targets, strict=True)])
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


@pytest.mark.parametrize("max_norm", [0.3, None])
def test_max_norm_keeps_the_weights_of_a_label_short(max_norm: float | None) -> None:
    keras.utils.set_random_seed(2)
    model = build_conv1d(vocabulary_size=30, num_classes=3, dimensions=4, windows=(2,), filters=5, max_norm=max_norm)
    model.compile(keras.optimizers.Adam(0.05), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    random = np.random.default_rng(1)
    model.fit(make_ids(random, [6] * 32, 6), random.integers(0, 3, 32), batch_size=8, epochs=5, verbose=0)
    lengths = np.linalg.norm(model.get_layer("logits").kernel.numpy(), axis=0)
    assert np.all(lengths <= 0.3 + 1e-5) == (max_norm is not None)


def stack_forward(model: keras.Model, ids: np.ndarray, windows: tuple[int, ...], pooling: int) -> np.ndarray:
    """Convolution, ReLU, pooling, convolution ...; then the last one's maximum, hidden layers, logits."""
    weights = weights_of(model)
    logits = []
    for row in ids:
        x = weights["embedding/embeddings"][row] * (row != 0)[:, None]
        for number in range(1, len(windows) + 1):
            if number > 1:
                x = formulas.max_pool(x, pooling)
            kernel, bias = weights[f"conv_{number}/kernel"], weights[f"conv_{number}/bias"]
            x = formulas.relu(formulas.convolve(x, kernel, bias))
        logits.append(dense(x.max(axis=0), weights))
    return np.array(logits)


@pytest.mark.parametrize(
    ("windows", "pooling", "tokens", "hidden"),
    [((5, 5), 5, 29, (8,)), ((5, 5), 5, 60, (8,)), ((2, 3, 2), 2, 23, ()), ((4,), 9, 11, (5, 6))],
)
def test_stack_equals_the_formula(windows: tuple[int, ...], pooling: int, tokens: int, hidden: tuple[int, ...]) -> None:
    random = np.random.default_rng(tokens)
    model = build_conv1d_stack(
        vocabulary_size=30, num_classes=3, tokens=tokens, dimensions=4, windows=windows, filters=6, pooling=pooling,
        hidden=hidden,
    )  # fmt: skip
    randomize(model, random)
    ids = make_ids(random, [0, 1, tokens // 2, tokens], tokens)
    np.testing.assert_allclose(model(ids), stack_forward(model, ids, windows, pooling), atol=1e-5, rtol=1e-5)


def test_the_tutorials_stack_by_formula() -> None:
    model = build_conv1d_stack(vocabulary_size=1000, num_classes=20, tokens=1000)
    convolutions = (5 * 100 * 128 + 128) + (5 * 128 * 128 + 128)
    assert model.count_params() == 1000 * 100 + convolutions + (128 + 1) * 128 + (128 + 1) * 20
    assert model.get_layer("conv_1").output.shape == (None, 996, 128)
    assert model.get_layer("pooling_1").output.shape == (None, 199, 128)
    assert model.get_layer("conv_2").output.shape == (None, 195, 128)


def test_the_shortest_text_of_the_stack() -> None:
    build_conv1d_stack(vocabulary_size=9, num_classes=2, tokens=29)
    with pytest.raises(ValueError, match="`tokens` must be at least 29 for these layers. Received: tokens=28"):
        build_conv1d_stack(vocabulary_size=9, num_classes=2, tokens=28)


@pytest.mark.parametrize("size", [{"filters": 0}, {"num_classes": 0}, {"windows": (0, 1)}, {"windows": ()}])
def test_refuses_sizes_that_are_not_positive(size: dict[str, object]) -> None:
    name = next(iter(size))
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1. Received: {name}=0"):
        build_conv1d(**{"vocabulary_size": 9, "num_classes": 2, **size})


def test_refuses_an_unknown_pooling() -> None:
    with pytest.raises(ValueError, match=r"`poolings` must be chosen from max, average. Received: poolings=\('min',\)"):
        build_conv1d(vocabulary_size=9, num_classes=2, poolings=("min",))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_called_as_its_builder(name: str) -> None:
    sizes = {"tokens": 128} if name in ("conv1d-stack", "conv2d") else {}
    assert MODELS[name].load_builder()(vocabulary_size=9, num_classes=2, **sizes).name == name
