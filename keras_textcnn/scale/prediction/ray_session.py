"""Ray, started on this machine or joined on a cluster, without its log lines, bars and dashboard."""

import contextlib
import logging
import math
import os
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO, cast

from keras_textcnn.errors import InputError
from keras_textcnn.utils import signals
from keras_textcnn.utils.log import logger
from keras_textcnn.utils.tensorflow import standard_error_held
from keras_textcnn.utils.visible import one_line

RAY_PRINTS, REPEATED, KILLED_BY_US = "(raylet)", "retried", "ray.kill"  # in what Ray prints on standard output
REACHED_WITHIN = 10  # seconds
SECONDS = 1  # between two warnings
LOOPBACK = "127.0.0.1"
QUIET = {  # what Ray reads from the environment when it starts
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
QUIET_ARGUMENTS = {"log_to_driver": False, "logging_level": logging.CRITICAL, "configure_logging": False}


def import_ray(*, quiet: bool = False) -> Any:
    """Ray with Ray Data.

    Args:
        quiet: Whether it says nothing by itself, as befits a command.

    Raises:
        InputError: It is not installed.
    """
    for name, value in QUIET.items() if quiet else ():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise InputError(f"Ray Data is needed ({error}): pip install 'keras_textcnn[ray]'") from None
    return ray


@contextlib.contextmanager
def ray_session(*, address: str | None = None, workers: int | None = None) -> Iterator[int]:
    """Starts Ray on this machine, where only this machine can reach it, or joins a cluster; and leaves it at the end.

    Args:
        address: Of a running cluster, such as `auto` or `10.0.0.1:6379`; None: this machine.
        workers: Most workers; None: one for each core.

    Yields:
        How many workers there may be.

    Raises:
        InputError: Ray is not installed, or there is no such cluster.
    """
    ray = import_ray(quiet=True)
    if address is not None:
        _check_reachable(address)
    if ray.is_initialized():  # by the user's own program, which will end it
        yield workers or _cluster_workers(ray)
        return
    _start(ray, address, workers or _cores())
    with contextlib.redirect_stdout(cast(TextIO, _OutputWithoutRay(sys.stdout))):
        try:
            with signals.sigterm_raising():  # Ray has set a handler of its own, which ends the process at once
                yield workers or (_cluster_workers(ray) if address else _cores())
        finally:
            ray.shutdown()


def _start(ray: Any, address: str | None, workers: int) -> None:
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if address is None:
        where, advice = "Ray on this machine", "try again with fewer --workers"
    else:
        where = f"the Ray cluster at {address}"
        advice = "check --address, and set RAY_AUTH_MODE=token if the cluster wants a token"
    failure: Exception | None = None
    with standard_error_held():
        try:
            ray.init(**_arguments(address, workers), **QUIET_ARGUMENTS)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            failure = error
    if failure is not None:
        raise InputError(f"cannot start {where}: {one_line(str(failure))[:300]}; {advice}") from failure


def _check_reachable(address: str) -> None:
    """Raises InputError if nothing listens at HOST:PORT, for which Ray would wait for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        return
    try:
        socket.create_connection((host, int(port)), timeout=REACHED_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"no Ray cluster at {address} ({error}); check --address") from error


class _OutputWithoutRay:
    """Standard output without what Ray prints there: that a task failed and is repeated becomes a warning.

    Args:
        output: Takes everything else.
    """

    def __init__(self, output: TextIO) -> None:
        self._output, self._dropped, self._said = output, False, -math.inf

    def write(self, text: str) -> int:
        """Writes text, or logs that a worker has died."""
        if not (RAY_PRINTS in text or (self._dropped and text == "\n")):
            self._dropped = False
            return self._output.write(text)
        self._dropped = text != "\n"  # which `print` writes by itself
        now = time.monotonic()
        if REPEATED in text and KILLED_BY_US not in text and now > self._said + SECONDS:  # a worker has several tasks
            self._said = now
            logger.warning("a worker died; another one answers its rows again")
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._output, name)


def _arguments(address: str | None, workers: int) -> dict[str, Any]:
    if address is not None:
        return {"address": address}
    return {
        "address": "local",
        "num_cpus": workers,
        "include_dashboard": False,
        "_node_ip_address": LOOPBACK,
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cluster_workers(ray: Any) -> int:
    """How many workers leave enough cores of a cluster for what reads the files, though that asks for none."""
    cores = int(ray.cluster_resources().get("CPU", 1))
    return max(1, cores - readers_for(cores))


def readers_for(workers: int) -> int:
    """How many files are read at the same time: one core reads as fast as three answer."""
    return math.ceil(workers / 3)
