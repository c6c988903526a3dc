"""Beside the convolution: a linear model of hashed n-grams, and the sum of both models' logits."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.layers import Shape

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

    Input shape:
        int32 (batch, tokens), each text padded on the right with 0.

    Output shape:
        float32 (batch, labels).

    Source: Joulin et al. (2017), https://arxiv.org/abs/1607.01759, without its hidden layer.
    """

    def __init__(self, vocabulary_size: int, labels: int, *, longest: int, buckets: int, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.vocabulary_size, self.labels, self.longest, self.buckets = vocabulary_size, labels, longest, buckets

    def build(self, ids_shape: Shape) -> None:
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.vocabulary_size, self.labels), initializer="zeros"
        )
        self.bias = self.add_weight(name="bias", shape=(self.labels,), initializer="zeros")
        if self.longest > 1:
            self.hashed = self.add_weight(name="hashed", shape=(self.buckets, self.labels), initializer="zeros")

    @property
    def numbers_a_token(self) -> int:
        """What a training step holds for a token: of each n-gram the row, its gradient, place, hash and bucket."""
        return self.longest * (2 * self.labels + 8)

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        texts = tf.shape(ids)[0]
        sums = sum(
            tf.math.unsorted_segment_sum(rows, places[:, 0], texts) for rows, places in self.trace(ids, share=False)
        )
        return sums / self._roots(ids)[:, None] + self.bias

    def trace(self, ids: tf.Tensor, *, share: bool = True) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """For the n-grams of each size, from 1 on, their rows, float32 (n-grams, labels), and places.

        Args:
            ids: As to `call`.
            share: Whether the rows are divided by the root, so that they and the bias add up to the logits.

        Returns:
            Rows, and int32 (n-grams, 2): the text and the token that each begins with.
        """
        # A text's hashes: of its tokens, of its pairs ...; a hash is 0 where the n-gram does not fit into the text.
        wide = hashes = tf.cast(ids, tf.int64)
        traced = []
        for size in range(1, self.longest + 1):
            if size > 1:
                last = wide[:, size - 1 :]
                hashes = (hashes[:, : tf.shape(last)[1]] * NEXT + last) * tf.cast(last > 0, tf.int64)
            # Of single tokens the hash is the id, and rare ones may have no row.
            places = tf.where((hashes != 0) & (hashes < self.vocabulary_size) if size == 1 else hashes != 0)
            found = tf.gather_nd(hashes, places)
            if size == 1:
                rows = tf.nn.embedding_lookup(self.embeddings.value, tf.cast(found, tf.int32))
            else:
                rows = tf.nn.embedding_lookup(self.hashed.value, tf.cast(_scatter(found) % self.buckets, tf.int32))
            places = tf.cast(places, tf.int32)
            traced.append((rows / tf.gather(self._roots(ids), places[:, 0])[:, None] if share else rows, places))
        return traced

    def _roots(self, ids: tf.Tensor) -> tf.Tensor:
        """The root of how many n-grams each text has, at least 1: float32 (batch,)."""
        lengths = tf.math.count_nonzero(ids, axis=1, dtype=tf.int32)
        ngrams = sum(tf.maximum(lengths - size + 1, 0) for size in range(1, self.longest + 1))
        return tf.sqrt(tf.cast(tf.maximum(ngrams, 1), tf.float32))

    def compute_output_spec(self, ids: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor((ids.shape[0], self.labels), "float32")

    def get_config(self) -> dict[str, Any]:
        sizes = {"vocabulary_size": self.vocabulary_size, "labels": self.labels}
        return {**super().get_config(), **sizes, "longest": self.longest, "buckets": self.buckets}


@keras.saving.register_keras_serializable("keras_textcnn")
class ScaledSum(keras.layers.Layer):
    """The first model's logits, and the second one's times a scale that is set, not trained.

    Input shapes:
        float32 (batch, labels), twice.

    Output shape:
        float32 (batch, labels).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def build(self, first_shape: Shape, second_shape: Shape) -> None:
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones", trainable=False)

    def call(self, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
        return first + self.scale * second

    def compute_output_shape(self, first_shape: Shape, second_shape: Shape) -> Shape:
        return first_shape


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


def split_parts(model: keras.Model) -> list[keras.Model]:
    """The models that a model is the sum of, which share its layers and are trained each for itself; or itself alone.

    Two models that are trained together divide the work between them; each trained alone can do all of it, and errs
    elsewhere (tests/benchmarks/ACCURACY.md).
    """
    if not isinstance(model.layers[-1], ScaledSum):
        return [model]
    return [keras.Model(model.input, model.get_layer(name).output, name=name) for name in ("logits", "ngrams")]
