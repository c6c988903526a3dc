"""The linear parts of conv1d in NumPy: n-grams (`layers/ngram_logits.py`) and the mean vector."""

import itertools
from collections.abc import Sequence
from types import ModuleType

import numpy as np

from keras_textcnn.inference.light.arrays import Arrays
from keras_textcnn.inference.light.spec import LONGEST_NGRAM, check_size

# As in the layer: odd 64-bit numbers whose multiples spread over all 64 bits.
NEXT, SCATTER = np.int64(0x9E3779B97F4A7C15 - 2**64), np.int64(0xC2B2AE3D27D4EB4F - 2**64)
LOWER, POSITIVE = np.int64(2**32 - 1), np.int64(2**31 - 1)


def _add_up(sums: np.ndarray, of: np.ndarray, rows: np.ndarray) -> None:
    """Adds rows to the sums of their texts, one after another: the order is TensorFlow's, and so are the bits.

    Args:
        sums: (texts, ...).
        of: int (rows,), ascending: the text of each row.
        rows: (rows, ...).
    """
    ends = np.searchsorted(of, np.arange(len(sums) + 1)).tolist()
    for text, (begin, end) in enumerate(itertools.pairwise(ends)):
        sums[text] += np.add.reduce(rows[begin:end], axis=0)


Shares = list[tuple[np.ndarray, np.ndarray]]  # what each n-gram of a size adds, (n-grams, labels), and its first token


def _scatter(hashes: np.ndarray) -> np.ndarray:
    """The layer's `_scatter`."""
    folded = hashes ^ ((hashes >> 32) & LOWER)
    return ((folded * SCATTER) >> 32) & POSITIVE


class Ngrams:
    """The n-grams' logits: the sum of their rows, divided by the root of their number or of their squared weights.

    Args:
        arrays: Holds ngrams.embeddings, ngrams.bias, and ngrams.hashed if n-grams have several tokens.
        num_classes: Columns.
        longest: Tokens of the longest n-grams.
        weighted: Whether rows have weights, ngrams.weights and ngrams.hashed_weights.
    """

    def __init__(self, arrays: Arrays, num_classes: int, *, longest: int, weighted: bool) -> None:
        self.longest = check_size("longest n-gram", longest, 1, LONGEST_NGRAM)
        self.rows = [arrays.take("ngrams.embeddings", (None, num_classes))]
        self.bias = arrays.take("ngrams.bias", (num_classes,))
        if longest > 1:
            self.rows.append(arrays.take("ngrams.hashed", (None, num_classes)))
        self.kernels: ModuleType | None = None
        self.weights: list[np.ndarray] = []
        if weighted:
            names = ("ngrams.weights", "ngrams.hashed_weights")
            self.weights = [arrays.take(name, rows.shape[:1]) for name, rows in zip(names, self.rows, strict=False)]

    def logits(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """float32 (texts, num_classes), from the ids of each text."""
        if self.kernels is not None:
            return self.kernels.ngram_sums(texts, self.longest, self.rows, self.weights) + self.bias
        lengths = np.array([len(ids) for ids in texts], np.intp)
        ids = np.concatenate(texts) if len(texts) else np.zeros(0, np.intp)
        sums = np.zeros((len(texts), len(self.bias)), np.float32)
        squares = np.zeros(len(texts), np.float32)
        number = np.repeat(np.arange(len(texts)), lengths)  # of the text of each token
        for size, rows in enumerate(self._find(ids), 1):
            inside = number[: len(rows)] == number[size - 1 :]
            if size == 1:
                inside = rows < len(self.rows[0])
            rows, of = rows[inside], number[: len(rows)][inside]
            _add_up(sums, of, self._take(size, rows))
            if self.weights:
                _add_up(squares, of, self.weights[min(size, 2) - 1].take(rows) ** 2)
            else:
                squares += np.maximum(lengths - size + 1, 0)
        return sums / np.sqrt(np.maximum(squares, 1))[:, None] + self.bias

    def trace(self, ids: np.ndarray) -> Shares:
        """What each n-gram adds to the logits of a text, and the token at which it begins, by size from 1 on."""
        places = [np.arange(max(len(ids) - size + 1, 0)) for size in range(1, self.longest + 1)]
        inside = [rows[: len(which)] for rows, which in zip(self._find(ids), places, strict=True)]
        places[0] = places[0][inside[0] < len(self.rows[0])]
        inside[0] = self._known(inside[0])
        root = self._root(inside, len(ids))
        return [
            (self._take(size, rows) / root, which)
            for size, (rows, which) in enumerate(zip(inside, places, strict=True), 1)
        ]

    def _find(self, ids: np.ndarray) -> list[np.ndarray]:
        """For each size of n-grams from 1 on, the row of the n-gram that begins at each token."""
        hashes = ids.astype(np.int64)
        found = [hashes]
        for size in range(2, self.longest + 1):
            hashes = hashes[:-1] * NEXT + ids[size - 1 :]
            found.append(_scatter(hashes) % len(self.rows[1]))
        return found

    def _known(self, rows: np.ndarray) -> np.ndarray:
        """Single tokens that have a row."""
        return rows[rows < len(self.rows[0])]

    def _take(self, size: int, rows: np.ndarray) -> np.ndarray:
        return self.rows[min(size, 2) - 1].take(rows, axis=0)

    def _root(self, inside: Sequence[np.ndarray], tokens: int) -> np.float32:
        """The divisor of a text's sum, at least 1."""
        if self.weights:
            weights = [self.weights[min(size, 2) - 1].take(rows) for size, rows in enumerate(inside, 1)]
            return np.sqrt(max(sum(np.float32((each**2).sum()) for each in weights), np.float32(1)))
        number = sum(max(tokens - size + 1, 0) for size in range(1, self.longest + 1))
        return np.sqrt(np.float32(max(number, 1)))


class VectorMean:
    """The logits of the mean of a text's vectors: `layers/vector_mean_logits.py`.

    Args:
        arrays: Holds vector_mean.embeddings, vector_mean.bias and vector_mean.known.
        vocabulary_size: Rows.
        num_classes: Columns.
    """

    longest = 1

    def __init__(self, arrays: Arrays, vocabulary_size: int, num_classes: int) -> None:
        self._rows = arrays.take("vector_mean.embeddings", (vocabulary_size, num_classes))
        self.bias = arrays.take("vector_mean.bias", (num_classes,))
        self._known = arrays.take("vector_mean.known", (vocabulary_size,))

    def logits(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """float32 (texts, num_classes), from the ids of each text."""
        sums = np.zeros((len(texts), len(self.bias)), np.float32)
        for row, ids in zip(sums, texts, strict=True):
            [(shares, _)] = self.trace(ids)
            shares.sum(0, out=row)
        return sums + self.bias

    def trace(self, ids: np.ndarray) -> Shares:
        """What each token adds to the logits of a text, and its place."""
        known = self._known.take(ids)
        shares = self._rows.take(ids, axis=0) * (known / max(known.sum(), np.float32(1)))[:, None]
        return [(shares, np.arange(len(ids)))]
