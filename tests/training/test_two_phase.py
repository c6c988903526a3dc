import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_textcnn import two_phase_fit
from keras_textcnn.errors import InputError
from keras_textcnn.training.compilation import compile_phase
from keras_textcnn.training.phases import Phase, summarize_phases, two_phases
from tests.training.fits import PHASES, assert_equal, batches, epochs_of, fit, make_model, make_texts
from tests.training.test_guests import make_plain


def test_first_phase_leaves_the_embedding_and_second_moves_it() -> None:
    model = make_model()
    before = model.get_layer("embedding").embeddings.numpy()
    kernel = model.get_layer("conv_2").kernel.numpy()
    fit(model, PHASES[:1])
    np.testing.assert_array_equal(model.get_layer("embedding").embeddings, before)
    assert np.any(model.get_layer("conv_2").kernel.numpy() != kernel)
    fit(model, PHASES[1:])
    after = model.get_layer("embedding").embeddings.numpy()
    assert np.all(np.any(after[2:4] != before[2:4], axis=1))
    np.testing.assert_array_equal(after[1], before[1])  # no text has id 1


def test_learns_eight_texts_by_heart() -> None:
    model = make_model()
    examples = make_texts(8, seed=3)
    phases = two_phases(frozen_epochs=5, unfrozen_epochs=15, learning_rate=0.05, unfrozen_learning_rate=0.03)
    fit(model, phases, train=epochs_of(examples).dataset, validation=batches(examples, None), patience=40)
    assert model.evaluate(batches(examples, None), verbose=0, return_dict=True)["accuracy"] == 1


def test_history_has_a_row_for_each_epoch() -> None:
    progress = fit(make_model())
    assert [(row["phase"], row["epoch"], row["learning_rate"]) for row in progress.history] == [
        *(("frozen", epoch, 0.02) for epoch in (1, 2, 3)),
        *(("unfrozen", epoch, 0.005) for epoch in (4, 5, 6)),
    ]
    assert [(phase["name"], phase["epochs"]) for phase in summarize_phases(progress.history)] == [
        ("frozen", 3),
        ("unfrozen", 3),
    ]


def test_ends_with_the_weights_of_the_best_epoch() -> None:
    model = make_model()
    # Such a high learning rate makes a late epoch worse than an early one.
    phases = [Phase("wild", 6, 0.9)]
    progress = fit(model, phases)
    losses = [row["val_loss"] for row in progress.history]
    assert progress.best_epoch == 1 + int(np.argmin(losses)) < len(losses)
    assert model.evaluate(batches(make_texts(32, seed=2), None), verbose=0)[0] == pytest.approx(min(losses))


def test_a_phase_ends_when_the_loss_has_not_fallen_for_its_patience() -> None:
    progress = fit(make_model(), [Phase("wild", 50, 0.9)], patience=2)
    losses = [row["val_loss"] for row in progress.history]
    assert len(losses) == int(np.argmin(losses)) + 3 < 50


@pytest.mark.parametrize("validation", [True, False])
def test_a_loss_that_is_never_finite_is_an_error(validation: bool) -> None:
    model = make_model()
    model.get_layer("logits").bias.assign([np.nan, 0])
    examples = make_texts(8, seed=3)
    validated = batches(examples, None) if validation else None
    with pytest.raises(
        ArithmeticError, match="epoch 1, one: the loss is NaN or infinite in one of the batches 1 to 1 of 1; lower"
    ):
        fit(model, [Phase("one", 1, 0.01)], train=epochs_of(examples).dataset, validation=validated)


def test_a_phase_whose_loss_is_lost_ends_and_the_best_epoch_stays(logged: list[str]) -> None:
    whole, lost = make_model(), make_model()
    fit(whole, PHASES[:1])
    progress = fit(lost, [*PHASES[:1], Phase("wild", 3, 1e38, optimizer="sgd")])
    assert len(logged) == 1
    lost_in = (
        r"warning: epoch 4, wild: the loss is NaN or infinite in one of the batches 1 to \d+ of \d+; the phase ends"
    )
    assert re.match(lost_in, logged[0])
    assert [row["phase"] for row in progress.history] == ["frozen"] * 3
    assert_equal(lost.get_weights(), whole.get_weights())


def test_without_validation_all_epochs_are_done_and_the_last_is_kept() -> None:
    ours, theirs = make_model(), make_model()
    examples = make_texts(32, seed=2)
    progress = fit(ours, [Phase("wild", 4, 0.9)], train=epochs_of(examples).dataset, validation=None, patience=1)
    compile_phase(theirs, Phase("wild", 4, 0.9))
    for epoch in range(4):
        theirs.fit(batches(examples, epoch), shuffle=False, verbose=0)
    assert [list(row) for row in progress.history] == [
        ["phase", "epoch", "learning_rate", "loss", "accuracy", "seconds"]
    ] * 4
    assert_equal(ours.get_weights(), theirs.get_weights())


@keras.saving.register_keras_serializable("tests")
class Frozen(layers.Layer):
    """A layer with a frozen layer inside."""

    def __init__(self) -> None:
        super().__init__()
        self.kept, self.learnt = layers.Dense(6, trainable=False), layers.Dense(6)

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return self.learnt(self.kept(values))


def test_a_frozen_layer_inside_another_one_stays_frozen() -> None:
    ids = keras.Input((None,), dtype="int32")
    both = Frozen()
    pooled = layers.GlobalAveragePooling1D()(layers.Embedding(20, 6, name="words")(ids))
    model = keras.Model(ids, layers.Dense(2)(both(pooled)))
    before = [layer.kernel.numpy() for layer in (both.kept, both.learnt)]
    train = epochs_of(make_texts(16, seed=1)).dataset
    two_phase_fit(model, train, frozen_epochs=1, unfrozen_epochs=1, verbose=0)
    assert (both.kept.kernel.numpy() == before[0]).all()
    assert (both.learnt.kernel.numpy() != before[1]).any()


def test_no_callbacks_and_no_folder_for_a_checkpoint(tmp_path: Path) -> None:
    train = epochs_of(make_texts(16, seed=1)).dataset
    assert two_phase_fit(make_plain(), train, frozen_epochs=1, unfrozen_epochs=0, callbacks=None, verbose=0).epoch == [
        0
    ]
    with pytest.raises(InputError, match="checkpoint must be a file in a folder that exists"):
        two_phase_fit(make_plain(), train, checkpoint=tmp_path / "missing" / "fit.npz")
