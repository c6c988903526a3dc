"""TensorFlow's graphs of trainings that are over do not stay in memory."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.func_graph import FuncGraph

from keras_textcnn.utils.graphs import freeing_graphs
from tests.conftest import make_corpus
from tests.runs import tiny_run

INPUTS, TARGETS = np.ones((8, 3), np.float32), np.ones((8, 1), np.float32)


def list_graphs() -> list[FuncGraph]:
    gc.collect()
    return [item for item in gc.get_objects() if isinstance(item, FuncGraph)]


def count_left(act: Callable[[], object]) -> int:
    """How many graphs an act leaves; those of other tests may go at any time."""
    before = weakref.WeakSet(list_graphs())
    act()
    return sum(graph not in before for graph in list_graphs())


def fit_dense() -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(INPUTS, TARGETS, verbose=0)
    return model


def test_graphs_go_with_their_model() -> None:
    """Also that they stay without it: if this ends, TensorFlow has mended it, and the module can go."""
    assert count_left(fit_dense) > 0
    assert count_left(freeing_graphs()(fit_dense)) == 0


def test_a_model_trains_on_after_the_block() -> None:
    with freeing_graphs():
        model = fit_dense()
    before = model.get_weights()
    model.fit(INPUTS, TARGETS, verbose=0)
    model.fit(INPUTS[:3], TARGETS[:3], verbose=0)  # traced again, for batches of another size
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(INPUTS))
    assert np.abs(model.get_weights()[0] - before[0]).min() > 0
    np.testing.assert_allclose(tape.gradient(loss, model.trainable_variables)[1], [1])


def test_a_block_that_ends_leaves_the_gradients_of_one_that_goes_on() -> None:
    """As when two threads train at the same time."""

    @tf.custom_gradient
    def clipped(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        return tf.minimum(x, 1), lambda gradient: 3 * gradient

    x = tf.constant(INPUTS)
    with freeing_graphs():
        with freeing_graphs():
            traced = tf.function(clipped).get_concrete_function(tf.TensorSpec(x.shape))
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = traced(x)
        np.testing.assert_array_equal(tape.gradient(y, x), 3 * np.ones(x.shape))


def test_trainings_leave_no_graphs(tmp_path: Path) -> None:
    for name in ("first", "second"):  # the first one leaves what all share
        left = count_left(lambda name=name: tiny_run(tmp_path / name, make_corpus(), ngrams=2))
    assert left == 0
