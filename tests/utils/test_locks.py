"""Locks keep other processes out until their holder ends, however it ends."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from keras_textcnn.utils.locks import locked, whole_folder, working_folder

HOLD = """
import sys
from pathlib import Path
from keras_textcnn.utils.locks import locked
with locked(Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""

WRITE = """
import random
import sys
from pathlib import Path
from keras_textcnn.utils.locks import whole_folder
for _ in range(100):
    with whole_folder(Path(sys.argv[1]), is_whole=lambda folder: folder.is_dir() and random.random() < 0.8) as folder:
        (folder / "file").write_text("whole")
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    """Starts a process that holds a folder's lock until it is killed."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    return process


def is_free(folder: Path) -> bool:
    with locked(folder) as mine:
        return mine


def test_a_folder_is_locked_by_one_process_until_that_is_killed(tmp_path: Path) -> None:
    with hold(tmp_path) as process:
        assert not is_free(tmp_path)
        process.kill()
    assert is_free(tmp_path)
    assert not is_free(tmp_path / "nowhere")


def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    dead, living = tmp_path / ".a-1.partial", tmp_path / ".a-2.partial"
    for folder in (dead, living):
        folder.mkdir()
        (folder / "half").write_text("x")
    with hold(living) as process:
        with working_folder(tmp_path / "a") as work:
            assert not dead.exists()
            assert (living / "half").exists()
            assert work.parent == tmp_path
        assert not work.exists()
        process.kill()


def test_several_processes_may_write_the_same_folder(tmp_path: Path) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path / "a")]) for _ in range(5)]
    assert [process.wait(60) for process in processes] == [0] * 5
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a" / "file").read_text() == "whole"


def test_two_processes_may_remove_a_working_folder_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_empty(path: str, *, dir_fd: int | None = None) -> None:
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)  # as if another one had just locked it

    with monkeypatch.context() as patch, working_folder(tmp_path / "a"):
        patch.setattr(os, "rmdir", not_empty)
    assert len(list(tmp_path.iterdir())) == 1
    with working_folder(tmp_path / "a"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_appears_whole_or_not_at_all_and_the_first_one_stays(tmp_path: Path) -> None:
    target = tmp_path / "a"
    for number in range(2):
        with whole_folder(target) as folder:
            (folder / "file").write_text(str(number))
    assert [(path.name, path.read_text()) for path in target.iterdir()] == [("file", "0")]
    with whole_folder(target, is_whole=lambda folder: False) as folder:
        (folder / "file").write_text("new")
    assert (target / "file").read_text() == "new"
    try:
        with whole_folder(tmp_path / "b"):
            raise ValueError
    except ValueError:
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
