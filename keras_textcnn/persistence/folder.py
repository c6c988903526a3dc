"""A directory of run files: it and its files are written atomically, and damaged files are detected."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from keras_textcnn.errors import InputError
from keras_textcnn.io.integrity import checksums, replacing, sha256_of
from keras_textcnn.utils import locks
from keras_textcnn.utils.inputs import as_path

MANIFEST = "manifest.json"  # the SHA-256 of each file, by its name
LARGEST = 2**28  # bytes of a file that is read at once
CHANGED = "its checksum does not match"


@dataclasses.dataclass(frozen=True)
class Folder:
    """A directory that is created atomically, and whose files are replaced atomically.

    Files read from a sealed folder are verified against its manifest.

    Args:
        directory: Its path; a string becomes a `Path`.
    """

    directory: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "directory", as_path(self.directory))

    def __fspath__(self) -> str:
        """Its path, so that a run can be given wherever a path can."""
        return str(self.directory)

    @classmethod
    def make(cls, directory: str | Path, fill: Callable[[Self], None]) -> Self:
        """Makes the directory.

        Args:
            directory: Path of the directory, which must be missing or empty.
            fill: Called with a temporary folder, which is then renamed to `directory`.

        Raises:
            InputError: The directory cannot be made.
        """
        directory = as_path(directory)
        try:
            with locks.working_folder(directory) as work:
                temporary = cls(work / "new")
                temporary.directory.mkdir()
                fill(temporary)
                temporary.directory.rename(directory)
        except OSError as error:
            raise InputError(f"cannot make {directory}: {error.strerror}; choose another --output") from error
        return cls(directory)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes out of the directory until the block or this process ends; see `locks.locked`.

        Raises:
            InputError: Another process is using the directory.
        """
        with locks.locked(self.directory) as mine:
            if not mine:
                raise InputError(f"another process is using {self.directory}; wait for it, or stop it")
            yield

    def remove_lock(self) -> None:
        """Removes the lock file when it will not be needed again; the lock itself lasts until its block ends."""
        with contextlib.suppress(OSError):  # Windows does not delete open files
            (self.directory / locks.LOCK).unlink()

    def damaged(self, name: str, reason: object) -> InputError:
        """The error for a damaged file."""
        return InputError(f"damaged run: {self.directory / name} ({reason}); restore it, or train again")

    def seal(self, names: Iterable[str]) -> None:
        """Writes the manifest: the checksums of these files, as they are now."""
        self.write_json(MANIFEST, checksums(self.directory, names))

    def check(self, below: str = "") -> None:
        """Verifies the files whose names begin with `below` against the manifest.

        Raises:
            InputError: A file is missing, or was changed after it was sealed.
        """
        manifest = self._manifest()
        if manifest is None:
            return
        names = [name for name in manifest if name.startswith(below)]
        if not names:
            raise self.damaged(below or MANIFEST, "it is not in the manifest")
        for name in names:
            with self._reading(name) as path:
                found = sha256_of(path)
            if found != manifest[name]:
                raise self.damaged(name, CHANGED)

    def check_links(self) -> None:
        """Raises InputError if there is anything but files and folders: writing would follow a link."""
        for folder, folders, names in os.walk(self.directory):
            for path in (Path(folder, name) for name in (*folders, *names)):
                if path.is_symlink() or not (path.is_dir() or path.is_file()):
                    raise InputError(f"neither a file nor a folder: {path}; replace it with a file")

    def read_bytes(self, name: str) -> bytes:
        """Reads a file.

        Raises:
            InputError: The file cannot be read, or was changed after it was sealed.
        """
        content, manifest = self._read(name), self._manifest()
        if manifest is not None and manifest.get(name) != hashlib.sha256(content).hexdigest():
            raise self.damaged(name, CHANGED)
        return content

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Writes a JSON file.

        Raises:
            ValueError: A number is NaN or infinite, which JSON cannot represent.
        """
        self.write_text(name, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """Reads a file that holds a JSON object."""
        return self._parse(name, self.read_bytes(name))

    def write_rows(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes a CSV file with the columns of the first row; other rows may lack some of them."""
        file = io.StringIO()
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.write_text(name, file.getvalue())

    def write_lines(self, name: str, lines: Sequence[str]) -> None:
        """Writes one entry per line; backslashes and line breaks inside an entry are escaped."""
        self.write_text(name, "".join(_escape(line) + "\n" for line in lines))

    def read_lines(self, name: str) -> list[str]:
        """Reads what `write_lines` wrote."""
        try:
            text = self.read_bytes(name).decode()
        except UnicodeDecodeError as error:
            raise self.damaged(name, error) from error
        return [_unescape(line) for line in text.split("\n")[:-1]]

    def write_text(self, name: str, text: str) -> None:
        """Writes a UTF-8 file."""
        self.write(name, lambda path: path.write_bytes(text.encode()))

    def write(self, name: str, writer: Callable[[Path], Any]) -> None:
        """Calls `writer` to write a file next to its place, and moves it there once it is complete and on disk."""
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as partial:
            writer(partial)

    def _manifest(self) -> dict[str, Any] | None:
        """The checksums by file name; None if the folder was not sealed."""
        return self._parse(MANIFEST, self._read(MANIFEST)) if (self.directory / MANIFEST).exists() else None

    def _read(self, name: str) -> bytes:
        with self._reading(name) as path:
            if path.stat().st_size > LARGEST:
                raise self.damaged(name, f"it is larger than {LARGEST:,} bytes")
            return path.read_bytes()

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[Path]:
        path = self.directory / name
        try:
            if path.exists() and not (path.is_file() and path.resolve().is_relative_to(self.directory.resolve())):
                raise self.damaged(name, "it is not a file of this folder")  # a pipe or device would never end
            yield path
        except InputError:
            raise
        except OSError as error:
            raise self.damaged(name, error.strerror) from error
        except ValueError as error:  # from a name that no file can have
            raise self.damaged(f"{name!a}", error) from error

    def _parse(self, name: str, content: bytes) -> dict[str, Any]:
        try:
            parsed = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self.damaged(name, error) from error
        if not isinstance(parsed, dict):
            raise self.damaged(name, "it does not hold a JSON object")
        return parsed


def _escape(line: str) -> str:
    return line.replace("\\", r"\\").replace("\n", r"\n").replace("\r", r"\r")


def _unescape(line: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "r": "\r"}.get(match[1], match[1]), line)
