"""A linear model of hashed n-grams: a row of logits for each."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.layers.embedding import Shape

# Odd numbers of 64 bits whose products scatter over all of them; any would do, but another one makes another model.
NEXT, SCATTER = 0x9E3779B97F4A7C15 - 2**64, 0xC2B2AE3D27D4EB4F - 2**64


@keras.saving.register_keras_serializable("keras_textcnn")
class NgramLogits(keras.layers.Layer):
    """A row of logits for each n-gram of a text, added up and divided by the root of how many there are.

    Single tokens have rows of their own; longer n-grams share `buckets` rows by a hash of their ids, as in fastText.
    All rows begin at zero, so that n-grams that were never trained say nothing.

    Args:
        vocabulary_size: Ids that have a row, padding and unknown included; as tokens higher ones say nothing.
        labels: Columns.
        longest: Tokens of the longest n-grams.
        buckets: Rows of n-grams of two tokens and more.
        weighted: Whether each row has a weight, such as its inverse document frequency, which is 0 at first: the sum is
            then divided by the root of the sum of the n-grams' squared weights, as TF-IDF divides by its length.

    Input shape:
        int32 (batch, tokens), each text padded on the right with 0.

    Output shape:
        float32 (batch, labels).

    Source: Joulin et al. (2017), https://arxiv.org/abs/1607.01759, without its hidden layer.
    """

    def __init__(
        self, vocabulary_size: int, labels: int, *, longest: int, buckets: int, weighted: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.vocabulary_size, self.labels, self.longest, self.buckets = vocabulary_size, labels, longest, buckets
        self.weighted = weighted

    def build(self, ids_shape: Shape) -> None:
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.vocabulary_size, self.labels), initializer="zeros"
        )
        self.bias = self.add_weight(name="bias", shape=(self.labels,), initializer="zeros")
        if self.longest > 1:
            self.hashed = self.add_weight(name="hashed", shape=(self.buckets, self.labels), initializer="zeros")
        if self.weighted:
            sizes = {"weights": self.vocabulary_size} | ({"hashed_weights": self.buckets} if self.longest > 1 else {})
            self.row_weights = [
                self.add_weight(name=name, shape=(size,), initializer="zeros", trainable=False)
                for name, size in sizes.items()
            ]

    @property
    def numbers_a_token(self) -> int:
        """What a training step holds for a token: of each n-gram the row, its gradient, place, hash and bucket."""
        return self.longest * (2 * self.labels + 8)

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        found = self.find_rows(ids)
        texts = tf.shape(ids)[0]
        sums = tf.add_n([tf.math.unsorted_segment_sum(self._take(*each), each[1][:, 0], texts) for each in found])
        return sums / self._roots(ids, found)[:, None] + self.bias

    def trace(self, ids: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """For the n-grams of each size, from 1 on, what each adds to the logits, float32 (n-grams, labels), and places.

        With the bias all that is added is the logits.

        Args:
            ids: As to `call`.

        Returns:
            Shares, and int32 (n-grams, 2): the text and the token that each begins with.
        """
        found = self.find_rows(ids)
        roots = self._roots(ids, found)
        return [(self._take(*each) / tf.gather(roots, each[1][:, 0])[:, None], each[1]) for each in found]

    def find_rows(self, ids: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor, int]]:
        """For the n-grams of each size, from 1 on: their rows, places and size.

        Args:
            ids: As to `call`.

        Returns:
            int32 (n-grams,), rows of `embeddings`, or from two tokens on of `hashed`; int32 (n-grams, 2), the text and
            the token that each begins with; and how many tokens.
        """
        # A text's hashes: of its tokens, of its pairs ...; a hash is 0 where the n-gram does not fit into the text.
        wide = hashes = tf.cast(ids, tf.int64)
        found = []
        for size in range(1, self.longest + 1):
            if size > 1:
                last = wide[:, size - 1 :]
                hashes = (hashes[:, : tf.shape(last)[1]] * NEXT + last) * tf.cast(last > 0, tf.int64)
            # Of single tokens the hash is the id, and rare ones may have no row.
            places = tf.where((hashes != 0) & (hashes < self.vocabulary_size) if size == 1 else hashes != 0)
            rows = tf.gather_nd(hashes, places)
            if size > 1:
                rows = _scatter(rows) % self.buckets
            found.append((tf.cast(rows, tf.int32), tf.cast(places, tf.int32), size))
        return found

    def _take(self, rows: tf.Tensor, places: tf.Tensor, size: int) -> tf.Tensor:
        """The logits of n-grams of a size, float32 (n-grams, labels)."""
        return tf.nn.embedding_lookup((self.embeddings if size == 1 else self.hashed).value, rows)

    def _roots(self, ids: tf.Tensor, found: list[tuple[tf.Tensor, tf.Tensor, int]]) -> tf.Tensor:
        """What each text's sum is divided by, at least 1: float32 (batch,)."""
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
        return keras.KerasTensor((ids.shape[0], self.labels), "float32")

    def get_config(self) -> dict[str, Any]:
        sizes = {"vocabulary_size": self.vocabulary_size, "labels": self.labels}
        return {
            **super().get_config(),
            **sizes,
            "longest": self.longest,
            "buckets": self.buckets,
            "weighted": self.weighted,
        }


def _scatter(hashes: tf.Tensor) -> tf.Tensor:
    """Numbers of 31 bits in which neighbouring hashes have nothing in common: the upper bits of a product."""
    folded = tf.bitwise.bitwise_xor(hashes, tf.bitwise.bitwise_and(tf.bitwise.right_shift(hashes, 32), 2**32 - 1))
    return tf.bitwise.bitwise_and(tf.bitwise.right_shift(folded * SCATTER, 32), 2**31 - 1)


def count_ngrams(blocks: Iterable[tuple[np.ndarray, np.ndarray]], *, longest: int, most: int) -> int:
    """How many different n-grams of two tokens and more texts have; counted up to a little more than `most`.

    Args:
        blocks: Some texts after the other: their ids without padding, int32 (tokens,), and int (texts,), how many ids
            each of them has.
        longest: Tokens of the longest n-grams.
        most: Beyond this nobody asks how many there are: no more are held.
    """
    seen = np.zeros(0, np.int64)
    for ids, lengths in blocks:
        ends = np.repeat(np.cumsum(lengths), lengths)  # for each id the end of its text
        hashes = ids.astype(np.int64)
        for size in range(2, longest + 1):
            hashes = hashes[:-1] * NEXT + ids[size - 1 :]  # as the layer has them
            inside = np.arange(len(hashes)) + size <= ends[: len(hashes)]
            seen = np.union1d(seen, hashes[inside])
        if len(seen) > most:
            break
    return len(seen)
