"""Frees TensorFlow's graphs of trainings that are over, and the texts that these hold."""

import contextlib
import threading
from collections.abc import Iterator

import tensorflow as tf
from tensorflow.python.framework import ops

_lock = threading.Lock()
_open: list[set[str]] = []  # of each open block, the names that were registered when it began


@contextlib.contextmanager
def freeing_graphs() -> Iterator[None]:
    """Lets what is traced inside be freed together with its model and data; also a decorator.

    Otherwise two tables of TensorFlow keep it until the process ends, some 100 MiB a training:

    - The default graph has the functions of each `tf.numpy_function`, and these have our batches' texts. The block gets
      a default graph of its own, which lives as long as anything that was traced in it.
    - A registry has the gradient of each traced `tf.custom_gradient`, such as those in Keras's optimizers and in our
      convolution, and with it its whole graph. The traced steps contain these gradients already, so that they still
      train after the block. There is no public way to this registry; in a version with another one, the graphs stay.
      A block that ends while others are open, in other threads or around it, leaves them to the last one.
    """
    registered = getattr(getattr(ops, "gradient_registry", None), "_registry", {})
    with _lock:
        _open.append(set(registered))
    tf.compat.v1.reset_default_graph()
    try:
        yield
    finally:
        tf.compat.v1.reset_default_graph()
        with _lock:
            before = _open[0]
            _open.pop()
            if not _open:
                for name in registered.keys() - before:
                    if name.startswith("CustomGradient-"):  # others may come from modules that were imported inside
                        del registered[name]
