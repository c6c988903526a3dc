"""What a run computes on, and how fast its numbers are there."""

import contextlib
import errno
import re
import statistics
import time
from collections.abc import Iterator

import keras
import tensorflow as tf

SIZE, ROUNDS = 512, 5  # of the matrix products that are timed


def name_device() -> str:
    """Where TensorFlow trains: on the first GPU, by its driver's name such as NVIDIA H100, or on the CPU.

    A GPU's memory is taken as it is needed, unless it has been set up otherwise: TensorFlow would take all of it.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        with contextlib.suppress(RuntimeError):  # it is in use already
            tf.config.experimental.set_memory_growth(gpu, True)
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")) if gpus else "CPU"


def make_deterministic() -> None:
    """From now on until the process ends TensorFlow takes, on a GPU too, only operations that give the same each time.

    What has no such operation raises `tf.errors.UnimplementedError`.
    """
    tf.config.experimental.enable_op_determinism()


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """What TensorFlow raises when it cannot write is an OSError, as what Python raises; also a decorator."""
    try:
        yield
    except tf.errors.OpError as error:
        reason = re.search(r"; ([A-Z].*?)( \[Op:\w+\])?$", error.message, re.MULTILINE)  # it begins with the file
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
    """How many times as fast a matrix product is in bfloat16 as in float32, measured here and now."""
    seconds: dict[tf.DType, list[float]] = {tf.bfloat16: [], tf.float32: []}
    for _ in range(1 + ROUNDS):
        for dtype, times in seconds.items():
            matrix = tf.ones((SIZE, SIZE), dtype)
            started = time.perf_counter()
            tf.matmul(matrix, matrix).numpy()
            times.append(time.perf_counter() - started)
    return statistics.median(seconds[tf.float32][1:]) / statistics.median(seconds[tf.bfloat16][1:])
