"""Folders that several processes may want, each of which may be killed: locked by one, complete or not there at all."""

import contextlib
import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".lock"  # the file that is locked, inside the folder


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Locks a folder until it is left or the process ends, however it ends; False if another has it, or it is gone."""
    lock = FileLock(folder / LOCK, timeout=0)
    with contextlib.suppress(Timeout):
        if folder.is_dir():  # it would be made
            lock.acquire()
    if not lock.is_locked:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextlib.contextmanager
def working_folder(target: Path) -> Iterator[Path]:
    """A locked temporary folder next to `target`, removed in the end; so is what killed processes left there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    start, end = f".{target.name}-", ".partial"
    for left in target.parent.glob(f"{glob.escape(start)}*{end}"):
        with contextlib.suppress(OSError), locked(left) as dead:  # it may go away while it is looked at
            if dead:
                shutil.rmtree(left)
    while True:
        with tempfile.TemporaryDirectory(end, start, target.parent) as name, locked(Path(name)) as mine:
            if mine and Path(name).exists():  # otherwise another process removed it before it was locked
                yield Path(name)
                return


@contextlib.contextmanager
def whole_folder(folder: Path, *, is_whole: Callable[[Path], bool] = Path.is_dir) -> Iterator[Path]:
    """A temporary folder to write into; once all is written and on the disk it gets the name `folder`.

    Several processes may do so at the same time and each may be killed: the folder is there complete or not at all, and
    the first one stays.

    Args:
        folder: Where.
        is_whole: Whether what is there already is good; if not, it is replaced.
    """
    with working_folder(folder) as work:
        whole = work / "whole"
        whole.mkdir()
        yield whole
        for path in whole.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        while True:
            with contextlib.suppress(OSError):
                whole.rename(folder)
                break
            if is_whole(folder):
                break
            folder.rename(work / "replaced")
