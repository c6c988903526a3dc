"""A linear model of the mean of a text's pretrained vectors."""

from typing import Any

import keras
import tensorflow as tf

from keras_textcnn.layers.embedding import Shape


@keras.saving.register_keras_serializable("keras_textcnn")
class VectorMeanLogits(keras.layers.Layer):
    """A linear model of the mean of a text's pretrained vectors: a row of logits for each token, and their mean.

        logits(text) = bias + mean(vectors of its tokens) @ weights = bias + mean(vectors of its tokens @ weights)

    So the layer keeps only one row, vector @ weights, for each token. Tokens without a vector do not count. All rows
    start at zero.

    Args:
        vocabulary_size: Rows, including padding and unknown.
        num_classes: Columns.

    Input shape:
        int32 (batch, tokens), each text padded on the right with 0.

    Output shape:
        float32 (batch, num_classes).
    """

    def __init__(self, vocabulary_size: int, num_classes: int, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.vocabulary_size, self.num_classes = vocabulary_size, num_classes

    def build(self, ids_shape: Shape) -> None:
        shape = (self.vocabulary_size, self.num_classes)
        self.embeddings = self.add_weight(name="embeddings", shape=shape, initializer="zeros")
        self.bias = self.add_weight(name="bias", shape=(self.num_classes,), initializer="zeros")
        self.known = self.add_weight(name="known", shape=shape[:1], initializer="zeros", trainable=False)

    @property
    def numbers_a_token(self) -> int:
        """The numbers that a training step holds for a token: its row, gradient and place."""
        return 2 * self.num_classes + 4

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        [(shares, places)] = self.trace(ids)
        return tf.math.unsorted_segment_sum(shares, places[:, 0], tf.shape(ids)[0]) + self.bias

    def trace(self, ids: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """What each token adds to the logits, float32 (tokens, num_classes), its text and place, int32 (tokens, 2)."""
        places = tf.where(ids != 0)
        tokens = tf.gather_nd(ids, places)
        places = tf.cast(places, tf.int32)
        known = tf.gather(self.known.value, tokens)
        counts = tf.maximum(tf.math.unsorted_segment_sum(known, places[:, 0], tf.shape(ids)[0]), 1)
        rows = tf.nn.embedding_lookup(self.embeddings.value, tokens)
        return [(rows * (known / tf.gather(counts, places[:, 0]))[:, None], places)]

    def compute_output_spec(self, ids: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor((ids.shape[0], self.num_classes), "float32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size, "num_classes": self.num_classes}
