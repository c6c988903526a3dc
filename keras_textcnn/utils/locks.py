"""Folders that several processes share: locked by one at a time, and complete or absent even if a process is killed."""

import contextlib
import glob
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

LOCK = ".lock"  # the lock file, inside the folder


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Locks a folder until the block or the process ends; yields False if another process has it or it is missing."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, timeout=0)
    with contextlib.suppress(Timeout, FileNotFoundError, FileExistsError):  # the last two while another one removes it
        if folder.is_dir():  # the lock would make it
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
    """A locked temporary folder next to `target`, removed at the end; leftovers of killed processes are removed too."""
    target.parent.mkdir(parents=True, exist_ok=True)
    start, end = f".{target.name}-", ".partial"
    for left in target.parent.glob(f"{glob.escape(start)}*{end}"):
        with contextlib.suppress(OSError), locked(left) as dead:  # another process may remove it first
            if dead:
                shutil.rmtree(left)
    while True:
        # Once the lock is released, another process may remove the folder too, and each gets in the other's way.
        folder = tempfile.TemporaryDirectory(end, start, target.parent, ignore_cleanup_errors=True)
        with folder as name, locked(Path(name)) as mine:
            if mine and Path(name).exists():  # otherwise another process removed it before it was locked
                yield Path(name)
                return


@contextlib.contextmanager
def whole_folder(folder: Path, *, is_whole: Callable[[Path], bool] = Path.is_dir) -> Iterator[Path]:
    """A temporary folder to write into, renamed to `folder` once everything is written and on disk.

    Several processes may do this at the same time, and each may be killed: `folder` is either complete or missing, and
    the first complete one stays.

    Args:
        folder: Path of the complete folder.
        is_whole: Whether an existing folder is complete; if not, it is replaced.
    """
    with working_folder(folder) as work:
        whole = work / "whole"
        whole.mkdir()
        yield whole
        for path in whole.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        for attempt in itertools.count():
            with contextlib.suppress(OSError):
                whole.rename(folder)
                break
            if is_whole(folder):
                break
            with contextlib.suppress(FileNotFoundError):  # another process replaces it
                folder.rename(work / f"replaced-{attempt}")
