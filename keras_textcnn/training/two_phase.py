"""The two-phase fit: with the embedding frozen, then unfrozen with a lower learning rate; it resumes after a crash."""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from keras_textcnn.data.batching import Epochs
from keras_textcnn.errors import InputError
from keras_textcnn.layers.embedding import find_embedding, layers_of
from keras_textcnn.models.own_model import probability_activation
from keras_textcnn.presets import VAL_LOSS
from keras_textcnn.tasks import ONE_LABEL, SEVERAL_LABELS, Task
from keras_textcnn.training.callbacks import BestEpoch, LossWatch, PhaseCallback, PhaseHistory
from keras_textcnn.training.checkpoint import assign_values
from keras_textcnn.training.compilation import compile_phase
from keras_textcnn.training.phases import Phase, Progress, Rate, two_phases
from keras_textcnn.training.resuming import Checkpoint, Interruption
from keras_textcnn.utils import devices, signals
from keras_textcnn.utils.inputs import describe
from keras_textcnn.utils.log import logger


def two_phase_fit(
    model: keras.Model,
    train: tf.data.Dataset,
    validation: tf.data.Dataset | None = None,
    *,
    frozen_epochs: int = 4,
    unfrozen_epochs: int = 8,
    learning_rate: Rate = 2e-3,
    unfrozen_learning_rate: Rate = 1e-3,
    embedding_factor: float = 1.0,
    optimizer: str = "adam",
    loss: keras.losses.Loss | str | None = None,
    monitor: str = VAL_LOSS,
    patience: int = 2,
    checkpoint: Path | str | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> keras.callbacks.History:
    """Compiles a model and calls its `fit` twice: with its embedding frozen, then with everything trained.

    Callbacks work as in Keras. Epochs count on over both phases, and `stop_training` ends the phase. A `CSVLogger`
    writes both phases into one file. The second phase starts from the best weights of the first one, and the model ends
    with the weights of the best epoch.

    Args:
        model: Any model with one output and an embedding: one of our builders', or one with a `keras.layers.Embedding`,
            whose own `trainable` does not matter. Other layers that are not trainable stay so.
        train: Batches of (ids, targets) or (ids, targets, weights), such as `text_dataset` makes.
        validation: Batches on which the epochs are compared; None: all epochs are run, and the last one is the best.
        frozen_epochs: The largest number of epochs of the first phase.
        unfrozen_epochs: The largest number of epochs of the second phase.
        learning_rate: The learning rate of the first phase, or a schedule of Keras's, which counts its steps.
        unfrozen_learning_rate: The same for the second phase.
        embedding_factor: Multiplies the learning rate of the embedding; adam and adamw only.
        optimizer: As for `build_optimizer`; for adadelta, give learning rates of 1.
        loss: The loss, as for `compile`; None: cross-entropy of logits, with int targets (batch,), each text's label,
            or float targets (batch, num_classes), 1 for each label of a text. For the probabilities of a single label,
            give `keras.losses.CategoricalCrossentropy(from_logits=True)`.
        monitor: What makes an epoch the best one: "val_loss", the lowest, or "val_accuracy", the highest.
        patience: Epochs without a better one after which a phase ends.
        checkpoint: File to write after each epoch and, if the fit is interrupted, within one. If it exists, the fit
            resumes from it, with `text_dataset` to the same bits; the model must have all other weights as when the fit
            began. Callbacks of your own that keep a state begin anew. Remove the file to start again.
        callbacks: Keras callbacks.
        verbose: As for `fit`.

    Returns:
        Keras's history over both phases, with the further columns phase, learning_rate and seconds.

    Raises:
        ArithmeticError: No epoch had a finite loss.
        InputError: The model has no embedding, or its output is no logits though `loss` is None; or `train` has no
            targets or never ends; or the checkpoint is damaged or belongs to another fit.

    Example:
        model = build_conv1d(vocabulary_size=5000, num_classes=2)
        history = two_phase_fit(model, train, validation, frozen_epochs=2, unfrozen_epochs=2)
        print(history.history["phase"], history.history["val_accuracy"])
    """
    if not isinstance(model, keras.Model):
        raise InputError(f"the first argument must be a keras.Model; received: {describe(model)}")
    task = _task_of(train)
    if not model.built:
        model(next(iter(train))[0])
    if (embedding := find_embedding(model)) is None:
        raise InputError(f"model {model.name} has no embedding to freeze; call its fit instead")
    if min(frozen_epochs, unfrozen_epochs) < 0 or not frozen_epochs + unfrozen_epochs:
        raise InputError("no epochs: frozen_epochs and unfrozen_epochs must be at least 0, and one of them at least 1")
    if loss is None:
        _check_logits(model)
    _check_labels(train, validation)
    metrics = ["accuracy"] if loss else []
    layers = itertools.chain.from_iterable(layer._flatten_layers() for layer in layers_of(model))  # those inside, too
    static = [layer for layer in layers if not layer.trainable and layer is not embedding]

    def compiled(phase: Phase) -> keras.Model:
        compile_phase(model, phase, task=task, loss=loss, metrics=metrics, static=static, steps_per_execution=1)
        return model

    phases = two_phases(
        frozen_epochs=frozen_epochs,
        unfrozen_epochs=unfrozen_epochs,
        learning_rate=learning_rate,
        unfrozen_learning_rate=unfrozen_learning_rate,
        embedding_factor=embedding_factor,
        optimizer=optimizer,
    )
    with signals.holding_first() as stop_if_requested:
        return fit_phases(
            compiled,
            train,
            validation,
            phases=phases,
            monitor=monitor,
            patience=patience,
            checkpoint=checkpoint,
            owner=f"fit of {[dataclasses.replace(phase, epochs=0) for phase in phases]}",  # which may become more
            static=static,
            callbacks=callbacks,
            stop_if_requested=stop_if_requested,
            verbose=verbose,
        )


def _task_of(train: tf.data.Dataset) -> Task:
    """Whether each text has one label or may have several, from the targets of batches.

    Raises:
        InputError: They are not batches of (ids, targets) or (ids, targets, weights), or they never end.
    """
    spec = getattr(train, "element_spec", None)
    if not isinstance(spec, tuple) or len(spec) not in (2, 3) or not isinstance(spec[1], tf.TensorSpec):
        raise InputError(
            f"train must be a tf.data.Dataset of (ids, targets) or (ids, targets, weights); received: {describe(train)}"
        )
    if train.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise InputError("train never ends, so an epoch would not; give the number of batches with train.take")
    return SEVERAL_LABELS if len(spec[1].shape) > 1 else ONE_LABEL


def _check_logits(model: keras.Model) -> None:
    """Raises InputError if the model gives probabilities."""
    if activation := probability_activation(model):
        raise InputError(
            f"the output of model {model.name} is a {activation}, not logits; leave the activation out, or give a loss"
        )


def _check_labels(train: tf.data.Dataset, validation: tf.data.Dataset | None) -> None:
    """Raises InputError if `text_dataset` gave the outputs of two datasets different labels."""
    names, others = (getattr(dataset, "label_names", ()) for dataset in (train, validation))
    if names and others and names != others:
        labels = f"train has the labels {', '.join(names)}, but validation has {', '.join(others)}"
        raise InputError(f"{labels}; give text_dataset the same label_names")


def fit_phases(
    compiled: Callable[[Phase], keras.Model],
    train: tf.data.Dataset,
    validation: tf.data.Dataset | None,
    *,
    phases: Sequence[Phase],
    patience: int,
    monitor: str = VAL_LOSS,
    checkpoint: Path | str | None = None,
    owner: str = "",
    static: Collection[keras.Layer] = (),
    first_epoch: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    reports: Sequence[keras.callbacks.Callback] = (),
    stop_if_requested: Callable[[], None] = lambda: None,
    verbose: int | str = 0,
    strategy: tf.distribute.Strategy | None = None,
) -> PhaseHistory:
    """Fits the phases one after the other; the model ends with the weights of the best epoch.

    A phase starts from the best weights so far. It ends early after `patience` epochs that are no better, when a
    callback stops it, or when the training loss is NaN or infinite.

    Args:
        compiled: Returns the model, compiled for a phase: the same one, or one with the same layers.
        train, validation, monitor, patience, checkpoint, callbacks, verbose: As for `two_phase_fit`.
        phases: From `two_phases`, or your own.
        owner, static: As for `Checkpoint`.
        first_epoch: The number of the first epoch, from 0.
        reports: Callbacks that are called once an epoch is saved, so that they report no epoch twice.
        stop_if_requested: As for `Interruption`.
        strategy: As for `CompiledPhases`.

    Raises:
        ArithmeticError, InputError: As for `two_phase_fit`.
    """
    progress = Progress()
    best, watch = BestEpoch(patience, monitor=monitor, progress=progress, restore=False), LossWatch(progress)
    saved = [Checkpoint(checkpoint, owner=owner, best=best, progress=progress, static=static)] if checkpoint else []
    history = PhaseHistory(progress)
    callbacks = [history, watch, *(callbacks or ()), best, *saved, *reports, Interruption(stop_if_requested, *saved)]
    continued = bool(first_epoch or progress.history or progress.batches)
    for one in saved:
        one.begin(phases[: progress.phase])
    for phase in phases[progress.phase :]:
        model = compiled(phase)
        for callback in callbacks:
            if isinstance(callback, PhaseCallback):
                callback.on_phase_begin(phase)
        for one in saved:
            history.sums = one.sums
            one.restore(model)
        with _appending(callbacks, continued or bool(progress.history)), devices.training_with(strategy):
            _fit_phase(model, train, validation, phase, history, first_epoch, callbacks, verbose)
        if watch.lost:
            epoch = first_epoch + len(progress.history) + 1
            reason = f"epoch {epoch}, {phase.name}: the loss is NaN or infinite {watch.lost}"
            if not best.weights:
                raise ArithmeticError(f"{reason}; lower the learning rate, and check the vectors")
            logger.warning(f"{reason}; the phase ends, and the best epoch so far is kept")
        if best.weights and (validation is not None or watch.lost):  # a callback may have restored others
            assign_values(model.weights, best.weights)
        progress.next_phase()
    if not best.weights:
        raise ArithmeticError(
            "every validation loss is NaN or infinite; lower the learning rate, and check the vectors"
        )
    return history


@contextlib.contextmanager
def _appending(callbacks: Sequence[keras.callbacks.Callback], append: bool) -> Iterator[None]:
    """Lets each `CSVLogger` append within the block; otherwise each fit would write its file anew."""
    loggers = [one for one in callbacks if isinstance(one, keras.callbacks.CSVLogger)]
    given = [(one.append, one.append_header) for one in loggers]
    for one in loggers:
        one.append = one.append or append
    try:
        yield
    finally:
        for one, its in zip(loggers, given, strict=True):
            one.append, one.append_header = its


def _fit_phase(
    model: keras.Model,
    train: tf.data.Dataset,
    validation: tf.data.Dataset | None,
    phase: Phase,
    history: PhaseHistory,
    first_epoch: int,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: int | str,
) -> None:
    """Fits what is left of a phase: the rest of an epoch that was interrupted, and all epochs after it."""
    progress = history.progress
    done = first_epoch + len(progress.history)
    end = done - progress.epoch + phase.epochs
    epochs: Epochs | None = getattr(train, "epochs", None)
    if epochs:
        callbacks = [_Position(epochs, first_epoch), *callbacks]

    def fit(batches: tf.data.Dataset, begin: int, end: int) -> bool:
        model.fit(
            devices.distribute(batches),
            validation_data=None if validation is None else devices.distribute(validation),
            initial_epoch=begin,
            epochs=end,
            callbacks=[*callbacks],
            shuffle=False,
            verbose=verbose,
        )
        return bool(model.stop_training)

    stopped = progress.stopped
    if progress.batches:
        rest = epochs.rest(done - first_epoch, progress.batches) if epochs else train.skip(progress.batches)
        if history.sums:  # Keras creates the variables of its metrics in the first batch
            model.test_on_batch(*next(iter(rest)))
        stopped = fit(rest, done, done + 1)
        done += 1
    if done < end and not stopped:
        fit(train, done, end)


class _Position(keras.callbacks.Callback):
    """Says which epoch the next iteration over the batches is: Keras may begin one that it does not finish."""

    def __init__(self, epochs: Epochs, first_epoch: int) -> None:
        super().__init__()
        self._epochs, self._first_epoch = epochs, first_epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epochs.next_epoch = epoch - self._first_epoch
