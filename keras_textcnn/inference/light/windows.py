"""Parallel windows in NumPy: conv1d with all its parts, and conv2d-windows, which is the same function."""

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from keras_textcnn.inference.light.arrays import Arrays
from keras_textcnn.inference.light.head import Head
from keras_textcnn.inference.light.linear import Ngrams, VectorMean
from keras_textcnn.inference.light.products import Products

BLOCK = 2048  # windows of a text whose features are in memory at once
POOLINGS = ("max", "average")


class WindowNetwork:
    """The logits of texts: parallel convolutions, poolings over the windows of a text, a head, and linear parts.

    The product of a vector and a kernel's row for one of its places is the same wherever the token occurs, so it is
    computed once, and a window's features are sums of such products.

    Args:
        arrays: The weights: embedding, conv_WINDOW.kernel and so on.
        spec: windows, poolings, hidden (a number), ngrams (a number), weighted and vector_mean (whether).
        vocabulary_size: Number of ids.

    Attributes:
        num_classes: Number of logits.
        exact: Whether what windows add to the logits can be told.
    """

    def __init__(self, arrays: Arrays, spec: Mapping[str, Any], vocabulary_size: int) -> None:
        self._windows, self._poolings = sorted(spec["windows"]), list(spec["poolings"])
        _check_windows(spec)
        vectors = arrays.take("embedding", (vocabulary_size, None))
        dimensions = vectors.shape[1]
        kernels = {size: arrays.take(f"conv_{size}.kernel", (size, dimensions, None)) for size in self._windows}
        self._filters = kernels[self._windows[0]].shape[2]
        self._bias = np.concatenate([arrays.take(f"conv_{size}.bias", (self._filters,)) for size in self._windows])
        self._features = len(self._bias) * len(self._poolings)
        self._head = Head(arrays, self._features, hidden=spec["hidden"])
        self._sort_features(spec["windows"])
        # Side by side: the first place of all windows, the second place of those that have one, and so on.
        by_place = [
            kernels[size][place] for place in range(self._windows[-1]) for size in self._windows if size > place
        ]
        self._products = Products(vectors, np.concatenate(by_place, axis=1), fewest=BLOCK + self._windows[-1])
        self.num_classes = self._head.num_classes
        self._linear: list[Ngrams | VectorMean] = []
        if spec["ngrams"]:
            self._linear.append(
                Ngrams(arrays, self.num_classes, longest=spec["ngrams"], weighted=bool(spec["weighted"]))
            )
        if spec["vector_mean"]:
            self._linear.append(VectorMean(arrays, vocabulary_size, self.num_classes))
        parts = 1 + len(self._linear)
        self._scales = arrays.take("scales", (parts,)) if self._linear else np.ones(1, np.float32)
        self.exact = not spec["hidden"]
        self._kernels: ModuleType | None = None

    def _sort_features(self, windows: Sequence[int]) -> None:
        """Sorts the head's first weights, from the poolings of each window to the windows of each pooling."""
        features = np.arange(self._features).reshape(len(windows), len(self._poolings), -1)
        order = features[np.argsort(windows)].transpose(1, 0, 2).ravel()
        self._head.kernels[0] = np.ascontiguousarray(self._head.kernels[0][order])

    def logits(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """float32 (texts, num_classes), from the ids of each text, int (tokens,)."""
        logits = self._scales[0] * self._head.logits(self._pool_all(texts))
        for scale, part in zip(self._scales[1:], self._linear, strict=True):
            logits += scale * part.logits(texts)
        return logits

    def use(self, kernels: ModuleType) -> None:
        """Computes with the module `kernels` from now on."""
        self._kernels = kernels
        for part in self._linear:
            if isinstance(part, Ngrams):
                part.kernels = kernels

    def _pool_all(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """The pooled features of texts, float32 (texts, len(poolings) * len(windows) * filters)."""
        if not texts:
            return np.zeros((0, self._features), np.float32)
        if self._kernels is None or not self._products.has_room(sum(map(len, texts))):
            return np.stack([self._pool(ids) for ids in texts])
        ids, begins = self._kernels.lay_out(texts)
        rows, places = self._products.find(ids)
        width, mean = len(self._bias), "average" in self._poolings
        maxima = np.empty((len(texts), width), np.float32)
        means = np.empty((len(texts) if mean else 1, width), np.float32)
        sizes = np.array(self._windows)
        self._kernels.pool_windows(rows, places, begins, sizes, self._places(), self._bias, mean, maxima, means)
        pooled = {"max": maxima, "average": means}
        return np.concatenate([pooled[pooling] for pooling in self._poolings], axis=1)

    def _places(self) -> np.ndarray:
        """Where the products of each place of each window begin in a row: int (windows, largest window)."""
        columns = np.zeros((len(self._windows), self._windows[-1]), np.intp)
        first = 0
        for place in range(self._windows[-1]):
            for window, size in enumerate(self._windows):
                if size > place:
                    columns[window, place] = first
                    first += self._filters
        return columns

    def _pool(self, ids: np.ndarray) -> np.ndarray:
        """The pooled features of a text, float32 (len(poolings) * len(windows) * filters,)."""
        largest, sums = np.float32(-np.inf), np.float32(0)
        for sums_of_products in self._sum_windows(ids):
            if "max" in self._poolings:
                largest = np.maximum(largest, np.maximum.reduce(sums_of_products, axis=0))
            if "average" in self._poolings:
                sums = sums + np.maximum(sums_of_products + self._bias, 0).sum(0)
        # ReLU is monotone, so it can come after the maximum.
        pooled = {
            "max": lambda: np.maximum(largest + self._bias, 0),
            "average": lambda: sums / np.repeat(self._counts(len(ids)), self._filters),
        }
        made = [pooled[pooling]() for pooling in self._poolings]
        return made[0] if len(made) == 1 else np.concatenate(made)

    @property
    def bias(self) -> np.ndarray:
        """The logits without any text, float32 (num_classes,)."""
        biases = [self._head.biases[-1], *(part.bias for part in self._linear)]
        return np.sum([scale * bias for scale, bias in zip(self._scales, biases, strict=True)], axis=0)

    def trace(self, ids: np.ndarray, output: int) -> tuple[np.ndarray, list[int]]:
        """What the windows and n-grams of a text add to a logit; with `bias`, they add up to it.

        Args:
            ids: int32 (tokens,).
            output: The logit.

        Returns:
            float32 (len(sizes), tokens), by the first token of the window or n-gram, at least one column; and their
            sizes.
        """
        added: list[np.ndarray] = []
        sizes: list[int] = []
        features = np.concatenate([*self._sum_windows(ids)])
        kernel = self._head.kernels[0][:, output].reshape(len(self._poolings), -1)
        for columns, size in self._columns():
            inside = features[: max(len(ids) - size + 1, 1), columns] + self._bias[columns]
            shares = self._shares(inside, kernel[:, columns])
            added.append(np.pad(self._scales[0] * shares, (0, max(len(ids), 1) - len(shares))))
            sizes.append(size)
        for scale, part in zip(self._scales[1:], self._linear, strict=True):
            for size, (shares, places) in enumerate(part.trace(ids), 1):
                row = np.zeros(max(len(ids), 1), np.float32)
                row[places] = scale * shares[:, output]
                added.append(row)
                sizes.append(size)
        return np.stack(added), sizes

    def _shares(self, features: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        """What each window adds through the poolings, (windows,), from its features, (windows, filters).

        Windows with the same maximum share it equally.
        """
        active = np.maximum(features, 0)
        added = np.zeros(len(features), np.float32)
        for pooling, weights in zip(self._poolings, kernel, strict=True):
            if pooling == "max":
                won = (features == features.max(0)).astype(np.float32)
                added += (active * won / won.sum(0)) @ weights
            else:
                added += active @ weights / np.float32(len(features))
        return added

    def _sum_windows(self, ids: np.ndarray) -> Iterator[np.ndarray]:
        """The sums of products for the windows that begin at each token, without bias, in blocks of tokens.

        Yields:
            float32 (tokens, len(windows) * filters): -inf where no window begins; at least one row.
        """
        width = len(self._bias)
        for begin in range(0, max(len(ids), 1), BLOCK):
            part = ids[begin : begin + BLOCK + self._windows[-1] - 1]
            if not len(part):
                yield np.zeros((1, width), np.float32)
                continue
            rows, places = self._products.find(part)
            products = rows.take(places, axis=0)
            summed, first = products[:, :width], width
            for place in range(1, min(self._windows[-1], len(part))):
                skipped = self._filters * sum(size <= place for size in self._windows)
                summed[:-place, skipped:] += products[place:, first : first + width - skipped]
                first += width - skipped
            for columns, size in self._columns():
                summed[max(max(len(ids) - size + 1, 1) - begin, 0) :, columns] = -np.inf
            yield summed[:BLOCK]

    def _columns(self) -> Iterator[tuple[slice, int]]:
        """The columns of each window's features, and its size."""
        for number, size in enumerate(self._windows):
            yield slice(number * self._filters, (number + 1) * self._filters), size

    def _counts(self, tokens: int) -> np.ndarray:
        """The number of windows of each size in a text."""
        return np.maximum(tokens - np.array(self._windows) + 1, 1).astype(np.float32)


def _check_windows(spec: Mapping[str, Any]) -> None:
    windows, poolings = spec["windows"], spec["poolings"]
    if not windows or len(set(windows)) < len(windows) or not all(type(size) is int and size > 0 for size in windows):
        raise ValueError(f"windows are {windows}")
    if not poolings or len(set(poolings)) < len(poolings) or not set(poolings) <= set(POOLINGS):
        raise ValueError(f"poolings are {poolings}")
