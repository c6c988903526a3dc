"""The two-phase fit: train with the embedding frozen, then unfrozen with a lower learning rate; go on after a crash."""

import dataclasses
import hashlib
import itertools
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.layers.names import EMBEDDING, LOGITS, STATIC_EMBEDDING
from keras_textcnn.training.checkpoint import read_checkpoint, reading_checkpoint, write_checkpoint
from keras_textcnn.training.losses import build_loss
from keras_textcnn.training.optimizers import build_optimizer
from keras_textcnn.utils.log import logger

KERNELS = "kernels"
BIASES, STATISTICS = ("bias", "beta"), ("moving_mean", "moving_variance")  # of layers, by the names of the variables
TUNED = {"head": ("embedding", "trunk"), "bias": ("embedding", KERNELS), "all": ()}  # and what each leaves as it is
STEPS_PER_EXECUTION = 16  # between two looks of Python, which cost up to 3 ms each: a quarter of a short step


@dataclasses.dataclass(frozen=True)
class Phase:
    """One compile and fit with one set of trainable weights and one learning rate.

    Attributes:
        name: As it stands in the history.
        epochs: The most epochs.
        learning_rate: Of the optimizer, which starts anew.
        frozen: Parts of the model that stay as they are: "embedding", "trunk", "head" (see `part_of`), or "kernels":
            what of the trunk is no bias, the rows of n-grams too.
        optimizer: Its name, as `optimizers.build_optimizer` knows it.
        weight_decay: Of adamw.
        embedding_factor: How many times as fast the embedding's rows learn.
    """

    name: str
    epochs: int
    learning_rate: float
    frozen: tuple[str, ...] = ()
    optimizer: str = "adam"
    weight_decay: float | None = None
    embedding_factor: float = 1.0


@dataclasses.dataclass
class Progress:
    """How far a fit has come: all that, beside the weights, decides how it goes on.

    Attributes:
        phase: Position of the current phase.
        epoch: Epochs done of the current phase.
        batches: Batches done of the current epoch, where the fit was stopped within it, and
        seconds: how long they took.
        waited: Epochs of the current phase since the last lower validation loss.
        best_loss: The lowest validation loss so far, of all phases.
        best_epoch: The epoch that had it, counted from 1 over all phases; 0 before the first.
        history: One row an epoch.
    """

    phase: int = 0
    epoch: int = 0
    batches: int = 0
    seconds: float = 0.0
    waited: int = 0
    best_loss: float = math.inf
    best_epoch: int = 0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def next_epoch(self) -> None:
        """An epoch is done, and was no better than the best one as far as is known."""
        self.epoch, self.waited, self.batches, self.seconds = self.epoch + 1, self.waited + 1, 0, 0.0

    def next_phase(self) -> None:
        """A phase is done, or has ended early, even within an epoch."""
        self.phase, self.epoch, self.waited, self.batches, self.seconds = self.phase + 1, 0, 0, 0, 0.0

    def kept_phases(self, phases: Sequence[Phase]) -> list[Phase]:
        """What led to the best epoch of these phases: each as long as to its own best, none that brought no better."""
        kept, best = [], math.inf
        for phase in phases:
            losses = [row["val_loss"] for row in self.history if row["phase"] == phase.name]
            lower = [loss for loss in losses if loss < best]
            if lower:
                best = min(lower)
                kept.append(dataclasses.replace(phase, epochs=losses.index(best) + 1))
        return kept


def summarize_phases(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each phase name, learning_rate, epochs and seconds, from the rows of its epochs."""
    phases = []
    for name, grouped in itertools.groupby(history, key=lambda row: row["phase"]):
        rows = list(grouped)
        seconds = round(sum(row["seconds"] for row in rows), 1)
        phases.append(
            {"name": name, "learning_rate": rows[0]["learning_rate"], "epochs": len(rows), "seconds": seconds}
        )
    return phases


def two_phases(
    *,
    frozen_epochs: int,
    unfrozen_epochs: int,
    learning_rate: float,
    unfrozen_learning_rate: float,
    frozen: tuple[str, ...] = ("embedding",),
    tune: str = "all",
    optimizer: str = "adam",
    weight_decay: float | None = None,
    embedding_factor: float = 1.0,
) -> list[Phase]:
    """Some parts frozen, then everything trained; a phase without epochs is left out.

    With nothing frozen the phases, fast and slow, differ in the learning rate alone. The second phase may also train no
    more than the logits ("head"), or these and all biases ("bias"; Ben Zaken et al., 2022,
    https://arxiv.org/abs/2106.10199).
    """
    names = ("frozen", "unfrozen" if tune == "all" else tune) if frozen else ("fast", "slow")
    phases = [
        Phase(names[0], frozen_epochs, learning_rate, frozen, optimizer, weight_decay, embedding_factor),
        Phase(
            names[1], unfrozen_epochs, unfrozen_learning_rate, TUNED[tune], optimizer, weight_decay, embedding_factor
        ),
    ]
    return [phase for phase in phases if phase.epochs]


def two_phase_fit(
    model: keras.Model,
    training: Callable[[int], tf.data.Dataset],
    validation: tf.data.Dataset | None,
    *,
    phases: Sequence[Phase],
    patience: int,
    several_labels: bool = False,
    loss: keras.losses.Loss | None = None,
    checkpoint: Path | None = None,
    owner: str = "",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    on_epoch: Callable[[dict[str, Any]], None] = lambda row: None,
    end_if_asked: Callable[[], None] = lambda: None,
    compiled: "CompiledPhases | None" = None,
) -> Progress:
    """Fits the phases one after the other; the model ends with the weights of the best epoch.

    A phase starts from the best weights so far. It ends early when the validation loss has not fallen for `patience`
    epochs, or when the training loss is no finite number.

    Args:
        model: From a builder, its vectors loaded; left compiled unless there is `compiled`.
        training: Gives the batches of an epoch, counted from 0 over all phases.
        validation: Batches on which the epochs are compared; None: all epochs are done, and the last one is the best.
        phases: From `two_phases`, or your own.
        patience: Epochs to wait for a lower validation loss.
        several_labels: Whether the targets are float32 (batch, labels), each label for itself; accuracy is the share of
            texts whose labels are all right then.
        loss: Of training and validation; None: cross-entropy.
        checkpoint: File to write after every epoch, and where the fit is stopped within one; if it is there, the fit
            goes on from it and ends with the same weights, bit for bit, as one that was never interrupted. It holds
            what the phases so far have changed; the rest the model must have, as when the fit began.
        owner: Names the fit in its checkpoint: one of another owner is refused.
        callbacks: Keras callbacks for each epoch's `fit`.
        on_epoch: Called with each new row of the history: phase, epoch, learning_rate, loss, accuracy, val_loss and
            val_accuracy if there is a validation, seconds.
        end_if_asked: Called between batches, some of them at once, and after each epoch; when it raises
            KeyboardInterrupt, the progress is written and the fit ends.
        compiled: Holds what is compiled for each phase, so that the next fit of these layers need not compile again;
            None: the model itself is compiled.

    Returns:
        The progress, with the history.

    Raises:
        ArithmeticError: No epoch had a finite loss.
        InputError: The checkpoint is damaged, another fit's, or of a model that began with other weights.
    """
    progress, saved = _read_progress(model, phases, checkpoint, owner)
    best, sums = saved.get("best", []), saved.get("sums", [])

    def save(unchanged: _Unchanged, sums: Sequence[np.ndarray] = ()) -> None:
        if checkpoint:
            groups = {
                "model": _values(unchanged.others(model.variables)),
                "optimizer": _values(model.optimizer.variables),
                "best": unchanged.leave_out(model.weights, best) if best else [],
                "sums": sums,
            }
            facts = {**dataclasses.asdict(progress), "unchanged": unchanged.digest}
            write_checkpoint(checkpoint, owner, facts, groups)

    for number, phase in enumerate(phases[progress.phase :], progress.phase + 1):
        if compiled:
            model = compiled.take(model, phase, several_labels=several_labels, loss=loss)
        else:
            compile_phase(model, phase, several_labels=several_labels, loss=loss)
        unchanged = _Unchanged(model, phases[:number])
        if checkpoint and (progress.epoch or progress.batches):
            with reading_checkpoint(checkpoint):
                _assign(unchanged.others(model.variables), saved["model"])
                _assign(model.optimizer.variables, saved["optimizer"])
        elif best:
            _assign(model.weights, best)
        while progress.epoch < phase.epochs and progress.waited < patience:
            if sums:  # Keras gives its metrics no variables before the first batch
                model.test_on_batch(*next(iter(training(len(progress.history)))))
            watch, sums = _Watch(progress, sums, end_if_asked), []
            try:
                row = _fit_epoch(model, training, validation, phase, progress, [*callbacks, watch])
            except _NotFiniteError as error:
                reason = f"epoch {len(progress.history) + 1}, {phase.name}: the loss is not finite {error}"
                if not best:
                    raise ArithmeticError(f"{reason}; lower the learning rate, and look at the vectors") from None
                logger.warning(f"{reason}; the phase ends with its best epoch")
                break
            except KeyboardInterrupt:
                if watch.ended:
                    save(unchanged, _values(model.metrics_variables))
                raise
            progress.history.append(row)
            progress.next_epoch()
            if math.isfinite(row["loss"]) if validation is None else row["val_loss"] < progress.best_loss:
                best_loss = progress.best_loss if validation is None else row["val_loss"]
                progress.best_loss, progress.best_epoch, progress.waited = best_loss, row["epoch"], 0
                best = _values(model.weights)
            save(unchanged)
            on_epoch(row)
            end_if_asked()
        progress.next_phase()
    if not best:
        raise ArithmeticError("the validation loss was never finite; lower the learning rate, and look at the vectors")
    _assign(model.weights, best)
    return progress


class CompiledPhases:
    """Models that share their layers, each compiled for one phase; it is traced once, however many fits have it."""

    def __init__(self) -> None:
        self._models: dict[tuple[Phase, str], tuple[keras.Model, keras.losses.Loss | None]] = {}

    def take(
        self, model: keras.Model, phase: Phase, *, several_labels: bool = False, loss: keras.losses.Loss | None = None
    ) -> keras.Model:
        """A model of the same layers compiled for a phase, its optimizer as new."""
        key = dataclasses.replace(phase, name="", epochs=0), model.name
        taken, its_loss = self._models.get(key, (None, None))
        if taken is None or its_loss is not loss:
            taken = keras.Model(model.inputs, model.outputs, name=model.name)
            compile_phase(taken, phase, several_labels=several_labels, loss=loss)
            self._models[key] = taken, loss
        set_trainable(taken, phase)
        for variable in taken.optimizer.variables:
            if variable.name != "learning_rate":
                variable.assign(keras.ops.zeros_like(variable))
        return taken


def set_trainable(model: keras.Model, phase: Phase) -> None:
    """Freezes what a phase freezes, and nothing else."""
    for layer in model.layers:
        layer.trainable = False  # TensorFlow skips an assignment of what is there, and variables would stay frozen
        layer.trainable = part_of(layer) not in {*phase.frozen, "static"}
        if KERNELS in phase.frozen and part_of(layer) == "trunk":
            for variable in layer.trainable_variables:
                variable.trainable = variable.name in BIASES


def compile_phase(
    model: keras.Model, phase: Phase, *, several_labels: bool = False, loss: keras.losses.Loss | None = None
) -> None:
    """Freezes what a phase freezes and compiles with a new optimizer: without it Keras ignores the freezing."""
    set_trainable(model, phase)
    if several_labels:
        accuracy = keras.metrics.MeanMetricWrapper(_all_right, name="accuracy")
    else:
        accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")
    optimizer = build_optimizer(
        phase.optimizer,
        phase.learning_rate,
        embedding_factor=phase.embedding_factor,
        weight_decay=phase.weight_decay,
    )
    model.compile(
        optimizer,
        loss or build_loss(several_labels=several_labels),
        metrics=[accuracy],
        jit_compile=False,  # XLA would compile again for every length
        steps_per_execution=STEPS_PER_EXECUTION,
    )
    model.optimizer.build(model.trainable_variables)


def part_of(layer: keras.Layer) -> str:
    """The part of a model that a layer is of: "embedding", "static" (Kim's second channel), "trunk" or "head"."""
    return {EMBEDDING: "embedding", STATIC_EMBEDDING: "static", LOGITS: "head"}.get(layer.name, "trunk")


class _Unchanged:
    """The weights that none of some phases changes: a checkpoint holds a digest of them, for the fit begins with them.

    Args:
        model: In a fit of these phases, before the first step or after any.
        phases: The current phase and those before it.

    Attributes:
        digest: SHA-256 of the weights.
    """

    def __init__(self, model: keras.Model, phases: Sequence[Phase]) -> None:
        left = [{id(variable) for variable in _frozen_weights(model, phase)} for phase in phases]
        self._ids = set.intersection(*left)
        digest = hashlib.sha256()
        for variable in model.weights:
            if id(variable) in self._ids:
                digest.update(keras.ops.convert_to_numpy(variable).tobytes())
        self.digest = digest.hexdigest()

    def others(self, variables: Sequence[keras.Variable]) -> list[keras.Variable]:
        """Those of the variables that are not among these weights."""
        return [variable for variable in variables if id(variable) not in self._ids]

    def leave_out(self, variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The values of `others`, of the values of all variables."""
        pairs = zip(variables, values, strict=True)
        return [value for variable, value in pairs if id(variable) not in self._ids]

    def fill_in(self, variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The values of all variables, of the values of `others`."""
        others = dict(zip(map(id, self.others(variables)), values, strict=True))
        return [others[id(one)] if id(one) in others else keras.ops.convert_to_numpy(one) for one in variables]


def _frozen_weights(model: keras.Model, phase: Phase) -> list[keras.Variable]:
    """What a phase leaves as it is; a normalization that learns its bias alone goes on with its statistics."""
    frozen = []
    for layer in model.layers:
        if part_of(layer) in {*phase.frozen, "static"}:
            frozen += layer.weights
        elif KERNELS in phase.frozen and part_of(layer) == "trunk":
            frozen += [variable for variable in layer.weights if variable.name not in (*BIASES, *STATISTICS)]
    return frozen


def _read_progress(
    model: keras.Model, phases: Sequence[Phase], checkpoint: Path | None, owner: str
) -> tuple[Progress, dict[str, list[np.ndarray]]]:
    """The progress and the arrays of a fit that is gone on with; of one that begins, none."""
    if not checkpoint or not checkpoint.exists():
        return Progress(), {}
    facts, saved = read_checkpoint(checkpoint, owner)
    with reading_checkpoint(checkpoint):
        unchanged = _Unchanged(model, phases[: facts["phase"] + 1])
        if facts.pop("unchanged") != unchanged.digest:
            raise ValueError("the fit began with other weights, or vectors, than these")
        if "best" in saved:
            saved["best"] = unchanged.fill_in(model.weights, saved["best"])
        return Progress(**facts), saved


def _all_right(truth: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """1 for each text of which every label that is more probable than not is right, and no other, else 0."""
    right = keras.ops.equal(keras.ops.cast(logits > 0, truth.dtype), truth)
    return keras.ops.cast(keras.ops.all(right, axis=-1), "float32")


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


class _NotFiniteError(ArithmeticError):
    """The loss of a batch is not a number, or infinite."""


class _Watch(keras.callbacks.Callback):
    """Ends an epoch between two batches if that is asked for, and says in the progress where; or if the loss is lost.

    Args:
        progress: Of the fit.
        sums: Of the loss and the accuracy over the batches that were done before; empty if none were.
        end_if_asked: As of `two_phase_fit`.

    Attributes:
        ended: Whether it has ended the epoch.
    """

    def __init__(self, progress: Progress, sums: Sequence[np.ndarray], end_if_asked: Callable[[], None]) -> None:
        super().__init__()
        self._progress, self._sums, self._end_if_asked = progress, sums, end_if_asked
        self._begun, self._started = progress.batches, time.perf_counter()
        self.ended = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._sums:  # Keras has just set them to zero
            _assign(self.model.metrics_variables, self._sums)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        steps = self.params["steps"]
        done = self._begun + min(batch + 1, steps)  # Keras counts on beyond the last one
        if not math.isfinite(logs["loss"]):
            first = self._begun + batch + 2 - STEPS_PER_EXECUTION
            raise _NotFiniteError(f"in one of the batches {first} to {done} of {self._begun + steps}")
        if batch + 1 < steps:  # else the epoch is as good as done
            try:
                self._end_if_asked()
            except KeyboardInterrupt:
                self.ended = True
                self._progress.batches = done
                self._progress.seconds += time.perf_counter() - self._started
                raise


def _values(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def _assign(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        if value.shape != tuple(variable.shape):  # Keras's own message prints the arrays
            raise ValueError(f"{variable.path} has the shape {tuple(variable.shape)}, not {value.shape}")
        variable.assign(value)
