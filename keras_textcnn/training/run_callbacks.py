"""Callbacks of a run: a line for each epoch, and the time that all of its processes took."""

import contextlib
import time
from typing import Any, Self

import keras

from keras_textcnn.evaluation.descriptions import describe_epoch
from keras_textcnn.persistence.run import Run
from keras_textcnn.training.callbacks import PhaseCallback, is_lost
from keras_textcnn.training.checkpoint import read_checkpoint, reading_checkpoint, write_checkpoint
from keras_textcnn.utils.log import logger


class EpochLog(PhaseCallback):
    """Logs a line for each epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not is_lost(logs):
            phase = self.phase.name if self.phase else ""
            seconds = time.perf_counter() - self._started
            logger.info(describe_epoch({"phase": phase, "epoch": epoch + 1, **logs, "seconds": seconds}))


class RunSeconds(keras.callbacks.Callback):
    """Counts the seconds that all processes together have worked on a run.

    The seconds of earlier processes come from a checkpoint. It is written after each epoch and, if the run is
    interrupted, on leaving the context.

    Args:
        run: The run.
        started: When this process began, by `time.perf_counter`.

    Raises:
        InputError: The checkpoint is damaged or belongs to another run.
    """

    def __init__(self, run: Run, started: float) -> None:
        super().__init__()
        self._path, self._owner = run.checkpoints / "seconds.npz", f"seconds of {run.identity}"
        self._started, self._before = started, 0.0
        if self._path.exists():
            facts, _ = read_checkpoint(self._path, self._owner)
            with reading_checkpoint(self._path):
                self._before = float(facts["seconds"])

    def so_far(self) -> float:
        """The seconds of this process so far and of those before it."""
        return self._before + time.perf_counter() - self._started

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        write_checkpoint(self._path, self._owner, {"seconds": self.so_far()}, {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        with contextlib.suppress(OSError):  # a finished run has no checkpoints; a full disk has its own error
            if self._path.parent.exists():
                self.on_epoch_end(0)
