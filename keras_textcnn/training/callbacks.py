"""Keras callbacks for training; each can be used with a plain `model.fit` too."""

import math
import time
from typing import Any

import keras
import numpy as np

from keras_textcnn.presets import MONITORS, VAL_LOSS
from keras_textcnn.training.checkpoint import (
    assign_values,
    values_of,
)
from keras_textcnn.training.phases import Phase, Progress, rank

SCORES = ("loss", "accuracy", "val_loss", "val_accuracy")  # in the order of a history's columns


class PhaseCallback(keras.callbacks.Callback):
    """A callback that is also told which phase begins.

    Attributes:
        phase: The current phase; None outside a `two_phase_fit`.
    """

    phase: Phase | None = None

    def on_phase_begin(self, phase: Phase) -> None:
        """Called before the `fit` of each phase."""
        self.phase = phase


def is_lost(logs: dict[str, Any]) -> bool:
    """Whether the loss of an epoch or batch is NaN or infinite; such an epoch does not count."""
    return not math.isfinite(logs.get("loss", 0.0))  # a `train_step` of the user's own may not report it


class PhaseHistory(PhaseCallback, keras.callbacks.History):
    """Keras's history, over all phases, with the columns phase, learning_rate and seconds.

    Args:
        progress: Where the rows go, and how far the fit has come; None: a new one.

    Attributes:
        sums: The sums of the metrics over the batches that an earlier process did in this epoch; they are set once.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        super().__init__()
        self.progress, self.sums = progress or Progress(), list[np.ndarray]()
        self._before, self._seconds, self._started = 0, 0.0, time.perf_counter()
        self._tabulate()

    def on_train_begin(self, logs: Any = None) -> None:
        self.model.history = self

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._before, self._seconds, self._started = self.progress.batches, self.progress.seconds, time.perf_counter()
        if self.sums:  # Keras has just reset them
            assign_values(self.model.metrics_variables, self.sums)
            self.sums = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        done = min(batch + 1, self.params["steps"] or math.inf)
        self.progress.batches = self._before + int(done)
        self.progress.seconds = self._seconds + time.perf_counter() - self._started

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if is_lost(logs):
            return
        seconds = round(self._seconds + time.perf_counter() - self._started, 3)
        row = {
            "phase": self.phase.name if self.phase else "",
            "epoch": epoch + 1,
            "learning_rate": self._learning_rate(),
            **{name: float(logs[name]) for name in (*SCORES, *logs) if name in {*logs} - {"learning_rate"}},
            "seconds": seconds,
        }
        self.progress.history.append(row)
        self.progress.next_epoch()
        self._tabulate()

    def _learning_rate(self) -> float:
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        planned = self.phase.learning_rate if self.phase else rate
        return planned if isinstance(planned, float) and rate == np.float32(planned) else rate  # no more digits

    def _tabulate(self) -> None:
        rows = self.progress.history
        self.epoch = [row["epoch"] - 1 for row in rows]
        self.history = {name: [row.get(name) for row in rows] for name in (rows[0] if rows else ()) if name != "epoch"}


class BestEpoch(PhaseCallback):
    """Ends a phase when some epochs have been no better than the best one, and keeps the weights of the best epoch.

    The best epoch is that of all phases. Without validation, all epochs are run and the last one is the best.

    Args:
        patience: Epochs to wait for a better one.
        monitor: What makes an epoch the best one: "val_loss", the lowest, or "val_accuracy", the highest.
        progress: Where the best epoch is recorded; None: a new one.
        restore: Whether the model gets the best weights when a `fit` ends.

    Attributes:
        weights: The weights of the best epoch; empty before it.

    Example:
        model.fit(train, validation_data=validation, epochs=20, callbacks=[BestEpoch(patience=2)])
    """

    def __init__(
        self,
        patience: int = 2,
        *,
        monitor: str = VAL_LOSS,
        progress: Progress | None = None,
        restore: bool = True,
    ) -> None:
        super().__init__()
        if monitor not in MONITORS:
            raise ValueError(f"`monitor` must be one of {', '.join(MONITORS)}. Received: monitor={monitor!r}")
        self.patience, self.monitor, self.restore, self.progress = patience, monitor, restore, progress or Progress()
        self.weights: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if is_lost(logs):
            return
        progress = self.progress
        progress.waited += 1
        its = rank(logs, self.monitor) if VAL_LOSS in logs else None
        if its is None or its < progress.best_rank:
            progress.best_rank = progress.best_rank if its is None else float(its)
            progress.best_epoch, progress.waited = epoch + 1, 0
            self.weights = values_of(self.model.weights)
        if progress.waited >= self.patience:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        if self.restore and self.weights:
            assign_values(self.model.weights, self.weights)


class LossWatch(PhaseCallback):
    """Ends a phase when the loss of a batch is NaN or infinite; unlike Keras's `TerminateOnNaN`, it says where.

    Args:
        progress: The progress that another callback records; it tells how many batches an earlier process did.

    Attributes:
        lost: In which batches the loss was lost; None if it was not.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        super().__init__()
        self.lost: str | None = None
        self._progress, self._before = progress, 0

    def on_phase_begin(self, phase: Phase) -> None:
        super().on_phase_begin(phase)
        self.lost = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._before = self._progress.batches if self._progress else 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if is_lost(logs) and self.lost is None:
            steps, before = self.params["steps"], self._before
            first = before + batch + 2 - self.model.steps_per_execution
            last = before + min(batch + 1, steps or math.inf)  # Keras counts beyond the last batch
            self.lost = f"in one of the batches {first} to {last}" + (f" of {before + steps}" if steps else "")
            self.model.stop_training = True
