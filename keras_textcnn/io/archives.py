"""Reads archives in place: nothing is unpacked to disk, and malicious archives are rejected."""

import contextlib
import itertools
import re
import stat
import tarfile
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from keras_textcnn.errors import InputError
from keras_textcnn.io.decoding import LONGEST_TEXT
from keras_textcnn.io.files import CHUNK, Expansion, kind_of, open_bytes, reading

Members = Generator[tuple[str, IO[bytes]], None, None]

ARCHIVES = {".zip", ".tar"}
PACKED_TABLES = {".csv", ".tsv", ".jsonl", ".ndjson", ".json"}  # read from an archive, in addition to texts
MOST_NAMES = 2000  # examined in a tar before its texts are read, because it has no directory


def read_members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The files of a zip or tar with their names, each open until the next one is requested.

    Raises:
        InputError: The archive is damaged or encrypted, has a text that is a link or a name that leads out of it, or
            unpacks to too much.
    """
    with reading(path):
        yield from (_zip_members if kind_of(path) == ".zip" else _tar_members)(path)


def table_names(path: Path) -> list[str]:
    """The names of the tables in an archive, and of texts outside folders; for a tar, only among its first files.

    Raises:
        InputError: The archive is damaged.
    """
    with reading(path):
        if kind_of(path) == ".zip":
            with zipfile.ZipFile(path) as archive:
                names = [member.filename.replace("\\", "/") for member in archive.infolist() if not member.is_dir()]
        else:
            with contextlib.closing(_tar_members(path)) as members:
                names = [name for name, _ in itertools.islice(members, MOST_NAMES)]
    return [name for name in names if is_table(name) or (is_text(name) and "/" not in name)]


def is_table(name: str) -> bool:
    """Whether a file in an archive is a table by its name: not hidden, and not compressed itself."""
    path = PurePosixPath(name)
    return path.suffix.lower() in PACKED_TABLES and not path.name.startswith(".") and "__MACOSX" not in path.parts


def is_text(name: str) -> bool:
    """Whether a file is a text by its name: `.txt` in any case, and not hidden."""
    path = PurePosixPath(name)
    return path.suffix.lower() == ".txt" and not path.name.startswith(".")


def check_packing(member: zipfile.ZipInfo, path: Path) -> None:
    """Raises InputError unless a member of a zip is stored or deflated, which can be unpacked bit by bit."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"not compressed with deflate: {path}:{member.filename}; unpack it yourself")


def _zip_members(path: Path) -> Members:
    with zipfile.ZipFile(path) as archive:
        expansion = Expansion(path)
        for member in archive.infolist():
            _check_name(member.filename, path)
            if stat.S_ISLNK(member.external_attr >> 16) and _is_read(member.filename):
                raise InputError(f"a link in an archive: {path}:{member.filename}; replace it with the text")
            if not member.is_dir():
                check_packing(member, path)
                with archive.open(member) as file:
                    expansion.add(_most_read(member.filename, member.file_size))
                    yield member.filename.replace("\\", "/"), file


class _StrictTarInfo(tarfile.TarInfo):
    """Does not take a damaged header for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_StrictTarInfo":
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"header: {error}") from error


def _tar_members(path: Path) -> Members:
    expansion = Expansion(path)  # a sparse file in an archive is larger than the space it takes
    with open_bytes(path) as packed:
        with tarfile.open(fileobj=packed, mode="r|", tarinfo=_StrictTarInfo) as archive:
            while member := archive.next():
                archive.members.clear()  # type: ignore[attr-defined]  # otherwise it keeps all members that it has passed
                _check_name(member.name, path)
                if not member.isfile() and not member.isdir() and _is_read(member.name):
                    raise InputError(f"neither file nor folder: {path}:{member.name}; replace it with the text")
                if member.isfile() and (file := archive.extractfile(member)):
                    expansion.add(_most_read(member.name, member.size))
                    yield member.name, file
        while packed.read(CHUNK):  # the checksum of a compressed file follows its last byte
            pass


def _is_read(name: str) -> bool:
    return is_text(name) or is_table(name)


def _most_read(name: str, size: int) -> int:
    if is_table(name):
        return size
    return min(size, LONGEST_TEXT) if is_text(name) else 0


def _check_name(name: str, path: Path) -> None:
    """Rejects names that lead out of the archive: nothing is unpacked, but such an archive is malicious."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or name.startswith(("/", "\\")) or re.match("[A-Za-z]:", name):
        raise InputError(f"a name that leads out of the archive: {path}:{name}; do not trust it")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InputError(f"a name that is not UTF-8: {path}:{name!a}; rename it") from None
