import contextlib
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.data.batching import Examples, padded_batches, plan_batches
from keras_textcnn.errors import InputError
from keras_textcnn.models.charcnn import build_charcnn
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.training import compilation
from keras_textcnn.training.checkpoint import read_checkpoint, write_checkpoint
from keras_textcnn.training.compilation import CompiledPhases, compile_phase
from keras_textcnn.training.phases import Phase, Progress, summarize_phases, two_phases
from keras_textcnn.training.two_phase import two_phase_fit
from tests.conftest import make_examples
from tests.runs import Killed

PHASES = two_phases(frozen_epochs=3, unfrozen_epochs=3, learning_rate=0.02, unfrozen_learning_rate=0.005)


def make_texts(texts: int, seed: int, labels: int = 2) -> Examples:
    """Texts of random ids, one of which tells the label."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, labels, texts).astype(np.int32)
    rows = [[*random.integers(5, 20, random.integers(0, 9)), 2 + label] for label in targets]
    return make_examples(rows, targets)


def batches(examples: Examples, epoch: int | None) -> tf.data.Dataset:
    plan = plan_batches(examples.lengths, boundaries=[16, 20], batch_size=8, seed=None if epoch is None else (0, epoch))
    return padded_batches(examples, plan, boundaries=[16, 20])


def fit(model: keras.Model, phases: list[Phase] = PHASES, **options: Any) -> Progress:
    training, validation = make_texts(64, seed=1), make_texts(32, seed=2)
    options = {"patience": 9, **options}
    return two_phase_fit(
        model, lambda epoch: batches(training, epoch), batches(validation, None), phases=phases, **options
    )


def make_model(build: Callable[..., keras.Model] = build_conv1d) -> keras.Model:
    keras.utils.set_random_seed(4)
    return build(vocabulary_size=20, labels=2, dimensions=6, windows=(1, 2), filters=4)


class Fits:
    """Fits of one model from the same initial weights; each phase is compiled once, which takes longer than its fits.

    To Keras, a resumed fit is then not quite as in a new process: a few tests below resume with a new model.
    """

    def __init__(self, build: Callable[..., keras.Model] = build_conv1d) -> None:
        self.model, self.compiled = make_model(build), CompiledPhases()
        self._initial = [variable.numpy() for variable in self.model.variables]

    def run(self, phases: list[Phase] = PHASES, **options: Any) -> tuple[list[np.ndarray], Progress]:
        """The weights that a fit ends with, and its progress."""
        for variable, value in zip(self.model.variables, self._initial, strict=True):
            variable.assign(value)
        progress = fit(self.model, phases, compiled=self.compiled, **options)
        return self.model.get_weights(), progress


@pytest.fixture(scope="module")
def fits() -> dict[Callable[..., keras.Model], Fits]:
    """Fits by the builder of their model."""
    return {build: Fits(build) for build in (build_conv1d, build_charcnn)}


def stopping(moment: int) -> Callable[[], None]:
    """For `stop_if_requested`: asks to stop at a moment, counted from 1."""
    left = iter(range(moment - 1))

    def stop() -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return stop


def killing(epoch: int) -> Callable[[dict[str, Any]], None]:
    """For `on_epoch`: ends the process after an epoch."""

    def kill(row: dict[str, Any]) -> None:
        if row["epoch"] == epoch:
            raise Killed

    return kill


def assert_equal(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def without_seconds(progress: Progress) -> list[dict[str, Any]]:
    return [{**row, "seconds": 0} for row in progress.history]


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


@pytest.mark.parametrize(
    ("frozen", "still"),
    [
        (("embedding",), {"embedding"}),
        (("trunk",), {"conv_1", "conv_2", "hidden_1"}),
        (("embedding", "trunk"), {"embedding", "conv_1", "conv_2", "hidden_1"}),
        (("head",), {"logits"}),
        ((), set()),
    ],
)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_phase_moves_what_it_does_not_freeze(frozen: tuple[str, ...], still: set[str], optimizer: str) -> None:
    keras.utils.set_random_seed(4)
    model = build_conv1d(
        vocabulary_size=20, labels=2, dimensions=6, windows=(1, 2), filters=4, hidden=(5,), multichannel=True
    )
    before = {layer.name: [weight.numpy() for weight in layer.weights] for layer in model.layers if layer.weights}
    fit(model, [Phase("first", 1, 0.01, frozen, optimizer)])
    same = {
        name
        for name, weights in before.items()
        if all(np.array_equal(*pair) for pair in zip(weights, model.get_layer(name).weights, strict=True))
    }
    assert same == still | {"static_embedding"}  # Kim's second channel is never trained


def test_a_frozen_trunk_keeps_its_normalization() -> None:
    keras.utils.set_random_seed(4)
    model = build_charcnn(vocabulary_size=20, labels=2, dimensions=6, filters=4)
    before = [weight.numpy() for weight in model.get_layer("normalization_1").weights]
    fit(model, [Phase("frozen", 1, 0.01, ("trunk",))])
    for ours, theirs in zip(model.get_layer("normalization_1").weights, before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    fit(model, [Phase("unfrozen", 1, 0.01)])
    assert all(
        np.any(ours.numpy() != theirs)
        for ours, theirs in zip(model.get_layer("normalization_1").weights, before, strict=True)
    )


def test_phases_that_freeze_nothing_are_a_fast_one_and_a_slow_one() -> None:
    phases = two_phases(
        frozen_epochs=3, unfrozen_epochs=1, learning_rate=0.1, unfrozen_learning_rate=0.01, frozen=(),
        optimizer="adamw", weight_decay=0.5, embedding_factor=2.0,
    )  # fmt: skip
    assert phases == [
        Phase("fast", 3, 0.1, (), "adamw", 0.5, 2.0),
        Phase("slow", 1, 0.01, (), "adamw", 0.5, 2.0),
    ]


def test_learns_eight_texts_by_heart() -> None:
    model = make_model()
    examples = make_texts(8, seed=3)
    phases = two_phases(frozen_epochs=10, unfrozen_epochs=30, learning_rate=0.05, unfrozen_learning_rate=0.03)
    two_phase_fit(model, lambda epoch: batches(examples, epoch), batches(examples, None), phases=phases, patience=40)
    assert model.evaluate(batches(examples, None), verbose=0, return_dict=True)["accuracy"] == 1


def test_history_has_a_row_for_each_epoch(whole: tuple[keras.Model, Progress]) -> None:
    progress = whole[1]
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
        two_phase_fit(
            model, lambda epoch: batches(examples, epoch), validated, phases=[Phase("one", 1, 0.01)], patience=2
        )


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
    progress = two_phase_fit(
        ours, lambda epoch: batches(examples, epoch), None, phases=[Phase("wild", 4, 0.9)], patience=1
    )
    compile_phase(theirs, Phase("wild", 4, 0.9))
    for epoch in range(4):
        theirs.fit(batches(examples, epoch), shuffle=False, verbose=0)
    assert [list(row) for row in progress.history] == [
        ["phase", "epoch", "learning_rate", "loss", "accuracy", "seconds"]
    ] * 4
    assert_equal(ours.get_weights(), theirs.get_weights())


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        ({"frozen": [3, 2, 4], "unfrozen": [2.5, 1.5, 1.0, 1.2]}, [("frozen", 2), ("unfrozen", 3)]),
        ({"frozen": [3, 2, 4], "unfrozen": [2.5, 2.1]}, [("frozen", 2)]),
        ({"frozen": [float("nan")], "unfrozen": [2.5, float("nan")]}, [("unfrozen", 1)]),
    ],
)
def test_kept_phases_lead_to_the_best_epoch(losses: dict[str, list[float]], kept: list[tuple[str, int]]) -> None:
    history = [{"phase": phase, "val_loss": loss} for phase, its in losses.items() for loss in its]
    phases = two_phases(frozen_epochs=9, unfrozen_epochs=9, learning_rate=0.1, unfrozen_learning_rate=0.01)
    found = Progress(history=history).kept_phases(phases)
    assert [(phase.name, phase.epochs) for phase in found] == kept
    assert {phase.learning_rate for phase in found} <= {0.1, 0.01}


@pytest.fixture(scope="module")
def whole() -> tuple[keras.Model, Progress]:
    """A model that was fitted without interruption, and its progress."""
    model = make_model()
    return model, fit(model)


def test_a_model_with_normalization_resumes_with_the_same_bits(tmp_path: Path) -> None:
    expected = make_model(build_charcnn)
    fit(expected)
    with pytest.raises(Killed):
        fit(make_model(build_charcnn), checkpoint=tmp_path / "latest.npz", on_epoch=killing(4))
    resumed = make_model(build_charcnn)
    fit(resumed, checkpoint=tmp_path / "latest.npz")
    assert_equal(resumed.get_weights(), expected.get_weights())


@pytest.mark.parametrize("epochs_done", [1, 3, 5])
def test_resumes_with_the_same_bits_wherever_it_was_killed(
    tmp_path: Path, fits: dict[Any, Fits], whole: tuple[keras.Model, Progress], epochs_done: int
) -> None:
    model, expected = whole
    checkpoint = tmp_path / "latest.npz"
    with pytest.raises(Killed):
        fits[build_conv1d].run(checkpoint=checkpoint, on_epoch=killing(epochs_done))
    seen: list[int] = []
    weights, progress = fits[build_conv1d].run(checkpoint=checkpoint, on_epoch=lambda row: seen.append(row["epoch"]))
    assert seen == list(range(epochs_done + 1, 7))
    assert_equal(weights, model.get_weights())
    assert without_seconds(progress) == without_seconds(expected)
    assert progress.best_epoch == expected.best_epoch


GROWING = [
    Phase("head", 2, 0.02, ("embedding", "trunk")),
    Phase("bias", 2, 0.02, ("embedding", "kernels")),
    Phase("all", 2, 0.005),
]
NO_BETTER = [Phase("frozen", 2, 0.02, ("embedding",)), Phase("wild", 3, 2.0)]


@pytest.mark.parametrize(
    ("build", "phases", "epochs_done"),
    [
        *((build, GROWING, done) for build in (build_conv1d, build_charcnn) for done in (1, 3, 5)),
        *((build_conv1d, NO_BETTER, done) for done in (3, 4)),
    ],
)
def test_resumes_with_what_the_phases_so_far_have_left_as_it_was(
    build: Callable[..., keras.Model], phases: list[Phase], epochs_done: int, fits: dict[Any, Fits], tmp_path: Path
) -> None:
    checkpoint = tmp_path / "latest.npz"
    expected, _ = fits[build].run(phases)
    with pytest.raises(Killed):
        fits[build].run(phases, checkpoint=checkpoint, on_epoch=killing(epochs_done))
    weights, progress = fits[build].run(phases, checkpoint=checkpoint)
    assert progress.best_epoch <= 2 or phases is GROWING
    assert_equal(weights, expected)


def test_a_phase_after_one_of_biases_trains_everything() -> None:
    model = make_model()
    compile_phase(model, GROWING[1])
    assert {variable.path for variable in model.trainable_variables} == {
        "conv_1/bias", "conv_2/bias", "logits/kernel", "logits/bias",
    }  # fmt: skip
    compile_phase(model, GROWING[2])
    assert model.trainable_variables == model.weights


def test_a_checkpoint_holds_what_its_phases_change(tmp_path: Path) -> None:
    keras.utils.set_random_seed(4)
    sizes = {"dimensions": 10, "windows": (1, 2), "filters": 4, "multichannel": True}
    model, checkpoint = build_conv1d(vocabulary_size=5_000, labels=2, **sizes), tmp_path / "latest.npz"
    table = 5_000 * 10 * 4  # bytes of the embedding
    bytes_after: dict[str, int] = {}

    def weigh(row: dict[str, Any]) -> None:
        bytes_after[row["phase"]] = checkpoint.stat().st_size

    fit(model, GROWING, checkpoint=checkpoint, on_epoch=weigh)
    assert bytes_after["head"] < bytes_after["bias"] < 0.1 * table
    # The current table, the best one and Adam's two moments; never Kim's second channel.
    assert 4 * table < bytes_after["all"] < 4.2 * table


def test_a_fit_that_began_with_other_vectors_is_refused(tmp_path: Path) -> None:
    checkpoint, other = tmp_path / "latest.npz", make_model()
    with pytest.raises(Killed):
        fit(make_model(), checkpoint=checkpoint, on_epoch=killing(1))
    other.get_layer("embedding").embeddings.assign_add(np.ones((20, 6)))
    with pytest.raises(InputError, match="damaged checkpoint: .*the fit began with other weights or vectors"):
        fit(other, checkpoint=checkpoint)


@pytest.fixture(scope="module")
def short_steps() -> Iterator[Fits]:
    """Fits that return to Python after every second batch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compilation, "STEPS_PER_EXECUTION", 2)
        yield Fits()


@pytest.mark.parametrize("moments", [[1], [2], [4], [5], [6], [2, 1, 3], [9, 9], [23]])
def test_stopped_within_an_epoch_it_goes_on_with_the_next_batch(
    tmp_path: Path, short_steps: Fits, whole: tuple[keras.Model, Progress], moments: list[int]
) -> None:
    """The fit is asked to stop at the given moments, once in each process."""
    model, expected = whole
    for moment in moments:
        with pytest.raises(KeyboardInterrupt):
            short_steps.run(checkpoint=tmp_path / "latest.npz", stop_if_requested=stopping(moment))
    resumed, checkpoint = make_model(), tmp_path / "latest.npz"
    if moments == [5]:
        progress, weights = fit(resumed, checkpoint=checkpoint), resumed.get_weights()
    else:
        weights, progress = short_steps.run(checkpoint=checkpoint)
    assert_equal(weights, model.get_weights())
    assert without_seconds(progress) == without_seconds(expected)


def test_a_fit_that_is_stopped_does_no_batch_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "STEPS_PER_EXECUTION", 2)
    examples, phases = make_texts(64, seed=1), [Phase("one", 1, 0.02)]
    steps = len(list(batches(examples, 0)))
    done = []
    for stops in (2, 1, 0):

        class Count(keras.callbacks.Callback):
            def on_train_begin(self, logs: Any = None) -> None:
                done.append(self.params["steps"])

        with contextlib.suppress(KeyboardInterrupt):
            stop = stopping(stops) if stops else (lambda: None)
            fit(make_model(), phases, checkpoint=tmp_path / "latest.npz", stop_if_requested=stop, callbacks=[Count()])
    assert done == [steps, steps - 4, steps - 6]


def test_a_phase_lost_in_an_epoch_that_went_on_leaves_the_next_phase_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    monkeypatch.setattr(compilation, "STEPS_PER_EXECUTION", 1)
    phases = [Phase("one", 1, 0.01), Phase("wild", 2, 1e38, optimizer="sgd"), Phase("three", 1, 0.01)]
    whole, resumed, checkpoint = make_model(), make_model(), tmp_path / "latest.npz"
    fit(whole, phases)
    moments = itertools.count()

    def stop_if_requested() -> None:
        if next(moments) == len(list(batches(make_texts(64, seed=1), 0))):  # after the first batch of the second phase
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(make_model(), phases, checkpoint=checkpoint, stop_if_requested=stop_if_requested)
    logged.clear()
    fit(resumed, phases, checkpoint=checkpoint)
    assert len(logged) == 1
    assert "wild: the loss is NaN or infinite in one of the batches 2 to 2" in logged[0]
    assert_equal(resumed.get_weights(), whole.get_weights())


def test_resumes_while_it_waits_for_a_lower_loss(tmp_path: Path) -> None:
    phases = [Phase("wild", 50, 0.9), Phase("calm", 2, 0.001)]
    whole = make_model()
    expected = fit(whole, phases, patience=2)
    checkpoint = tmp_path / "latest.npz"

    wild = [row["val_loss"] for row in expected.history if row["phase"] == "wild"]
    waiting = 2 + int(np.argmin(wild))  # one epoch after the phase's best: the best weights are not the current ones
    with pytest.raises(Killed):
        fit(make_model(), phases, patience=2, checkpoint=checkpoint, on_epoch=killing(waiting))
    resumed = make_model()
    progress = fit(resumed, phases, patience=2, checkpoint=checkpoint)
    assert [row["val_loss"] for row in progress.history] == [row["val_loss"] for row in expected.history]
    assert_equal(resumed.get_weights(), whole.get_weights())


@pytest.mark.parametrize("harm", ["owner", "facts", "shapes", "count", "packed", "pickled"])
def test_a_strangers_checkpoint_is_refused(harm: str, fits: dict[Any, Fits], tmp_path: Path) -> None:
    """The checksum of each is correct."""
    path = tmp_path / "latest.npz"
    with pytest.raises(Killed):
        fits[build_conv1d].run([Phase("one", 2, 0.01)], checkpoint=path, owner="ours", on_epoch=killing(1))
    facts, groups = read_checkpoint(path, "ours")
    match harm:
        case "owner":
            write_checkpoint(path, "theirs", facts, groups)
        case "facts":
            write_checkpoint(path, "ours", {**facts, "code": "x"}, groups)
        case "shapes":
            write_checkpoint(path, "ours", facts, {**groups, "model": [value[None] for value in groups["model"]]})
        case "count":
            write_checkpoint(path, "ours", facts, {**groups, "optimizer": groups["optimizer"][1:]})
        case "packed":
            with path.open("wb") as file:
                np.savez_compressed(file, facts=np.array(json.dumps(["ours", facts])), zeros=np.zeros(2**24))
        case "pickled":
            with path.open("wb") as file:
                np.savez(file, facts=np.array([{"a": 1}], object))
    if harm in ("packed", "pickled"):
        path.write_bytes(path.read_bytes() + hashlib.sha256(path.read_bytes()).digest())
    with pytest.raises(InputError, match="damaged checkpoint: .*latest.npz .*; remove it to train from the start"):
        fits[build_conv1d].run([Phase("one", 2, 0.01)], checkpoint=path, owner="ours")


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "latest.npz"
    fit(make_model(), [Phase("one", 1, 0.01)], checkpoint=checkpoint)
    content = checkpoint.read_bytes()
    for damaged in (b"", content[: len(content) // 2], b"\x00" * 100):
        checkpoint.write_bytes(damaged)
        with pytest.raises(InputError, match="damaged checkpoint: .*latest.npz"):
            fit(make_model(), checkpoint=checkpoint)
    assert [path.name for path in tmp_path.iterdir()] == ["latest.npz"]
