"""Files as they lie there: compressed or not, in any encoding; what is wrong with one is a line that names it."""

import bz2
import codecs
import contextlib
import dataclasses
import gzip
import hashlib
import io
import lzma
import os
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from keras_textcnn.errors import InputError

COMPRESSIONS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".tgz": gzip.open,
    ".xz": lzma.open,
    ".bz2": bz2.open,
}
DAMAGES = (
    *(EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError),
    *(ValueError, IndexError, OverflowError, struct.error),  # of the directory of a zip that tells lies
)
CHUNK = 2**20  # bytes read at once
MOST_TIMES = 100  # its size, that what is packed may grow to; text grows tenfold
ALWAYS = 2**26  # bytes, that it may grow to however small it is
LONGEST_TEXT = 2**22  # characters, a thick book; a longer line is no text but a file of another kind

BYTE_ORDER_MARKS = {  # of UTF-32 first, whose mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
MARK = "keras_textcnn.mark"  # an error handler: the place of a byte that does not decode
SURROGATE = re.compile("[\ud800-\udfff]")  # the marks, and what a few codecs let through
SIGNATURES: dict[bytes, str] = {  # what a file begins with; none of it begins a text
    b"\x93NUMPY": "a NumPy array",
    b"PK\x03\x04": "a zip archive, such as a NumPy .npz file",
    b"PK\x05\x06": "an empty zip archive",
    b"%PDF-": "a PDF",
    b"{\\rtf": "an RTF document",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Office file",
    b"PAR1": "Parquet",
    b"ARROW1\0": "Arrow",
    b"FEA1": "Feather",
    b"Obj\x01": "Avro",
    b"SQLite format 3\0": "SQLite",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"MATLAB 5.0 MAT-file": "a MATLAB file",
    b"\xba\x16\x4f\x2f": "a fastText model",
    b"\x89PNG\r\n": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF87a": "an image",
    b"GIF89a": "an image",
    b"II*\0": "an image",
    b"MM\0*": "an image",
    b"RIFF": "a sound, image or video",
    b"ID3\x03": "a sound",
    b"ID3\x04": "a sound",
    b"OggS\0": "a sound",
    b"fLaC\0": "a sound",
    b"\x1f\x8b": "gzip",
    b"BZh91AY&SY": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x7fELF": "a program",
}
TAR = b"ustar", 257  # and where it stands
PICKLE = re.compile(rb"\x80[\x02-\x05]")  # its protocol; the older ones look like text
RIFF = re.compile(rb"RIFF.{4}(WEBP|WAVE|AVI )", re.DOTALL)
OFFICE = re.compile(rb"PK\x03\x04.{26}.{0,480}?(?<![a-z])(xl|word|ppt)/", re.DOTALL)  # by the first names inside
OFFICE_FILES = {b"xl": "an Excel file", b"word": "a Word file", b"ppt": "a PowerPoint file"}
FIRST_BYTES = 512  # that tell what a file is
codecs.register_error(MARK, lambda error: (chr(0xDC00 + error.object[error.start]), error.end))  # type: ignore


def home(folder: str) -> Path:
    """A folder of what is kept for later: below `KERAS_TEXTCNN_HOME`, by default `~/.keras/keras_textcnn`."""
    return Path(os.environ.get("KERAS_TEXTCNN_HOME") or Path("~/.keras/keras_textcnn").expanduser(), folder)


class Expansion:
    """How much more a packed file may unpack to.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left = max(MOST_TIMES * path.stat().st_size, ALWAYS)

    def add(self, size: int) -> None:
        """Counts what is unpacked, in bytes.

        Raises:
            InputError: It is too much.
        """
        self._left -= size
        if self._left < 0:
            raise InputError(
                f"a file that unpacks to more than {MOST_TIMES} times its size: {self._path}; do not trust it, or "
                "unpack it yourself"
            )


class _Unpacked(io.RawIOBase):
    """Reads a packed file as long as it does not grow too much."""

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
    """Opens a file for reading, unpacked while it is read if its name ends in .gz, .xz or .bz2.

    What is unpacked raises InputError once it is more than `MOST_TIMES` as large as the file.
    """
    unpack = COMPRESSIONS.get(path.suffix.lower())
    return io.BufferedReader(_Unpacked(path, unpack(path, "rb")), CHUNK) if unpack else path.open("rb")


def is_there(name: str) -> bool:
    """Whether there is a file or folder of a name, which may be a text that no file can be called by."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def kind_of(path: Path) -> str:
    """The suffix that says what a file holds, in lower case: `.csv` for `a.csv` and `a.csv.gz`."""
    suffix = path.suffix.lower()
    if suffix == ".tgz":
        return ".tar"
    return Path(path.stem).suffix.lower() if suffix in COMPRESSIONS else suffix


@contextlib.contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Turns what reading a damaged file raises into an `InputError` that names the file."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}; mend or remove it") from error
    except DAMAGES as error:
        raise InputError(f"damaged file: {path} ({error}); is it whole?") from error
    except RuntimeError as error:  # zipfile's, for a password and for an unknown compression
        raise InputError(f"cannot unpack {path}: {error}; unpack it yourself") from error


def describe_binary(first_bytes: bytes) -> str | None:
    """What a file is, in words for an error, if its beginning says that it is no text.

    Args:
        first_bytes: `FIRST_BYTES` of it, or all where it has fewer.

    Returns:
        Such as "a NumPy array", "Parquet", "gzip"; None for what may be a text.
    """
    if PICKLE.match(first_bytes):
        return "a pickle"
    if found := OFFICE.match(first_bytes):
        return OFFICE_FILES[found[1]]
    if first_bytes.startswith(b"PK") and b"[Content_Types].xml" in first_bytes:
        return "an Office file, such as Excel's"
    if first_bytes[TAR[1] :].startswith(TAR[0]):
        return "a tar archive"
    for signature, name in SIGNATURES.items():
        if first_bytes.startswith(signature) and (signature != b"RIFF" or RIFF.match(first_bytes)):
            return name
    return None


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_encoding(encoding: str) -> None:
    """Raises InputError unless Python knows a text encoding of this name."""
    try:
        b"x".decode(encoding, MARK)  # of no bytes Python decodes nothing
    except (LookupError, UnicodeError):
        raise InputError(f"unknown encoding {encoding!r}; give one that Python knows, such as latin-1") from None


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
        name: As errors say it.
        kind: The suffix that says what it holds, such as `.csv`.
        open: Opens it; the bytes come once.
        path: Of a file on the disk.
    """

    name: str
    kind: str
    open: Callable[[], contextlib.AbstractContextManager[BinaryIO]]
    path: Path | None = None

    @classmethod
    def of(cls, path: Path, kind: str | None = None) -> "Source":
        """A file, unpacked while it is read."""
        return cls(str(path), kind or kind_of(path), lambda: open_bytes(path), path)


class TextDecoder:
    """Decodes files, and says where one does not decode.

    Args:
        encoding: Of the files; a byte order mark is no part of a UTF-8 text.
        replace: Whether a byte that does not decode becomes U+FFFD, or is an error.

    Attributes:
        replaced: How many places have become U+FFFD so far.
        waiting: Whether the next line has to be waited for, as of a pipe that goes on.
    """

    def __init__(self, encoding: str = "utf-8", *, replace: bool = False) -> None:
        check_encoding(encoding)
        self.encoding = encoding
        self.replace = replace
        self.replaced = 0
        self.waiting = False
        self._unicode = codecs.lookup(encoding).name == "utf-8"
        self._codec = "utf-8-sig" if self._unicode else encoding

    def decode(self, data: bytes, place: str) -> str:
        """Decodes a whole text; `place` names it in an error."""
        self._check_kind(data, place)
        with self._decoding(place):
            text = data.decode(self._codec, MARK)
        return self._checked(text, place, 1).removeprefix("\ufeff")

    def blocks(self, source: Source) -> Iterator[str]:
        """The text of a source, some of it at a time, as soon as it is there.

        Raises:
            InputError: It cannot be read or decoded, is no text, or holds a NUL.
        """
        decoder = codecs.getincrementaldecoder(self._codec)(MARK)
        line, first = 1, True
        with reading(source.name), source.open() as file:
            while True:
                data = file.read1(CHUNK)  # type: ignore[attr-defined]
                if first:
                    self._check_kind(data, source.name)
                with self._decoding(source.name):
                    text = decoder.decode(data, not data)
                text = self._checked(text, source.name, line)
                # A byte order mark where the encoding names an order.
                yield text.removeprefix("\ufeff") if first else text
                line, first = line + text.count("\n"), first and not text
                if not data:
                    break

    def lines(self, source: Source) -> Iterator[str]:
        """The lines of a source, each with its end.

        Raises:
            InputError: As `blocks`, or a line does not end.
        """
        number, begun = 1, ""  # the line that is being read, and its beginning
        for block in self.blocks(source):
            *whole, rest = block.split("\n")
            for left, line in zip(range(len(whole) - 1, -1, -1), whole, strict=True):
                self.waiting = left == 0
                yield f"{begun}{line}\n"
                number, begun = number + 1, ""
            begun += rest
            if len(begun) > LONGEST_TEXT:
                place = f"{source.name}:{number}"
                raise InputError(f"a line of more than {LONGEST_TEXT:,} characters: {place}; is it text?")
        if begun:
            yield begun

    def _check_kind(self, beginning: bytes, place: str) -> None:
        """What is no text, or in another encoding by its first bytes, is named: its own error would be a riddle."""
        if kind := describe_binary(beginning):
            raise InputError(f"not text but {kind}: {place}; save it as text, such as CSV in UTF-8")
        encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if beginning.startswith(mark)), None)
        if encoding and self._unicode:
            raise InputError(f"{encoding.upper()} by its byte order mark: {place}; set --encoding {encoding}")

    @contextlib.contextmanager
    def _decoding(self, place: str) -> Iterator[None]:
        try:
            yield
        except UnicodeError as error:  # where no single byte is to blame
            name = self.encoding.upper()
            raise InputError(f"not {name}: {place}: {error}; name the encoding with --encoding") from error

    def _checked(self, text: str, place: str, line: int) -> str:
        if self.replace and not text.isascii():
            text, count = SURROGATE.subn("\ufffd", text)
            self.replaced += count
        elif not text.isascii() and (bad := SURROGATE.search(text)):
            line += text.count("\n", 0, bad.start())
            byte = ord(bad[0]) & 0xFF
            raise InputError(
                f"not {self.encoding.upper()}: {place}:{line}: byte {byte:#04x}; name the encoding with --encoding, "
                "or put U+FFFD in its place with --errors replace"
            )
        nul = text.find("\0")
        if nul >= 0:
            line += text.count("\n", 0, nul)
            raise InputError(f"a NUL byte: {place}:{line}; is it text, or in another encoding (--encoding utf-16)?")
        return text
