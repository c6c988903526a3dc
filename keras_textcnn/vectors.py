"""Pretrained vectors: read a file, make a vocabulary's embedding matrix, put it into a model, say what was found."""

import contextlib
import dataclasses
import importlib.resources
import itertools
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from keras_textcnn.config import GLOVE_TABLE
from keras_textcnn.errors import InputError
from keras_textcnn.files import CHUNK, home, kind_of, open_bytes, reading

if TYPE_CHECKING:
    import keras

# The tokenizer follows Stanford's file. Files made with another one lack the pieces of contractions, and some every
# one-letter word: such a token takes the vector of the word it stands for.
STAND_INS = {"n't": "not", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would", "'m": "am", "'s": "is", "a": "an"}


# What glove_download.sh brings, by name.
NAMES = re.compile(r"glove\.(6B\.(50|100|200|300)|(42B|840B)\.300|twitter\.27B\.(25|50|100|200))d")
WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")  # the tokenizer gives others, too, but no other kind is worth its row
LONGEST_TOKEN = 1000  # bytes
LONGEST_LINE = 2**20  # bytes; a vector of 10,000 numbers takes a tenth
MOST_MISSING = 10


@dataclasses.dataclass(frozen=True)
class Coverage:
    """What part of the training texts has a pretrained vector, as fractions in [0, 1].

    Attributes:
        vocabulary: Of the vocabulary's tokens that stand in the training texts.
        running_tokens: Of the running tokens.
        stand_ins: Of the running tokens, those that take another word's vector (`STAND_INS`); part of the above.
        missing: The most frequent tokens without a vector, with their counts.
        added: Words of the vectors file that have been given an id beside the training texts' own.
    """

    vocabulary: float
    running_tokens: float
    stand_ins: float
    missing: dict[str, int]
    added: int

    def __str__(self) -> str:
        missing = ", ".join(f"{token} {count:,}" for token, count in self.missing.items())
        return (
            f"{self.vocabulary:.1%} of the vocabulary and {self.running_tokens:.1%} of the running tokens have a "
            f"vector, {self.stand_ins:.1%} that of a stand-in (not for n't)"
            + (f"; {self.added:,} words of the file added" if self.added else "")
            + (f"\nmost frequent without a vector: {missing}" if missing else "")
        )


def find_vectors(source: str) -> Path | None:
    """The file that `--vectors` names; None for the table in the package.

    Raises:
        InputError: There is none.
    """
    if source == GLOVE_TABLE:
        return None
    path = Path(source)
    if NAMES.fullmatch(source) and not path.exists():
        path = home("vectors") / f"{source}.txt"
        if not path.is_file():
            size, dimensions = source.removeprefix("glove.").rsplit(".", 1)
            command = f"./glove_download.sh {size} --dimension {dimensions.removesuffix('d')}"
            raise InputError(f"{source} is not here: no {path}; bring it with {command}")
    if not path.is_file():
        raise InputError(
            f"no such vectors file: {source}; give a file, a name such as glove.6B.100d, {GLOVE_TABLE} or none"
        )
    return path


def read_vectors(
    source: str, vocabulary: Iterable[str], *, dimensions: int | None = None, more: int = 0
) -> dict[str, np.ndarray]:
    """Reads the vectors of a vocabulary's tokens and of their stand-ins, and keeps nothing else.

    Args:
        source: A file of GloVe's or word2vec's text format, fastText's `.vec`, word2vec's binary format (`.bin`), any
            of them in gzip or zip; a name that glove_download.sh knows; or the name of the table in the package.
        vocabulary: Tokens to read.
        dimensions: Numbers each vector must have, and which member of a zip; None: as the file has it.
        more: How many of the file's other words to read, the first ones, in lower case.

    Returns:
        Token to float32 (dimensions,), in the order of the file.

    Raises:
        InputError: No such file, another width, or a line that is not a vector; the message names file and line.
    """
    wanted = {token.encode() for token in (*vocabulary, *STAND_INS.values())}
    path = find_vectors(source)
    if path is None:
        rows = _table_rows(wanted, dimensions, more)
    elif kind_of(path) == ".bin":
        rows = _binary_rows(path, wanted, dimensions, more)
    else:
        rows = _text_rows(path, wanted, dimensions, more)
    found: dict[str, np.ndarray] = {}
    for token, vector, place in rows:
        word = token.decode()
        if word in found:
            raise InputError(f"{word!r} has a vector before already: {place}; leave one out")
        found[word] = vector
    return found


def find_vector(vectors: Mapping[str, np.ndarray], token: str) -> np.ndarray | None:
    """The token's vector, else its stand-in's, else None."""
    return vectors.get(token, vectors.get(STAND_INS.get(token, token)))


def embedding_matrix(
    vocabulary: Sequence[str],
    vectors: Mapping[str, np.ndarray],
    *,
    dimensions: int,
    missing_deviation: float = 0.0,
    seed: int = 0,
) -> np.ndarray:
    """The embedding that a model starts from; padding and the unknown token start at zero.

    Args:
        vocabulary: Tokens by id.
        vectors: Token to float32 (dimensions,).
        dimensions: Columns.
        missing_deviation: A token without a vector starts from noise with the mean and this many times the standard
            deviation of the vectors found; with 0 it starts at zero and says nothing until the unfrozen phase has moved
            it, which was better wherever it was measured (tests/benchmarks/ACCURACY.md).
        seed: Fixes the noise.

    Returns:
        float32 (len(vocabulary), dimensions).
    """
    matrix = np.zeros((len(vocabulary), dimensions), np.float32)
    missing = []
    for id, token in enumerate(vocabulary[2:], 2):  # after padding and the unknown token
        vector = find_vector(vectors, token)
        if vector is not None:
            matrix[id] = vector
        else:
            missing.append(id)
    if missing_deviation and vectors:
        found = np.stack(list(vectors.values()))
        noise = np.random.default_rng(seed).normal(size=(len(missing), dimensions))
        matrix[missing] = found.mean(axis=0) + missing_deviation * found.std(axis=0) * noise
    return matrix


def measure_coverage(
    counts: Mapping[str, int], running_tokens: int, vectors: Mapping[str, np.ndarray], *, added: int = 0
) -> Coverage:
    """What part of a vocabulary and of the training texts has a vector.

    Args:
        counts: The vocabulary's tokens, the most frequent first, with how often each stands in the training texts.
        running_tokens: Tokens of the training texts, of the vocabulary or not.
        vectors: Token to vector.
        added: Words that only the vectors file has.
    """
    found = [token for token in counts if find_vector(vectors, token) is not None]
    missing = (token for token in counts if find_vector(vectors, token) is None)
    running = max(running_tokens, 1)
    return Coverage(
        vocabulary=len(found) / max(len(counts), 1),
        running_tokens=sum(counts[token] for token in found) / running,
        stand_ins=sum(counts[token] for token in found if token not in vectors) / running,
        missing={token: counts[token] for token in itertools.islice(missing, MOST_MISSING)},
        added=added,
    )


def load_into(model: "keras.Model", matrix: np.ndarray) -> None:
    """Puts an embedding matrix into a model's embedding.

    Raises:
        ValueError: The shapes differ.
    """
    embedding = model.get_layer("embedding")
    expected = tuple(embedding.embeddings.shape)
    if matrix.shape != expected:
        raise ValueError(f"`matrix` must have the embedding's shape {expected}. Received: matrix.shape={matrix.shape}")
    embedding.embeddings.assign(matrix)


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


def _table_rows(wanted: set[bytes], dimensions: int | None, more: int) -> Iterator[Row]:
    folder = importlib.resources.files("keras_textcnn") / "data"
    words = (folder / f"{GLOVE_TABLE}.txt").read_bytes().split(b"\n")
    with (folder / f"{GLOVE_TABLE}.npy").open("rb") as file:
        matrix = np.load(file)
    _check_width(GLOVE_TABLE, matrix.shape[1], dimensions)
    keeps = _Chooser(wanted, more)
    for word, row in zip(words, matrix, strict=True):
        if keeps(word):
            yield word, row.astype(np.float32), GLOVE_TABLE


def _text_rows(path: Path, wanted: set[bytes], dimensions: int | None, more: int) -> Iterator[Row]:
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


def _binary_rows(path: Path, wanted: set[bytes], dimensions: int | None, more: int) -> Iterator[Row]:
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
