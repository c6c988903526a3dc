from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.training.optimizers import LazyAdam, RowAdadelta, build_optimizer


def lazy_adam(value: np.ndarray, batches: list[list[tuple[int, np.ndarray]]], rate: float) -> np.ndarray:
    """Kingma and Ba's algorithm 1 for the rows of a batch, in float64; other rows stay as they are."""
    value, m, v = value.astype(np.float64), np.zeros(value.shape), np.zeros(value.shape)
    for step, batch in enumerate(batches, 1):
        gradients: dict[int, np.ndarray] = {}
        for id, gradient in batch:
            gradients[id] = gradients.get(id, 0) + gradient
        for id, gradient in gradients.items():
            m[id] = 0.9 * m[id] + 0.1 * gradient
            v[id] = 0.999 * v[id] + 0.001 * gradient**2
            # Keras adds epsilon to the square root before the bias correction.
            rate_now = rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            value[id] -= rate_now * m[id] / (np.sqrt(v[id]) + 1e-7)
    return value


def test_rows_of_the_batch_move_as_adam_moves_them_and_others_wait() -> None:
    random = np.random.default_rng(0)
    start = random.normal(size=(10, 3)).astype(np.float32)
    batches = [[(int(id), random.normal(size=3)) for id in ids] for ids in ([1, 2, 1], [2, 5], [1], [2, 2, 2])]
    variable = keras.Variable(start)
    optimizer = LazyAdam(0.01)
    for batch in batches:
        ids, rows = zip(*batch, strict=True)
        gradient = tf.IndexedSlices(tf.constant(np.array(rows, np.float32)), tf.constant(ids), tf.constant([10, 3]))
        optimizer.apply([gradient], [variable])
    np.testing.assert_allclose(variable, lazy_adam(start, batches, 0.01), atol=1e-6)
    untouched = [0, 3, 4, 6, 7, 8, 9]
    np.testing.assert_array_equal(variable.numpy()[untouched], start[untouched])


def test_factor_speeds_up_rows_alone() -> None:
    rows, dense = keras.Variable(np.ones((3, 2), np.float32)), keras.Variable(np.ones((2, 2), np.float32))
    gradient = np.array([[1, -2], [3, 0.5]], np.float32)
    slices = tf.IndexedSlices(tf.constant(gradient), tf.constant([0, 2]), tf.constant([3, 2]))
    LazyAdam(0.01, embedding_factor=4.0).apply([slices, tf.constant(gradient)], [rows, dense])
    # Adam's first step has the length of the learning rate, whatever the gradient.
    np.testing.assert_allclose(rows, 1 - 0.04 * np.array([[1, -1], [0, 0], [1, 1]]), atol=1e-6)
    np.testing.assert_allclose(dense, 1 - 0.01 * np.array([[1, -1], [1, 1]]), atol=1e-6)


def test_equals_adam_where_every_row_is_in_the_batch() -> None:
    random = np.random.default_rng(1)
    start = random.normal(size=(4, 3)).astype(np.float32)
    lazy, dense = keras.Variable(start), keras.Variable(start)
    ours, stock = LazyAdam(0.05), keras.optimizers.Adam(0.05)
    for _ in range(5):
        gradient = tf.constant(random.normal(size=(4, 3)).astype(np.float32))
        ours.apply([tf.IndexedSlices(gradient, tf.range(4), tf.constant([4, 3]))], [lazy])
        stock.apply([gradient], [dense])
    np.testing.assert_allclose(lazy, dense, atol=1e-6)


def test_dense_gradients_are_adams() -> None:
    start = np.ones((2, 2), np.float32)
    ours, stock = keras.Variable(start), keras.Variable(start)
    gradient = tf.constant([[1.0, -2.0], [0.5, 0.0]])
    LazyAdam(0.1).apply([gradient], [ours])
    keras.optimizers.Adam(0.1).apply([gradient], [stock])
    np.testing.assert_array_equal(ours, stock)


def test_reloads_from_its_config() -> None:
    again = keras.optimizers.deserialize(keras.optimizers.serialize(LazyAdam(0.25, embedding_factor=3.0)))
    assert isinstance(again, LazyAdam)
    assert float(again.learning_rate) == 0.25
    assert again.embedding_factor == 3.0


def rms_prop(value: np.ndarray, gradients: list[np.ndarray], rate: float) -> np.ndarray:
    """Tieleman and Hinton (2012), with Keras's decay of 0.9; every row's average decays at every step."""
    average = np.zeros(value.shape)
    for gradient in gradients:
        average = 0.9 * average + 0.1 * gradient**2
        value = value - rate * gradient / np.sqrt(average + 1e-7)
    return value


def momentum(value: np.ndarray, gradients: list[np.ndarray], rate: float) -> np.ndarray:
    """Polyak (1964), with a momentum of 0.9."""
    speed = np.zeros(value.shape)
    for gradient in gradients:
        speed = 0.9 * speed - rate * gradient
        value = value + speed
    return value


def adadelta(value: np.ndarray, gradients: list[np.ndarray], rate: float) -> np.ndarray:
    """Zeiler (2012), algorithm 1, times a rate; the averages of every row decay at every step."""
    squares, moves = np.zeros(value.shape), np.zeros(value.shape)
    for gradient in gradients:
        squares = 0.95 * squares + 0.05 * gradient**2
        move = -np.sqrt(moves + 1e-6) / np.sqrt(squares + 1e-6) * gradient
        moves = 0.95 * moves + 0.05 * move**2
        value = value + rate * move
    return value


@pytest.mark.parametrize(("name", "formula"), [("rmsprop", rms_prop), ("sgd", momentum), ("adadelta", adadelta)])
@pytest.mark.parametrize("rate", [0.01, 1.0])
def test_repeated_ids_of_a_batch_are_added_up(name: str, formula: Any, rate: float) -> None:
    random = np.random.default_rng(2)
    start = random.normal(size=(6, 3)).astype(np.float32)
    variable, dense = keras.Variable(start), []
    optimizer = build_optimizer(name, rate)
    for ids in ([1, 2, 1], [2, 5], [5], [5, 5], [1, 1, 1], [2]):
        rows = random.normal(size=(len(ids), 3)).astype(np.float32)
        dense.append(np.zeros((6, 3)))
        np.add.at(dense[-1], ids, rows)
        optimizer.apply([tf.IndexedSlices(tf.constant(rows), tf.constant(ids), tf.constant([6, 3]))], [variable])
    np.testing.assert_allclose(variable, formula(start.astype(np.float64), dense, rate), atol=1e-6, rtol=1e-5)


def test_adadelta_of_dense_weights_is_the_papers_too() -> None:
    random = np.random.default_rng(3)
    start = random.normal(size=(2, 3)).astype(np.float32)
    variable, gradients = keras.Variable(start), [*random.normal(size=(4, 2, 3)).astype(np.float32)]
    optimizer = build_optimizer("adadelta", 1.0)
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient)], [variable])
    np.testing.assert_allclose(variable, adadelta(start.astype(np.float64), gradients, 1.0), rtol=1e-5)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert (type(again), again.rho, again.epsilon) == (RowAdadelta, 0.95, 1e-6)


def test_adadelta_moves_a_row_after_a_thousand_steps_without_it_as_if_anew() -> None:
    rows, others = keras.Variable(np.zeros((3, 2), np.float32)), keras.Variable(np.zeros((2, 2), np.float32))
    optimizer = build_optimizer("adadelta", 1.0)
    gradient = tf.constant([[1.0, -2.0]])
    moved = []
    for id in [0, *[1] * 1000, 0]:
        before = rows.numpy()[0]
        slices = tf.IndexedSlices(gradient, tf.constant([id]), tf.constant([3, 2]))
        optimizer.apply([slices, tf.zeros((2, 2))], [rows, others])
        moved.append(rows.numpy()[0] - before)
    np.testing.assert_allclose(moved[-1], moved[0], rtol=1e-4)


def test_adamw_decays_kernels_alone() -> None:
    table = keras.Variable(np.ones((3, 2), np.float32), name="embeddings")
    names = ("kernel", "bias", "gamma", "beta")
    kernel, *others = (keras.Variable(np.ones((2, 2), np.float32), name=name) for name in names)
    optimizer = build_optimizer("adamw", 0.1, weight_decay=0.5)
    nothing = tf.zeros((2, 2))
    slices = tf.IndexedSlices(nothing, tf.constant([0, 1]), tf.constant([3, 2]))
    for _ in range(2):
        optimizer.apply([slices, *[nothing] * 4], [table, kernel, *others])
    np.testing.assert_allclose(kernel, (1 - 0.1 * 0.5) ** 2, rtol=1e-6)  # Loshchilov and Hutter (2019)
    np.testing.assert_array_equal(table, 1)
    np.testing.assert_array_equal(others, 1)


def test_adam_is_the_lazy_one() -> None:
    optimizer = build_optimizer("adam", 0.25, embedding_factor=3.0)
    assert (type(optimizer), optimizer.embedding_factor, optimizer.weight_decay) == (LazyAdam, 3.0, None)


def test_refuses_an_unknown_name() -> None:
    with pytest.raises(ValueError, match="`name` must be adam, adamw, rmsprop, sgd or adadelta. Received: name=lion"):
        build_optimizer("lion", 0.1)
