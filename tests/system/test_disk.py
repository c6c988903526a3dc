"""Disks that are full or not writable: real, small disks, each in its own mount namespace."""

import functools
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.runs import assert_same_weights

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
NAMESPACE = ["unshare", *([] if ROOT else ["--user", "--map-root-user"]), "--mount", "sh", "-c"]
POWERLESS = "setpriv --bounding-set=-dac_override,-dac_read_search"  # root, but bound by file permissions


@functools.cache
def mounts() -> bool:
    """Whether a disk can be mounted here."""
    try:
        return (
            subprocess.run([*NAMESPACE, "mount -t tmpfs none /mnt"], capture_output=True, check=False).returncode == 0
        )
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif("not mounts()", reason="no disk can be mounted here")


def on_disk(folder: Path, kibibytes: int, script: str) -> subprocess.CompletedProcess[str]:
    """Runs a shell script in a folder with a disk of this size mounted at `disk`."""
    (folder / "disk").mkdir(exist_ok=True)
    mount = f"mount -t tmpfs -o size={kibibytes}k none disk"
    return subprocess.run(
        [*NAMESPACE, f"set -e; {mount}; {script}"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=False,
    )


# Carries out steps in one process, since each would import TensorFlow: shell scripts, and commands of the package, with
# the status that each must end with; prints the last line that a command writes to standard error.
CARRY_OUT = """
import contextlib, io, json, subprocess, sys
from tests.runs import call
for step in json.loads(sys.argv[1]):
    if isinstance(step, str):
        subprocess.run(step, shell=True, check=True)
        continue
    status, *command = step
    with contextlib.redirect_stderr(io.StringIO()) as said:
        ended = call(*command)
    print(*said.getvalue().splitlines()[-1:], flush=True)
    assert ended == status, said.getvalue()
"""


def steps(*them: object) -> str:
    """The command line that carries out shell scripts and commands; a command is (status, name, *options)."""
    return shlex.join([sys.executable, "-c", CARRY_OUT, json.dumps(them, default=str)])


def train_till_full(folder: Path, kibibytes: int, options: list[str], expected: Path) -> str:
    """The error of a training on a full disk; given room, it must then end with the expected weights."""
    started = kibibytes > 40
    first = (1 if started else 2, "train", *options, "--output", "disk/run")
    then = (0, "train", "--resume", "disk/run") if started else (0, *first[1:])
    script = steps(first, "mount -o remount,size=64m disk", then, "cp -r disk/run kept")
    done = on_disk(folder, kibibytes, script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_weights(folder / "kept", expected)
    return done.stdout.splitlines()[0]


def test_a_training_on_a_full_disk_goes_on_when_there_is_room(
    small_options: list[str], finished_run: Path, tmp_path: Path
) -> None:
    said = train_till_full(tmp_path, 700, small_options, finished_run)
    assert said == (
        "error: cannot write to disk/run: No space left on device; fix this and continue with python -m "
        "keras_textcnn.train --resume disk/run"
    )


@pytest.mark.stress
def test_full_at_every_stage(small_options: list[str], finished_run: Path, tmp_path: Path) -> None:
    sizes = np.linspace(60, 1100, 30).astype(int).tolist()
    for kibibytes in sizes:
        folder = tmp_path / str(kibibytes)
        folder.mkdir()
        said = train_till_full(folder, kibibytes, small_options, finished_run)
        assert said.startswith("error: cannot write to disk/run: No space left on device; fix this and continue with")
    print(
        f"{len(sizes)} disks that were full at {sizes[0]} to {sizes[-1]} KiB: all trainings went on to the same weights"
    )


def test_no_room_for_a_run_or_for_the_cache(small_options: list[str], tmp_path: Path) -> None:
    fill = "head -c 1m /dev/zero >disk/full 2>/dev/null || true"
    script = steps(
        (2, "train", *small_options, "--output", "disk/new/run"),
        (1, "train", *small_options, "--memory", 256, "--output", "run"),
    )
    script = f"{fill}; KERAS_TEXTCNN_HOME=disk {script}; rm disk/full; find disk -type f; test ! -e run"
    done = on_disk(tmp_path, 64, script)
    assert done.returncode == 0, done.stdout + done.stderr
    first, second, *left = done.stdout.splitlines()
    assert first == "error: cannot make disk/new/run: No space left on device; choose another --output"
    assert second.startswith("error: cannot write shards to disk/tokenized/")
    assert second.endswith("No space left on device; set KERAS_TEXTCNN_HOME")
    assert left == []


FETCH = """
from keras_textcnn.data import datasets
from keras_textcnn.cli.arguments import Parser
from keras_textcnn.cli.entry_point import run_command

class Endless:
    def rows(self, name, work):
        for number in range(10_000):
            yield "train", "x", "a" * 1000

datasets.CATALOG["endless"] = datasets.CatalogEntry(Endless(), 2, {}, 2, 1, "none")
parser = Parser("fetch", usage="", description="", examples="")
raise SystemExit(run_command(lambda arguments: datasets.fetch("endless"), parser))
"""


def fails(script: str) -> str:
    """A script that prints the last error line of another, which must end with status 1."""
    return f"( {script} ) 2>errors >answers && ended=0 || ended=$?; tail -n 1 errors; test $ended = 1; "


def test_no_room_for_a_corpus(tmp_path: Path) -> None:
    fetch = f"KERAS_TEXTCNN_HOME=disk {shlex.join([sys.executable, '-c', FETCH])}"
    done = on_disk(tmp_path, 256, f"{fails(fetch)} find disk -type f")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        "error: cannot save endless in disk/corpora/endless: No space left on device; set KERAS_TEXTCNN_HOME to "
        "another folder"
    ]


def test_no_room_for_answers(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("the apple\n" * 5000)
    predict = shlex.join([sys.executable, "-m", "keras_textcnn.predict", str(finished_run), "texts.txt"])
    done = on_disk(tmp_path, 64, fails(f"{predict} >disk/answers"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("error: ")
    assert "No space left on device" in done.stdout


def test_a_disk_without_permission_and_one_that_may_only_be_read(
    small_options: list[str], finished_run: Path, corpus_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("the apple\n")
    copies = f"for name in run secret begun; do cp -r {finished_run} disk/$name; done; mkdir disk/begun/checkpoints"
    copies += f"; mkdir disk/locked; cp {corpus_file} disk/a.csv"
    forbid = "chmod a-w disk/run disk/locked; chmod a-r disk/secret/config.json disk/a.csv"
    script = steps(
        forbid,
        (2, "train", *small_options, "--output", "disk/locked/new"),
        (1, "evaluate", "disk/run", "--data", corpus_file),
        (2, "evaluate", "disk/secret", "--data", corpus_file),
        (2, "train", "--data", "disk/a.csv", "--output", "run"),
        "chmod u+w disk/run; mount -o remount,ro disk",
        (0, "predict", "disk/run", "text"),
        (1, "evaluate", "disk/run", "--data", corpus_file),
        (2, "train", *small_options, "--output", "disk/new"),
        (1, "train", "--resume", "disk/begun"),
    )
    done = on_disk(tmp_path, 12_288, f"{copies}; {POWERLESS if ROOT else ''} {script}")
    assert done.returncode == 0, done.stdout + done.stderr
    *refused, answer, nothing, evaluating, making, resuming = done.stdout.splitlines()
    assert refused == [
        "error: cannot make disk/locked/new: Permission denied; choose another --output",
        "error: cannot write to disk/run/evaluations: Permission denied",
        "error: damaged run: disk/secret/config.json (Permission denied); restore it, or train again",
        f"error: cannot read {tmp_path}/disk/a.csv: Permission denied; fix or remove it",
    ]
    assert answer.startswith('{"label": "fruit"')
    assert nothing == ""
    assert evaluating == "error: cannot write to disk/run/evaluations: Read-only file system"
    assert making == "error: cannot make disk/new: Read-only file system; choose another --output"
    assert resuming == (
        "error: cannot write to disk/begun: Read-only file system; fix this and continue with python -m "
        "keras_textcnn.train --resume disk/begun"
    )
