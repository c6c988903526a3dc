"""Replaces files in one step, and detects changed bytes.

There are two ways to detect them: a list of checksums next to the files, or a SHA-256 at the end of a single file.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

PARTIAL = "partial."  # begins the name of a file that is being written
DIGEST = hashlib.sha256().digest_size  # bytes at the end of a file


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of some files of a folder, by name."""
    return {name: sha256_of(folder / name) for name in sorted(names)}


def all_unchanged(folder: Path, expected: Mapping[str, str]) -> bool:
    """Whether the files of a folder have these checksums."""
    return all(sha256_of(folder / name) == digest for name, digest in expected.items())


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; once everything is written and on disk, the file replaces `path` in one step."""
    partial = path.with_name(f"{PARTIAL}{os.getpid()}.{path.name}")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def append_digest(file: BinaryIO) -> None:
    """Appends the SHA-256 of the content of an open file, which must be readable."""
    file.seek(0)
    file.write(hashlib.file_digest(file, "sha256").digest())  # type: ignore[arg-type]


def without_digest(content: bytes) -> memoryview:
    """The content of a file without the digest at its end.

    Raises:
        ValueError: The digest does not match.
    """
    inside = memoryview(content)[:-DIGEST]
    if hashlib.sha256(inside).digest() != content[-DIGEST:]:
        raise ValueError("its checksum does not match")
    return inside
