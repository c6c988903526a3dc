"""Keras callbacks for a fit that may end at any moment and go on from there; each works in a plain `model.fit` too."""

import dataclasses
import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_textcnn.errors import InputError
from keras_textcnn.training.callbacks import BestEpoch, PhaseCallback, is_lost
from keras_textcnn.training.checkpoint import (
    UnchangedWeights,
    assign_values,
    read_checkpoint,
    reading_checkpoint,
    values_of,
    write_checkpoint,
)
from keras_textcnn.training.phases import Phase, Progress


class Checkpoint(PhaseCallback):
    """Writes one file after each epoch, from which the fit resumes with the same bits.

    The file holds the weights, the optimizer, the random numbers, the best weights and the progress, and is replaced in
    one step. In a plain `fit`, give Keras the epochs that are already done.

    Args:
        path: The file.
        owner: Names the fit; a checkpoint of another owner is refused.
        best: The best epoch, to be saved as well.
        progress: The progress that other callbacks record; None: it is recorded here.
        static: Layers that no phase trains.

    Attributes:
        progress: How far the fit has come.

    Raises:
        InputError: The file is damaged, or belongs to another fit.

    Example:
        checkpoint = Checkpoint("fit.npz")
        model.fit(train, epochs=10, initial_epoch=checkpoint.progress.epoch, callbacks=[checkpoint])
    """

    def __init__(
        self,
        path: Path | str,
        *,
        owner: str = "",
        best: BestEpoch | None = None,
        progress: Progress | None = None,
        static: Collection[keras.Layer] = (),
    ) -> None:
        super().__init__()
        self.path, self.owner, self._best, self._static = Path(path), owner, best, static
        self._phases: list[Phase] = []
        self._records, self._saved = progress is None, dict[str, list[np.ndarray]]()
        self.progress, self._digest = progress or Progress(), None
        if not self.path.parent.is_dir() or self.path.is_dir():
            raise InputError(f"checkpoint must be a file in a folder that exists; received: {path}")
        if self.path.exists():
            facts, self._saved = read_checkpoint(self.path, owner)
            with reading_checkpoint(self.path):
                self._digest = facts.pop("unchanged")
                self.progress.__dict__.update(vars(Progress(**facts)))

    @property
    def sums(self) -> list[np.ndarray]:
        """The sums of the metrics over the batches of an epoch that was interrupted; empty if none was."""
        return self._saved.get("sums", [])

    def begin(self, phases: Sequence[Phase]) -> None:
        """Says which phases come before the first `fit`; the last of them is the current one."""
        self._phases = list(phases)

    def on_phase_begin(self, phase: Phase) -> None:
        super().on_phase_begin(phase)
        self._phases.append(phase)

    def on_train_begin(self, logs: Any = None) -> None:
        self.restore(self.model)

    def restore(self, model: keras.Model) -> None:
        """Sets a compiled model, and the best weights, to what the file holds; does nothing the second time."""
        self._unchanged = unchanged = UnchangedWeights(model, self._phases, self._static)
        if not self._saved:
            return
        model.optimizer.build(model.trainable_variables)  # in a plain `fit`, the first batch does it
        with reading_checkpoint(self.path):
            if self._digest != unchanged.digest:
                raise ValueError("the fit began with other weights or vectors than these")
            assign_values(unchanged.others(model.variables), self._saved["model"])
            assign_values(model.optimizer.variables, self._saved["optimizer"])
            if self._best and "best" in self._saved:
                self._best.weights = unchanged.fill_in(model.weights, self._saved["best"])
        self._saved = {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if is_lost(logs):
            return
        if self._records:
            self.progress.epoch = epoch + 1
        self.progress.stopped = bool(self.model.stop_training)
        self.write()

    def write(self, sums: Sequence[np.ndarray] = ()) -> None:
        """Writes the file; `sums` are those of the metrics, within an epoch."""
        model, best = self.model, self._best.weights if self._best else []
        unchanged = self._unchanged
        groups = {
            "model": values_of(unchanged.others(model.variables)),
            "optimizer": values_of(model.optimizer.variables),
            "best": unchanged.leave_out(model.weights, best) if best else [],
            "sums": sums,
        }
        facts = {**dataclasses.asdict(self.progress), "unchanged": unchanged.digest}
        write_checkpoint(self.path, self.owner, facts, groups)


class Interruption(keras.callbacks.Callback):
    """Ends a fit between two batches on request, and saves it.

    Args:
        stop_if_requested: Called after batches and epochs; raises KeyboardInterrupt to end the fit.
        checkpoint: Written within an epoch, if it knows the batches that are done.

    Example:
        with signals.holding_first() as stop_if_requested:
            model.fit(train, epochs=10, callbacks=[Interruption(stop_if_requested)])
    """

    def __init__(self, stop_if_requested: Callable[[], None], checkpoint: Checkpoint | None = None) -> None:
        super().__init__()
        self._stop_if_requested, self._checkpoint = stop_if_requested, checkpoint

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch + 1 >= (self.params["steps"] or math.inf):
            return  # the epoch is practically done
        try:
            self._stop_if_requested()
        except KeyboardInterrupt:
            if self._checkpoint:
                self._checkpoint.write(values_of(self.model.metrics_variables))
            raise

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._stop_if_requested()
