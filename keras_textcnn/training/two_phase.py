"""The two-phase fit: with the embedding frozen, then unfrozen with a lower learning rate; it resumes after a crash."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.tasks import ONE_LABEL, Task
from keras_textcnn.training.callbacks import BatchWatch, NotFiniteLossError
from keras_textcnn.training.checkpoint import (
    UnchangedWeights,
    assign_values,
    read_checkpoint,
    reading_checkpoint,
    values_of,
    write_checkpoint,
)
from keras_textcnn.training.compilation import CompiledPhases, compile_phase
from keras_textcnn.training.phases import Phase, Progress
from keras_textcnn.utils.log import logger


# Longer than others, so that all that a resumed fit must have again is read, changed and saved in one place.
def two_phase_fit(
    model: keras.Model,
    training: Callable[[int], tf.data.Dataset],
    validation: tf.data.Dataset | None,
    *,
    phases: Sequence[Phase],
    patience: int,
    task: Task = ONE_LABEL,
    loss: keras.losses.Loss | None = None,
    checkpoint: Path | None = None,
    owner: str = "",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    on_epoch: Callable[[dict[str, Any]], None] = lambda row: None,
    stop_if_requested: Callable[[], None] = lambda: None,
    compiled: CompiledPhases | None = None,
) -> Progress:
    """Fits the phases one after the other; the model ends with the weights of the best epoch.

    A phase starts from the best weights so far. It ends early when the validation loss has not fallen for `patience`
    epochs, or when the training loss is NaN or infinite.

    Args:
        model: A model from a builder, with its vectors loaded; it is left compiled unless `compiled` is given.
        training: Returns the batches of an epoch; epochs are counted from 0 over all phases.
        validation: Batches on which the epochs are compared; None: all epochs are run, and the last one is the best.
        phases: From `two_phases`, or your own.
        patience: Epochs to wait for a lower validation loss.
        task: `tasks.ONE_LABEL`, with targets int32 (batch,); or `tasks.SEVERAL_LABELS`, with targets float32 (batch,
            num_classes), where accuracy is the share of texts whose labels are all right.
        loss: The loss of training and validation; None: cross-entropy.
        checkpoint: File to write after every epoch, and when the fit is stopped within one. If it exists, the fit
            resumes from it and ends with the same weights, bit for bit, as a fit that was never interrupted. It holds
            only what the phases so far have changed; the model must have all other weights as when the fit began.
        owner: Names the fit in its checkpoint; a checkpoint of another owner is refused.
        callbacks: Keras callbacks for each epoch's `fit`.
        on_epoch: Called with each new row of the history: phase, epoch, learning_rate, loss, accuracy, seconds and, if
            there is a validation, val_loss and val_accuracy.
        stop_if_requested: Called between batches, though not between all of them, and after each epoch; if it raises
            KeyboardInterrupt, the progress is written and the fit ends.
        compiled: Keeps the models compiled for each phase, so that the next fit of these layers need not compile again;
            None: the model itself is compiled.

    Returns:
        The progress, with the history.

    Raises:
        ArithmeticError: No epoch had a finite loss.
        InputError: The checkpoint is damaged, or belongs to another fit or to a model that began with other weights.
    """
    progress, saved = _read_progress(model, phases, checkpoint, owner)
    best, sums = saved.get("best", []), saved.get("sums", [])

    def save(unchanged: UnchangedWeights, sums: Sequence[np.ndarray] = ()) -> None:
        if checkpoint:
            groups = {
                "model": values_of(unchanged.others(model.variables)),
                "optimizer": values_of(model.optimizer.variables),
                "best": unchanged.leave_out(model.weights, best) if best else [],
                "sums": sums,
            }
            facts = {**dataclasses.asdict(progress), "unchanged": unchanged.digest}
            write_checkpoint(checkpoint, owner, facts, groups)

    for number, phase in enumerate(phases[progress.phase :], progress.phase + 1):
        if compiled:
            model = compiled.take(model, phase, task=task, loss=loss)
        else:
            compile_phase(model, phase, task=task, loss=loss)
        unchanged = UnchangedWeights(model, phases[:number])
        if checkpoint and (progress.epoch or progress.batches):
            with reading_checkpoint(checkpoint):
                assign_values(unchanged.others(model.variables), saved["model"])
                assign_values(model.optimizer.variables, saved["optimizer"])
        elif best:
            assign_values(model.weights, best)
        while progress.epoch < phase.epochs and progress.waited < patience:
            if sums:  # Keras creates the variables of its metrics in the first batch
                model.test_on_batch(*next(iter(training(len(progress.history)))))
            watch, sums = BatchWatch(progress, sums, stop_if_requested), []
            try:
                row = _fit_epoch(model, training, validation, phase, progress, [*callbacks, watch])
            except NotFiniteLossError as error:
                reason = f"epoch {len(progress.history) + 1}, {phase.name}: the loss is NaN or infinite {error}"
                if not best:
                    raise ArithmeticError(f"{reason}; lower the learning rate, and check the vectors") from None
                logger.warning(f"{reason}; the phase ends, and the best epoch so far is kept")
                break
            except KeyboardInterrupt:
                if watch.ended:
                    save(unchanged, values_of(model.metrics_variables))
                raise
            progress.history.append(row)
            progress.next_epoch()
            if math.isfinite(row["loss"]) if validation is None else row["val_loss"] < progress.best_loss:
                best_loss = progress.best_loss if validation is None else row["val_loss"]
                progress.best_loss, progress.best_epoch, progress.waited = best_loss, row["epoch"], 0
                best = values_of(model.weights)
            save(unchanged)
            on_epoch(row)
            stop_if_requested()
        progress.next_phase()
    if not best:
        raise ArithmeticError(
            "every validation loss is NaN or infinite; lower the learning rate, and check the vectors"
        )
    assign_values(model.weights, best)
    return progress


def _read_progress(
    model: keras.Model, phases: Sequence[Phase], checkpoint: Path | None, owner: str
) -> tuple[Progress, dict[str, list[np.ndarray]]]:
    """The progress and the arrays of a fit to resume; empty for a new fit."""
    if not checkpoint or not checkpoint.exists():
        return Progress(), {}
    facts, saved = read_checkpoint(checkpoint, owner)
    with reading_checkpoint(checkpoint):
        unchanged = UnchangedWeights(model, phases[: facts["phase"] + 1])
        if facts.pop("unchanged") != unchanged.digest:
            raise ValueError("the fit began with other weights or vectors than these")
        if "best" in saved:
            saved["best"] = unchanged.fill_in(model.weights, saved["best"])
        return Progress(**facts), saved


def _fit_epoch(
    model: keras.Model,
    training: Callable[[int], tf.data.Dataset],
    validation: tf.data.Dataset | None,
    phase: Phase,
    progress: Progress,
    callbacks: Sequence[keras.callbacks.Callback],
) -> dict[str, Any]:
    started = time.perf_counter()
    epoch = len(progress.history)
    remaining = training(epoch).skip(progress.batches)
    fitted = model.fit(remaining, validation_data=validation, shuffle=False, verbose=0, callbacks=list(callbacks))
    logs = {name: float(values[0]) for name, values in fitted.history.items()}
    return {
        "phase": phase.name,
        "epoch": epoch + 1,
        "learning_rate": phase.learning_rate,
        **{name: logs[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy") if name in logs},
        "seconds": round(progress.seconds + time.perf_counter() - started, 3),
    }
