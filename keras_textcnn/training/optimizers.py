"""Optimizers by name, and those for large embeddings."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_textcnn")
class LazyAdam(keras.optimizers.Adam):
    """Adam that, for a gathered embedding, updates only the rows that are in the batch.

    Rows outside the batch keep their value and their moments. Plain Adam would let every row drift on by its old
    momentum and touch the whole table in each step. Gradients that are not `tf.IndexedSlices` are applied as in Adam.
    The other arguments are Adam's; `amsgrad` is not supported.

    Args:
        learning_rate: The learning rate of all weights except the rows.
        embedding_factor: Multiplies the rows' learning rate. Most rows are in few batches, and Adam moves a weight by
            about its learning rate in each step, so without a factor rare words hardly move.
    """

    def __init__(self, learning_rate: float = 1e-3, *, embedding_factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.embedding_factor = embedding_factor

    def update_step(self, gradient: Any, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        ids, rows = _add_up(gradient)
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index].value, self._velocities[index].value
        momentum_rows = self.beta_1 * tf.gather(momentum, ids) + (1 - self.beta_1) * rows
        velocity_rows = self.beta_2 * tf.gather(velocity, ids) + (1 - self.beta_2) * tf.square(rows)

        step = tf.cast(self.iterations.value + 1, rows.dtype)
        rate = tf.cast(learning_rate, rows.dtype) * self.embedding_factor
        rate = rate * tf.sqrt(1 - tf.pow(self.beta_2, step)) / (1 - tf.pow(self.beta_1, step))
        update = rate * momentum_rows / (tf.sqrt(velocity_rows) + self.epsilon)

        momentum.scatter_update(tf.IndexedSlices(momentum_rows, ids))
        velocity.scatter_update(tf.IndexedSlices(velocity_rows, ids))
        variable.scatter_sub(tf.IndexedSlices(update, ids))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "embedding_factor": self.embedding_factor}


@keras.saving.register_keras_serializable("keras_textcnn")
class RowRMSprop(keras.optimizers.RMSprop):
    """RMSprop that adds up the parts of an embedding row's gradient before squaring it.

    Keras's own RMSprop (3.15) squares each part separately if an id occurs in a batch more than once.
    """

    def update_step(self, gradient: Any, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        if isinstance(gradient, tf.IndexedSlices):
            ids, rows = _add_up(gradient)
            gradient = tf.IndexedSlices(rows, ids, gradient.dense_shape)
        super().update_step(gradient, variable, learning_rate)


@keras.saving.register_keras_serializable("keras_textcnn")
class RowAdadelta(keras.optimizers.Adadelta):
    """Adadelta (Zeiler, 2012, algorithm 1) whose steps cost as little as the rows of the embedding that are in a batch.

        squares = rho * squares + (1 - rho) * gradient ** 2
        move    = -sqrt(moves + epsilon) / sqrt(squares + epsilon) * gradient
        moves   = rho * moves + (1 - rho) * move ** 2

    A row that is not in the batch has a gradient of zero: it stays where it is, and its averages shrink by rho. That is
    made up for when the row is in a batch again, by a power of rho, so that all numbers are those of the definition.

    Args:
        learning_rate: Multiplies each move; the paper has no such factor, so it is 1.
        rho: The decay of the averages.
        epsilon: Keeps the first moves and the divisor from zero; the paper's, of which Keras has a tenth.
    """

    def __init__(self, learning_rate: float = 1.0, *, rho: float = 0.95, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(learning_rate, rho=rho, epsilon=epsilon, **kwargs)

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        # float32, because a GPU cannot scatter int32.
        names = (f"{it.path.replace('/', '_')}_last_steps" for it in variables)
        self._last_steps = [
            self.add_variable(it.shape[:1], name=name) for it, name in zip(variables, names, strict=True)
        ]

    def update_step(self, gradient: Any, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        ids, rows = _add_up(gradient)
        index = self._get_variable_index(variable)
        squares, moves = self._accumulated_grads[index].value, self._accumulated_delta_vars[index].value
        last_steps = self._last_steps[index].value
        step = tf.cast(self.iterations.value + 1, rows.dtype)
        shrunk = tf.pow(self.rho, step - 1 - tf.gather(last_steps, ids))[:, None]
        square_rows = self.rho * shrunk * tf.gather(squares, ids) + (1 - self.rho) * tf.square(rows)
        move_rows = shrunk * tf.gather(moves, ids)
        move = tf.sqrt(move_rows + self.epsilon) / tf.sqrt(square_rows + self.epsilon) * rows
        move_rows = self.rho * move_rows + (1 - self.rho) * tf.square(move)

        squares.scatter_update(tf.IndexedSlices(square_rows, ids))
        moves.scatter_update(tf.IndexedSlices(move_rows, ids))
        last_steps.scatter_update(tf.IndexedSlices(tf.fill(tf.shape(ids), step), ids))
        variable.scatter_sub(tf.IndexedSlices(tf.cast(learning_rate, rows.dtype) * move, ids))


def _add_up(gradient: tf.IndexedSlices) -> tuple[tf.Tensor, tf.Tensor]:
    """The distinct ids of a batch and their rows' gradients, added up because an id may occur many times."""
    ids, positions = tf.unique(gradient.indices)
    return ids, tf.math.unsorted_segment_sum(gradient.values, positions, tf.size(ids))


def build_optimizer(
    name: str, learning_rate: Any, *, embedding_factor: float = 1.0, weight_decay: float | None = None
) -> keras.optimizers.Optimizer:
    """A new optimizer.

    Args:
        name: adam or adamw (`LazyAdam` without and with weight decay), rmsprop, sgd (with a momentum of 0.9), or
            adadelta (`RowAdadelta`; its learning rate is 1).
        learning_rate: The learning rate of all weights except the embedding's rows, or a schedule for it.
        embedding_factor: Multiplies the rows' learning rate; adam and adamw only.
        weight_decay: For adamw: the fraction of a kernel's weights, times the learning rate, that each step subtracts.
            Biases, normalizations and the embedding do not decay: most rows of the embedding are in few batches and
            would shrink in between.

    Raises:
        ValueError: The name is unknown.
    """
    if name == "rmsprop":
        return RowRMSprop(learning_rate)
    if name == "sgd":
        return keras.optimizers.SGD(learning_rate, momentum=0.9)
    if name == "adadelta":
        return RowAdadelta(learning_rate)
    if name not in ("adam", "adamw"):
        raise ValueError(f"`name` must be adam, adamw, rmsprop, sgd or adadelta. Received: name={name}")
    optimizer = LazyAdam(learning_rate, embedding_factor=embedding_factor, weight_decay=weight_decay)
    if weight_decay is not None:
        optimizer.exclude_from_weight_decay(var_names=["embeddings", "bias", "gamma", "beta"])
    return optimizer
