"""The device that a run computes on, and the precision that it computes in."""

import contextlib
import errno
import functools
import re
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

SIZE, ROUNDS = 512, 5  # of the timed matrix products


def set_up(*, deterministic: bool = False) -> None:
    """Prepares the devices of this machine; call it before anything is placed on one.

    GPU memory is allocated as needed, unless it was set up otherwise. By default, TensorFlow takes all of it.

    Args:
        deterministic: Whether TensorFlow uses only deterministic operations until the process ends, on a GPU too. An
            operation without a deterministic version raises `tf.errors.UnimplementedError`.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # already in use
            tf.config.experimental.set_memory_growth(gpu, True)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def name_device(devices: int = 1) -> str:
    """What TensorFlow trains on: the driver's name of the first GPU, such as NVIDIA H100, or CPU.

    Args:
        devices: How many of them train; several are called 2 x NVIDIA H100, for example.
    """
    gpus = tf.config.list_physical_devices("GPU")
    name = str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")) if gpus else "CPU"
    return name if devices == 1 else f"{devices} x {name}"


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


def choose_strategy(devices: str) -> tf.distribute.Strategy:
    """How a training uses the devices of this machine.

    Args:
        devices: one, or all: all GPUs; without a GPU, all logical CPUs, of which there is one unless TensorFlow was
            configured to have more.

    Returns:
        A `tf.distribute.MirroredStrategy` for several devices; TensorFlow's default, which does nothing, for one.
    """
    if devices == "one":
        return tf.distribute.get_strategy()
    names = [device.name for device in tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")]
    return _mirror(*names) if len(names) > 1 else tf.distribute.get_strategy()


@functools.cache
def _mirror(*names: str) -> tf.distribute.Strategy:
    """One strategy for a process: a second one on the same devices would mix up its sums with those of the first."""
    return tf.distribute.MirroredStrategy(names)


def training_with(strategy: tf.distribute.Strategy | None) -> contextlib.AbstractContextManager[Any]:
    """Fits within the block use all devices of a strategy; with one device, or None, nothing changes."""
    several = strategy is not None and strategy.num_replicas_in_sync > 1
    return strategy.scope() if strategy and several else contextlib.nullcontext()


def distribute(batches: tf.data.Dataset) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """The batches for a fit, each divided among the devices of the current strategy; with one device, as they are.

    By default, Keras has TensorFlow copy the parts to their devices in advance, with a tf.data autotuner that cannot be
    turned off: an epoch does not end before the autotuner wakes up, seconds later (see `Epochs`).
    """
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync == 1:
        return batches
    on_host = tf.distribute.InputOptions(experimental_fetch_to_device=False)
    return strategy.experimental_distribute_dataset(batches, on_host)


@contextlib.contextmanager
def building_for(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Models built within the block have their weights on all devices of a strategy; with one device, nothing changes.

    A normalization's statistics, which each device computes from its own texts, are averaged over the devices in each
    step. By default, Keras lets them drift apart and saves those of the first device.
    """

    def create(next_creator: Callable[..., tf.Variable], **settings: Any) -> tf.Variable:
        if not settings["trainable"] and tf.as_dtype(settings["dtype"]).is_floating:
            settings["aggregation"] = tf.VariableAggregation.MEAN
        return next_creator(**settings)

    with contextlib.ExitStack() as stack:
        if strategy.num_replicas_in_sync > 1:
            stack.enter_context(strategy.scope())
            stack.enter_context(tf.variable_creator_scope(create))
        yield
