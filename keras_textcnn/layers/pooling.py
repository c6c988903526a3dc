"""Poolings over the windows of a text."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from keras_textcnn.layers.embedding import Shape


class _TextPooling(keras.layers.Layer):
    """The base of the poolings: finds the windows of each text."""

    def __init__(self, window: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = window

    def _windows(self, features: tf.Tensor, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The number of windows of each text, int32 (batch, 1), and a mask of them, bool (batch, windows)."""
        lengths = ops.sum(ops.cast(ops.not_equal(ids, 0), "int32"), axis=1, keepdims=True)
        windows = ops.maximum(lengths - self.window + 1, 1)
        return windows, ops.arange(ops.shape(features)[1], dtype="int32")[None] < windows

    def compute_output_shape(self, features_shape: Shape, ids_shape: Shape) -> Shape:
        return (features_shape[0], features_shape[2])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "window": self.window}


@keras.saving.register_keras_serializable("keras_textcnn")
class TextMaxPooling(_TextPooling):
    """The maximum of each feature map over the windows of the text.

    A text of n tokens has n - window + 1 windows, but at least one. Expects texts padded on the right by at least
    `window - 1` zero vectors, so that window i starts at token i.

    Args:
        window: Tokens that the convolution sees.

    Input shape:
        Features, float32 (batch, windows, filters), and ids, int32 (batch, tokens).

    Output shape:
        float32 (batch, filters).
    """

    def call(self, features: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        _, inside = self._windows(features, ids)
        # An addition costs one pass and, unlike a selection, needs no gradient of its own.
        outside = ops.cast(ops.where(inside, 0.0, -float("inf")), features.dtype)
        return ops.max(features + outside[:, :, None], axis=1)


@keras.saving.register_keras_serializable("keras_textcnn")
class TextAveragePooling(_TextPooling):
    """The mean of each feature map over the windows of the text.

    Arguments, input shape and output shape are those of `TextMaxPooling`.
    """

    def call(self, features: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        windows, inside = self._windows(features, ids)
        weights = ops.cast(inside, features.dtype) / ops.cast(windows, features.dtype)
        return ops.einsum("bwf,bw->bf", features, weights)
