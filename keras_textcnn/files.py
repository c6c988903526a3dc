"""Files as they lie there: compressed or not, in any encoding; what is wrong with one is a line that names it."""

import bz2
import codecs
import contextlib
import gzip
import hashlib
import lzma
import os
import re
import shutil
import tarfile
import tempfile
import time
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
CHUNK = 2**20  # bytes read at once
STALE_SECONDS = 3600
LONGEST_TEXT = 2**22  # characters, a thick book; a longer line is no text but a file of another kind

MARK = "keras_textcnn.mark"  # an error handler: the place of a byte that does not decode
SURROGATE = re.compile("[\ud800-\udfff]")  # the marks, and what a few codecs let through
codecs.register_error(MARK, lambda error: (chr(0xDC00 + error.object[error.start]), error.end))  # type: ignore


def home(folder: str) -> Path:
    """A folder of what is kept for later: below `KERAS_TEXTCNN_HOME`, by default `~/.keras/keras_textcnn`."""
    return Path(os.environ.get("KERAS_TEXTCNN_HOME") or Path("~/.keras/keras_textcnn").expanduser(), folder)


def open_bytes(path: Path) -> BinaryIO:
    """Opens a file for reading, unpacked while it is read if its name ends in .gz, .xz or .bz2."""
    return COMPRESSIONS.get(path.suffix.lower(), open)(path, "rb")


def kind_of(path: Path) -> str:
    """The suffix that says what a file holds, in lower case: `.csv` for `a.csv` and `a.csv.gz`."""
    suffix = path.suffix.lower()
    if suffix == ".tgz":
        return ".tar"
    return Path(path.stem).suffix.lower() if suffix in COMPRESSIONS else suffix


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what reading a damaged file raises into an `InputError` that names the file."""
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}; mend or remove it") from error
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise InputError(f"damaged file: {path} ({error}); is it whole?") from error
    except RuntimeError as error:  # zipfile's, for a password and for an unknown compression
        raise InputError(f"cannot unpack {path}: {error}; unpack it yourself") from error


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
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(path, followlinks=True):
        folders.sort()
        for file in (Path(folder, name) for name in sorted(names)):
            if file.is_file():
                digest.update(f"{file.relative_to(path)}\0{sha256_of(file)}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


@contextlib.contextmanager
def whole_folder(folder: Path, *, is_whole: Callable[[Path], bool] = Path.is_dir) -> Iterator[Path]:
    """A temporary folder to write into; when all is written and on the disk it gets the name `folder`.

    Several processes may do so at the same time and each may be killed: the folder is there whole or not at all, and
    the first one stays. What killed ones have left beside it is removed.

    Args:
        folder: Where.
        is_whole: Whether what is there already is good; if not, it is replaced.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(".*-*"):
        with contextlib.suppress(OSError):  # it may go away while it is looked at
            if time.time() - max(path.stat().st_mtime for path in [left, *left.rglob("*")]) > STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as work:
        whole = Path(work, "whole")
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
            folder.rename(Path(work, "replaced"))


class TextDecoder:
    """Decodes files, and says where one does not decode.

    Args:
        encoding: Of the files; a byte order mark is no part of a UTF-8 text.
        replace: Whether a byte that does not decode becomes U+FFFD, or is an error.

    Attributes:
        replaced: How many places have become U+FFFD so far.
    """

    def __init__(self, encoding: str = "utf-8", *, replace: bool = False) -> None:
        check_encoding(encoding)
        self.encoding = encoding
        self.replace = replace
        self.replaced = 0
        self._codec = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding

    def decode(self, data: bytes, place: str) -> str:
        """Decodes a whole text; `place` names it in an error."""
        return self._checked(data.decode(self._codec, MARK), place, 1).removeprefix("\ufeff")

    def lines(self, path: Path) -> Iterator[str]:
        """The lines of a file, each with its end.

        Raises:
            InputError: The file cannot be read or decoded, or it holds a NUL or an endless line.
        """
        decoder = codecs.getincrementaldecoder(self._codec)(MARK)
        number, begun = 1, ""  # the line that is being read, and its beginning
        with reading(path), open_bytes(path) as file:
            while True:
                data = file.read(CHUNK)
                text = self._checked(decoder.decode(data, not data), str(path), number)
                if number == 1 and not begun:
                    text = text.removeprefix("\ufeff")  # a byte order mark where the encoding names an order
                *whole, rest = text.split("\n")
                for line in whole:
                    yield f"{begun}{line}\n"
                    number, begun = number + 1, ""
                begun += rest
                if len(begun) > LONGEST_TEXT:
                    raise InputError(f"a line of more than {LONGEST_TEXT:,} characters: {path}:{number}; is it text?")
                if not data:
                    break
        if begun:
            yield begun

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
