"""Trainings are killed at random moments, and gone on with."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn import Run
from tests.test_train import weights_of

KILLS = 100
LONGEST = 14.0  # seconds until a kill: about as long as a run takes


@pytest.mark.stress
def test_a_hundred_kills(small_options: list[str], finished_run: Path, tmp_path: Path) -> None:
    """The directory is never half a run, and however often it was killed it ends with the same weights."""
    random = np.random.default_rng(0)
    expected = weights_of(finished_run)
    killed = {"before the run": 0, "in the run": 0}
    runs = 0
    while sum(killed.values()) < KILLS:
        directory = tmp_path / f"run-{runs}"
        epochs: list[str] = []
        while not (directory.exists() and Run.open(directory).finished):
            begun = directory.exists()
            options = ["--resume", directory] if begun else [*small_options, "--output", directory]
            delay = random.uniform(0, LONGEST)
            with subprocess.Popen(
                [sys.executable, "-m", "keras_textcnn.train", *map(str, options)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            ) as process:
                try:
                    _, errors = process.communicate(timeout=delay)
                    assert process.returncode == 0, errors
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    _, errors = process.communicate()
                    killed["in the run" if directory.exists() else "before the run"] += 1
            epochs += [line.split("  loss")[0] for line in errors.splitlines() if line.startswith("epoch ")]
            if directory.exists():
                run = Run.open(directory)
                assert run.finished or run.checkpoints.is_dir()
        assert len(set(epochs)) == len(epochs)  # none is done twice once it is told
        for ours, theirs in zip(weights_of(directory), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        Run.open(directory).check()
        runs += 1
    print(f"{KILLS} kills, {killed}, {runs} runs finished with the same weights")
