"""The convolution of conv1d: multiplies each distinct token of a batch once, and padding never."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from keras_textcnn.layers.embedding import Shape


@keras.saving.register_keras_serializable("keras_textcnn")
class DistinctTokens(keras.layers.Layer):
    """Lists each distinct id of a batch once: the tokens of a batch are mostly a few hundred ids, repeated.

    `rows[token_rows]` gives the ids of the batch's texts again, laid end to end, each followed by `gap` places of
    padding.

    Args:
        gap: Places of padding after each text, at least as many as the widest window sees beyond its first token.

    Input shape:
        int32 (batch, tokens), each text padded on the right with 0.

    Output shapes:
        rows:   int32 (rows,), the distinct ids; the first one is padding.
        token_rows: int32 (tokens,), the row of each token of the texts laid end to end.
        text_spans: int32 (batch, 2), the place where each text begins, and its number of tokens.
    """

    def __init__(self, gap: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gap = gap

    def call(self, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        lengths = tf.math.count_nonzero(ids, axis=1, dtype=tf.int32)
        widths = tf.maximum(lengths, 1) + self.gap  # an empty text has a window too
        starts = tf.cumsum(widths, exclusive=True)
        padded = tf.pad(ids, [[0, 0], [0, self.gap + 1]])
        laid_out = tf.boolean_mask(padded, tf.range(tf.shape(padded)[1]) < widths[:, None])
        rows, token_rows = tf.unique(tf.concat([[0], laid_out], 0))
        return rows, token_rows[1:], tf.stack([starts, lengths], axis=1)

    def compute_output_spec(self, ids: keras.KerasTensor) -> tuple[keras.KerasTensor, ...]:
        rows, token_rows = (keras.KerasTensor((None,), "int32") for _ in range(2))
        return rows, token_rows, keras.KerasTensor((ids.shape[0], 2), "int32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gap": self.gap}


@keras.saving.register_keras_serializable("keras_textcnn")
class PooledConv1D(keras.layers.Layer):
    """A convolution over looked-up vectors, ReLU, and the maximum or mean over the windows of each text.

        feature(i) = relu(bias + sum of vectors[token i + j] @ kernel[j] over j = 0 ... window - 1)
        pooled     = the maximum, or the mean, of feature(i) over the windows i of the text

    The product of a vector and kernel[j] is the same wherever its token occurs. It is therefore computed once for each
    distinct token, and windows add up rows of these products. This takes a fraction of the arithmetic, and none for
    padding. The gradient of the maximum goes only to the windows that won, one for each text and filter, so the time of
    its sums does not grow with the length of the texts.

    Args:
        filters: Feature maps.
        window: Tokens that the convolution sees. A text of n tokens has n - window + 1 windows, but at least one.
        poolings: "max", "average" or both, over the windows of a text.

    Input shapes:
        float32 (rows, dimensions), the vectors of the distinct tokens; token rows and text spans of `DistinctTokens`.

    Output shape:
        float32 (batch, len(poolings) * filters).
    """

    def __init__(self, filters: int, window: int, poolings: Sequence[str] = ("max",), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.window, self.poolings = filters, window, tuple(poolings)

    def build(self, vectors_shape: Shape, token_rows_shape: Shape, text_spans_shape: Shape) -> None:
        shape = (self.window, vectors_shape[-1], self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    @property
    def numbers_a_token(self) -> int:
        """The numbers that a training step holds for a token that occurs only once, including its vector."""
        return (3 * self.window + 2) * self.filters + 2 * self.kernel.shape[1]

    def call(self, vectors: tf.Tensor, token_rows: tf.Tensor, text_spans: tf.Tensor) -> tf.Tensor:
        row_products, window_rows, texts, _ = self._multiply(vectors, token_rows, text_spans)
        bias = self._rounded(self.bias)
        pooled = []
        for pooling in self.poolings:
            if pooling == "max":  # ReLU is monotone, so it can come after the maximum
                pooled.append(tf.nn.relu(_maximum_of_sums(row_products, window_rows, texts) + bias))
            else:
                pooled.append(tf.math.segment_mean(tf.nn.relu(_sum_rows(row_products, window_rows) + bias), texts))
        return ops.cast(tf.concat(pooled, axis=1), self.compute_dtype)

    def trace(
        self, vectors: tf.Tensor, token_rows: tf.Tensor, text_spans: tf.Tensor, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What each window adds to the logits through the pooled features.

        In bfloat16, `call` rounds the pooled features. Windows add shares of the rounded features, so that the shares
        add up to the same sum.

        Args:
            vectors, token_rows, text_spans: As for `call`.
            weights: float32 (len(poolings) * filters, num_classes), the weights of the logits. Windows with the same
                maximum share it equally.

        Returns:
            float32 (windows of all texts, num_classes), what each window adds; and int32 (windows of all texts, 2),
            each window's text and the token at which it begins.
        """
        row_products, window_rows, texts, firsts = self._multiply(vectors, token_rows, text_spans)
        features = _sum_rows(row_products, window_rows) + self._rounded(self.bias)
        active = tf.nn.relu(features)
        added = tf.zeros(())
        for pooling, its_weights in zip(self.poolings, tf.split(weights, len(self.poolings)), strict=True):
            if pooling == "max":
                won = tf.cast(tf.equal(features, tf.gather(tf.math.segment_max(features, texts), texts)), tf.float32)
                shares = self._rounded(active) * won / tf.gather(tf.math.segment_sum(won, texts), texts)
            else:
                mean, windows = tf.math.segment_mean(active, texts), tf.math.segment_sum(tf.ones_like(active), texts)
                shares = active * tf.gather(tf.math.divide_no_nan(self._rounded(mean), mean * windows), texts)
            added += tf.matmul(shares, its_weights)
        return added, tf.stack([texts, firsts], axis=1)

    def _rounded(self, values: tf.Tensor) -> tf.Tensor:
        """Values rounded to the layer's precision, as float32."""
        return tf.cast(ops.cast(values, self.compute_dtype), tf.float32)

    def _multiply(
        self, vectors: tf.Tensor, token_rows: tf.Tensor, text_spans: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Multiplies the vectors by the kernel.

        Returns:
            float32 (rows * window, filters), the products; int32 (window, windows), the rows of the products that each
            window adds up; and int32 (windows,) each, the text of each window and the token at which it begins, both
            ascending.
        """
        # Keras casts to the layer's precision only for `call`.
        side_by_side = ops.transpose(ops.cast(self.kernel, self.compute_dtype), (1, 0, 2))
        vectors = ops.cast(vectors, self.compute_dtype)
        row_products = ops.matmul(vectors, ops.reshape(side_by_side, (vectors.shape[-1], self.window * self.filters)))
        # float32 in any precision: otherwise the sums of rounded products would be rounded again.
        row_products = tf.reshape(tf.cast(row_products, tf.float32), [-1, self.filters])
        windows = tf.maximum(text_spans[:, 1] - self.window + 1, 1)
        most = tf.maximum(tf.reduce_max(windows), 0)  # without texts, the maximum is negative
        inside = tf.where(tf.range(most) < windows[:, None])
        texts, firsts = tf.cast(inside[:, 0], tf.int32), tf.cast(inside[:, 1], tf.int32)
        offsets = tf.range(self.window)[:, None]
        begins = firsts + tf.gather(text_spans[:, 0], texts)
        window_rows = tf.gather(token_rows * self.window, begins + offsets) + offsets
        return row_products, window_rows, texts, firsts

    def compute_output_shape(self, vectors_shape: Shape, token_rows_shape: Shape, text_spans_shape: Shape) -> Shape:
        return (text_spans_shape[0], len(self.poolings) * self.filters)

    def get_config(self) -> dict[str, Any]:
        sizes = {"filters": self.filters, "window": self.window, "poolings": self.poolings}
        return {**super().get_config(), **sizes}


def _sum_rows(row_products: tf.Tensor, window_rows: tf.Tensor) -> tf.Tensor:
    """The sum of each window's rows of the products, float32 (windows, filters)."""
    return tf.add_n([tf.gather(row_products, part) for part in tf.unstack(window_rows)])


def _maximum_of_sums(row_products: tf.Tensor, window_rows: tf.Tensor, texts: tf.Tensor) -> tf.Tensor:
    """The maximum of each filter over the windows of each text.

        features = _sum_rows(row_products, window_rows)
        largest  = tf.math.segment_max(features, texts)

    The gradient of `largest` is divided equally among the windows whose feature equals it. From each of them it goes to
    all rows of the products that the window adds up.

    Args:
        row_products: float32 (rows, filters).
        window_rows: int32 (window, windows), the row of the products for each token of each window.
        texts: int32 (windows,), ascending: the text of each window.

    Returns:
        float32 (texts, filters).
    """

    @tf.custom_gradient
    def maximum(row_products: tf.Tensor) -> tuple[tf.Tensor, Any]:
        features = _sum_rows(row_products, window_rows)
        largest = tf.math.segment_max(features, texts)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            filters, numbers = tf.shape(row_products)[1], tf.size(upstream)
            # Dropout and ReLU make most of the gradient zero. Infinity leaves those places without a winner, because no
            # feature equals it.
            sought = tf.where(tf.equal(upstream, 0), float("inf"), largest)
            won = tf.cast(tf.where(tf.equal(features, tf.gather(sought, texts))), tf.int32)
            window, filter = won[:, 0], won[:, 1]
            place = tf.gather(texts, window) * filters + filter
            winners = tf.math.unsorted_segment_sum(tf.ones_like(place, tf.float32), place, numbers)
            share = tf.gather(tf.reshape(upstream, [-1]) / winners, place)
            summands = tf.gather(window_rows, window, axis=1) * filters + filter
            shares = tf.broadcast_to(share, tf.shape(summands))
            sums = tf.math.unsorted_segment_sum(shares, summands, tf.size(row_products))
            return tf.reshape(sums, tf.shape(row_products))

        return largest, gradient

    return maximum(row_products)
