import contextlib
import hashlib
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from keras_textcnn.errors import InputError
from keras_textcnn.models.charcnn import build_charcnn
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.training.checkpoint import read_checkpoint, write_checkpoint
from keras_textcnn.training.phases import Phase, Progress
from tests.runs import Killed
from tests.training.fits import Fits, assert_equal, batches, fit, killing, make_model, make_texts


@pytest.fixture(scope="module")
def fits() -> dict[Callable[..., keras.Model], Fits]:
    """Fits by the builder of their model."""
    return {build: Fits(build) for build in (build_conv1d, build_charcnn)}


@pytest.fixture(scope="module")
def whole() -> tuple[keras.Model, Progress]:
    """A model that was fitted without interruption, and its progress."""
    model = make_model()
    return model, fit(model)


def stopping(moment: int) -> Callable[[], None]:
    """For `stop_if_requested`: asks to stop at a moment, counted from 1."""
    left = iter(range(moment - 1))

    def stop() -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return stop


def without_seconds(progress: Progress) -> list[dict[str, Any]]:
    return [{**row, "seconds": 0} for row in progress.history]


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


def test_adadelta_resumes_with_the_same_bits_however_many_steps_there_are_between_returns(tmp_path: Path) -> None:
    phases, checkpoint, fits = [Phase("all", 4, 1.0, optimizer="adadelta")], tmp_path / "latest.npz", Fits()
    expected, _ = fits.run(phases)
    with pytest.raises(Killed):
        fits.run(phases, checkpoint=checkpoint, on_epoch=killing(2))
    assert_equal(fits.run(phases, checkpoint=checkpoint)[0], expected)
    assert_equal(Fits(steps=1).run(phases)[0], expected)


GROWING = [
    Phase("head", 2, 0.02, ("embedding", "trunk")),
    Phase("bias", 2, 0.02, ("embedding", "kernels")),
    Phase("all", 2, 0.005),
]
NO_BETTER = [Phase("frozen", 2, 0.02, ("embedding",)), Phase("wild", 3, 2.0)]


@pytest.mark.parametrize(
    ("build", "phases", "epochs_done"),
    [
        *((build_conv1d, GROWING, done) for done in (1, 3, 5)),
        (build_charcnn, GROWING, 3),
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


def test_a_checkpoint_holds_what_its_phases_change(tmp_path: Path) -> None:
    keras.utils.set_random_seed(4)
    sizes = {"dimensions": 10, "windows": (1, 2), "filters": 4, "multichannel": True}
    model, checkpoint = build_conv1d(vocabulary_size=5_000, num_classes=2, **sizes), tmp_path / "latest.npz"
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
def short_steps() -> Fits:
    """Fits that return to Python after every second batch."""
    return Fits(steps=2)


@pytest.mark.parametrize("moments", [[1], [2], [5], [6], [2, 1, 3], [9, 9], [23]])
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


def test_a_fit_that_is_stopped_does_no_batch_twice(tmp_path: Path, short_steps: Fits) -> None:
    examples, phases = make_texts(64, seed=1), [Phase("one", 1, 0.02)]
    steps = len(list(batches(examples, 0)))
    done = []
    for stops in (2, 1, 0):

        class Count(keras.callbacks.Callback):
            def on_train_begin(self, logs: Any = None) -> None:
                done.append(self.params["steps"])

        with contextlib.suppress(KeyboardInterrupt):
            stop = stopping(stops) if stops else (lambda: None)
            short_steps.run(phases, checkpoint=tmp_path / "latest.npz", stop_if_requested=stop, callbacks=[Count()])
    assert done == [steps, steps - 4, steps - 6]


def test_a_phase_lost_in_an_epoch_that_went_on_leaves_the_next_phase_whole(tmp_path: Path, logged: list[str]) -> None:
    fits, checkpoint = Fits(steps=1), tmp_path / "latest.npz"
    phases = [Phase("one", 1, 0.01), Phase("wild", 2, 1e38, optimizer="sgd"), Phase("three", 1, 0.01)]
    expected, _ = fits.run(phases)
    moments = itertools.count()

    def stop_if_requested() -> None:
        if next(moments) == len(list(batches(make_texts(64, seed=1), 0))):  # after the first batch of the second phase
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fits.run(phases, checkpoint=checkpoint, stop_if_requested=stop_if_requested)
    logged.clear()
    weights, _ = fits.run(phases, checkpoint=checkpoint)
    assert len(logged) == 1
    assert "wild: the loss is NaN or infinite in one of the batches 2 to 2" in logged[0]
    assert_equal(weights, expected)


def test_resumes_while_it_waits_for_a_lower_loss(tmp_path: Path, fits: dict[Any, Fits]) -> None:
    phases = [Phase("wild", 50, 0.9), Phase("calm", 2, 0.001)]
    whole, expected = fits[build_conv1d].run(phases, patience=2)
    checkpoint = tmp_path / "latest.npz"

    wild = [row["val_loss"] for row in expected.history if row["phase"] == "wild"]
    waiting = 2 + int(np.argmin(wild))  # one epoch after the phase's best: the best weights are not the current ones
    with pytest.raises(Killed):
        fits[build_conv1d].run(phases, patience=2, checkpoint=checkpoint, on_epoch=killing(waiting))
    weights, progress = fits[build_conv1d].run(phases, patience=2, checkpoint=checkpoint)
    assert [row["val_loss"] for row in progress.history] == [row["val_loss"] for row in expected.history]
    assert_equal(weights, whole)


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


def test_a_damaged_checkpoint_is_refused(tmp_path: Path, fits: dict[Any, Fits]) -> None:
    checkpoint = tmp_path / "latest.npz"
    fits[build_conv1d].run([Phase("one", 1, 0.01)], checkpoint=checkpoint)
    content = checkpoint.read_bytes()
    for damaged in (b"", content[: len(content) // 2], b"\x00" * 100):
        checkpoint.write_bytes(damaged)
        with pytest.raises(InputError, match="damaged checkpoint: .*latest.npz"):
            fits[build_conv1d].run(checkpoint=checkpoint)
    assert [path.name for path in tmp_path.iterdir()] == ["latest.npz"]
