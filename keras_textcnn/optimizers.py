"""Adam for large embeddings."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_textcnn")
class LazyAdam(keras.optimizers.Adam):
    """Adam that, for a gathered embedding, updates only the rows that are in the batch.

    Rows outside the batch keep their value and their moments, where Adam would let every row drift on by its old
    momentum and touch the whole table each step. Gradients that are not `tf.IndexedSlices` are treated as Adam does.
    The other arguments are Adam's; `amsgrad` is not supported.

    Args:
        learning_rate: Of all weights but the rows.
        embedding_factor: The rows' learning rate is this many times as high. Most rows are in few batches, and Adam
            moves a weight by about its learning rate a step: without a factor rare words hardly leave their place.
    """

    def __init__(self, learning_rate: float = 1e-3, *, embedding_factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.embedding_factor = embedding_factor

    def update_step(self, gradient: Any, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        # An id stands in a batch many times: its gradients are added up before the moments see them.
        ids, positions = tf.unique(gradient.indices)
        rows = tf.math.unsorted_segment_sum(gradient.values, positions, tf.size(ids))

        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index].value, self._velocities[index].value
        momentum_rows = self.beta_1 * momentum.sparse_read(ids) + (1 - self.beta_1) * rows
        velocity_rows = self.beta_2 * velocity.sparse_read(ids) + (1 - self.beta_2) * tf.square(rows)

        step = tf.cast(self.iterations.value + 1, rows.dtype)
        rate = tf.cast(learning_rate, rows.dtype) * self.embedding_factor
        rate = rate * tf.sqrt(1 - tf.pow(self.beta_2, step)) / (1 - tf.pow(self.beta_1, step))
        update = rate * momentum_rows / (tf.sqrt(velocity_rows) + self.epsilon)

        momentum.scatter_update(tf.IndexedSlices(momentum_rows, ids))
        velocity.scatter_update(tf.IndexedSlices(velocity_rows, ids))
        variable.scatter_sub(tf.IndexedSlices(update, ids))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "embedding_factor": self.embedding_factor}
