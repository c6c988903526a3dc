"""Pretrained vectors: reads a file, makes a vocabulary's embedding matrix, and measures what was found."""

import dataclasses
import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_textcnn.errors import InputError
from keras_textcnn.io.files import home, kind_of
from keras_textcnn.presets import GLOVE_TABLE, NO_VECTORS, WORDS
from keras_textcnn.text.vector_formats import binary_rows, table_rows, text_rows
from keras_textcnn.text.vector_words import Chooser
from keras_textcnn.utils.log import logger

# The tokenizer follows Stanford's file. Files made with another tokenizer lack the pieces of contractions, and some
# lack all one-letter words: such a token takes the vector of the word it stands for.
STAND_INS = {"n't": "not", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would", "'m": "am", "'s": "is", "a": "an"}


# The names of the files that glove_download.sh downloads.
NAMES = re.compile(r"glove\.(6B\.(50|100|200|300)|(42B|840B)\.300|twitter\.27B\.(25|50|100|200))d")
MOST_MISSING = 10


@dataclasses.dataclass(frozen=True)
class Coverage:
    """How much of the training texts has a pretrained vector, as fractions in [0, 1].

    Attributes:
        vocabulary: Fraction of the vocabulary's tokens that are in the training texts.
        running_tokens: Fraction of the running tokens.
        stand_ins: Fraction of the running tokens that take another word's vector (`STAND_INS`), part of the above.
        missing: The most frequent tokens without a vector, with their counts.
        added: Number of words of the vectors file that have an id in addition to the words of the training texts.
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
            f"vector, {self.stand_ins:.1%} that of another word (n't that of not)"
            + (f"; {self.added:,} other words of the file are added" if self.added else "")
            + (f"\nmost frequent without a vector: {missing}" if missing else "")
        )


def is_file_of_vectors(source: str) -> bool:
    """Whether `--vectors` names a file, and not something that the package or glove_download.sh knows by name."""
    return source not in (NO_VECTORS, GLOVE_TABLE) and not NAMES.fullmatch(source)


def find_vectors(source: str) -> Path | None:
    """The file that `--vectors` names; None for the table in the package.

    Raises:
        InputError: There is no such file.
    """
    if source == GLOVE_TABLE:
        return None
    path = Path(source)
    if NAMES.fullmatch(source) and not path.exists():
        path = home("vectors") / f"{source}.txt"
        if not path.is_file():
            size, dimensions = source.removeprefix("glove.").rsplit(".", 1)
            command = f"./glove_download.sh {size} --dimension {dimensions.removesuffix('d')}"
            raise InputError(f"{source} has not been downloaded: no {path}; download it with {command}")
    if not path.is_file():
        raise InputError(
            f"no such vectors file: {source}; give a file, a name such as glove.6B.100d, {GLOVE_TABLE} or none"
        )
    return path


def read_vectors(
    source: str,
    vocabulary: Iterable[str],
    *,
    dimensions: int | None = None,
    more: int = 0,
    tokenizer: str = WORDS,
    unwanted: Collection[str] = (),
) -> dict[str, np.ndarray]:
    """Reads the vectors of a vocabulary's tokens and their stand-ins, and keeps nothing else.

    A token that is not in the file takes the vector of the first word that is the token in another Unicode form, or if
    there is none, in another case.

    Args:
        source: A file in GloVe's or word2vec's text format, fastText's `.vec` or word2vec's binary format (`.bin`), any
            of them in gzip or zip; a name that glove_download.sh knows; or the name of the table in the package.
        vocabulary: Tokens to read.
        dimensions: How many numbers each vector must have, and which member of a zip to read; None: as in the file.
        more: How many other words of the file to read: the first ones that the tokenizer turns into a single token,
            each as that token.
        tokenizer: As for `presets.find_tokenizer`.
        unwanted: Tokens that must not be among these other words.

    Returns:
        Token to float32 (dimensions,), in the order of the file.

    Raises:
        InputError: There is no such file, its width is different, or a line is not a vector; the message names file and
            line.
    """
    wanted = (*vocabulary, *STAND_INS.values())
    chooser = Chooser(wanted, more=more, tokenizer=tokenizer, unwanted=unwanted)
    path = find_vectors(source)
    if path is None:
        rows = table_rows(chooser, dimensions)
    elif kind_of(path) == ".bin":
        rows = binary_rows(path, chooser, dimensions)
    else:
        rows = text_rows(path, chooser, dimensions)
    found: dict[str, np.ndarray] = {}
    for token, vector, _ in rows:
        found[token] = vector
    if chooser.undecodable:
        logger.warning(
            f"words of {source} that are not UTF-8 are left out: {chooser.undecodable:,}; convert the file to "
            "UTF-8 if they matter"
        )
    return found


def find_vector(vectors: Mapping[str, np.ndarray], token: str) -> np.ndarray | None:
    """The token's vector, or if there is none, its stand-in's, or None."""
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
        dimensions: Width of the embedding.
        missing_deviation: A token without a vector starts from noise with the mean and this many times the standard
            deviation of the vectors found. With 0 it starts at zero and contributes nothing until the unfrozen phase
            has moved it, which was better wherever it was measured (tests/benchmarks/ACCURACY.md).
        seed: Determines the noise.

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
    """Measures how much of a vocabulary and of the training texts has a vector.

    Args:
        counts: The vocabulary's tokens, the most frequent first, with their counts in the training texts.
        running_tokens: Number of tokens in the training texts, in the vocabulary or not.
        vectors: Token to vector.
        added: Number of words that only the vectors file has.
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
