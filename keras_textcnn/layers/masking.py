"""A mask that zeroes the features of padding."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from keras_textcnn.layers.embedding import Shape


@keras.saving.register_keras_serializable("keras_textcnn")
class TextMask(keras.layers.Layer):
    """Sets the features of padding to zero.

    Input shape:
        Features, float32 (batch, tokens, ..., filters), and ids, int32 (batch, tokens).

    Output shape:
        The shape of the features.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs: tf.Tensor, previous_mask: tf.Tensor) -> None:
        """Returns None, so that a mask given to a normalization is not passed on."""

    def call(self, features: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        mask = ops.cast(ops.not_equal(ids, 0), features.dtype)
        return features * ops.expand_dims(mask, list(range(2, len(features.shape))))

    def compute_output_shape(self, features_shape: Shape, ids_shape: Shape) -> Shape:
        return features_shape
