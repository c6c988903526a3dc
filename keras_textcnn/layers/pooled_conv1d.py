"""conv1d's convolution: each different token of a batch is multiplied once, and padding never."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from keras_textcnn.layers.embedding import Shape


@keras.saving.register_keras_serializable("keras_textcnn")
class DistinctTokens(keras.layers.Layer):
    """Takes each id of a batch once: most running tokens of a batch are a few hundred different ones.

    Args:
        gap: Places of padding left behind each text, at least what the widest window sees beyond its first token.

    Input shape:
        int32 (batch, tokens), each text padded on the right with 0.

    Output shapes:
        rows:   int32 (rows,), the different ids; the first one is the padding's.
        token_rows: int32 (tokens,), the row of each token, the texts one after the other with the gap behind each.
        text_spans: int32 (batch, 2), the place where each text begins, and its tokens.
    """

    def __init__(self, gap: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gap = gap

    def call(self, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        lengths = tf.math.count_nonzero(ids, axis=1, dtype=tf.int32)
        widths = tf.maximum(lengths, 1) + self.gap  # a text without tokens has a window too
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
    """A convolution over looked-up vectors, ReLU, and its maximum or mean over the windows that start in the text.

    A window's feature is a sum over its tokens, each multiplied by the kernel at its place in the window. So the kernel
    is multiplied with each different token once, not with each running one, and windows add up rows of the products:
    a fraction of the arithmetic, and none of it for padding. The maximum's gradient goes to the windows that won, one
    for each text and filter, and its sums take no time that grows with the length of the text.

    Args:
        filters: Feature maps.
        window: Tokens that the convolution sees. A text shorter than that has one window, its first.
        poolings: "max", "average" or both, over the windows of a text.

    Input shapes:
        float32 (rows, dimensions), the different tokens' vectors; from `DistinctTokens` token rows and text spans.

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
        """What a training step holds for a token that is different from all others, its vector included."""
        return (3 * self.window + 2) * self.filters + 2 * self.kernel.shape[1]

    def call(self, vectors: tf.Tensor, token_rows: tf.Tensor, text_spans: tf.Tensor) -> tf.Tensor:
        row_products, window_rows, texts, _ = self._multiply(vectors, token_rows, text_spans)
        bias = self._rounded(self.bias)
        pooled = []
        for pooling in self.poolings:
            if pooling == "max":  # ReLU is monotone: after the maximum it gives what it gives before
                pooled.append(tf.nn.relu(_maximum_of_sums(row_products, window_rows, texts) + bias))
            else:
                pooled.append(tf.math.segment_mean(tf.nn.relu(_sum_rows(row_products, window_rows) + bias), texts))
        return ops.cast(tf.concat(pooled, axis=1), self.compute_dtype)

    def trace(
        self, vectors: tf.Tensor, token_rows: tf.Tensor, text_spans: tf.Tensor, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What each window adds to the logits through the pooled features, float32 (windows of all texts, labels).

        In bfloat16 `call` rounds what it pools; windows add shares of the rounded features, so that all add up.

        Args:
            vectors, token_rows, text_spans: As to `call`.
            weights: float32 (len(poolings) * filters, labels), of the logits. Windows that share a maximum share it.

        Returns:
            The sums; and int32 (windows of all texts, 2), each window's text and the token that it begins with.
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
        """Values as the layer's precision has them, float32."""
        return tf.cast(ops.cast(values, self.compute_dtype), tf.float32)

    def _multiply(
        self, vectors: tf.Tensor, token_rows: tf.Tensor, text_spans: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """The products, float32 (rows * window, filters), and which of them each window sums up, (window, windows).

        With them for each window its text and the token that it begins with, int32 (windows,), both ascending.
        """
        # Keras casts to the layer's precision for `call` alone.
        side_by_side = ops.transpose(ops.cast(self.kernel, self.compute_dtype), (1, 0, 2))
        vectors = ops.cast(vectors, self.compute_dtype)
        row_products = ops.matmul(vectors, ops.reshape(side_by_side, (vectors.shape[-1], self.window * self.filters)))
        # Sums of rounded numbers would be rounded again: they are float32 in any precision.
        row_products = tf.reshape(tf.cast(row_products, tf.float32), [-1, self.filters])
        windows = tf.maximum(text_spans[:, 1] - self.window + 1, 1)
        most = tf.maximum(tf.reduce_max(windows), 0)  # of no texts the maximum is below zero
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
    """The features: for each window the sum of its rows of the products, float32 (windows, filters)."""
    return tf.add_n([tf.gather(row_products, part) for part in tf.unstack(window_rows)])


def _maximum_of_sums(row_products: tf.Tensor, window_rows: tf.Tensor, texts: tf.Tensor) -> tf.Tensor:
    """The maximum of each filter over the windows of each text.

    Args:
        row_products: float32 (rows, filters).
        window_rows: int32 (window, windows), for each token of each window its row of the products.
        texts: int32 (windows,), ascending: the text of each window.

    Returns:
        float32 (texts, filters). Windows with the same feature share its gradient.
    """

    @tf.custom_gradient
    def maximum(row_products: tf.Tensor) -> tuple[tf.Tensor, Any]:
        features = _sum_rows(row_products, window_rows)
        largest = tf.math.segment_max(features, texts)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            filters, numbers = tf.shape(row_products)[1], tf.size(upstream)
            # What dropout or ReLU has set to zero, most of it, has no winner: nothing equals infinity.
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
