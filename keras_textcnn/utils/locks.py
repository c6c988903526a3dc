"""Folders that several processes may want, each of which may be killed: claimed by one, there whole or not at all."""

import contextlib
import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """Claims a folder until it is left or the process ends, however it ends; False where another has it, or it is gone.

    Where the system knows no such locks, as Windows and some network disks, nothing holds others off.
    """
    if fcntl is None:
        yield True
        return
    handle = _lock(folder)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            os.close(handle)


def _lock(folder: Path) -> int | None:
    """Locks a folder until what this returns is closed; None if it is another's, or gone."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    os.set_inheritable(handle, True)  # by a child that is to work there on when this process is killed
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:  # the disk knows no locks
        pass
    return handle


@contextlib.contextmanager
def working_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target`, claimed, and gone in the end; what killed processes left there goes now."""
    target.parent.mkdir(parents=True, exist_ok=True)
    start, end = f".{target.name}-", ".partial"
    for left in target.parent.glob(f"{glob.escape(start)}*{end}") if fcntl else ():
        with contextlib.suppress(OSError), claimed(left) as dead:  # it may go away while it is looked at
            if dead:
                shutil.rmtree(left)
    while True:
        with tempfile.TemporaryDirectory(end, start, target.parent) as name, claimed(Path(name)) as mine:
            if mine and Path(name).exists():  # else another process took it for left before it was claimed
                yield Path(name)
                return


@contextlib.contextmanager
def whole_folder(folder: Path, *, is_whole: Callable[[Path], bool] = Path.is_dir) -> Iterator[Path]:
    """A temporary folder to write into; when all is written and on the disk it gets the name `folder`.

    Several processes may do so at the same time and each may be killed: the folder is there whole or not at all, and
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
