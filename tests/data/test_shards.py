"""Shards are whole or not used, and keep what was said of the corpus."""

import collections
from pathlib import Path

import pytest

from keras_textcnn.data import shards
from keras_textcnn.data.corpus import Record
from keras_textcnn.data.shards import open_shards, write_shards
from keras_textcnn.data.tokenized import tokenize_corpus
from keras_textcnn.errors import InputError
from tests.data.test_tokenized import RECORDS


def test_notes_are_kept_with_the_shards(tmp_path: Path) -> None:
    read: list[Record] = []

    def records() -> collections.abc.Iterator[Record]:
        for record in RECORDS:
            read.append(record)
            yield record

    written = write_shards(records(), tmp_path / "shards", memory=256, notes=lambda: [f"{len(read)} texts"])
    opened = open_shards(tmp_path / "shards")
    assert written.notes == opened.notes == [f"{len(RECORDS)} texts"]  # called when all texts had been read
    assert tokenize_corpus(RECORDS).notes == []


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "remove"])
def test_damaged_shards_are_not_used(tmp_path: Path, damage: str) -> None:
    write_shards(RECORDS, tmp_path / "shards", memory=256)
    for path in sorted((tmp_path / "shards").iterdir()):
        whole = path.read_bytes()
        middle = len(whole) // 2
        if damage == "remove":
            path.unlink()
        else:
            flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
            path.write_bytes({"flip": flipped, "truncate": whole[:middle], "empty": b""}[damage])
        assert open_shards(tmp_path / "shards") is None, path.name
        path.write_bytes(whole)
    assert open_shards(tmp_path / "shards") is not None


def test_no_byte_of_the_manifest_may_change(tmp_path: Path) -> None:
    write_shards(RECORDS, tmp_path / "shards", memory=256)
    path = tmp_path / "shards" / "manifest.json"
    whole = path.read_bytes()
    for place in range(0, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert open_shards(tmp_path / "shards") is None, place


def test_an_error_in_the_corpus_leaves_nothing(tmp_path: Path) -> None:
    def records() -> collections.abc.Iterator[Record]:
        yield from RECORDS
        raise InputError("line 83")

    with pytest.raises(InputError, match="line 83"):
        write_shards(records(), tmp_path / "shards", memory=256)
    assert list(tmp_path.iterdir()) == []


def test_says_that_the_memory_is_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "TEXT_BYTES", 2**20)
    with pytest.raises(InputError, match=r"82 texts and .* do not fit into --memory 256; raise it"):
        write_shards(RECORDS, tmp_path / "shards", memory=256)
    assert list(tmp_path.iterdir()) == []
