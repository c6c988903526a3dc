"""A linear model of hashed n-grams, with a row of logits for each n-gram."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.layers.embedding import Shape

# Odd 64-bit numbers whose multiples spread over all 64 bits. Others would do, but would give a different model.
NEXT, SCATTER = 0x9E3779B97F4A7C15 - 2**64, 0xC2B2AE3D27D4EB4F - 2**64


@keras.saving.register_keras_serializable("keras_textcnn")
class NgramLogits(keras.layers.Layer):
    """The rows of logits of a text's n-grams, added up and divided by the root of the number of n-grams.

        logits(text) = bias + (sum of row(n-gram) over the text's n-grams) / sqrt(number of n-grams)
        row(n-gram)  = embeddings[id] of a single token, hashed[_scatter(hash(ids)) % buckets] of a longer n-gram
        hash(ids)    = hash(ids[:-1]) * NEXT + ids[-1], modulo 2**64; hash([id]) = id

    Single tokens have rows of their own; longer n-grams share `buckets` rows, as in fastText. All rows start at zero,
    so n-grams that were never trained add nothing.

    Args:
        vocabulary_size: Number of ids that have a row, including padding and unknown; single tokens with higher ids add
            nothing.
        num_classes: Columns.
        longest: Tokens in the longest n-grams.
        buckets: Rows for the n-grams of two or more tokens.
        weighted: Whether each row has a weight, such as its inverse document frequency, which is 0 at first. The sum is
            then divided by the root of the sum of the n-grams' squared weights, as TF-IDF divides by the vector's
            length.

    Input shape:
        int32 (batch, tokens), each text padded on the right with 0.

    Output shape:
        float32 (batch, num_classes).

    Source: Joulin et al. (2017), https://arxiv.org/abs/1607.01759, without its hidden layer.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_classes: int,
        *,
        longest: int,
        buckets: int,
        weighted: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.vocabulary_size, self.num_classes = vocabulary_size, num_classes
        self.longest, self.buckets, self.weighted = longest, buckets, weighted

    def build(self, ids_shape: Shape) -> None:
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.vocabulary_size, self.num_classes), initializer="zeros"
        )
        self.bias = self.add_weight(name="bias", shape=(self.num_classes,), initializer="zeros")
        if self.longest > 1:
            self.hashed = self.add_weight(name="hashed", shape=(self.buckets, self.num_classes), initializer="zeros")
        if self.weighted:
            sizes = {"weights": self.vocabulary_size} | ({"hashed_weights": self.buckets} if self.longest > 1 else {})
            self.row_weights = [
                self.add_weight(name=name, shape=(size,), initializer="zeros", trainable=False)
                for name, size in sizes.items()
            ]

    @property
    def numbers_a_token(self) -> int:
        """The numbers that a training step holds for a token: each n-gram's row, gradient, place, hash and bucket."""
        return self.longest * (2 * self.num_classes + 8)

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        found = self.find_rows(ids)
        texts = tf.shape(ids)[0]
        sums = tf.add_n([tf.math.unsorted_segment_sum(self._take(*each), each[1][:, 0], texts) for each in found])
        return sums / self._divisors(ids, found)[:, None] + self.bias

    def trace(self, ids: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """For each size of n-grams, from 1 on: what each n-gram adds to the logits, and its place.

        Together with the bias, these shares add up to the logits.

        Args:
            ids: As for `call`.

        Returns:
            The shares, float32 (n-grams, num_classes), and the places, int32 (n-grams, 2): the text and the token at
            which each n-gram begins.
        """
        found = self.find_rows(ids)
        divisors = self._divisors(ids, found)
        return [(self._take(*each) / tf.gather(divisors, each[1][:, 0])[:, None], each[1]) for each in found]

    def find_rows(self, ids: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor, int]]:
        """For each size of n-grams, from 1 on: the rows, places and size of the n-grams.

        Args:
            ids: As for `call`.

        Returns:
            int32 (n-grams,), the rows in `embeddings` for single tokens, in `hashed` for longer n-grams; int32
            (n-grams, 2), the text and the token at which each n-gram begins; and the number of tokens.
        """
        # The hashes of a text's tokens, then of its pairs, and so on; 0 where the n-gram does not fit into the text.
        wide = hashes = tf.cast(ids, tf.int64)
        found = []
        for size in range(1, self.longest + 1):
            if size > 1:
                last = wide[:, size - 1 :]
                hashes = (hashes[:, : tf.shape(last)[1]] * NEXT + last) * tf.cast(last > 0, tf.int64)
            # The hash of a single token is its id, and rare tokens may have no row.
            places = tf.where((hashes != 0) & (hashes < self.vocabulary_size) if size == 1 else hashes != 0)
            rows = tf.gather_nd(hashes, places)
            if size > 1:
                rows = _scatter(rows) % self.buckets
            found.append((tf.cast(rows, tf.int32), tf.cast(places, tf.int32), size))
        return found

    def _take(self, rows: tf.Tensor, places: tf.Tensor, size: int) -> tf.Tensor:
        """The logits of n-grams of one size, float32 (n-grams, num_classes)."""
        return tf.nn.embedding_lookup((self.embeddings if size == 1 else self.hashed).value, rows)

    def divisors(self, ids: tf.Tensor) -> tf.Tensor:
        """What each text's sum of rows is divided by, at least 1: float32 (batch,); `ids` as for `call`."""
        return self._divisors(ids, self.find_rows(ids) if self.weighted else [])

    def _divisors(self, ids: tf.Tensor, found: list[tuple[tf.Tensor, tf.Tensor, int]]) -> tf.Tensor:
        """The same, given the n-grams."""
        if self.weighted:
            texts = tf.shape(ids)[0]
            squares = [
                tf.math.unsorted_segment_sum(
                    tf.gather(self.row_weights[min(size, 2) - 1].value, rows) ** 2, places[:, 0], texts
                )
                for rows, places, size in found
            ]
            return tf.sqrt(tf.maximum(tf.add_n(squares), 1))
        lengths = tf.math.count_nonzero(ids, axis=1, dtype=tf.int32)
        ngrams = sum(tf.maximum(lengths - size + 1, 0) for size in range(1, self.longest + 1))
        return tf.sqrt(tf.cast(tf.maximum(ngrams, 1), tf.float32))

    def compute_output_spec(self, ids: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor((ids.shape[0], self.num_classes), "float32")

    def get_config(self) -> dict[str, Any]:
        sizes = {"vocabulary_size": self.vocabulary_size, "num_classes": self.num_classes}
        return {
            **super().get_config(),
            **sizes,
            "longest": self.longest,
            "buckets": self.buckets,
            "weighted": self.weighted,
        }


def _scatter(hashes: tf.Tensor) -> tf.Tensor:
    """Turns hashes into 31-bit numbers, the upper bits of a product, that differ widely for neighbouring hashes."""
    folded = tf.bitwise.bitwise_xor(hashes, tf.bitwise.bitwise_and(tf.bitwise.right_shift(hashes, 32), 2**32 - 1))
    return tf.bitwise.bitwise_and(tf.bitwise.right_shift(folded * SCATTER, 32), 2**31 - 1)


def count_ngrams(blocks: Iterable[tuple[np.ndarray, np.ndarray]], *, longest: int, most: int) -> int:
    """Counts the different n-grams of two or more tokens in texts, up to a little more than `most`.

    Args:
        blocks: Blocks of texts: their ids without padding, int32 (tokens,), and the number of ids of each text, int
            (texts,).
        longest: Tokens in the longest n-grams.
        most: The count ends soon after this number, to save memory.
    """
    seen = np.zeros(0, np.int64)
    for ids, lengths in blocks:
        ends = np.repeat(np.cumsum(lengths), lengths)  # for each id, the end of its text
        hashes = ids.astype(np.int64)
        for size in range(2, longest + 1):
            hashes = hashes[:-1] * NEXT + ids[size - 1 :]  # as in the layer
            inside = np.arange(len(hashes)) + size <= ends[: len(hashes)]
            seen = np.union1d(seen, hashes[inside])
        if len(seen) > most:
            break
    return len(seen)
