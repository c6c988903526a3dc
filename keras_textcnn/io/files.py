"""Opens files, compressed or not; if something is wrong with one, the error is a line that names it."""

import bz2
import contextlib
import dataclasses
import gzip
import hashlib
import io
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from keras_textcnn.errors import InputError
from keras_textcnn.io.integrity import sha256_of

COMPRESSIONS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".tgz": gzip.open,
    ".xz": lzma.open,
    ".bz2": bz2.open,
}
DAMAGES = (
    *(EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError),
    *(ValueError, IndexError, OverflowError, struct.error),  # from a zip with a false directory
)
CHUNK = 2**20  # bytes read at a time
MOST_TIMES = 100  # how many times its size a compressed file may unpack to; text grows tenfold
ALWAYS = 2**26  # bytes that a compressed file may unpack to, however small it is


def home(folder: str) -> Path:
    """A cache folder below `KERAS_TEXTCNN_HOME`, by default `~/.keras/keras_textcnn`."""
    return Path(os.environ.get("KERAS_TEXTCNN_HOME") or Path("~/.keras/keras_textcnn").expanduser(), folder)


class Expansion:
    """Limits what a compressed file may unpack to.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left = max(MOST_TIMES * path.stat().st_size, ALWAYS)

    def add(self, size: int) -> None:
        """Counts unpacked bytes.

        Raises:
            InputError: The file unpacks to too much.
        """
        self._left -= size
        if self._left < 0:
            raise InputError(
                f"a file that unpacks to more than {MOST_TIMES} times its size: {self._path}; do not trust it, or "
                "unpack it yourself"
            )


class _Unpacked(io.RawIOBase):
    """Reads a compressed file, as long as it does not unpack to too much."""

    def __init__(self, path: Path, packed: BinaryIO) -> None:
        self._expansion, self._packed = Expansion(path), packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._packed.read(len(buffer))
        self._expansion.add(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._packed.close()
        super().close()


def open_bytes(path: Path) -> BinaryIO:
    """Opens a file for reading, and unpacks it while it is read if its name ends in .gz, .xz or .bz2.

    Reading raises InputError once the content is more than `MOST_TIMES` as large as the file.
    """
    unpack = COMPRESSIONS.get(path.suffix.lower())
    return io.BufferedReader(_Unpacked(path, unpack(path, "rb")), CHUNK) if unpack else path.open("rb")


def is_there(name: str) -> bool:
    """Whether there is a file or folder with this name, which may be a text that cannot be a file name."""
    try:
        return bool(name) and Path(name).exists()
    except (OSError, ValueError):
        return False


def kind_of(path: Path) -> str:
    """The suffix that tells what a file holds, in lower case: `.csv` for `a.csv` and `a.csv.gz`."""
    suffix = path.suffix.lower()
    if suffix == ".tgz":
        return ".tar"
    return Path(path.stem).suffix.lower() if suffix in COMPRESSIONS else suffix


@contextlib.contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Turns the errors of reading a damaged file into an `InputError` that names the file."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}; fix or remove it") from error
    except DAMAGES as error:
        raise InputError(f"damaged file: {path} ({error}); is it complete?") from error
    except RuntimeError as error:  # zipfile's, for a password or an unknown compression
        raise InputError(f"cannot unpack {path}: {error}; unpack it yourself") from error


def fingerprint(path: Path) -> str:
    """A SHA-256 of a file's kind and bytes, or of all files below a folder with their names."""
    if path.is_file():
        return f"{kind_of(path)}:{sha256_of(path)}"
    digest, seen = hashlib.sha256(), set()
    for folder, folders, names in os.walk(path, followlinks=True):
        if (place := os.path.realpath(folder)) in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(place)
        folders.sort()
        for file in (Path(folder, name) for name in sorted(names)):
            if file.is_file():
                digest.update(f"{file.relative_to(path)}\0{sha256_of(file)}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class Source:
    """Bytes to read: a file, a member of an archive, standard input.

    Attributes:
        name: Its name in errors.
        kind: The suffix that tells what it holds, such as `.csv`.
        open: Opens it; the bytes can be read once.
        path: The path, if it is a file on disk.
    """

    name: str
    kind: str
    open: Callable[[], contextlib.AbstractContextManager[BinaryIO]]
    path: Path | None = None

    @classmethod
    def of(cls, path: Path, kind: str | None = None) -> "Source":
        """A file, unpacked while it is read."""
        return cls(str(path), kind or kind_of(path), lambda: open_bytes(path), path)
