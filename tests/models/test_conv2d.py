from typing import Any

import numpy as np
import pytest

from keras_textcnn import formulas
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.models.conv2d import build_conv2d, build_conv2d_windows
from tests.conftest import make_ids, normalize, randomize, weights_of


def forward(weights: dict[str, np.ndarray], row: np.ndarray, windows: tuple[int, ...], pooling: int) -> np.ndarray:
    """Square convolutions that keep the size, each with ReLU and square pooling; then flattened; one hidden layer."""
    x = (weights["embedding/embeddings"][row] * (row != 0)[:, None])[:, :, None]
    for number, window in enumerate(windows, 1):
        padded = formulas.pad(formulas.pad(x, window).swapaxes(0, 1), window).swapaxes(0, 1)
        kernel, bias = weights[f"conv_{number}/kernel"], weights[f"conv_{number}/bias"]
        x = formulas.relu(formulas.convolve_image(padded, kernel, bias))
        x = formulas.max_pool(formulas.max_pool(x, pooling).swapaxes(0, 1), pooling).swapaxes(0, 1)
        row = row[: len(x) * pooling : pooling]
        x = normalize(x, weights, f"normalization_{number}") * (row != 0)[:, None, None]
    hidden = formulas.relu(0.03 * x.ravel() @ weights["hidden_1/kernel"] + weights["hidden_1/bias"])
    return hidden @ weights["logits/kernel"] + weights["logits/bias"]


@pytest.mark.parametrize(
    ("tokens", "dimensions", "windows", "pooling"),
    [(9, 6, (3,), 2), (10, 7, (2,), 3), (1, 5, (3,), 1), (13, 8, (3, 4), 2)],
)
def test_equals_the_formula(tokens: int, dimensions: int, windows: tuple[int, ...], pooling: int) -> None:
    random = np.random.default_rng(tokens)
    sizes: dict[str, Any] = {"tokens": tokens, "dimensions": dimensions, "windows": windows, "pooling": pooling}
    model = build_conv2d(vocabulary_size=30, num_classes=3, filters=4, hidden=(5,), **sizes)
    randomize(model, random)
    ids = make_ids(random, [0, 1, tokens // 2, tokens], tokens)
    expected = [forward(weights_of(model), row, windows, pooling) for row in ids]
    np.testing.assert_allclose(model(ids), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("lengths", "windows", "pooling"),
    [([3, 9, 12], (3,), 2), ([12, 12], (3,), 2), ([0, 5, 1], (3,), 3), ([7, 2, 11, 4], (2, 3), 2)],
)
def test_normalization_counts_the_places_of_the_texts_alone(
    lengths: list[int], windows: tuple[int, ...], pooling: int
) -> None:
    random = np.random.default_rng(0)
    model = build_conv2d(
        vocabulary_size=30, num_classes=3, tokens=12, dimensions=8, windows=windows, pooling=pooling, filters=4
    )
    randomize(model, random)
    ids = make_ids(random, lengths, 12)
    before = weights_of(model)
    model(ids, training=True)
    after, rows = weights_of(model), ids
    images = [(before["embedding/embeddings"][row] * (row != 0)[:, None])[:, :, None] for row in ids]
    for number, window in enumerate(windows, 1):
        kernel, bias = before[f"conv_{number}/kernel"], before[f"conv_{number}/bias"]
        padded = [formulas.pad(formulas.pad(x, window).swapaxes(0, 1), window).swapaxes(0, 1) for x in images]
        features = [formulas.relu(formulas.convolve_image(x, kernel, bias)) for x in padded]
        pooled = [formulas.max_pool(formulas.max_pool(x, pooling).swapaxes(0, 1), pooling) for x in features]
        images = [x.swapaxes(0, 1) for x in pooled]
        rows = rows[:, : len(images[0]) * pooling : pooling]
        inside = np.concatenate([x[row != 0].reshape(-1, 4) for x, row in zip(images, rows, strict=True)])
        name = f"normalization_{number}"
        statistics = {"moving_mean": inside.mean(axis=0), "moving_variance": inside.var(axis=0)}
        for part, value in statistics.items():
            expected = 0.9 * before[f"{name}/{part}"] + 0.1 * value
            np.testing.assert_allclose(after[f"{name}/{part}"], expected, rtol=1e-4, atol=1e-5)
        own = {**before, **{f"{name}/{part}": value for part, value in statistics.items()}}
        images = [normalize(x, own, name) * (row != 0)[:, None, None] for x, row in zip(images, rows, strict=True)]


def test_the_tutorials_parameters_by_formula() -> None:
    model = build_conv2d(vocabulary_size=10_000, num_classes=2, tokens=100)
    assert model.get_layer("image").output.shape == (None, 100, 100, 1)
    assert model.get_layer("flattened").output.shape == (None, 50 * 50 * 64)
    assert model.count_params() == 10_000 * 100 + (3 * 3 * 64 + 64) + 4 * 64 + (50 * 50 * 64 + 1) * 64 + (64 + 1) * 2


@pytest.mark.parametrize(
    ("windows", "dimensions", "filters"), [((3, 4, 5), 7, 6), ((1,), 3, 4), ((1, 2, 3), 20, 9), ((8,), 5, 2)]
)
def test_filters_as_wide_as_the_image_are_the_parallel_conv1d(
    windows: tuple[int, ...], dimensions: int, filters: int
) -> None:
    random = np.random.default_rng(dimensions)
    sizes: dict[str, Any] = {"num_classes": 3, "dimensions": dimensions, "windows": windows, "filters": filters}
    flat = build_conv1d(vocabulary_size=30, **sizes)
    image = build_conv2d_windows(vocabulary_size=30, **sizes)
    randomize(flat, random)
    assert [variable.path for variable in image.weights] == [variable.path for variable in flat.weights]
    for ours, theirs in zip(image.weights, flat.weights, strict=True):
        ours.assign(np.reshape(theirs, ours.shape))  # (window, dimensions, filters) plus a channel
    for tokens in (1, 4, 20):
        ids = make_ids(random, [0, 1, tokens], tokens)
        np.testing.assert_allclose(image(ids), flat(ids), atol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"tokens": 3}, "`tokens` must be at least 4 for these layers. Received: tokens=3"),
        ({"dimensions": 3}, "`dimensions` must be at least 4 for these layers. Received: dimensions=3"),
        ({"pooling": 0}, "`pooling` must be at least 1. Received: pooling=0"),
    ],
)
def test_refuses_what_the_poolings_leave_nothing_of(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_conv2d(**{"vocabulary_size": 9, "num_classes": 2, "tokens": 8, "windows": (3, 3), **sizes})
