"""The device that a run computes on, and the precision that it computes in."""

import contextlib
import errno
import re
import statistics
import time
from collections.abc import Iterator

import keras
import tensorflow as tf

SIZE, ROUNDS = 512, 5  # of the timed matrix products


def name_device() -> str:
    """The device that TensorFlow trains on: the driver's name of the first GPU, such as NVIDIA H100, or CPU.

    GPU memory is allocated as needed, unless it was set up otherwise. By default, TensorFlow takes all of it.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        with contextlib.suppress(RuntimeError):  # already in use
            tf.config.experimental.set_memory_growth(gpu, True)
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")) if gpus else "CPU"


def make_deterministic() -> None:
    """Makes TensorFlow use only deterministic operations until the process ends, on a GPU too.

    An operation without a deterministic version raises `tf.errors.UnimplementedError`.
    """
    tf.config.experimental.enable_op_determinism()


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Turns TensorFlow's write errors into OSError, as Python raises; also a decorator."""
    try:
        yield
    except tf.errors.OpError as error:
        reason = re.search(r"; ([A-Z].*?)( \[Op:\w+\])?$", error.message, re.MULTILINE)  # the file comes first
        raise OSError(errno.EIO, reason[1] if reason else error.message) from error


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers made inside compute in float32 or bfloat16; their weights are float32 either way."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def bfloat16_gain() -> float:
    """How many times as fast a matrix product is in bfloat16 as in float32, measured on this machine."""
    seconds: dict[tf.DType, list[float]] = {tf.bfloat16: [], tf.float32: []}
    for _ in range(1 + ROUNDS):
        for dtype, times in seconds.items():
            matrix = tf.ones((SIZE, SIZE), dtype)
            started = time.perf_counter()
            tf.matmul(matrix, matrix).numpy()
            times.append(time.perf_counter() - started)
    return statistics.median(seconds[tf.float32][1:]) / statistics.median(seconds[tf.bfloat16][1:])
