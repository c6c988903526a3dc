"""Embedding layers, and the loading of a matrix of pretrained vectors into a model."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_textcnn.layers.names import EMBEDDING, STATIC_EMBEDDING

if keras.backend.backend() != "tensorflow":
    raise ImportError(f"Keras runs on {keras.backend.backend()}, not on TensorFlow; set KERAS_BACKEND=tensorflow")

Shape = tuple[int | None, ...]


class _UniformTokens(keras.initializers.RandomUniform):
    """Uniform noise for tokens; padding (id 0) and the unknown token (id 1) start at zero.

    The training texts may not contain the unknown token. Its noise would then never be trained, but would still reach
    the predictions.
    """

    def __call__(self, shape: Shape, dtype: Any = None) -> tf.Tensor:
        return super().__call__(shape, dtype) * ops.cast(ops.arange(shape[0]) > 1, dtype)[:, None]


@keras.saving.register_keras_serializable("keras_textcnn")
class TokenEmbedding(keras.layers.Layer):
    """Looks up a vector for each id; padding (id 0) is all zeros.

    Unlike `keras.layers.Embedding`, it gathers from the variable itself. Its gradient is therefore a
    `tf.IndexedSlices`, and an update touches only the rows of the batch, without copying the whole table.

    Args:
        vocabulary_size: Rows, including padding and unknown.
        dimensions: Columns.

    Input shape:
        int32 (batch, tokens), or (rows,).

    Output shape:
        The shape of the ids, followed by the dimensions, float32.
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
        vocabulary_size: Number of ids, including padding and unknown.

    Input shape:
        int32 (batch, tokens).

    Output shape:
        float32 (batch, tokens, vocabulary_size - 2).
    """

    def __init__(self, vocabulary_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        return ops.one_hot(ids - 2, self.vocabulary_size - 2, dtype=self.compute_dtype)  # zeros for a negative index

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size}


def layers_of(model: keras.Model) -> Iterator[keras.Layer]:
    """All layers of a model, and those of the models inside it."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from layers_of(layer)


def find_embedding(model: keras.Model) -> keras.Layer | None:
    """The layer that holds the trainable vectors of a model's tokens: a `TokenEmbedding` or a `keras.layers.Embedding`.

    This is the layer named "embedding", or otherwise the one with the most rows, because positions and the like have
    smaller tables. None if there is no such layer.
    """
    kinds = (TokenEmbedding, keras.layers.Embedding)
    tables = [layer for layer in layers_of(model) if isinstance(layer, kinds) and layer.name != STATIC_EMBEDDING]
    return max(tables, key=lambda layer: (layer.name == EMBEDDING, _rows_of(layer)), default=None)


def _rows_of(layer: keras.Layer) -> int:
    """The rows of an embedding, which need not be built yet."""
    return layer.vocabulary_size if isinstance(layer, TokenEmbedding) else layer.input_dim


def set_embedding(model: keras.Model, matrix: np.ndarray) -> None:
    """Loads an embedding matrix into a model's embedding and, in a multichannel model, into the static one as well.

    Raises:
        ValueError: The model has no embedding, or the shapes differ.
    """
    embedding = find_embedding(model)
    if embedding is None:
        raise ValueError(f"`model` has no layer of vectors to load. Received: model={model.name}")
    expected = tuple(embedding.embeddings.shape)
    if matrix.shape != expected:
        raise ValueError(f"`matrix` must have the embedding's shape {expected}. Received: matrix.shape={matrix.shape}")
    for layer in layers_of(model):
        if layer is embedding or layer.name == STATIC_EMBEDDING:
            layer.embeddings.assign(matrix)
