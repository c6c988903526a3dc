"""Ray, started on this machine or joined on a cluster, without its log lines, bars and dashboard."""

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any

from keras_textcnn.errors import InputError
from keras_textcnn.utils import signals

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
    if ray.is_initialized():  # by the user's own program, which will end it
        yield workers or _cluster_cores(ray)
        return
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    try:
        ray.init(**_arguments(address, workers or _cores()), **QUIET_ARGUMENTS)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        where = f"the Ray cluster at {address}; check --address" if address else "Ray on this machine"
        raise InputError(f"cannot start {where} ({' '.join(str(error).split())[:300]})") from error
    try:
        with signals.sigterm_raising():  # Ray has set a handler of its own, which ends the process at once
            yield workers or (_cluster_cores(ray) if address else _cores())
    finally:
        ray.shutdown()


def _arguments(address: str | None, workers: int) -> dict[str, Any]:
    if address is not None:
        return {"address": address}
    # One more for what reads the files, most of whose time goes into waiting for the workers.
    return {
        "address": "local",
        "num_cpus": workers + 1,
        "include_dashboard": False,
        "_node_ip_address": LOOPBACK,
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cluster_cores(ray: Any) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)) - 1)
