"""Keras's own callbacks and models in `two_phase_fit`: they work as in Keras, over both phases."""

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_textcnn import TextVectorizer, text_dataset, two_phase_fit
from keras_textcnn.errors import InputError
from tests.runs import Killed
from tests.training.fits import assert_equal, batches, epochs_of, make_texts

EPOCHS = {"frozen_epochs": 2, "unfrozen_epochs": 3, "learning_rate": 0.02, "unfrozen_learning_rate": 0.005}


def make_plain(*, activation: str | None = None, trainable: bool = True) -> keras.Model:
    """Keras layers only; the hidden layer is the trunk."""
    keras.utils.set_random_seed(4)
    ids = keras.Input((None,), dtype="int32")
    pooled = layers.GlobalAveragePooling1D()(layers.Embedding(20, 6, trainable=trainable, name="words")(ids))
    hidden = layers.Dense(5, "relu", name="hidden", trainable=trainable)(layers.Dropout(0.2)(pooled))
    return keras.Model(ids, layers.Dense(2, activation, name="answer")(hidden))


def fit(model: keras.Model, *callbacks: keras.callbacks.Callback, **settings: Any) -> keras.callbacks.History:
    train, validation = epochs_of(make_texts(64, seed=1)).dataset, batches(make_texts(32, seed=2), None)
    settings = {**EPOCHS, "patience": 9, "verbose": 0, **settings}
    return two_phase_fit(model, train, validation, callbacks=callbacks, **settings)


class Watch(keras.callbacks.Callback):
    """Records the epochs, the learning rate in each, and how often `fit` was called."""

    def __init__(self) -> None:
        super().__init__()
        self.fits, self.rates, self.moved = 0, dict[int, float](), dict[int, bool]()

    def on_train_begin(self, logs: Any = None) -> None:
        self.fits += 1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._before = self.model.get_layer("words").embeddings.numpy()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.rates[epoch] = round(float(self.model.optimizer.learning_rate), 6)
        self.moved[epoch] = bool((self.model.get_layer("words").embeddings.numpy() != self._before).any())


@pytest.mark.parametrize("trainable", [True, False])
def test_a_phase_is_one_fit_and_unfreezes_a_plain_embedding(trainable: bool) -> None:
    watch, model = Watch(), make_plain(trainable=trainable)
    hidden = model.get_layer("hidden").kernel.numpy()
    history = fit(model, watch)
    assert watch.fits == 2
    assert watch.moved == {0: False, 1: False, 2: True, 3: True, 4: True}
    assert (model.get_layer("hidden").kernel.numpy() != hidden).any() == trainable
    assert isinstance(history, keras.callbacks.History)
    assert history.epoch == [0, 1, 2, 3, 4]
    assert history.history["phase"] == ["frozen"] * 2 + ["unfrozen"] * 3
    assert history.history["learning_rate"] == [0.02] * 2 + [0.005] * 3
    assert {*history.history} >= {"loss", "accuracy", "val_loss", "val_accuracy"}


def test_it_is_what_a_student_would_write_with_keras_alone() -> None:
    """Compile, fit; set trainable, compile, fit."""
    ours, theirs = make_plain(), make_plain()
    two_phase_fit(ours, epochs_of(make_texts(64, seed=1)).dataset, **EPOCHS, optimizer="sgd", verbose=0)
    train = epochs_of(make_texts(64, seed=1)).dataset
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for trainable, rate, epochs in ((False, 0.02, 2), (True, 0.005, 3)):
        theirs.get_layer("words").trainable = trainable
        theirs.compile(keras.optimizers.SGD(rate, momentum=0.9), loss, jit_compile=False)
        theirs.fit(train, epochs=epochs, shuffle=False, verbose=0)
    assert_equal(ours.get_weights(), theirs.get_weights())


def test_early_stopping_ends_a_phase_and_not_the_next_one() -> None:
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=9.0)  # nothing is that much better
    history = fit(make_plain(), stopping, frozen_epochs=4)
    assert history.history["phase"] == ["frozen", "frozen", "unfrozen", "unfrozen"]
    assert history.epoch == [0, 1, 2, 3]


def test_a_schedule_sees_the_epochs_count_on() -> None:
    seen, watch = [], Watch()

    def schedule(epoch: int, rate: float) -> float:
        seen.append((epoch, round(rate, 6)))
        return 0.01 / (epoch + 1)

    history = fit(make_plain(), keras.callbacks.LearningRateScheduler(schedule), watch)
    assert seen == [(0, 0.02), (1, 0.01), (2, 0.005), (3, 0.003333), (4, 0.0025)]
    assert list(watch.rates.values()) == pytest.approx([0.01, 0.005, 0.003333, 0.0025, 0.002], abs=1e-6)
    assert history.history["learning_rate"] == pytest.approx([0.01, 0.005, 0.003333, 0.0025, 0.002], abs=1e-6)


def test_reduce_on_plateau_lowers_the_rate_within_each_phase() -> None:
    reduce = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=9.0)
    history = fit(make_plain(), reduce)
    assert history.history["learning_rate"] == pytest.approx([0.02, 0.02, 0.005, 0.005, 0.0025])


def test_model_checkpoint_keeps_the_best_epoch_of_both_phases(tmp_path: Path) -> None:
    model = make_plain()
    path = tmp_path / "best.weights.h5"
    fit(model, keras.callbacks.ModelCheckpoint(path, save_best_only=True, save_weights_only=True))
    theirs = make_plain()
    theirs.load_weights(path)
    assert_equal(theirs.get_weights(), model.get_weights())
    fit(make_plain(), keras.callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}.keras"))
    assert sorted(path.name for path in tmp_path.glob("*.keras")) == [f"{epoch:02d}.keras" for epoch in range(1, 6)]


def test_a_csv_log_has_both_phases(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("left by an earlier fit\n")
    history = fit(make_plain(), keras.callbacks.CSVLogger(path))
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3, 4]
    assert [float(row["val_loss"]) for row in rows] == pytest.approx(history.history["val_loss"])


def test_lambda_callbacks_see_every_batch_and_epoch() -> None:
    steps = len(list(batches(make_texts(64, seed=1), 0)))
    seen: dict[str, list[int]] = {"batches": [], "epochs": []}
    fit(
        make_plain(),
        keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: seen["batches"].append(batch),
            on_epoch_end=lambda epoch, logs: seen["epochs"].append(epoch),
        ),
    )
    assert seen == {"batches": [*range(steps)] * 5, "epochs": [0, 1, 2, 3, 4]}


class KilledIn(keras.callbacks.Callback):
    """Ends the process after a batch of an epoch."""

    def __init__(self, epoch: int, batch: int) -> None:
        super().__init__()
        self.moment, self.epoch = (epoch, batch), 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self.epoch, batch) == self.moment:
            raise Killed


@pytest.mark.parametrize("epoch", [1, 3])
def test_killed_within_an_epoch_of_either_phase_it_resumes_with_the_same_bits(epoch: int, tmp_path: Path) -> None:
    whole, resumed, path = make_plain(), make_plain(), tmp_path / "fit.npz"
    expected = fit(whole)
    with pytest.raises(Killed):
        fit(make_plain(), KilledIn(epoch, 2), checkpoint=path)
    watch = Watch()
    history = fit(resumed, watch, checkpoint=path)
    assert list(watch.rates) == [*range(epoch, 5)]
    assert_equal(resumed.get_weights(), whole.get_weights())
    assert history.history["val_loss"] == expected.history["val_loss"]


def test_a_phase_that_a_callback_ended_is_not_resumed(tmp_path: Path) -> None:
    stopping, path = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=9.0), tmp_path / "fit.npz"
    with pytest.raises(Killed):
        fit(make_plain(), stopping, KilledIn(2, 0), frozen_epochs=4, checkpoint=path)
    history = fit(make_plain(), frozen_epochs=4, checkpoint=path)
    assert history.history["phase"] == ["frozen"] * 2 + ["unfrozen"] * 3


def test_any_dataset_and_loss_will_do() -> None:
    ids = np.random.default_rng(0).integers(2, 20, (40, 7)).astype(np.int32)
    targets = np.eye(2, dtype=np.float32)[ids[:, 0] % 2]
    dataset = tf.data.Dataset.from_tensor_slices((ids, targets)).shuffle(40, seed=1).batch(8)
    model = make_plain(activation="softmax")
    history = two_phase_fit(model, dataset, loss="categorical_crossentropy", **EPOCHS, verbose=0)
    assert history.epoch == [0, 1, 2, 3, 4]
    assert history.history["loss"][-1] < history.history["loss"][0]
    several = two_phase_fit(make_plain(), dataset, **EPOCHS, verbose=0)  # 1 for each label of a text
    expected = keras.losses.BinaryCrossentropy(from_logits=True)(targets, make_plain()(ids))
    assert several.history["loss"][0] == pytest.approx(float(expected), rel=0.2)


def test_what_cannot_be_fitted_is_said_in_one_line() -> None:
    with pytest.raises(InputError, match="the output of model .* is a softmax, not logits; leave the activation out"):
        fit(make_plain(activation="softmax"))
    inputs = keras.Input((3,))
    with pytest.raises(InputError, match="has no embedding to freeze; call its fit instead"):
        fit(keras.Model(inputs, layers.Dense(2)(inputs)))
    with pytest.raises(InputError, match="no epochs"):
        fit(make_plain(), frozen_epochs=0, unfrozen_epochs=0)
    vectorizer = TextVectorizer(vocabulary=["[PAD]", "[UNK]", "a"])
    two, three = (text_dataset(["a"] * len(names), list(names), vectorizer) for names in ("xy", "xyz"))
    with pytest.raises(InputError, match="train has the labels x, y, z, but validation has x, y; give text_dataset"):
        two_phase_fit(make_plain(), three, two)


def test_a_model_that_is_not_built_yet_is_built() -> None:
    """In Keras, a model may learn its input from its first batch."""
    model = keras.Sequential([layers.Embedding(20, 6), layers.GlobalAveragePooling1D(), layers.Dense(2)])
    assert len(fit(model).epoch) == 5


def test_a_learning_rate_may_be_a_schedule(tmp_path: Path) -> None:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.02, decay_steps=1, decay_rate=0.9)
    steps = len(list(batches(make_texts(64, seed=1), 0)))
    whole, resumed = make_plain(), make_plain()
    history = fit(whole, learning_rate=schedule)
    expected = [0.02 * 0.9**steps, 0.02 * 0.9 ** (2 * steps), 0.005, 0.005, 0.005]
    assert history.history["learning_rate"] == pytest.approx(expected, rel=1e-4)
    with pytest.raises(Killed):
        fit(make_plain(), KilledIn(1, 2), checkpoint=tmp_path / "fit.npz", learning_rate=schedule)
    fit(resumed, checkpoint=tmp_path / "fit.npz", learning_rate=schedule)
    assert_equal(resumed.get_weights(), whole.get_weights())


def test_a_finished_fit_is_resumed_with_its_history(tmp_path: Path) -> None:
    whole, resumed, path = make_plain(), make_plain(), tmp_path / "fit.npz"
    expected = fit(whole, checkpoint=path)
    history = fit(resumed, checkpoint=path)
    assert history.history == expected.history
    assert history.epoch == expected.epoch
    assert_equal(resumed.get_weights(), whole.get_weights())


def test_a_checkpoint_of_other_phases_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fit.npz"
    fit(make_plain(), checkpoint=path)
    for other in ({"frozen_epochs": 0}, {"unfrozen_learning_rate": 1e-5}, {"optimizer": "sgd"}):
        with pytest.raises(InputError, match="it belongs to another"):
            fit(make_plain(), checkpoint=path, **other)
    with pytest.raises(InputError, match=r"the model has \d+ variables, not \d+"):
        fit(keras.Sequential([make_plain(), layers.Dense(2)]), checkpoint=path)
    assert len(fit(make_plain(), checkpoint=path, unfrozen_epochs=4).epoch) == 6  # but it may go on


def test_a_csv_logger_that_is_used_again_writes_its_file_anew(tmp_path: Path) -> None:
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    fit(make_plain(), logger)
    once = (tmp_path / "log.csv").read_text()
    fit(make_plain(), logger)
    assert (tmp_path / "log.csv").read_text() == once


def test_without_validation_the_weights_that_early_stopping_restores_stay() -> None:
    model, seen = make_plain(), []
    stopping = keras.callbacks.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)  # the first one
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()))
    train = epochs_of(make_texts(64, seed=1)).dataset
    two_phase_fit(model, train, frozen_epochs=0, unfrozen_epochs=4, callbacks=[watch, stopping], verbose=0)
    assert len(seen) == 2
    assert_equal(model.get_weights(), seen[0])


def test_a_train_step_of_the_users_own_need_not_report_a_loss() -> None:
    class Own(keras.Model):
        def train_step(self, data: Any) -> dict[str, Any]:
            super().train_step(data)
            return {"steps": tf.constant(1.0)}

    plain = make_plain()
    assert fit(Own(plain.inputs, plain.outputs)).history["steps"] == [1.0] * 5


def test_batches_that_cannot_be_fitted_are_said_in_one_line() -> None:
    train = epochs_of(make_texts(64, seed=1)).dataset
    wrong = {
        "must be a tf.data.Dataset of": (np.ones((4, 3)), np.zeros(4)),
        "must be a tf.data.Dataset": train.map(lambda ids, targets: ids),
        "must be a tf.data": train.map(lambda ids, targets: (ids, {"label": targets})),
        "never ends": train.repeat(),
    }
    for said, batches_of_it in wrong.items():
        with pytest.raises(InputError, match=said):
            two_phase_fit(make_plain(), batches_of_it)
    with pytest.raises(InputError, match="must be a keras.Model"):
        two_phase_fit("model", train)
    with pytest.raises(InputError, match="the output of model .* is a softmax, not logits"):
        fit(keras.Sequential([make_plain(), layers.Softmax()]))
    with pytest.raises(InputError, match="at least 0"):
        fit(make_plain(), frozen_epochs=-1)
