"""Numbers tokens with provisional ids, in order of first appearance."""

import collections
import itertools
from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf

from keras_textcnn.data.corpus import SPLITS, Fingerprint, Label, Record, hash_text
from keras_textcnn.errors import InputError
from keras_textcnn.presets import find_tokenizer
from keras_textcnn.text.vectorizer import Split, trace_split

CHUNK_TEXTS, CHUNK_CHARACTERS = 1024, 2**18  # tokenized at a time


COLUMNS = {"lengths": "i", "splits": "b", "rows": "i", "hashes": "Q"}


class Numbering:
    """Tokenizes texts and gives each token a provisional id.

    Attributes:
        index: Token to id; clearing it begins a new dictionary.
        texts: Number of texts so far.
    """

    def __init__(self, tokenizer: str) -> None:
        self._tokenizer = tokenizer
        self._split = _trace_distinct(find_tokenizer(tokenizer).load())
        self._numbers = itertools.count()
        self.index: dict[bytes, int] = collections.defaultdict(self._numbers.__next__)
        self.texts = self.entries = 0
        self._labels: dict[Label, int] = {}
        self._columns: dict[str, array[int]] = {name: array(kind) for name, kind in COLUMNS.items()}
        self._weights = array("d")
        self._probabilities: list[tuple[float, ...]] = []
        self._names: tuple[str, ...] = ()
        self._fingerprint = Fingerprint()

    def run(self, records: Iterable[Record]) -> Iterator[np.ndarray]:
        """The ids of the texts, some texts at a time: int32 (tokens,)."""
        for chunk, (distinct, positions, lengths) in _one_ahead(self._split, _chunks(records)):
            tokens = distinct.numpy().tolist()
            numbers = np.fromiter(map(self.index.__getitem__, tokens), np.int32, len(tokens))
            ids = numbers[positions.numpy()]
            self.entries = max(self.entries, int(numbers.max(initial=-1)) + 1)
            self.texts += len(chunk)
            self._columns["lengths"].extend(lengths.numpy().tolist())
            for record in chunk:
                self._columns["splits"].append(SPLITS.index(record.split))
                self._columns["rows"].append(self._labels.setdefault(record.label, len(self._labels)))
                self._columns["hashes"].append(hash_text(record.text))
                self._weights.append(record.weight)
                self._add_probabilities(record)
                self._fingerprint.add(record)
            yield ids

    def _add_probabilities(self, record: Record) -> None:
        self._names = self._names or record.label_names
        self._probabilities += [record.probabilities] if record.probabilities else []
        if self._names != record.label_names or len(self._probabilities) not in (0, len(self._weights)):
            raise InputError("all texts or none must have probabilities, for the same labels; see Corpus.of")

    def facts(self) -> dict[str, Any]:
        """The fields of a `TokenizedCorpus` other than the ids and the dictionaries."""
        columns = {name: np.frombuffer(column, column.typecode) for name, column in self._columns.items()}
        label_sets = sorted(self._labels)
        ranks = {label: rank for rank, label in enumerate(label_sets)}
        weights = np.array(self._weights)
        columns["rows"] = np.array([ranks[label] for label in self._labels], np.int32)[columns["rows"]]
        return {
            **columns,
            "label_sets": label_sets,
            "entries": self.entries,
            "fingerprint": str(self._fingerprint),
            "tokenizer": self._tokenizer,
            "weights": None if (weights == 1).all() else weights,
            "probabilities": np.array(self._probabilities, np.float32) if self._probabilities else None,
            "label_names": list(self._names),
        }


def _trace_distinct(split: Split) -> Callable[[list[Record]], tuple[tf.Tensor, ...]]:
    """A function that splits texts into tokens.

    It returns the distinct tokens in order of first appearance, string (distinct,); the position of each token of the
    texts among them, int32 (tokens,); and the tokens of each text, int64 (texts,).
    """
    traced = trace_split(split)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def distinct(texts: tf.Tensor) -> tuple[tf.Tensor, ...]:
        tokens = traced(texts)
        return *tf.unique(tokens.flat_values), tokens.row_lengths()

    return lambda records: distinct(tf.constant([record.text for record in records]))


def _one_ahead(
    split: Callable[[list[Record]], tuple[tf.Tensor, ...]], chunks: Iterable[list[Record]]
) -> Iterator[tuple[list[Record], tuple[tf.Tensor, ...]]]:
    """Each chunk with its tokens. While one is in use, TensorFlow splits the next one in another thread."""
    waiting: list[tuple[list[Record], Future[tuple[tf.Tensor, ...]]]] = []
    with ThreadPoolExecutor(1) as pool:
        for chunk in chunks:
            waiting.append((chunk, pool.submit(split, chunk)))
            if len(waiting) == 2:
                records, tokens = waiting.pop(0)
                yield records, tokens.result()
        for records, tokens in waiting:
            yield records, tokens.result()


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    characters = 0
    for record in records:
        chunk.append(record)
        characters += len(record.text)
        if len(chunk) == CHUNK_TEXTS or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
