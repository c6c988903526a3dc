"""The scaled sum of several models' logits."""

from typing import Any

import keras
import tensorflow as tf

from keras_textcnn.layers.embedding import Shape


@keras.saving.register_keras_serializable("keras_textcnn")
class ScaledSum(keras.layers.Layer):
    """The sum of several models' logits, each multiplied by a scale that is set, not trained.

    Input shapes:
        float32 (batch, num_classes), one for each model.

    Output shape:
        float32 (batch, num_classes).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def build(self, shapes: list[Shape]) -> None:
        self.scales = self.add_weight(name="scales", shape=(len(shapes),), initializer="ones", trainable=False)

    def call(self, outputs: list[tf.Tensor]) -> tf.Tensor:
        return tf.add_n([scale * output for scale, output in zip(tf.unstack(self.scales.value), outputs, strict=True)])

    def compute_output_shape(self, shapes: list[Shape]) -> Shape:
        return shapes[0]
