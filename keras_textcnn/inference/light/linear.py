"""The linear parts of conv1d in NumPy: n-grams (`layers/ngram_logits.py`) and the mean vector."""

from types import ModuleType

import numpy as np

from keras_textcnn.inference.light.arrays import Arrays
from keras_textcnn.inference.light.batch import Batch
from keras_textcnn.inference.light.spec import LONGEST_NGRAM, check_size

# As in the layer: odd 64-bit numbers whose multiples spread over all 64 bits.
NEXT, SCATTER = np.int64(0x9E3779B97F4A7C15 - 2**64), np.int64(0xC2B2AE3D27D4EB4F - 2**64)
LOWER, POSITIVE = np.int64(2**32 - 1), np.int64(2**31 - 1)


def _scatter(hashes: np.ndarray) -> np.ndarray:
    """The layer's `_scatter`."""
    folded = hashes ^ ((hashes >> 32) & LOWER)
    return ((folded * SCATTER) >> 32) & POSITIVE


class Ngrams:
    """The n-grams' logits: the sum of their rows, divided by the root of their number or of their squared weights.

    Args:
        arrays: Holds ngrams.embeddings, ngrams.bias, and ngrams.hashed if n-grams have several tokens.
        vocabulary_size: Number of ids; those without a row of their own add nothing.
        num_classes: Columns.
        longest: Tokens of the longest n-grams.
        weighted: Whether rows have weights, ngrams.weights and ngrams.hashed_weights.
    """

    def __init__(self, arrays: Arrays, vocabulary_size: int, num_classes: int, *, longest: int, weighted: bool) -> None:
        self.longest = check_size("longest n-gram", longest, 1, LONGEST_NGRAM)
        self.rows = [arrays.take("ngrams.embeddings", (None, num_classes))]
        self._all_known = len(self.rows[0]) >= vocabulary_size
        self.bias = arrays.take("ngrams.bias", (num_classes,))
        if longest > 1:
            self.rows.append(arrays.take("ngrams.hashed", (None, num_classes)))
        self.kernels: ModuleType | None = None
        self.weights: list[np.ndarray] = []
        if weighted:
            names = ("ngrams.weights", "ngrams.hashed_weights")
            self.weights = [arrays.take(name, rows.shape[:1]) for name, rows in zip(names, self.rows, strict=False)]

    def logits(self, batch: Batch) -> np.ndarray:
        """float32 (texts, num_classes), from the ids of texts."""
        if self.kernels is not None:
            sums: np.ndarray = self.kernels.ngram_sums(batch, self.longest, self.rows, self.weights)
            return sums + self.bias
        sums = np.zeros((len(batch.lengths), len(self.bias)), np.float32)
        squares = np.zeros(len(sums), np.float32)
        for size, rows in enumerate(self._find(batch.ids), 1):
            values, weights = self._take(size, rows), self._weigh(size, rows)
            for text, (begin, length) in enumerate(zip(batch.begins, batch.lengths, strict=True)):
                inside = slice(begin, begin + max(length - size + 1, 0))
                # One after another: the order is TensorFlow's, and so are the bits.
                sums[text] += np.add.reduce(values[inside], axis=0)
                squares[text] += np.add.reduce(weights[inside] ** 2)
        return sums / np.sqrt(np.maximum(squares, 1))[:, None] + self.bias

    def trace(self, ids: np.ndarray) -> list[np.ndarray]:
        """What each n-gram adds to the logits of a text, by size from 1 on: (n-grams, labels), by first token."""
        found = self._find(ids)
        weights = [self._weigh(size, rows) for size, rows in enumerate(found, 1)]
        root = np.sqrt(np.maximum((np.concatenate(weights) ** 2).sum(), 1))
        return [self._take(size, rows) / root for size, rows in enumerate(found, 1)]

    def _find(self, ids: np.ndarray) -> list[np.ndarray]:
        """For each size of n-grams from 1 on, the row of the n-gram that begins at each token."""
        hashes = ids.astype(np.int64)
        found = [hashes]
        for size in range(2, self.longest + 1):
            hashes = hashes[:-1] * NEXT + ids[size - 1 :]
            found.append(_scatter(hashes) % len(self.rows[1]))
        return found

    def _take(self, size: int, rows: np.ndarray) -> np.ndarray:
        """The logits of n-grams of a size: zeros for single tokens without a row."""
        table = self.rows[min(size, 2) - 1]
        if size > 1 or self._all_known:
            return table.take(rows, axis=0)
        return table.take(rows, axis=0, mode="clip") * (rows < len(table))[:, None]

    def _weigh(self, size: int, rows: np.ndarray) -> np.ndarray:
        """The weights of n-grams of a size, 1 for each if they have none."""
        if not self.weights:
            return np.ones(len(rows), np.float32)
        weights = self.weights[min(size, 2) - 1]
        return weights.take(rows, mode="clip") * (rows < len(weights))


class VectorMean:
    """The logits of the mean of a text's vectors: `layers/vector_mean_logits.py`.

    Args:
        arrays: Holds vector_mean.embeddings, vector_mean.bias and vector_mean.known.
        vocabulary_size: Rows.
        num_classes: Columns.
    """

    def __init__(self, arrays: Arrays, vocabulary_size: int, num_classes: int) -> None:
        self._rows = arrays.take("vector_mean.embeddings", (vocabulary_size, num_classes))
        self.bias = arrays.take("vector_mean.bias", (num_classes,))
        self._known = arrays.take("vector_mean.known", (vocabulary_size,))

    def logits(self, batch: Batch) -> np.ndarray:
        """float32 (texts, num_classes), from the ids of texts."""
        sums = np.zeros((len(batch.lengths), len(self.bias)), np.float32)
        for row, begin, length in zip(sums, batch.begins, batch.lengths, strict=True):
            [shares] = self.trace(batch.ids[begin : begin + length])
            shares.sum(0, out=row)
        return sums + self.bias

    def trace(self, ids: np.ndarray) -> list[np.ndarray]:
        """What each token adds to the logits of a text: float32 (tokens, labels)."""
        known = self._known.take(ids)
        return [self._rows.take(ids, axis=0) * (known / max(known.sum(), np.float32(1)))[:, None]]
