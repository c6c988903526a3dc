"""A tokenized corpus in files on disk."""

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_textcnn.data.corpus import Record
from keras_textcnn.data.numbering import COLUMNS, Numbering
from keras_textcnn.data.tokenized import ArrayIds, TokenIds, TokenizedCorpus
from keras_textcnn.errors import InputError
from keras_textcnn.io.integrity import all_unchanged, append_digest, checksums, without_digest
from keras_textcnn.presets import WORDS
from keras_textcnn.utils import locks

SHARD_TOKENS = 2**24  # 64 MiB


DICTIONARY_BYTES = 200  # approximate cost of a token in a dictionary


TEXT_BYTES, ENTRY_BYTES = 25, 8  # cost of a text and of a provisional id in the arrays here


ESCAPED = re.compile(rb"\\(.)")  # in a file of tokens: a token may be a line end or a tab, or contain backslashes


MANIFEST = "manifest.json"  # of the shards, with its digest at the end
FORMAT = 4  # of the shards; increases with every change to them or to the tokenizer


def open_shards(folder: str | Path) -> TokenizedCorpus | None:
    """The corpus that `write_shards` wrote to a folder, or None if there is none or a byte of it is damaged."""
    folder = Path(folder)
    try:
        manifest = json.loads(bytes(without_digest((folder / MANIFEST).read_bytes())))
        if manifest["format"] != FORMAT or not all_unchanged(folder, manifest["files"]):
            return None
        shards = [folder / name for name in sorted(manifest["files"]) if name.startswith("ids-")]
        dictionaries = [folder / name for name in sorted(manifest["files"]) if name.startswith("tokens-")]
        with np.load(folder / "index.npz", allow_pickle=False) as arrays:
            columns = {name: arrays[name] for name in COLUMNS}
        label_sets = [tuple(label) if isinstance(label, list) else label for label in manifest["label_sets"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return TokenizedCorpus(
        ids=ShardedIds(shards),
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
    folder: str | Path,
    *,
    memory: int,
    tokenizer: str = WORDS,
    notes: Callable[[], list[str]] = list,
) -> TokenizedCorpus:
    """Tokenizes a corpus into a folder, which appears complete or not at all, and replaces what was there.

    Args:
        records: The texts, read one by one.
        folder: Where to write the shards.
        memory: Memory limit in MiB.
        tokenizer: As for `presets.find_tokenizer`.
        notes: Called once the texts are read; returns lines about them, which are kept with the shards.

    Raises:
        InputError: The corpus has too many texts or distinct tokens for the memory, or weights or soft targets.
    """
    folder = Path(folder)
    most_entries = memory * 2**20 // 4 // DICTIONARY_BYTES
    with locks.whole_folder(folder, is_whole=lambda there: open_shards(there) is not None) as whole:
        numbering = Numbering(tokenizer)
        with contextlib.closing(_ShardWriter(whole)) as writer:
            for ids in numbering.run(records):
                writer.write_ids(ids)
                if len(numbering.index) >= most_entries:
                    writer.write_dictionary(numbering.index)
                    numbering.index.clear()
                _check_memory(memory, numbering)
            writer.write_dictionary(numbering.index)
        facts = numbering.facts()
        in_memory = [facts.pop(name) for name in ("weights", "probabilities", "label_names")]
        if in_memory[0] is not None or in_memory[1] is not None:
            raise InputError("weights and soft targets need all texts in memory; leave out --memory")
        np.savez(whole / "index.npz", **{name: facts.pop(name) for name in COLUMNS})
        digests = checksums(whole, [path.name for path in whole.iterdir()])
        with (whole / MANIFEST).open("w+b") as file:
            file.write(json.dumps({"format": FORMAT, "files": digests, "notes": notes(), **facts}).encode())
            append_digest(file)
    corpus = open_shards(folder)
    if corpus is None:
        raise InputError(f"the shards were damaged as soon as they were written: {folder}; check the disk")
    return corpus


class ShardedIds:
    """Ids in files, which are read by position: mapped pages would count as this process's memory.

    Attributes:
        megabytes: The size of the files in MiB.
    """

    def __init__(self, shards: Sequence[Path]) -> None:
        self._files = [path.open("rb", buffering=0) for path in shards]
        self._ends = np.cumsum([path.stat().st_size // 4 for path in shards])
        self._lock = threading.Lock()
        self._loaded: ArrayIds | None = None
        self.megabytes = sum(path.stat().st_size for path in shards) / 2**20

    def load(self) -> None:
        """Reads all files into memory, where a batch of texts is gathered about three times as fast."""
        ids = np.zeros(int(self._ends[-1]) if len(self._ends) else 0, "<i4")
        for file, part in zip(self._files, np.split(ids, self._ends[:-1]), strict=True):
            file.seek(0)
            file.readinto(part.data.cast("B"))
        self._loaded = ArrayIds(ids)

    def read(self, start: int, length: int) -> np.ndarray:
        """The ids of one text."""
        if self._loaded:
            return self._loaded.read(start, length)
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
        """The ids of several texts, one after another."""
        if self._loaded:
            return self._loaded.read_all(starts, lengths)
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
            token, id = line.split(b"\t")
            yield _unescape(token), int(id)


def _escape(token: bytes) -> bytes:
    return token.replace(b"\\", rb"\\").replace(b"\n", rb"\n").replace(b"\t", rb"\t")


def _unescape(token: bytes) -> bytes:
    return ESCAPED.sub(lambda sign: {b"n": b"\n", b"t": b"\t"}.get(sign[1], sign[1]), token)


def _check_memory(memory: int, numbering: "Numbering") -> None:
    needed = (numbering.texts * TEXT_BYTES + numbering.entries * ENTRY_BYTES) // 2**20
    if needed > memory // 4:
        raise InputError(
            f"{numbering.texts:,} texts and {numbering.entries:,} distinct tokens so far do not fit into "
            f"--memory {memory}; raise it"
        )
