"""Embedding and pooling that padding cannot change."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

if keras.backend.backend() != "tensorflow":
    raise ImportError(f"Keras must run on TensorFlow: set KERAS_BACKEND=tensorflow (it is {keras.backend.backend()})")

Shape = tuple[int | None, ...]


class _UniformTokens(keras.initializers.RandomUniform):
    """Uniform noise for tokens; padding (id 0) and the unknown token (id 1) start at zero.

    No training text may have the unknown token, whose noise would then be all that an answer hears of it.
    """

    def __call__(self, shape: Shape, dtype: Any = None) -> tf.Tensor:
        return super().__call__(shape, dtype) * ops.cast(ops.arange(shape[0]) > 1, dtype)[:, None]


@keras.saving.register_keras_serializable("keras_textcnn")
class TokenEmbedding(keras.layers.Layer):
    """Looks up a vector for each id; padding (id 0) is all zeros.

    Unlike `keras.layers.Embedding` it gathers from the variable itself, so that its gradient is a `tf.IndexedSlices`
    and an update touches only the rows of the batch, without a copy of the whole table.

    Args:
        vocabulary_size: Rows, padding and unknown included.
        dimensions: Columns.

    Input shape:
        int32 (batch, tokens), or (rows,).

    Output shape:
        That of the ids and the dimensions behind it, float32.
    """

    def __init__(self, vocabulary_size: int, dimensions: int, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.vocabulary_size = vocabulary_size
        self.dimensions = dimensions

    def build(self, ids_shape: Shape) -> None:
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.vocabulary_size, self.dimensions), initializer=_UniformTokens()
        )

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        vectors = tf.nn.embedding_lookup(self.embeddings.value, ids)
        return vectors * ops.cast(ops.not_equal(ids, 0), vectors.dtype)[..., None]

    def compute_output_spec(self, ids: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor((*ids.shape, self.dimensions), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "dimensions": self.dimensions,
        }


@keras.saving.register_keras_serializable("keras_textcnn")
class OneHotEmbedding(keras.layers.Layer):
    """A one-hot vector for each id; padding (id 0) and the unknown token (id 1) are all zeros.

    Args:
        vocabulary_size: Ids, padding and unknown included.

    Input shape:
        int32 (batch, tokens).

    Output shape:
        float32 (batch, tokens, vocabulary_size - 2).
    """

    def __init__(self, vocabulary_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        return ops.one_hot(ids - 2, self.vocabulary_size - 2, dtype=self.compute_dtype)  # of a negative number: zeros

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size}


@keras.saving.register_keras_serializable("keras_textcnn")
class TextMask(keras.layers.Layer):
    """Sets the features of padding to zero.

    Input shape:
        Features, float32 (batch, tokens, ..., filters), and ids, int32 (batch, tokens).

    Output shape:
        That of the features.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs: tf.Tensor, previous_mask: tf.Tensor) -> None:
        """None: a mask that a normalization was given goes no further."""

    def call(self, features: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        mask = ops.cast(ops.not_equal(ids, 0), features.dtype)
        return features * ops.expand_dims(mask, list(range(2, len(features.shape))))

    def compute_output_shape(self, features_shape: Shape, ids_shape: Shape) -> Shape:
        return features_shape


class _TextPooling(keras.layers.Layer):
    """What the poolings share: which windows start in the text."""

    def __init__(self, window: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = window

    def _windows(self, features: tf.Tensor, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """How many windows each text has, int32 (batch, 1), and which those are, bool (batch, windows)."""
        lengths = ops.sum(ops.cast(ops.not_equal(ids, 0), "int32"), axis=1, keepdims=True)
        windows = ops.maximum(lengths - self.window + 1, 1)
        return windows, ops.arange(ops.shape(features)[1], dtype="int32")[None] < windows

    def compute_output_shape(self, features_shape: Shape, ids_shape: Shape) -> Shape:
        return (features_shape[0], features_shape[2])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "window": self.window}


@keras.saving.register_keras_serializable("keras_textcnn")
class TextMaxPooling(_TextPooling):
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

    def call(self, features: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        _, inside = self._windows(features, ids)
        # Adding costs one pass and no gradient of its own, which a selection would.
        outside = ops.cast(ops.where(inside, 0.0, -float("inf")), features.dtype)
        return ops.max(features + outside[:, :, None], axis=1)


@keras.saving.register_keras_serializable("keras_textcnn")
class TextAveragePooling(_TextPooling):
    """The mean of each feature map over the windows that start in the text.

    Args, input shape, output shape: as of `TextMaxPooling`.
    """

    def call(self, features: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        windows, inside = self._windows(features, ids)
        weights = ops.cast(inside, features.dtype) / ops.cast(windows, features.dtype)
        return ops.einsum("bwf,bw->bf", features, weights)
