"""A corpus in token ids, in memory or in shards on disk.

The ids here are provisional: a token's is the place at which it first turned up. So the texts are read and tokenized
once, before split and vocabulary are known, and shards serve every later run of the corpus whatever its settings.
"""

import collections
import contextlib
import dataclasses
import functools
import hashlib
import heapq
import itertools
import json
import re
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_textcnn import claims, files
from keras_textcnn.config import WORDS
from keras_textcnn.corpus import SPLITS, Fingerprint, Label, Record
from keras_textcnn.errors import InputError
from keras_textcnn.text import SEPARATORS, TOKENIZERS, in_parts
from keras_textcnn.vocabulary import Ids

CHUNK_TEXTS, CHUNK_CHARACTERS = 1024, 2**18  # tokenized at once
SHARD_TOKENS = 2**24  # 64 MiB
BLOCK_TOKENS = 2**20  # read at once
DICTIONARY_BYTES = 200  # what a token costs in a dictionary, about
TEXT_BYTES, ENTRY_BYTES = 25, 8  # what a text and a provisional id cost in arrays, here
ESCAPED = re.compile(rb"\\(.)")  # in a file of tokens: a line end may be a token, and a token may hold backslashes
COLUMNS = {"lengths": "i", "splits": "b", "rows": "i", "hashes": "Q"}
FORMAT = 3  # of the shards; it grows with every change to them or to the tokenizer

TokenIds = Iterator[tuple[bytes, int]]


@dataclasses.dataclass(frozen=True)
class TokenizedCorpus:
    """Every text of a corpus, in the order in which it was read.

    Attributes:
        ids: Provisional ids of the texts.
        lengths: int32 (texts,), tokens of each.
        splits: int8 (texts,), positions in `SPLITS`.
        rows: int32 (texts,), positions in `label_sets`.
        label_sets: The different labels, or sets of labels, sorted.
        hashes: uint64 (texts,): texts with the same hash are the same.
        dictionaries: Iterators over (token, provisional id), each sorted; a token may stand in several of them.
        entries: Provisional ids in all.
        fingerprint: A SHA-256 of all texts, labels and splits in order.
        tokenizer: What made the tokens; a name of `text.TOKENIZERS`.
        notes: Lines about the corpus as it was read, such as how many bytes were replaced.
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

    @property
    def starts(self) -> np.ndarray:
        """int64 (texts,): where each text begins among the ids."""
        return np.cumsum(self.lengths, dtype=np.int64) - self.lengths

    def count(self, chosen: np.ndarray) -> np.ndarray:
        """How often each provisional id stands in the chosen texts, bool (texts,): int64 (entries,)."""
        counts = np.zeros(self.entries, np.int64)
        ends = np.cumsum(self.lengths, dtype=np.int64)
        first = start = 0
        while first < len(ends):
            after = max(int(np.searchsorted(ends, start + BLOCK_TOKENS, "right")), first + 1)
            block = self.ids.read(start, int(ends[after - 1]) - start)
            kept = block[np.repeat(chosen[first:after], self.lengths[first:after])]
            ids, numbers = np.unique(kept, return_counts=True)
            counts[ids] += numbers
            first, start = after, int(ends[after - 1])
        return counts

    def join_tokens(self, texts: np.ndarray, lengths: np.ndarray) -> list[str]:
        """The first tokens of some texts, joined so that they are split into the same tokens again.

        Args:
            texts: int (n,), positions in the corpus.
            lengths: int (n,), how many tokens of each.
        """
        spans = zip(self.starts[texts].tolist(), lengths.tolist(), strict=True)
        rows = [self.ids.read(start, length).tolist() for start, length in spans]
        needed = {id for row in rows for id in row}
        known = {id: token for token, ids in self.tokens() for id in ids if id in needed}
        separator = SEPARATORS[self.tokenizer]
        return [separator.join(map(known.__getitem__, row)) for row in rows]

    def tokens(self) -> Iterator[tuple[str, list[int]]]:
        """Each token with its provisional ids, in the order of code points."""
        merged = heapq.merge(*self.dictionaries())
        for token, entries in itertools.groupby(merged, key=lambda entry: entry[0]):
            yield token.decode(), [id for _, id in entries]


def tokenize_corpus(records: Iterable[Record], *, tokenizer: str = WORDS) -> TokenizedCorpus:
    """Tokenizes a corpus into memory; `tokenizer` is a name of `text.TOKENIZERS`."""
    chunks = [np.zeros(0, np.int32)]
    numbering = _Numbering(tokenizer)
    for ids in numbering.run(records):
        chunks.append(ids)
    entries = sorted(numbering.index.items())
    return TokenizedCorpus(
        ids=ArrayIds(np.concatenate(chunks)), dictionaries=lambda: [iter(entries)], **numbering.facts()
    )


def open_shards(folder: Path) -> TokenizedCorpus | None:
    """The corpus that `write_shards` left in a folder, or None if nothing is there or a byte of it is damaged."""
    try:
        digest, content = (folder / "manifest.txt").read_text("utf-8").split("\n")
        if digest != hashlib.sha256(content.encode()).hexdigest():
            return None
        manifest = json.loads(content)
        if manifest["format"] != FORMAT:
            return None
        if any(files.sha256_of(folder / name) != digest for name, digest in manifest["files"].items()):
            return None
        shards = [folder / name for name in sorted(manifest["files"]) if name.startswith("ids-")]
        dictionaries = [folder / name for name in sorted(manifest["files"]) if name.startswith("tokens-")]
        with np.load(folder / "index.npz", allow_pickle=False) as arrays:
            columns = {name: arrays[name] for name in COLUMNS}
        label_sets = [tuple(label) if isinstance(label, list) else label for label in manifest["label_sets"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return TokenizedCorpus(
        ids=_ShardedIds(shards),
        dictionaries=lambda: [_read_dictionary(path) for path in dictionaries],
        label_sets=label_sets,
        entries=manifest["entries"],
        fingerprint=manifest["fingerprint"],
        tokenizer=manifest["tokenizer"],
        notes=manifest["notes"],
        **columns,
    )


def write_shards(
    records: Iterable[Record],
    folder: Path,
    *,
    memory: int,
    tokenizer: str = WORDS,
    notes: Callable[[], list[str]] = list,
) -> TokenizedCorpus:
    """Tokenizes a corpus into a folder, which appears whole or not at all; what was there is replaced.

    Args:
        records: Its texts, read one by one.
        folder: Where the shards are to be.
        memory: MiB that may be held.
        tokenizer: A name of `text.TOKENIZERS`.
        notes: Called once the texts are read: lines about them, which are kept with the shards.

    Raises:
        InputError: The corpus has too many texts or different tokens for the memory.
    """
    most_entries = memory * 2**20 // 4 // DICTIONARY_BYTES
    with claims.whole_folder(folder, is_whole=lambda there: open_shards(there) is not None) as whole:
        numbering = _Numbering(tokenizer)
        with contextlib.closing(_ShardWriter(whole)) as writer:
            for ids in numbering.run(records):
                writer.write_ids(ids)
                if len(numbering.index) >= most_entries:
                    writer.write_dictionary(numbering.index)
                    numbering.index.clear()
                _check_memory(memory, numbering)
            writer.write_dictionary(numbering.index)
        facts = numbering.facts()
        np.savez(whole / "index.npz", **{name: facts.pop(name) for name in COLUMNS})
        digests = {path.name: files.sha256_of(path) for path in sorted(whole.iterdir())}
        content = json.dumps({"format": FORMAT, "files": digests, "notes": notes(), **facts})
        digest = hashlib.sha256(content.encode()).hexdigest()
        (whole / "manifest.txt").write_text(f"{digest}\n{content}", "utf-8")
    corpus = open_shards(folder)
    if corpus is None:
        raise InputError(f"damaged as soon as they were written: the shards in {folder}; check the disk")
    return corpus


class ArrayIds:
    """Ids in memory, int32 (tokens,)."""

    def __init__(self, ids: np.ndarray) -> None:
        self._ids = ids

    def read(self, start: int, length: int) -> np.ndarray:
        """Of one text."""
        return self._ids[start : start + length]

    def read_all(self, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Of several texts, one after the other."""
        before = np.cumsum(lengths, dtype=np.int64) - lengths
        return self._ids[np.repeat(starts - before, lengths) + np.arange(lengths.sum())]


class _ShardedIds:
    """Reads with a file position, not through a mapping, whose pages would count as this process's memory."""

    def __init__(self, shards: Sequence[Path]) -> None:
        self._files = [path.open("rb", buffering=0) for path in shards]
        self._ends = np.cumsum([path.stat().st_size // 4 for path in shards])
        self._lock = threading.Lock()

    def read(self, start: int, length: int) -> np.ndarray:
        parts, end = [], start + length
        for shard in range(int(np.searchsorted(self._ends, start, "right")), len(self._files)):
            if start == end:
                break
            begin = int(self._ends[shard - 1]) if shard else 0
            wanted = min(end, int(self._ends[shard])) - start
            with self._lock:
                self._files[shard].seek(4 * (start - begin))
                data = self._files[shard].read(4 * wanted)
            parts.append(np.frombuffer(data, "<i4"))
            start += wanted
        return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.int32), *parts])

    def read_all(self, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        texts = zip(starts.tolist(), lengths.tolist(), strict=True)
        return np.concatenate([np.zeros(0, np.int32), *(self.read(start, length) for start, length in texts)])

    def __del__(self) -> None:
        for file in self._files:
            file.close()


class _ShardWriter:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: Any = None
        self._tokens = self._shards = self._dictionaries = 0

    def write_ids(self, ids: np.ndarray) -> None:
        if self._file is None or self._tokens >= SHARD_TOKENS:
            self.close()
            self._file = (self._folder / f"ids-{self._shards:05}.bin").open("wb")
            self._tokens, self._shards = 0, self._shards + 1
        self._file.write(ids.astype("<i4").tobytes())
        self._tokens += len(ids)

    def write_dictionary(self, index: dict[bytes, int]) -> None:
        with (self._folder / f"tokens-{self._dictionaries:05}.tsv").open("wb") as file:
            file.writelines(b"%s\t%d\n" % (_escape(token), id) for token, id in sorted(index.items()))
        self._dictionaries += 1

    def close(self) -> None:
        if self._file:
            self._file.close()


def _read_dictionary(path: Path) -> TokenIds:
    with path.open("rb") as file:
        for line in file:
            token, id = line.split(b"\t")  # no token holds a tab
            yield _unescape(token), int(id)


def _escape(token: bytes) -> bytes:
    return token.replace(b"\\", rb"\\").replace(b"\n", rb"\n")


def _unescape(token: bytes) -> bytes:
    return ESCAPED.sub(lambda sign: b"\n" if sign[1] == b"n" else sign[1], token)


def _check_memory(memory: int, numbering: "_Numbering") -> None:
    needed = (numbering.texts * TEXT_BYTES + numbering.entries * ENTRY_BYTES) // 2**20
    if needed > memory // 4:
        raise InputError(
            f"{numbering.texts:,} texts and {numbering.entries:,} different tokens, and more to come, do not fit into "
            f"--memory {memory}; raise it"
        )


@functools.cache  # or TensorFlow warns that it is built again and again
def _splitter(tokenizer: str) -> Callable[[tf.Tensor], tf.RaggedTensor]:
    signature = [tf.TensorSpec([None], tf.string)]
    return tf.function(lambda texts: in_parts(TOKENIZERS[tokenizer], texts), input_signature=signature)


class _Numbering:
    """Tokenizes texts and gives each token a provisional id.

    Attributes:
        index: Token to id; whoever clears it begins a new dictionary.
        texts: Texts so far.
    """

    def __init__(self, tokenizer: str) -> None:
        self._tokenizer = tokenizer
        self._split = _splitter(tokenizer)
        self._numbers = itertools.count()
        self.index: dict[bytes, int] = collections.defaultdict(self._numbers.__next__)
        self.texts = self.entries = 0
        self._labels: dict[Label, int] = {}
        self._columns: dict[str, array[int]] = {name: array(kind) for name, kind in COLUMNS.items()}
        self._fingerprint = Fingerprint()

    def run(self, records: Iterable[Record]) -> Iterator[np.ndarray]:
        """The ids of some texts after the other: int32 (tokens,)."""
        for chunk in _chunks(records):
            tokens = self._split(tf.constant([record.text for record in chunk]))
            flat = tokens.flat_values.numpy().tolist()
            ids = np.fromiter(map(self.index.__getitem__, flat), np.int32, len(flat))
            self.entries = max(self.entries, int(ids.max(initial=-1)) + 1)
            self.texts += len(chunk)
            self._columns["lengths"].extend(tokens.row_lengths().numpy().tolist())
            for record in chunk:
                self._columns["splits"].append(SPLITS.index(record.split))
                self._columns["rows"].append(self._labels.setdefault(record.label, len(self._labels)))
                self._columns["hashes"].append(hash_text(record.text))
                self._fingerprint.add(record)
            yield ids

    def facts(self) -> dict[str, Any]:
        """What a `TokenizedCorpus` holds beside the ids and the dictionaries."""
        columns = {name: np.frombuffer(column, column.typecode) for name, column in self._columns.items()}
        label_sets = sorted(self._labels)
        ranks = {label: rank for rank, label in enumerate(label_sets)}
        columns["rows"] = np.array([ranks[label] for label in self._labels], np.int32)[columns["rows"]]
        return {
            **columns,
            "label_sets": label_sets,
            "entries": self.entries,
            "fingerprint": str(self._fingerprint),
            "tokenizer": self._tokenizer,
        }


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


def hash_text(text: str) -> int:
    """What two texts have in common that are the same but for white space at their ends: a number below 2**64."""
    return int.from_bytes(hashlib.blake2b(text.strip().encode(), digest_size=8).digest(), "little")
