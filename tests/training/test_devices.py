"""A training on two devices, two halves of this machine's processor, gives the same weights as on one device."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from keras_textcnn import Corpus, Predictor
from keras_textcnn.persistence.loading import load_model
from keras_textcnn.persistence.run import Run
from keras_textcnn.training.trainer import train
from tests.conftest import make_texts
from tests.runs import run_weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `two_devices.py` leaves."""
    folder = tmp_path_factory.mktemp("devices")
    command = [sys.executable, "-m", "tests.training.two_devices", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def load(path: Path) -> tuple[list[np.ndarray], list[dict[str, float]]]:
    """The weights and the history of a fit."""
    with np.load(path.with_suffix(".npz")) as arrays:
        return [*arrays.values()], json.loads(path.with_suffix(".json").read_text())


def test_two_devices_learn_what_one_learns_with_each_optimizer_and_unequal_parts_of_batches(folder: Path) -> None:
    for name in ("phases", "validated"):
        (weights, rows), (theirs, their_rows) = (load(folder / f"{name}-{devices}") for devices in ("all", "one"))
        for one, other in zip(weights, theirs, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
        for row, its in zip(rows, their_rows, strict=True):
            assert row == pytest.approx(its, abs=1e-5)
    assert rows[0]["val_loss"] > 0
    rows = load(folder / "phases-all")[1]
    assert [row["phase"] for row in rows] == ["frozen", "adamw", "adamw", "rmsprop", "sgd", "adadelta", "adadelta"]
    assert rows[-1]["loss"] < 0.9 * rows[0]["loss"]


def test_a_fit_on_two_devices_that_is_interrupted_within_an_epoch_resumes_to_the_same_weights(folder: Path) -> None:
    (weights, rows), (theirs, their_rows) = load(folder / "resumed"), load(folder / "whole")
    for one, other in zip(weights, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    for row, its in zip(rows, their_rows, strict=True):
        assert row == pytest.approx(its, abs=1e-6)  # sums of losses are divided among the devices anew


def test_the_devices_agree_on_the_statistics_of_normalizations(folder: Path) -> None:
    same = json.loads((folder / "copies.json").read_text())
    assert any("moving_variance" in path for path in same)
    assert all(same.values()), same


def test_a_run_names_its_devices_and_answers_without_them(folder: Path) -> None:
    run = Run.open(folder / "finished")
    assert run.read_json("config.json")["device"] == "2 x CPU"
    logits = load_model(run)(np.zeros((1, 4), np.int32)).numpy()
    temperature = run.read_json("metrics.json")["calibration"]["temperature"]
    np.testing.assert_allclose(Predictor(run).probabilities([""]), softmax(logits / temperature, axis=1), atol=1e-5)


@pytest.mark.usefixtures("without_exports")
def test_a_run_continues_on_another_number_of_devices_and_says_so(folder: Path, logged: list[str]) -> None:
    corpus = Corpus(*map(list, zip(*make_texts(60, 1), strict=True)))
    train(Run.open(folder / "killed").config(), corpus, folder / "killed", resumed=True)
    assert "training on CPU, the only device here" in logged
    assert "warning: the run was started on 2 x CPU and continues on CPU, so its weights will differ slightly" in logged
    for one, other in zip(run_weights(folder / "killed"), run_weights(folder / "finished"), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)
