"""Keras callbacks for training."""

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import keras
import numpy as np

from keras_textcnn.persistence.run import Run
from keras_textcnn.training.checkpoint import assign_values, read_checkpoint, reading_checkpoint, write_checkpoint
from keras_textcnn.training.phases import Progress


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


class NotFiniteLossError(ArithmeticError):
    """The loss of a batch is NaN or infinite."""


class BatchWatch(keras.callbacks.Callback):
    """Ends an epoch between two batches, on request or because the loss is NaN or infinite.

    On request, it records in the progress where the epoch ended.

    Args:
        progress: The progress of the fit.
        sums: The sums of the loss and the accuracy over the batches of the epoch that are already done; empty if none
            are.
        stop_if_requested: As for `two_phase_fit`.

    Attributes:
        ended: Whether the epoch was ended on request.
    """

    def __init__(self, progress: Progress, sums: Sequence[np.ndarray], stop_if_requested: Callable[[], None]) -> None:
        super().__init__()
        self._progress, self._sums, self._end_if_asked = progress, sums, stop_if_requested
        self._begun, self._started = progress.batches, time.perf_counter()
        self.ended = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._sums:  # Keras has just reset them
            assign_values(self.model.metrics_variables, self._sums)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        steps = self.params["steps"]
        done = self._begun + min(batch + 1, steps)  # Keras counts beyond the last batch
        if not math.isfinite(logs["loss"]):
            first = self._begun + batch + 2 - self.model.steps_per_execution
            raise NotFiniteLossError(f"in one of the batches {first} to {done} of {self._begun + steps}")
        if batch + 1 < steps:  # otherwise the epoch is practically done
            try:
                self._end_if_asked()
            except KeyboardInterrupt:
                self.ended = True
                self._progress.batches = done
                self._progress.seconds += time.perf_counter() - self._started
                raise
