"""A corpus as token ids, in memory or in shards on disk.

The ids here are provisional: tokens are numbered in order of first appearance. So the texts are read and tokenized only
once, before splits and vocabulary are known, and shards serve every later run on the corpus, whatever its settings.
"""

import dataclasses
import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from keras_textcnn.data.corpus import Label, Record
from keras_textcnn.data.numbering import Numbering
from keras_textcnn.presets import WORDS, find_tokenizer
from keras_textcnn.text.vocabulary import Ids

BLOCK_TOKENS = 2**20  # read at a time

TokenIds = Iterator[tuple[bytes, int]]


@dataclasses.dataclass(frozen=True)
class TokenizedCorpus:
    """All texts of a corpus, in the order in which they were read.

    Attributes:
        ids: Provisional ids of the texts.
        lengths: int32 (texts,), tokens of each text.
        splits: int8 (texts,), positions in `SPLITS`.
        rows: int32 (texts,), positions in `label_sets`.
        label_sets: The distinct labels, or sets of labels, sorted.
        hashes: uint64 (texts,): texts with the same hash are the same.
        dictionaries: Returns iterators over (token, provisional id), each sorted; a token may be in several of them.
        entries: Number of provisional ids.
        fingerprint: A SHA-256 of all texts, labels and splits in order.
        tokenizer: What made the tokens; as for `presets.find_tokenizer`.
        notes: Lines about how the corpus was read, such as how many bytes were replaced.
        weights: float64 (texts,), how much each text counts in training; None if all count the same.
        probabilities: float32 (texts, label_names), soft targets; None if training learns the labels.
        label_names: The labels that the columns of `probabilities` belong to.
    """

    ids: Ids
    lengths: np.ndarray
    splits: np.ndarray
    rows: np.ndarray
    label_sets: list[Label]
    hashes: np.ndarray
    dictionaries: Callable[[], list[TokenIds]]
    entries: int
    fingerprint: str
    tokenizer: str
    notes: list[str] = dataclasses.field(default_factory=list)
    weights: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    label_names: list[str] = dataclasses.field(default_factory=list)

    @property
    def starts(self) -> np.ndarray:
        """int64 (texts,): where each text begins among the ids."""
        return np.cumsum(self.lengths, dtype=np.int64) - self.lengths

    def count(self, chosen: np.ndarray) -> np.ndarray:
        """Counts each provisional id in the chosen texts, bool (texts,): int64 (entries,)."""
        counts = np.zeros(self.entries, np.int64)
        ends = np.cumsum(self.lengths, dtype=np.int64)
        first = start = 0
        while first < len(ends):
            after = max(int(np.searchsorted(ends, start + BLOCK_TOKENS, "right")), first + 1)
            block = self.ids.read(start, int(ends[after - 1]) - start)
            kept = block[np.repeat(chosen[first:after], self.lengths[first:after])]
            counts += np.bincount(kept, minlength=self.entries)
            first, start = after, int(ends[after - 1])
        return counts

    def join_tokens(self, texts: np.ndarray, lengths: np.ndarray) -> list[str]:
        """The first tokens of some texts, joined so that they are split into the same tokens again.

        Tokens of a user's own tokenizer are joined by spaces if nothing does that.

        Args:
            texts: int (n,), positions in the corpus.
            lengths: int (n,), how many tokens of each text.
        """
        spans = zip(self.starts[texts].tolist(), lengths.tolist(), strict=True)
        rows = [self.ids.read(start, length).tolist() for start, length in spans]
        needed = {id for row in rows for id in row}
        known = {id: token for token, ids in self.tokens() for id in ids if id in needed}
        separator = find_tokenizer(self.tokenizer).separator
        return [(" " if separator is None else separator).join(map(known.__getitem__, row)) for row in rows]

    def tokens(self) -> Iterator[tuple[str, list[int]]]:
        """Each token with its provisional ids, in the order of code points."""
        merged = heapq.merge(*self.dictionaries())
        for token, entries in itertools.groupby(merged, key=lambda entry: entry[0]):
            yield token.decode(), [id for _, id in entries]


def tokenize_corpus(records: Iterable[Record], *, tokenizer: str = WORDS) -> TokenizedCorpus:
    """Tokenizes a corpus into memory; `tokenizer` is as for `presets.find_tokenizer`."""
    chunks = [np.zeros(0, np.int32)]
    numbering = Numbering(tokenizer)
    for ids in numbering.run(records):
        chunks.append(ids)
    entries = sorted(numbering.index.items())
    return TokenizedCorpus(
        ids=ArrayIds(np.concatenate(chunks)), dictionaries=lambda: [iter(entries)], **numbering.facts()
    )


class ArrayIds:
    """Ids in memory, int32 (tokens,)."""

    def __init__(self, ids: np.ndarray) -> None:
        self._ids = ids

    def read(self, start: int, length: int) -> np.ndarray:
        """The ids of one text."""
        return self._ids[start : start + length]

    def read_all(self, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The ids of several texts, one after another."""
        before = np.cumsum(lengths, dtype=np.int64) - lengths
        return self._ids[np.repeat(starts - before, lengths) + np.arange(lengths.sum())]
