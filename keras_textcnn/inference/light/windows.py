"""Parallel windows in NumPy: conv1d with all its parts, and conv2d-windows, which is the same function."""

import bisect
import itertools
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from keras_textcnn.inference.light.arrays import Arrays
from keras_textcnn.inference.light.batch import Batch
from keras_textcnn.inference.light.head import Head
from keras_textcnn.inference.light.linear import Ngrams, VectorMean
from keras_textcnn.inference.light.products import Products

BLOCK = 1024  # tokens whose features are in memory at once: they stay in the processor's caches
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
        _check_windows(spec)
        self._windows, self._poolings = sorted(spec["windows"]), list(spec["poolings"])
        self._largest = self._windows[-1]
        vectors = arrays.take("embedding", (vocabulary_size, None))
        kernels = [arrays.take(f"conv_{size}.kernel", (size, vectors.shape[1], None)) for size in self._windows]
        filters = kernels[0].shape[2]
        self._bias = np.stack([arrays.take(f"conv_{size}.bias", (filters,)) for size in self._windows])
        self._features = self._bias.size * len(self._poolings)
        self._head = Head(arrays, self._features, hidden=spec["hidden"])
        self._sort_features(spec["windows"])
        # The places of the first window, of the second one, and so on.
        self._products = Products(vectors, np.concatenate(kernels))
        self._block = min(BLOCK, max(self._products.capacity - self._largest, 1))
        self._firsts = [0, *itertools.accumulate(self._windows)][:-1]
        self.num_classes = self._head.num_classes
        self._linear: list[Ngrams | VectorMean] = []
        if spec["ngrams"]:
            self._linear.append(
                Ngrams(arrays, vocabulary_size, self.num_classes, longest=spec["ngrams"], weighted=spec["weighted"])
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

    def use(self, kernels: ModuleType | None) -> None:
        """Computes with the module `kernels` from now on; None: with NumPy alone."""
        self._kernels = kernels
        for part in self._linear:
            if isinstance(part, Ngrams):
                part.kernels = kernels

    def logits(self, texts: Sequence[Sequence[int]]) -> np.ndarray:
        """float32 (texts, num_classes), from the ids of each text."""
        if not texts:
            return np.zeros((0, self.num_classes), np.float32)
        batch = Batch.of(texts, shortest=self._largest)
        logits = self._head.logits(self._pool(batch))
        if self._linear:
            logits *= self._scales[0]
        for scale, part in zip(self._scales[1:], self._linear, strict=True):
            logits += scale * part.logits(batch)
        return logits

    def _pool(self, batch: Batch) -> np.ndarray:
        """The pooled features of texts, float32 (texts, len(poolings) * len(windows) * filters)."""
        shape = len(batch.begins), *self._bias.shape
        pooled = {pooling: np.empty(shape, np.float32) for pooling in self._poolings}
        maxima, sums = pooled.get("max"), pooled.get("average")
        if self._kernels is not None and self._products.has_room(len(batch.ids)):
            products, places = self._products.find(batch.ids)
            self._kernels.pool(products, places, batch, self._windows, self._firsts, self._bias, maxima, sums)
        else:
            self._pool_blocks(batch, maxima, sums)
        if maxima is not None:  # ReLU is monotone, so it can come after the maximum
            maxima += self._bias
            np.maximum(maxima, 0, out=maxima)
        if sums is not None:
            counts = np.array([[_count(length, size) for size in self._windows] for length in batch.lengths])
            sums /= counts.astype(np.float32)[:, :, None]
        return np.concatenate([each.reshape(len(batch.begins), -1) for each in pooled.values()], axis=1)

    def _pool_blocks(self, batch: Batch, maxima: np.ndarray | None, sums: np.ndarray | None) -> None:
        """Writes the maxima of the sums of products, and the sums of features, in blocks of tokens.

        Args:
            batch: The texts.
            maxima, sums: float32 (texts, len(windows), filters), if they are wanted.
        """
        if maxima is not None:
            maxima[:] = -np.inf
        if sums is not None:
            sums[:] = 0
        for start in range(0, len(batch.ids), self._block):
            products, places = self._products.find(batch.ids[start : start + self._block + self._largest - 1])
            first = max(bisect.bisect_right(batch.begins, start) - 1, 0)
            last = bisect.bisect_left(batch.begins, start + self._block)
            for window, size in enumerate(self._windows):
                summed = self._sum(products, places, window)
                for text in range(first, last):
                    its = batch.begins[text] - start
                    inside = summed[max(its, 0) : max(min(its + _count(batch.lengths[text], size), self._block), 0)]
                    if not len(inside):
                        continue
                    if maxima is not None:
                        best = maxima[text, window]
                        np.maximum(best, np.maximum.reduce(inside, axis=0), out=best)
                    if sums is not None:
                        sums[text, window] += np.maximum(inside + self._bias[window], 0).sum(0)

    def _sum(self, products: np.ndarray, places: np.ndarray, window: int) -> np.ndarray:
        """The sums of products for a window at each token, without bias: float32 (tokens, filters)."""
        first = self._firsts[window]
        summed: np.ndarray = products[first].take(places, axis=0)
        for place in range(1, self._windows[window]):
            summed[:-place] += products[first + place].take(places[place:], axis=0)
        return summed

    @property
    def bias(self) -> np.ndarray:
        """The logits without any text, float32 (num_classes,)."""
        biases = [self._head.biases[-1], *(part.bias for part in self._linear)]
        total: np.ndarray = np.sum([scale * bias for scale, bias in zip(self._scales, biases, strict=True)], axis=0)
        return total

    def trace(self, text: Sequence[int], output: int) -> tuple[np.ndarray, list[int]]:
        """What the windows and n-grams of a text add to a logit; with `bias`, they add up to it.

        Args:
            text: Its ids.
            output: The logit.

        Returns:
            float32 (len(sizes), tokens), by the first token of the window or n-gram, at least one column; and their
            sizes.
        """
        added: list[np.ndarray] = []
        sizes: list[int] = []
        batch, columns = Batch.of([text], shortest=self._largest), max(len(text), 1)
        kernel = self._head.kernels[0][:, output].reshape(len(self._poolings), len(self._windows), -1)
        for window, size in enumerate(self._windows):
            features = self._all_sums(batch, window)[: _count(len(text), size)] + self._bias[window]
            shares = self._shares(features, kernel[:, window])
            added.append(np.pad(self._scales[0] * shares, (0, columns - len(shares))))
            sizes.append(size)
        for scale, part in zip(self._scales[1:], self._linear, strict=True):
            for size, shares in enumerate(part.trace(batch.ids[: len(text)]), 1):
                added.append(np.pad(scale * shares[:, output], (0, columns - len(shares))))
                sizes.append(size)
        return np.stack(added), sizes

    def _all_sums(self, batch: Batch, window: int) -> np.ndarray:
        """`_sum` for the windows of a whole text."""
        parts = [
            batch.ids[start : start + self._block + self._largest - 1]
            for start in range(0, len(batch.ids), self._block)
        ]
        return np.concatenate([self._sum(*self._products.find(part), window)[: self._block] for part in parts])

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


def _count(length: int, size: int) -> int:
    """The number of windows of a size in a text of some tokens."""
    return max(length - size + 1, 1)


def _check_windows(spec: Mapping[str, Any]) -> None:
    windows, poolings = spec["windows"], spec["poolings"]
    if not windows or len(set(windows)) < len(windows) or not all(type(size) is int and size > 0 for size in windows):
        raise ValueError(f"windows are {windows}")
    if not poolings or len(set(poolings)) < len(poolings) or not set(poolings) <= set(POOLINGS):
        raise ValueError(f"poolings are {poolings}")
