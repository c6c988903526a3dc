"""Our callbacks, each used alone in a plain `model.fit`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_textcnn.training.callbacks import BestEpoch, LossWatch, PhaseHistory
from keras_textcnn.training.resuming import Checkpoint, Interruption
from keras_textcnn.training.tensorboard import TensorBoard
from tests.runs import Killed
from tests.training.fits import assert_equal


def make_model(rate: float = 0.1, metrics: Sequence[Any] = ()) -> keras.Model:
    keras.utils.set_random_seed(2)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dropout(0.3)(inputs)))
    model.compile(keras.optimizers.Adam(rate), "mse", metrics=[*metrics], jit_compile=False)
    return model


def batches(seed: int) -> tf.data.Dataset:
    values = np.random.default_rng(seed).normal(size=(24, 3)).astype(np.float32)
    return tf.data.Dataset.from_tensor_slices((values, values.sum(axis=1))).batch(4)


def fit(model: keras.Model, *callbacks: keras.callbacks.Callback, **settings: Any) -> dict[str, list[float]]:
    settings = {"epochs": 6, "validation_data": batches(2), "verbose": 0, "shuffle": False, **settings}
    return model.fit(batches(1), callbacks=[*callbacks], **settings).history


def share_near(truth: Any, found: Any) -> Any:
    """The share of answers that are off by less than 1."""
    return keras.ops.mean(keras.ops.cast(keras.ops.abs(truth - found[:, 0]) < 1, "float32"))


@pytest.mark.parametrize(("monitor", "best_of"), [("val_loss", np.argmin), ("val_accuracy", np.argmax)])
def test_best_epoch_stops_like_early_stopping_and_restores_its_weights(
    monitor: str, best_of: Callable[[list[float]], Any]
) -> None:
    ours, theirs = (make_model(2.0, [keras.metrics.MeanMetricWrapper(share_near, name="accuracy")]) for _ in range(2))
    best = BestEpoch(patience=2, monitor=monitor)
    history = fit(ours, best, epochs=30)
    mode = "min" if monitor == "val_loss" else "max"
    keras_own = keras.callbacks.EarlyStopping(monitor, patience=2, restore_best_weights=True, mode=mode)
    expected = fit(theirs, keras_own, epochs=30)
    assert history == expected
    assert best.progress.best_epoch == 1 + int(best_of(expected[monitor]))
    assert_equal(ours.get_weights(), theirs.get_weights())


def test_an_accuracy_that_was_not_measured_is_named() -> None:
    with pytest.raises(ValueError, match="no val_accuracy among .*; compile the model with metrics="):
        fit(make_model(), BestEpoch(monitor="val_accuracy"))
    with pytest.raises(ValueError, match="Received: monitor='accuracy'"):
        BestEpoch(monitor="accuracy")


def test_without_validation_the_last_epoch_is_the_best() -> None:
    best, model = BestEpoch(patience=1), make_model(2.0)
    assert len(fit(model, best, validation_data=None)["loss"]) == 6
    assert best.progress.best_epoch == 6


class KillIn(keras.callbacks.Callback):
    """Ends the process at the begin of an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self.epoch:
            raise Killed


def test_a_checkpoint_continues_a_plain_fit_with_the_same_bits(tmp_path: Path) -> None:
    whole, path = make_model(), tmp_path / "fit.npz"
    expected = fit(whole)
    with pytest.raises(Killed):
        fit(make_model(), Checkpoint(path), KillIn(4))
    resumed, checkpoint = make_model(), Checkpoint(path)
    assert checkpoint.progress.epoch == 4
    history = fit(resumed, checkpoint, initial_epoch=checkpoint.progress.epoch)
    assert history["val_loss"] == expected["val_loss"][4:]
    assert_equal(resumed.get_weights(), whole.get_weights())


def test_loss_watch_stops_and_says_where() -> None:
    watch, model = LossWatch(), make_model()
    poisoned = batches(1).enumerate().map(lambda number, pair: (pair[0], tf.where(number == 3, np.nan, pair[1])))
    model.fit(poisoned, epochs=5, verbose=0, shuffle=False, callbacks=[watch])
    assert watch.lost == "in one of the batches 4 to 4 of 6"
    assert len(model.history.epoch) == 1


def test_interruption_ends_between_two_batches() -> None:
    seen = []

    def stop_if_requested() -> None:
        seen.append(len(seen))
        if len(seen) == 8:
            raise KeyboardInterrupt

    model = make_model()
    with pytest.raises(KeyboardInterrupt):
        fit(model, Interruption(stop_if_requested))
    assert int(model.optimizer.iterations) == 8  # 5 batches and the end of the first epoch, then 2 of the next


def test_a_history_has_the_rate_and_the_seconds_of_each_epoch() -> None:
    history = PhaseHistory()
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1))
    fitted = fit(make_model(), history, schedule, epochs=3)
    assert fitted is history.history
    assert history.history["learning_rate"] == pytest.approx([0.5, 0.25, 0.5 / 3])
    assert [row["epoch"] for row in history.progress.history] == [1, 2, 3]
    assert all(row["seconds"] > 0 for row in history.progress.history)


def test_tensorboard_writes_the_curves_of_a_plain_fit(tmp_path: Path) -> None:
    fitted = fit(make_model(), TensorBoard(tmp_path), epochs=3)
    for name, scores in (("training", "loss"), ("validation", "val_loss")):
        events = EventAccumulator(str(tmp_path / name), size_guidance={"tensors": 0})
        events.Reload()
        values = {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors("loss")}
        assert values == pytest.approx(dict(enumerate(fitted[scores], 1)))
