"""Reads pretrained vectors row by row: GloVe's and word2vec's text, word2vec's binary, the table in the package."""

import collections
import contextlib
import importlib.resources
import itertools
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from keras_textcnn.errors import InputError
from keras_textcnn.io.archives import check_packing
from keras_textcnn.io.files import CHUNK, Expansion, kind_of, open_bytes, reading
from keras_textcnn.io.signatures import FIRST_BYTES, describe_binary
from keras_textcnn.presets import GLOVE_TABLE, SPACES
from keras_textcnn.text.vector_words import UNSPACED, Chooser

NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|[-+]?(?:nan|inf)", re.IGNORECASE)
CONTROL = re.compile(rb"[\0-\x08\x0e-\x1f]")
LONGEST_TOKEN = 1000  # bytes
LONGEST_LINE = 2**20  # bytes; a vector of 10,000 numbers takes a tenth of that
FIRST_ROWS = 100  # rows that show how many numbers a row has
ELLIPSIS = "\u2026".encode()  # in the package's table, would count as "..."; the published figures do without it
# What to do with a file of another kind, which `describe_binary` names.
ADVICE = {
    "a fastText model": "use the .vec file of the model",
    "a pickle": "if gensim wrote it, save it again with gensim's save_word2vec_format",
    "gzip": "give it a name that ends in .gz",
    "bzip2": "give it a name that ends in .bz2",
    "xz": "give it a name that ends in .xz",
}

Row = tuple[str, np.ndarray, str]  # token, vector, and the place for an error


def table_rows(chooser: Chooser, dimensions: int | None) -> Iterator[Row]:
    """The rows of the table in the package."""
    folder = importlib.resources.files("keras_textcnn.text")
    words = (folder / f"{GLOVE_TABLE}.txt").read_bytes().split(b"\n")
    with (folder / f"{GLOVE_TABLE}.npy").open("rb") as file:
        matrix = np.load(file)
    _check_width(GLOVE_TABLE, matrix.shape[1], dimensions)
    for word, row in zip(words, matrix, strict=True):
        if word != ELLIPSIS and chooser.may_keep(word):
            for token in chooser(word, GLOVE_TABLE):
                yield token, row.astype(np.float32), GLOVE_TABLE


def text_rows(path: Path, chooser: Chooser, dimensions: int | None) -> Iterator[Row]:
    """The rows of a text file in GloVe's format, or in word2vec's and fastText's, which have a header.

    Args:
        path: The file.
        chooser: Decides which words are kept.
        dimensions: How many numbers each row must have; None: as many as most of the first rows end in.
    """
    with _opened(path, dimensions) as file, warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # NumPy's, for text that is not all numbers
        lines = _lines(file, path)
        first = [(number, line) for number, line in itertools.islice(lines, FIRST_ROWS) if line.strip()]
        header = first[0][1].split() if first else []
        rows = 0
        if len(header) == 2 and all(map(bytes.isdigit, header)):  # word2vec's: rows and columns
            _check_width(f"{path}:1", int(header[1]), dimensions)
            rows, dimensions = map(int, header)
            del first[0]
        if not first:
            raise InputError(f"empty vectors file: {path}; each line must be a token and its numbers")
        width = _count_numbers(first, path)
        _check_width(f"{path}:{first[0][0]}", width, dimensions)
        begin = place = first[0][0]
        least = 4 * width  # bytes; counting the numbers in every line would take a third of the time
        for place, line in itertools.chain(first, lines):
            word = line[: line.find(b" ")]
            if word.isascii() and word.lower() not in chooser.keys and not chooser.more and word and len(line) >= least:
                continue  # most rows, as fast as possible
            yield from _text_row(line, word, width, chooser, f"{path}:{place}")
        if place - begin + 1 < rows:
            raise InputError(
                f"{place - begin + 1:,} rows where the header has {rows:,}: {path}:{place}; is the file complete?"
            )


def _count_numbers(rows: list[tuple[int, bytes]], path: Path) -> int:
    """How many numbers most rows end in; a token may contain spaces, and may be a number."""
    widths = {}
    for sign in (None, b",", b";"):
        counts = collections.Counter(_trailing_numbers(line.split(sign)) for _, line in rows)
        widths[sign] = counts.most_common(1)[0][0]
    sign = max(widths, key=widths.__getitem__)
    if sign:
        raise InputError(
            f"numbers separated by {sign.decode()!r}: {path}:{rows[0][0]}; separate a token and its numbers by spaces"
        )
    return widths[None]


def _trailing_numbers(fields: list[bytes]) -> int:
    numbers = itertools.takewhile(lambda field: NUMBER.fullmatch(field.strip()), reversed(fields[1:]))
    return sum(1 for _ in numbers)


def _text_row(line: bytes, word: bytes, width: int, chooser: Chooser, place: str) -> Iterator[Row]:
    if not word or line[:1] == b" " or len(line) < 4 * width:
        fields = line.split()
        if not fields or (len(fields) == width and line[:1].isspace()):  # a blank token
            return
        if len(fields) <= width:
            raise InputError(f"fewer than {width} numbers: {place}; is the file complete?")
        line = line.lstrip()
        word = fields[0]
    if not chooser.may_keep(word):
        return
    line = line.rstrip()
    if line.count(b" ") != width:
        word = line.rsplit(None, width)[0]  # from the right: a token may contain spaces
    if tokens := chooser(word, place):
        vector = _parse(line[len(word) :], width, place)
        for token in tokens:
            yield token, vector, place


def _lines(file: IO[bytes], path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file without their ends, numbered from 1."""
    number, rest = 1, b""
    while block := file.read(CHUNK).replace(b"\t", b" "):
        *lines, rest = (rest + block).split(b"\n")
        if number == 1 and lines:
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        yield from enumerate(lines, number)
        number += len(lines)
        if len(rest) > LONGEST_LINE:
            raise InputError(f"a line of more than {LONGEST_LINE:,} bytes: {path}:{number}; is it a vectors file?")
    if rest:
        yield number, rest if number > 1 else rest.removeprefix(b"\xef\xbb\xbf")


def _parse(numbers: bytes, width: int, place: str) -> np.ndarray:
    try:
        vector = np.fromstring(numbers, np.float32, sep=" ")
    except (ValueError, DeprecationWarning):
        raise InputError(f"not a vector: {place}; a line must be a token and its {width} numbers") from None
    return _checked(vector, width, place)


def binary_rows(path: Path, chooser: Chooser, dimensions: int | None) -> Iterator[Row]:
    """The rows of a file in word2vec's binary format."""
    with _opened(path, dimensions) as file:
        header = file.readline(100).split()
        if len(header) != 2 or not all(map(bytes.isdigit, header)):
            raise InputError(f"not word2vec's binary format: {path} must begin with its numbers of rows and columns")
        rows, width = map(int, header)
        _check_width(path, width, dimensions)
        if not 0 < width <= LONGEST_LINE // 4:
            raise InputError(f"vectors of {width:,} dimensions: {path}; is it word2vec's binary format?")
        block, begin = b"", 0
        for row in range(1, rows + 1):
            place = f"{path}: row {row:,}"
            if len(block) - begin < LONGEST_TOKEN + 4 * width:
                block, begin = block[begin:] + file.read(CHUNK + 4 * width), 0
            space = block.find(b" ", begin, begin + LONGEST_TOKEN)
            end = space + 1 + 4 * width
            if space < 0 or end > len(block):
                raise InputError(f"damaged or incomplete: {place} of the {rows:,} that the header promises")
            word = block[begin:space].lstrip(b"\n")
            if chooser.may_keep(word) and (tokens := chooser(word, place)):
                vector = _checked(np.frombuffer(block[space + 1 : end], "<f4").astype(np.float32), width, place)
                for token in tokens:
                    yield token, vector, place
            begin = end
        if (block[begin:] + file.read(1)).strip(b"\n"):
            raise InputError(f"more than the {rows:,} rows that the header promises: {path}; is it damaged?")


def has_unspaced_words(path: Path, dimensions: int | None) -> bool:
    """Whether the first words of a file are in scripts without spaces and have several characters each."""
    chooser = Chooser((), more=FIRST_ROWS, tokenizer=SPACES)
    rows = binary_rows if kind_of(path) == ".bin" else text_rows
    words = [token for token, _, _ in itertools.islice(rows(path, chooser, dimensions), FIRST_ROWS)]
    return sum(len(UNSPACED.findall(word)) > 1 for word in words) > len(words) / 4


@contextlib.contextmanager
def _opened(path: Path, dimensions: int | None) -> Iterator[IO[bytes]]:
    """Opens a vectors file, or the one in a zip that has the dimensions, and unpacks it while it is read."""
    with reading(path):
        if path.suffix.lower() != ".zip":
            with open_bytes(path) as file:
                yield _checked_kind(file, path)
            return
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith((".txt", ".vec")) and "__MACOSX" not in name]
            if len(names) > 1 and dimensions is not None:
                names = [name for name in names if f".{dimensions}d." in name]
            if len(names) != 1:
                inside = ", ".join(archive.namelist()[:5])
                advice = "set --dimensions" if dimensions is None else f"none, or several, have {dimensions} dimensions"
                raise InputError(f"not exactly one vectors file in {path}: it has {inside}; {advice}")
            check_packing(archive.getinfo(names[0]), path)
            Expansion(path).add(archive.getinfo(names[0]).file_size)
            with archive.open(names[0]) as member:
                yield _checked_kind(member, path)


def _checked_kind(file: Any, path: Path) -> IO[bytes]:
    """Returns the file, unless it begins like a file of another kind."""
    first = file.peek(FIRST_BYTES)[:FIRST_BYTES]
    if kind := describe_binary(first):
        advice = ADVICE.get(kind, "write a text file with a token and its numbers on each line")
        raise InputError(f"{kind}, not a vectors file: {path}; {advice}")
    if kind_of(path) != ".bin" and len(CONTROL.findall(first)) > 2:
        raise InputError(
            f"not a text file: {path}; give a file in word2vec's binary format a name that ends in .bin, and convert "
            "UTF-16 to UTF-8"
        )
    return file


def _checked(vector: np.ndarray, width: int, place: str) -> np.ndarray:
    if len(vector) != width:
        raise InputError(
            f"{len(vector)} numbers instead of {width}: {place}; put one space between them, and check that the file "
            "is complete"
        )
    if not np.isfinite(vector).all():
        raise InputError(f"a NaN or infinite number: {place}; fix or remove the line")
    return vector


def _check_width(place: Path | str, width: int, dimensions: int | None) -> None:
    if width < 1:
        raise InputError(f"no numbers: {place}; each line must be a token and its numbers, separated by spaces")
    if dimensions is not None and width != dimensions:
        raise InputError(
            f"vectors of {width} dimensions for an embedding of {dimensions}: {place}; set --dimensions {width}, or "
            "leave it out"
        )
