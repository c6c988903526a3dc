"""Embedding and pooling that padding cannot change."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

if keras.backend.backend() != "tensorflow":
    raise ImportError(f"Keras must run on TensorFlow: set KERAS_BACKEND=tensorflow (it is {keras.backend.backend()})")

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("keras_textcnn")
class TokenEmbedding(keras.layers.Layer):
    """Looks up a vector for each id; padding (id 0) is all zeros.

    Unlike `keras.layers.Embedding` it gathers from the variable itself, so that its gradient is a `tf.IndexedSlices`
    and an update touches only the rows of the batch, without a copy of the whole table.

    Args:
        vocabulary_size: Rows, padding and unknown included.
        dimensions: Columns.

    Input shape:
        int32 (batch, tokens).

    Output shape:
        float32 (batch, tokens, dimensions).
    """

    def __init__(self, vocabulary_size: int, dimensions: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.dimensions = dimensions

    def build(self, ids_shape: Shape) -> None:
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.vocabulary_size, self.dimensions), initializer="uniform"
        )

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        vectors = tf.nn.embedding_lookup(self.embeddings.value, ids)
        return vectors * ops.cast(ops.not_equal(ids, 0), vectors.dtype)[:, :, None]

    def compute_output_spec(self, ids: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor((*ids.shape, self.dimensions), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "dimensions": self.dimensions,
        }


@keras.saving.register_keras_serializable("keras_textcnn")
class TextMaxPooling(keras.layers.Layer):
    """The maximum of each feature map over the windows that start in the text.

    A text shorter than the window has one window, its first. Expects texts padded on the right by at least
    `window - 1` zero vectors, so that window i starts at token i.

    Args:
        window: Tokens the convolution sees.

    Input shape:
        Features, float32 (batch, windows, filters), and ids, int32 (batch, tokens).

    Output shape:
        float32 (batch, filters).
    """

    def __init__(self, window: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = window

    def call(self, features: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        lengths = ops.sum(ops.cast(ops.not_equal(ids, 0), "int32"), axis=1, keepdims=True)
        starts = ops.arange(ops.shape(features)[1], dtype="int32")[None]
        outside = ops.greater_equal(starts, ops.maximum(lengths - self.window + 1, 1))
        # Adding costs one pass and no gradient of its own, which a selection would.
        return ops.max(features + ops.where(outside, -float("inf"), 0.0)[:, :, None], axis=1)

    def compute_output_shape(self, features_shape: Shape, ids_shape: Shape) -> Shape:
        return (features_shape[0], features_shape[2])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "window": self.window}
