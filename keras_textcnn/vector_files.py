"""Files of pretrained vectors, row by row: text as GloVe and word2vec have it, binary, the table in the package."""

import contextlib
import importlib.resources
import itertools
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from keras_textcnn.archives import check_packing
from keras_textcnn.config import GLOVE_TABLE
from keras_textcnn.errors import InputError
from keras_textcnn.files import CHUNK, Expansion, open_bytes, reading

WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")  # the tokenizer gives others, too, but no other kind is worth its row
LONGEST_TOKEN = 1000  # bytes
LONGEST_LINE = 2**20  # bytes; a vector of 10,000 numbers takes a tenth

Row = tuple[bytes, np.ndarray, str]  # token, vector, and the place for an error


class _Chooser:
    """Which tokens of a file are kept: the wanted ones, and the first `more` others that are words in lower case."""

    def __init__(self, wanted: set[bytes], more: int) -> None:
        self._wanted = wanted
        self._more = more

    def __call__(self, token: bytes) -> bool:
        if token in self._wanted:
            return True
        if self._more <= 0:
            return False
        word = token.decode(errors="replace")
        if word != word.lower() or not WORD.fullmatch(word):
            return False
        self._more -= 1
        return True


def table_rows(wanted: set[bytes], dimensions: int | None, more: int) -> Iterator[Row]:
    """The rows of the table in the package; `wanted`, `dimensions` and `more` are those of `vectors.read_vectors`."""
    folder = importlib.resources.files("keras_textcnn") / "data"
    words = (folder / f"{GLOVE_TABLE}.txt").read_bytes().split(b"\n")
    with (folder / f"{GLOVE_TABLE}.npy").open("rb") as file:
        matrix = np.load(file)
    _check_width(GLOVE_TABLE, matrix.shape[1], dimensions)
    keeps = _Chooser(wanted, more)
    for word, row in zip(words, matrix, strict=True):
        if keeps(word):
            yield word, row.astype(np.float32), GLOVE_TABLE


def text_rows(path: Path, wanted: set[bytes], dimensions: int | None, more: int) -> Iterator[Row]:
    """The rows of a text file: GloVe's format, or word2vec's and fastText's with a header."""
    keeps = _Chooser(wanted, more)
    firsts = {token.split(b" ", 1)[0] for token in wanted}  # a cheap look before a line is split
    with _opened(path, dimensions) as file, warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # NumPy's for a text that is not all numbers
        lines = _lines(file, path)
        number, first = next(lines, (1, b""))
        first = first.removeprefix(b"\xef\xbb\xbf")
        header = first.split()
        rows = 0
        if len(header) == 2 and all(map(bytes.isdigit, header)):  # word2vec's: rows and columns
            _check_width(f"{path}:1", int(header[1]), dimensions)
            rows, dimensions = map(int, header)
            number, first = next(lines, (2, b""))
        if not first:
            raise InputError(f"empty vectors file: {path}; each line must be a token and its numbers")
        width = first.rstrip().count(b" ")
        _check_width(f"{path}:{number}", width, dimensions)
        begin = place = number
        for place, line in itertools.chain([(number, first)], lines):
            # To count the numbers of every line would take a third of the time: only lines that are far too short.
            if len(line) < 4 * width and line.count(b" ") < width:
                if not line.strip():
                    continue
                raise InputError(f"fewer than {width} numbers: {path}:{place}; is the file whole?")
            token = line[: line.find(b" ")]
            if more or token in firsts:
                line = line.rstrip()
                if line.count(b" ") != width:
                    token = line.rsplit(b" ", width)[0]  # from the right: a token may hold spaces
                if keeps(token):
                    yield token, _parse(line[len(token) :], width, f"{path}:{place}"), f"{path}:{place}"
        if place - begin + 1 < rows:
            raise InputError(
                f"{place - begin + 1:,} rows where the header has {rows:,}: {path}:{place}; is the file whole?"
            )


def _lines(file: IO[bytes], path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file without their ends, counted from 1."""
    number, rest = 1, b""
    while block := file.read(CHUNK):
        *lines, rest = (rest + block).split(b"\n")
        yield from enumerate(lines, number)
        number += len(lines)
        if len(rest) > LONGEST_LINE:
            raise InputError(f"a line of more than {LONGEST_LINE:,} bytes: {path}:{number}; is it a vectors file?")
    if rest:
        yield number, rest


def _parse(numbers: bytes, width: int, place: str) -> np.ndarray:
    try:
        vector = np.fromstring(numbers, np.float32, sep=" ")
    except (ValueError, DeprecationWarning):
        raise InputError(f"not a vector: {place}; a line must be a token and its {width} numbers") from None
    return _checked(vector, width, place)


def binary_rows(path: Path, wanted: set[bytes], dimensions: int | None, more: int) -> Iterator[Row]:
    """The rows of a file of word2vec's binary format."""
    keeps = _Chooser(wanted, more)
    with _opened(path, dimensions) as file:
        header = file.readline(100).split()
        if len(header) != 2 or not all(map(bytes.isdigit, header)):
            raise InputError(
                f"not word2vec's binary format: {path} must begin with its rows and columns; of a fastText model take "
                "the .vec file"
            )
        rows, width = map(int, header)
        _check_width(path, width, dimensions)
        if not 0 < width <= LONGEST_LINE // 4:
            raise InputError(f"vectors of {width:,} dimensions: {path}; is it word2vec's binary format?")
        block, place = b"", 0
        for row in range(1, rows + 1):
            if len(block) - place < LONGEST_TOKEN + 4 * width:
                block, place = block[place:] + file.read(CHUNK + 4 * width), 0
            space = block.find(b" ", place, place + LONGEST_TOKEN)
            end = space + 1 + 4 * width
            if space < 0 or end > len(block):
                raise InputError(f"damaged or not whole: {path}: row {row:,} of the {rows:,} that it should have")
            token = block[place:space].lstrip(b"\n")
            if keeps(token):
                vector = np.frombuffer(block[space + 1 : end], "<f4").astype(np.float32)
                yield token, _checked(vector, width, f"{path}: row {row:,}"), f"{path}: row {row:,}"
            place = end
        if (block[place:] + file.read(1)).strip(b"\n"):
            raise InputError(f"more than the {rows:,} rows that the header has: {path}; is it damaged?")


@contextlib.contextmanager
def _opened(path: Path, dimensions: int | None) -> Iterator[IO[bytes]]:
    """A vectors file, or the one in a zip that has the dimensions, unpacked while it is read."""
    with reading(path):
        if path.suffix.lower() != ".zip":
            with open_bytes(path) as file:
                yield file
            return
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith((".txt", ".vec")) and "__MACOSX" not in name]
            if len(names) > 1 and dimensions is not None:
                names = [name for name in names if f".{dimensions}d." in name]
            if len(names) != 1:
                inside = ", ".join(archive.namelist()[:5])
                advice = "set --dimensions" if dimensions is None else f"none, or several, have {dimensions} dimensions"
                raise InputError(f"no one vectors file to take from {path}: it has {inside}; {advice}")
            check_packing(archive.getinfo(names[0]), path)
            Expansion(path).add(archive.getinfo(names[0]).file_size)
            with archive.open(names[0]) as file:
                yield file


def _checked(vector: np.ndarray, width: int, place: str) -> np.ndarray:
    if len(vector) != width:
        raise InputError(
            f"{len(vector)} numbers where {width} are due: {place}; one space must be between, and the file whole"
        )
    if not np.isfinite(vector).all():
        raise InputError(f"a number that is not finite: {place}; mend or leave out the line")
    return vector


def _check_width(place: Path | str, width: int, dimensions: int | None) -> None:
    if width < 1:
        raise InputError(f"no numbers: {place}; each line must be a token and its numbers, with spaces between")
    if dimensions is not None and width != dimensions:
        raise InputError(
            f"vectors of {width} dimensions for an embedding of {dimensions}: {place}; set --dimensions {width}, or "
            "leave it out"
        )
