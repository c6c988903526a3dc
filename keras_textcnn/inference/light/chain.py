"""Models whose layers follow one another, in NumPy: conv1d-stack, conv2d and the character CNNs, a text at a time.

Where all texts are padded to one length, the padding makes one long row of equal features. It is kept as a single row
that stands for all others, so that its length costs nothing.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_textcnn.inference.light.arrays import Arrays
from keras_textcnn.inference.light.head import Head
from keras_textcnn.inference.light.products import OneHotProducts, Products
from keras_textcnn.inference.light.spec import LARGEST_POOLING, MOST_LAYERS, check_number, check_size

AT_ONCE = 2**13  # tokens of a text whose products are asked for at once


@dataclasses.dataclass(frozen=True)
class Features:
    """The features of a text between two layers.

    Attributes:
        rows: float32 (rows, ..., filters), one for each position; the last stands for all further positions as well.
        positions: Number of positions, padding included.
        length: Positions that have something of the text; those after it have only padding.
    """

    rows: np.ndarray
    positions: int
    length: int

    def extended(self, rows: int) -> np.ndarray:
        """The rows with copies of the last one, up to a number of rows or to the last position."""
        missing = min(rows, self.positions) - len(self.rows)
        return self.rows if missing <= 0 else np.concatenate([self.rows, np.repeat(self.rows[-1:], missing, axis=0)])


Layer = Callable[[Features], Features]


class ChainNetwork:
    """The logits of texts: an embedding, layers one after another, and a head.

    Args:
        arrays: The weights: embedding, and those of the layers by their names.
        spec: layers (a list of objects, each with the `kind` of a layer and its options) and hidden (a number).
        vocabulary_size: Number of ids.
        positions: The length that all texts are padded to; None: none are.

    Attributes:
        num_classes: Number of logits.
        exact: False: what parts of a text add to the logits cannot be told.
    """

    exact = False

    def __init__(self, arrays: Arrays, spec: Mapping[str, Any], vocabulary_size: int, *, positions: int | None) -> None:
        first, *others = spec["layers"]
        if len(others) > MOST_LAYERS or (positions is None and any(one["kind"] == "flattening" for one in others)):
            raise ValueError("it has too many layers, or some for texts of one length")
        self._positions = positions
        features = arrays.size_of("hidden_1.kernel" if spec["hidden"] else "logits.kernel")
        self._begin = FIRST[first["kind"]](arrays, first, vocabulary_size)
        self._layers: list[Layer] = [LAYERS[one["kind"]](arrays, one, features) for one in others]
        self._head = Head(arrays, features, hidden=spec["hidden"])
        self.num_classes = self._head.num_classes
        if self._pool(np.zeros(0, np.intp)).shape != (features,):
            raise ValueError("its layers do not fit together")

    def logits(self, texts: Sequence[Sequence[int]]) -> np.ndarray:
        """float32 (texts, num_classes), from the ids of each text."""
        if not texts:
            return np.zeros((0, self.num_classes), np.float32)
        return self._head.logits(np.stack([self._pool(np.array(ids, np.intp)) for ids in texts]))

    def _pool(self, ids: np.ndarray) -> np.ndarray:
        """What the head reads of a text, float32 (features,)."""
        positions = self._positions or len(ids)
        if not positions:
            ids, positions = np.zeros(1, np.intp), 1  # the model reads a place of padding
        features = self._begin(ids, positions)
        for layer in self._layers:
            features = layer(features)
        return features.rows


class _Embedding:
    """Looks up the vector of each id."""

    def __init__(self, arrays: Arrays, spec: Mapping[str, Any], vocabulary_size: int) -> None:
        self._vectors = arrays.take("embedding", (vocabulary_size, None))

    def __call__(self, ids: np.ndarray, positions: int) -> Features:
        length = int(np.count_nonzero(ids))
        rows = self._vectors[np.append(ids, 0)[:positions]]
        return Features(rows[:, :, None], positions, length)


class _EmbeddedConvolution:
    """An embedding, learned or one-hot, and the convolution that follows it: sums of products, computed once each."""

    def __init__(self, arrays: Arrays, spec: Mapping[str, Any], vocabulary_size: int) -> None:
        if spec["one_hot"]:
            kernel = arrays.take(f"{spec['name']}.kernel", (None, vocabulary_size - 2, None))
            self._products: Products | OneHotProducts = OneHotProducts(kernel)
        else:
            vectors = arrays.take("embedding", (vocabulary_size, None))
            kernel = arrays.take(f"{spec['name']}.kernel", (None, vectors.shape[1], None))
            self._products = Products(vectors, kernel)
        self._window, _, self._filters = kernel.shape
        self._bias = arrays.take(f"{spec['name']}.bias", (self._filters,))
        self._at_once = min(AT_ONCE, max(self._products.capacity - self._window, 1))
        self._before = (self._window - 1) // 2 if _is_same(spec) else 0
        self._same = _is_same(spec)

    def __call__(self, ids: np.ndarray, positions: int) -> Features:
        length = int(np.count_nonzero(ids))
        after = self._window - 1 - self._before
        if self._same:
            padded, left = np.pad(ids, (self._before, after)), positions
        else:
            left = positions - self._window + 1
            padded = np.pad(ids, (0, self._window))[:positions]
        number = len(padded) - self._window + 1
        step = self._at_once
        sums = [self._sum(padded[begin : begin + step + self._window - 1]) for begin in range(0, number, step)]
        return Features(np.maximum(np.concatenate(sums), 0), left, length)

    def _sum(self, ids: np.ndarray) -> np.ndarray:
        """The features without ReLU at the tokens where a whole window begins: float32 (tokens, filters)."""
        products, places = self._products.find(ids)
        number = len(ids) - self._window + 1
        summed: np.ndarray = products[0].take(places[:number], axis=0)
        summed += self._bias
        for place in range(1, self._window):
            summed += products[place].take(places[place : place + number], axis=0)
        return summed


def _is_same(spec: Mapping[str, Any]) -> bool:
    if spec["padding"] not in ("same", "valid"):
        raise ValueError(f"a padding is {spec['padding']}")
    return bool(spec["padding"] == "same")


def _convolution(arrays: Arrays, spec: Mapping[str, Any], features: int) -> Layer:
    """A convolution over positions, with ReLU."""
    kernel = arrays.take(f"{spec['name']}.kernel", (None, None, None))
    bias = arrays.take(f"{spec['name']}.bias", kernel.shape[2:])
    window = len(kernel)
    before = (window - 1) // 2 if _is_same(spec) else 0

    def convolve(text: Features) -> Features:
        if spec["padding"] == "same":  # there is no padding in the texts of such models
            rows, positions = np.pad(text.rows, ((before, window - 1 - before), (0, 0))), text.positions
        else:
            rows, positions = text.extended(len(text.rows) + window - 1), text.positions - window + 1
        number = len(rows) - window + 1
        made = sum(rows[place : place + number] @ kernel[place] for place in range(window))
        return Features(np.maximum(made + bias, 0), positions, min(text.length, positions))

    return convolve


def _square_convolution(arrays: Arrays, spec: Mapping[str, Any], features: int) -> Layer:
    """A convolution over positions and columns that keeps their number, with ReLU; padding is zero before it."""
    kernel = arrays.take(f"{spec['name']}.kernel", (None, None, None, None))
    side, across, channels, filters = kernel.shape
    if side != across:
        raise ValueError(f"{spec['name']} is not square")
    bias = arrays.take(f"{spec['name']}.bias", (filters,))
    before = (side - 1) // 2
    weights = kernel.reshape(-1, filters)

    def convolve(text: Features) -> Features:
        rows = text.extended(len(text.rows) + before)
        around = (before, side - 1 - before)
        padded = np.pad(rows, (around, around, (0, 0)))
        squares = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
        squares = squares.transpose(0, 1, 3, 4, 2).reshape(-1, side * side * channels)
        made = np.maximum(squares @ weights + bias, 0)
        return dataclasses.replace(text, rows=made.reshape(*rows.shape[:2], filters))

    return convolve


def _pooling(arrays: Arrays, spec: Mapping[str, Any], features: int) -> Layer:
    """The maximum over positions, in groups; in squares of positions and columns, or with the rest as a group."""
    size = check_size("pooling", spec["size"], 1, LARGEST_POOLING)

    def pool(text: Features) -> Features:
        if spec["rest"]:
            if len(text.rows) < text.positions:
                raise ValueError("its layers do not fit together")
            positions = -(-text.positions // size)
            rows = np.pad(text.rows, ((0, positions * size - len(text.rows)), (0, 0)))  # features are not negative
        else:
            positions = text.positions // size
            rows = text.extended(-(-(len(text.rows) - 1) // size) * size + size)[: positions * size]
        made = rows.reshape(len(rows) // size, size, *rows.shape[1:]).max(1)
        if spec["square"]:
            columns = made.shape[1] // size
            made = made[:, : columns * size].reshape(len(made), columns, size, -1).max(2)
        return Features(made, positions, min(-(-text.length // size), positions))

    return pool


def _normalization(arrays: Arrays, spec: Mapping[str, Any], features: int) -> Layer:
    """A normalization of each filter, and zeros for padding."""
    scale = arrays.take(f"{spec['name']}.scale", (None,))
    shift = arrays.take(f"{spec['name']}.shift", scale.shape)

    def normalize(text: Features) -> Features:
        rows = text.rows[: min(text.length + 1, text.positions)] * scale + shift
        rows[text.length :] = 0
        return dataclasses.replace(text, rows=rows)

    return normalize


def _flattening(arrays: Arrays, spec: Mapping[str, Any], features: int) -> Layer:
    """All positions side by side, each multiplied by a factor."""
    factor = np.float32(check_number("factor", spec["factor"]))

    def flatten(text: Features) -> Features:
        if text.positions * text.rows[0].size != features:
            raise ValueError("its layers do not fit together")
        return dataclasses.replace(text, rows=text.extended(text.positions).ravel() * factor)

    return flatten


def _last_pooling(arrays: Arrays, spec: Mapping[str, Any], features: int) -> Layer:
    """The maximum of each filter over all positions and, where asked for, its mean over the text."""

    def pool(text: Features) -> Features:
        made = text.rows.max(0) if text.length or not spec["mean"] else np.zeros_like(text.rows[0])
        if spec["mean"]:
            made = np.concatenate([made, text.rows.mean(0) if text.length else np.zeros_like(made)])
        return dataclasses.replace(text, rows=made)

    return pool


FIRST: dict[str, Callable[..., Callable[[np.ndarray, int], Features]]] = {
    "embedding": _Embedding,
    "embedded_convolution": _EmbeddedConvolution,
}
LAYERS = {
    "convolution": _convolution,
    "square_convolution": _square_convolution,
    "pooling": _pooling,
    "normalization": _normalization,
    "flattening": _flattening,
    "last_pooling": _last_pooling,
}
