"""Pretrained vectors: read a file, make a vocabulary's embedding matrix, put it into a model, say what was found."""

import dataclasses
import importlib.resources
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path

import keras
import numpy as np

from keras_textcnn.config import GLOVE_TABLE
from keras_textcnn.errors import InputError

# The tokenizer follows Stanford's file. Files made with another one lack the pieces of contractions, and some every
# one-letter word: such a token takes the vector of the word it stands for.
STAND_INS = {"n't": "not", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would", "'m": "am", "'s": "is", "a": "an"}


@dataclasses.dataclass(frozen=True)
class Coverage:
    """What part of the training texts has a pretrained vector, as fractions in [0, 1].

    Attributes:
        vocabulary: Of the vocabulary's tokens.
        running_tokens: Of the running tokens.
        stand_ins: Of the running tokens, those that take another word's vector (`STAND_INS`); part of the above.
    """

    vocabulary: float
    running_tokens: float
    stand_ins: float

    def __str__(self) -> str:
        return (
            f"{self.vocabulary:.1%} of the vocabulary and {self.running_tokens:.1%} of the running tokens have a "
            f"vector, {self.stand_ins:.1%} that of a stand-in (not for n't)"
        )


def read_vectors(source: str, vocabulary: Sequence[str], *, dimensions: int) -> dict[str, np.ndarray]:
    """Reads the vectors of a vocabulary's tokens and of their stand-ins.

    Args:
        source: Path of a GloVe text file (a token and its numbers a line), or the name of the table in the package.
        vocabulary: Tokens to read; other lines of the file are passed over.
        dimensions: Numbers each vector must have.

    Returns:
        Token to float32 (dimensions,).

    Raises:
        InputError: No such file, another width, or a line that is not a vector; the message names file and line.
    """
    wanted = {*vocabulary, *STAND_INS.values()}
    if source == GLOVE_TABLE:
        return dict(_table_rows(wanted, dimensions))
    return dict(_text_rows(Path(source), wanted, dimensions))


def find_vector(vectors: Mapping[str, np.ndarray], token: str) -> np.ndarray | None:
    """The token's vector, else its stand-in's, else None."""
    return vectors.get(token, vectors.get(STAND_INS.get(token, token)))


def embedding_matrix(vocabulary: Sequence[str], vectors: Mapping[str, np.ndarray], *, dimensions: int) -> np.ndarray:
    """The embedding that a model starts from.

    A token without a vector starts at zero: it says nothing until the unfrozen phase has moved it, and the unknown
    token never does. Noise in its place cost accuracy on reuters-r8 (tests/benchmarks/ACCURACY.md).

    Args:
        vocabulary: Tokens by id.
        vectors: Token to float32 (dimensions,).
        dimensions: Columns.

    Returns:
        float32 (len(vocabulary), dimensions).
    """
    matrix = np.zeros((len(vocabulary), dimensions), np.float32)
    for id, token in enumerate(vocabulary):
        vector = find_vector(vectors, token)
        if vector is not None:
            matrix[id] = vector
    return matrix


def measure_coverage(tokens: Sequence[str], counts: Counter[str], vectors: Mapping[str, np.ndarray]) -> Coverage:
    """What part of a vocabulary and of the training texts has a vector.

    Args:
        tokens: The vocabulary without padding and unknown.
        counts: How often each token, of the vocabulary or not, stands in the training texts.
        vectors: Token to vector.
    """
    found = [token for token in tokens if find_vector(vectors, token) is not None]
    running = max(counts.total(), 1)
    return Coverage(
        vocabulary=len(found) / max(len(tokens), 1),
        running_tokens=sum(counts[token] for token in found) / running,
        stand_ins=sum(counts[token] for token in found if token not in vectors) / running,
    )


def load_into(model: keras.Model, matrix: np.ndarray) -> None:
    """Puts an embedding matrix into a model's embedding.

    Raises:
        ValueError: The shapes differ.
    """
    embedding = model.get_layer("embedding")
    expected = tuple(embedding.embeddings.shape)
    if matrix.shape != expected:
        raise ValueError(f"`matrix` must have the embedding's shape {expected}. Received: matrix.shape={matrix.shape}")
    embedding.embeddings.assign(matrix)


def _table_rows(wanted: Set[str], dimensions: int) -> Iterator[tuple[str, np.ndarray]]:
    folder = importlib.resources.files("keras_textcnn") / "data"
    words = (folder / f"{GLOVE_TABLE}.txt").read_text("utf-8").split("\n")
    with (folder / f"{GLOVE_TABLE}.npy").open("rb") as file:
        matrix = np.load(file)
    _check_width(GLOVE_TABLE, matrix.shape[1], dimensions)
    for word, row in zip(words, matrix, strict=True):
        if word in wanted:
            yield word, row.astype(np.float32)


def _text_rows(path: Path, wanted: Set[str], dimensions: int) -> Iterator[tuple[str, np.ndarray]]:
    if not path.is_file():
        raise InputError(f"no such vectors file: {path}; give a GloVe text file, {GLOVE_TABLE} or none")
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            fields = line.rstrip().rsplit(b" ", dimensions)  # from the right: a token may hold spaces
            if number == 1:
                width = line.rstrip().count(b" ")
                if width == 1 and line.replace(b" ", b"").strip().isdigit():
                    continue  # word2vec's header: rows and columns
                _check_width(f"{path}:1", width, dimensions)
            token = fields[0].decode(errors="replace")
            if token in wanted:
                yield token, _parse(fields[1:], dimensions, f"{path}:{number}")
        if not file.tell():
            raise InputError(f"empty vectors file: {path}; each line must be a token and its {dimensions} numbers")


def _parse(numbers: list[bytes], dimensions: int, place: str) -> np.ndarray:
    try:
        vector = np.array(numbers, np.float32)
    except ValueError:
        raise InputError(f"not a vector: {place}; a line must be a token and its {dimensions} numbers") from None
    if len(vector) != dimensions:
        raise InputError(f"{len(vector)} numbers where {dimensions} are due: {place}; is the file whole?")
    if not np.isfinite(vector).all():
        raise InputError(f"a number that is not finite: {place}; mend or leave out the line")
    return vector


def _check_width(place: str, width: int, dimensions: int) -> None:
    if width != dimensions:
        raise InputError(
            f"vectors of {width} dimensions for an embedding of {dimensions}: {place}; set --dimensions {width}"
        )
