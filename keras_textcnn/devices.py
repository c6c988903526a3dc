"""What a run computes on, and how fast its numbers are there."""

import contextlib
import statistics
import time
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

SIZE, ROUNDS = 512, 5  # of the matrix products that are timed


def accelerators() -> list[str]:
    """The GPUs that TensorFlow can use; each takes memory as it needs it, not all that there is."""
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        with contextlib.suppress(RuntimeError):  # it is in use already, as the notebook's owner has set it up
            tf.config.experimental.set_memory_growth(gpu, True)
    return [device.name for device in tf.config.list_logical_devices("GPU")]


def choose_strategy(devices: Sequence[str]) -> tf.distribute.Strategy:
    """How to train on these: a batch is shared out among several, else TensorFlow places everything itself."""
    return tf.distribute.MirroredStrategy(list(devices)) if len(devices) > 1 else tf.distribute.get_strategy()


def name_device(device: str) -> str:
    """What a logical device is, such as NVIDIA H100: as its driver says, else its TensorFlow name."""
    for physical in tf.config.list_physical_devices("GPU"):
        if device.endswith(physical.name.split(":", 1)[1]):
            return str(tf.config.experimental.get_device_details(physical).get("device_name", device))
    return device


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
