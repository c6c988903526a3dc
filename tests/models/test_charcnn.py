import string
from typing import Any

import keras
import numpy as np
import pytest

from keras_textcnn import formulas
from keras_textcnn.models.charcnn import build_charcnn, build_charcnn_zhang
from keras_textcnn.text.vocabulary import ZHANG_ALPHABET
from tests.conftest import make_ids, normalize, randomize, weights_of

ALPHABET = 71  # ids: 69 characters, padding, unknown


def embed(weights: dict[str, np.ndarray], row: np.ndarray, vocabulary_size: int) -> np.ndarray:
    if "embedding/embeddings" in weights:
        return weights["embedding/embeddings"][row] * (row != 0)[:, None]
    return np.eye(vocabulary_size)[row][:, 2:]


def forward(weights: dict[str, np.ndarray], row: np.ndarray, windows: tuple[int, ...], pooling: int) -> np.ndarray:
    """One text without padding: convolutions that keep its length, with pooling and normalization between them."""
    x = embed(weights, row[row != 0], 30)
    for number, window in enumerate(windows, 1):
        if number > 1:
            x = np.pad(x, [(0, -len(x) % pooling), (0, 0)])  # keeps the remainder: features are not negative
            x = formulas.max_pool(x, pooling)
            x = normalize(x, weights, f"normalization_{number - 1}")
        kernel, bias = weights[f"conv_{number}/kernel"], weights[f"conv_{number}/bias"]
        x = formulas.relu(formulas.convolve(formulas.pad(x, window), kernel, bias))
    pooled = np.concatenate([x.max(axis=0), x.mean(axis=0)])
    return pooled @ weights["logits/kernel"] + weights["logits/bias"]


@pytest.mark.parametrize(
    ("windows", "pooling", "embedding"),
    [((7, 5), 3, "learned"), ((2, 3, 4), 2, "learned"), ((3,), 3, "one-hot"), ((4, 1), 5, "one-hot")],
)
def test_equals_the_formula(windows: tuple[int, ...], pooling: int, embedding: Any) -> None:
    random = np.random.default_rng(pooling)
    model = build_charcnn(
        vocabulary_size=30,
        num_classes=3,
        dimensions=5,
        windows=windows,
        filters=6,
        pooling=pooling,
        embedding=embedding,
    )
    randomize(model, random)
    ids = make_ids(random, [1, 2, 3, 10, 16, 25], 25)
    expected = [forward(weights_of(model), row, windows, pooling) for row in ids]
    np.testing.assert_allclose(model(ids), expected, atol=1e-5, rtol=1e-5)


def test_padding_changes_nothing() -> None:
    random = np.random.default_rng(0)
    model = build_charcnn(vocabulary_size=30, num_classes=3, dimensions=5, filters=8)
    randomize(model, random)
    ids = make_ids(random, [0, 1, 4, 9, 20], 20)
    for padding in (1, 2, 7, 300):
        np.testing.assert_allclose(model(np.pad(ids, [(0, 0), (0, padding)])), model(ids), atol=1e-6)


def test_padding_does_not_count_in_the_normalization() -> None:
    random = np.random.default_rng(0)
    ids = make_ids(random, [6, 6, 6], 6)
    statistics = []
    for padding in (0, 60):
        keras.utils.set_random_seed(3)
        model = build_charcnn(vocabulary_size=30, num_classes=3, dimensions=5, filters=8)
        model(np.pad(ids, [(0, 0), (0, padding)]), training=True)
        weights = weights_of(model)
        statistics.append([weights[f"normalization_1/moving_{name}"] for name in ("mean", "variance")])
    np.testing.assert_allclose(statistics[0], statistics[1], atol=1e-6)


def test_parameters_by_formula() -> None:
    model = build_charcnn(vocabulary_size=60, num_classes=4, dimensions=16, windows=(7, 5), filters=10)
    convolutions = (7 * 16 * 10 + 10) + (5 * 10 * 10 + 10)
    assert model.count_params() == 60 * 16 + convolutions + 4 * 10 + (20 + 1) * 4


def test_the_papers_alphabet() -> None:
    """Section 2.2 counts 70 characters: letters, digits, 33 others and the line end. But it prints the hyphen twice."""
    printed = [*string.ascii_lowercase, *string.digits, *"-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{}", "\n"]
    assert len(printed) == 70
    assert len(set(printed)) == len(ZHANG_ALPHABET) == 69
    assert set(printed) == set(ZHANG_ALPHABET)


def zhang_forward(model: keras.Model, row: np.ndarray, vocabulary_size: int) -> np.ndarray:
    """Table 1 and table 2 of the paper, for one text."""
    weights = weights_of(model)
    x = embed(weights, row, vocabulary_size)
    for number, pooling in enumerate((3, 3, None, None, None, 3), 1):
        kernel, bias = weights[f"conv_{number}/kernel"], weights[f"conv_{number}/bias"]
        x = formulas.relu(formulas.convolve(x, kernel, bias))
        x = formulas.max_pool(x, pooling) if pooling else x
    x = x.ravel()
    for number in (1, 2):
        x = formulas.relu(x @ weights[f"hidden_{number}/kernel"] + weights[f"hidden_{number}/bias"])
    return x @ weights["logits/kernel"] + weights["logits/bias"]


@pytest.mark.parametrize(("tokens", "embedding"), [(123, "one-hot"), (131, "learned"), (150, "one-hot")])
def test_zhangs_equals_the_formula(tokens: int, embedding: Any) -> None:
    random = np.random.default_rng(tokens)
    model = build_charcnn_zhang(vocabulary_size=30, num_classes=3, tokens=tokens, dimensions=6, embedding=embedding)
    randomize(model, random, deviation=0.05)
    ids = make_ids(random, [0, 1, 40, tokens], tokens)
    expected = [zhang_forward(model, row, 30) for row in ids]
    np.testing.assert_allclose(model(ids), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("size", "filters", "units", "deviation"), [("small", 256, 1024, 0.05), ("large", 1024, 2048, 0.02)]
)
def test_zhangs_layers_by_the_papers_tables(size: Any, filters: int, units: int, deviation: float) -> None:
    """Table 1 (windows and poolings), table 2 (units), section 2.3 (a length of 34 = (1014 - 96) / 27; the weights)."""
    model = build_charcnn_zhang(vocabulary_size=ALPHABET, num_classes=4, size=size)
    table = [(7, 69), (7, filters), (3, filters), (3, filters), (3, filters), (3, filters)]
    count = sum(window * channels * filters + filters for window, channels in table)
    count += (34 * filters + 1) * units + (units + 1) * units + (units + 1) * 4
    assert model.count_params() == count
    assert model.get_layer("pooling_6").output.shape == (None, 34, filters)
    for layer in model.layers:
        if layer.weights:
            assert np.std(layer.kernel.numpy()) == pytest.approx(deviation, rel=0.05)
            assert abs(np.mean(layer.kernel.numpy())) < 0.1 * deviation
    first, second = (model.get_layer(f"conv_{number}").kernel.numpy() for number in (4, 5))
    assert np.any(first != second)  # drawn independently


def test_zhangs_shortest_text() -> None:
    build_charcnn_zhang(vocabulary_size=ALPHABET, num_classes=2, tokens=123)
    with pytest.raises(ValueError, match="`tokens` must be at least 123 for these layers. Received: tokens=122"):
        build_charcnn_zhang(vocabulary_size=ALPHABET, num_classes=2, tokens=122)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"size": "huge"}, "`size` must be one of small, large. Received: size=huge"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\). Received: dropout=1.0"),
        ({"embedding": "bert"}, "`embedding` must be learned or one-hot. Received: embedding=bert"),
        ({"vocabulary_size": 2}, "`vocabulary_size` must be at least 3. Received: vocabulary_size=2"),
    ],
)
def test_refuses(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_charcnn_zhang(**{"vocabulary_size": ALPHABET, "num_classes": 2, **sizes})
