"""Disks that are full or not writable: real, small disks, each in its own mount namespace."""

import functools
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
        [*NAMESPACE, f"set -e; {mount}; {script}"], cwd=folder, capture_output=True, text=True, check=False
    )


def command(name: str, *options: object) -> str:
    """The command line of a command of the package."""
    return shlex.join([sys.executable, "-m", f"keras_textcnn.{name}", *map(str, options)])


def fails(script: str, status: int) -> str:
    """A script that prints the last error line of a command, and goes on if the command ends with this status."""
    return f"( {script} ) 2>errors >answers && ended=0 || ended=$?; tail -n 1 errors; test $ended = {status}; "


def train_till_full(folder: Path, kibibytes: int, options: list[str], expected: Path) -> str:
    """The error of a training on a full disk; given room, it must then end with the expected weights."""
    training = command("train", *options, "--output", "disk/run")
    resume = f"if test -d disk/run; then {command('train', '--resume', 'disk/run')}; else {training}; fi"
    room = f"mount -o remount,size=64m disk; {resume}; cp -r disk/run kept"
    done = on_disk(folder, kibibytes, f"{fails(training, 1 if kibibytes > 40 else 2)} {room}")
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
    train = fails(command("train", *small_options, "--output", "disk/new/run"), 2)
    shards = fails(f"KERAS_TEXTCNN_HOME=disk {command('train', *small_options, '--memory', 256, '--output', 'run')}", 1)
    done = on_disk(tmp_path, 64, f"{fill}; {train} {shards} rm disk/full; find disk -type f; test ! -e run")
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


def test_no_room_for_a_corpus(tmp_path: Path) -> None:
    fetch = f"KERAS_TEXTCNN_HOME=disk {shlex.join([sys.executable, '-c', FETCH])}"
    done = on_disk(tmp_path, 256, f"{fails(fetch, 1)} find disk -type f")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        "error: cannot save endless in disk/corpora/endless: No space left on device; set KERAS_TEXTCNN_HOME to "
        "another folder"
    ]


def test_no_room_for_answers(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("the apple\n" * 5000)
    predict = f"{command('predict', finished_run, 'texts.txt')} >disk/answers"
    done = on_disk(tmp_path, 64, fails(predict, 1))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("error: ")
    assert "No space left on device" in done.stdout


def test_a_disk_that_may_only_be_read(
    small_options: list[str], finished_run: Path, corpus_file: Path, tmp_path: Path
) -> None:
    copy = f"cp -r {finished_run} disk/run; cp -r disk/run disk/begun; mkdir disk/begun/checkpoints"
    steps = [
        f"{copy}; mount -o remount,ro disk; echo the apple >text; {command('predict', 'disk/run', 'text')} 2>&1;",
        fails(command("evaluate", "disk/run", "--data", corpus_file), 1),
        fails(command("train", *small_options, "--output", "disk/new"), 2),
        fails(command("train", "--resume", "disk/begun"), 1),
    ]
    done = on_disk(tmp_path, 8192, " ".join(steps))
    assert done.returncode == 0, done.stdout + done.stderr
    answer, *errors = done.stdout.splitlines()
    assert answer.startswith('{"label": "fruit"')
    assert errors == [
        "error: cannot write to disk/run/evaluations: Read-only file system",
        "error: cannot make disk/new: Read-only file system; choose another --output",
        "error: cannot write to disk/begun: Read-only file system; fix this and continue with python -m "
        "keras_textcnn.train --resume disk/begun",
    ]


def test_without_permission(small_options: list[str], finished_run: Path, corpus_file: Path, tmp_path: Path) -> None:
    powerless = POWERLESS if ROOT else ""
    steps = [
        f"for name in run secret; do cp -r {finished_run} disk/$name; done; mkdir disk/locked;",
        f"cp {corpus_file} disk/a.csv;",
        "chmod a-w disk/run disk/locked; chmod a-r disk/secret/config.json disk/a.csv;",
        fails(f"{powerless} {command('train', *small_options, '--output', 'disk/locked/new')}", 2),
        fails(f"{powerless} {command('evaluate', 'disk/run', '--data', corpus_file)}", 1),
        fails(f"{powerless} {command('evaluate', 'disk/secret', '--data', corpus_file)}", 2),
        fails(f"{powerless} {command('train', '--data', 'disk/a.csv', '--output', 'run')}", 2),
    ]
    done = on_disk(tmp_path, 8192, " ".join(steps))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        "error: cannot make disk/locked/new: Permission denied; choose another --output",
        "error: cannot write to disk/run/evaluations: Permission denied",
        "error: damaged run: disk/secret/config.json (Permission denied); restore it, or train again",
        f"error: cannot read {tmp_path}/disk/a.csv: Permission denied; fix or remove it",
    ]
