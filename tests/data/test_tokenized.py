import collections
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn.data import numbering, shards, tokenized
from keras_textcnn.data.corpus import Record
from keras_textcnn.data.shards import open_shards, write_shards
from keras_textcnn.data.tokenized import TokenizedCorpus, tokenize_corpus
from tests.conftest import make_texts

RECORDS = [
    *(Record("train" if number % 3 else "test", text, label) for number, (text, label) in enumerate(make_texts(80, 1))),
    Record("train", "", "sea"),
    Record("train", "Ünïcode 日本", "sea"),
]


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards, chunks, blocks and dictionaries so small that a few texts need many of them."""
    monkeypatch.setattr(shards, "SHARD_TOKENS", 100)
    monkeypatch.setattr(tokenized, "BLOCK_TOKENS", 64)
    monkeypatch.setattr(numbering, "CHUNK_TEXTS", 7)
    monkeypatch.setattr(shards, "DICTIONARY_BYTES", 2**24)  # with 256 MiB: four tokens per dictionary


def texts_of(corpus: TokenizedCorpus) -> list[list[str]]:
    tokens = {id: token for token, ids in corpus.tokens() for id in ids}
    starts = corpus.starts.tolist()
    rows = [corpus.ids.read(start, int(length)) for start, length in zip(starts, corpus.lengths, strict=True)]
    return [[tokens[id] for id in row.tolist()] for row in rows]


def counts_of(corpus: TokenizedCorpus, chosen: np.ndarray) -> dict[str, int]:
    counts = corpus.count(chosen)
    return {token: count for token, ids in corpus.tokens() if (count := int(counts[ids].sum()))}


def test_memory_holds_the_texts(small_shards: None) -> None:
    corpus = tokenize_corpus(RECORDS)
    texts = texts_of(corpus)
    assert texts[-2:] == [[], [unicodedata.normalize("NFD", "ünïcode"), "日", "本"]]
    assert [" ".join(text) for text in texts[:80]] == [
        record.text.lower().replace("it's", "it 's").replace(".", " .") for record in RECORDS[:80]
    ]
    assert corpus.splits.tolist() == [0 if record.split == "train" else 2 for record in RECORDS]
    assert [corpus.label_sets[row] for row in corpus.rows] == [record.label for record in RECORDS]
    chosen = corpus.splits == 0
    expected = collections.Counter(token for text, kept in zip(texts, chosen, strict=True) if kept for token in text)
    assert counts_of(corpus, chosen) == expected


def test_characters_with_line_ends_and_backslashes_in_memory_and_in_shards(small_shards: None, tmp_path: Path) -> None:
    records = [Record("train", text, "sea") for text in ("a\\n\\\nB", "日 x\ny", "")]
    for corpus in (
        tokenize_corpus(records, tokenizer="characters"),
        write_shards(records, tmp_path / "shards", memory=256, tokenizer="characters"),
        open_shards(tmp_path / "shards"),
    ):
        assert texts_of(corpus) == [["a", "\\", "n", "\\", "\n", "b"], ["日", " ", "x", "\n", "y"], []]


def test_any_token_that_spaces_part_is_in_shards_as_it_is(small_shards: None, tmp_path: Path) -> None:
    rows = [["C:\\new", "\\n", "\\", "\\\\n"], ["[PAD]", "[UNK]", "Ａé", "e\u0301"], ["足球", "\\t"]]
    records = [Record("train", " ".join(row), "sea") for row in rows]
    written = write_shards(records, tmp_path / "shards", memory=256, tokenizer="spaces")
    for corpus in (tokenize_corpus(records, tokenizer="spaces"), written, open_shards(tmp_path / "shards")):
        assert corpus.tokenizer == "spaces"
        assert texts_of(corpus) == rows


def test_shards_hold_what_memory_holds(small_shards: None, tmp_path: Path) -> None:
    memory = tokenize_corpus(RECORDS)
    written = write_shards(iter(RECORDS), tmp_path / "a" / "b", memory=256)
    names = sorted(path.name for path in (tmp_path / "a" / "b").iterdir())
    assert len([name for name in names if name.startswith("ids-")]) > 3
    assert len([name for name in names if name.startswith("tokens-")]) > 3
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    for corpus in (written, open_shards(tmp_path / "a" / "b")):
        assert texts_of(corpus) == texts_of(memory)
        assert corpus.fingerprint == memory.fingerprint
        assert corpus.label_sets == memory.label_sets
        for name in ("lengths", "splits", "rows", "hashes"):
            np.testing.assert_array_equal(getattr(corpus, name), getattr(memory, name))
        assert counts_of(corpus, corpus.splits == 0) == counts_of(memory, memory.splits == 0)
        assert (
            corpus.ids.read(90, 300).tolist()
            == [
                id
                for start, length in zip(corpus.starts, corpus.lengths, strict=True)
                for id in corpus.ids.read(start, length)
            ][90:390]
        )
        chosen = np.array([7, 0, 3, 3])
        together = corpus.ids.read_all(corpus.starts[chosen], corpus.lengths[chosen])
        one_by_one = [
            corpus.ids.read(*span) for span in zip(corpus.starts[chosen], corpus.lengths[chosen], strict=True)
        ]
        np.testing.assert_array_equal(together, np.concatenate(one_by_one))


@pytest.mark.parametrize("tokenizer", ["words", "characters", "spaces"])
def test_joined_tokens_are_the_texts_own_and_split_into_themselves(
    tokenizer: str, small_shards: None, tmp_path: Path
) -> None:
    records = [*RECORDS, Record("test", "a\n\\b It's  UNSEEN-before [x]!", "sea")]
    corpora = [tokenize_corpus(records, tokenizer=tokenizer)]
    corpora.append(write_shards(records, tmp_path / "s", memory=256, tokenizer=tokenizer))
    chosen = np.array([82, 5, 80, 5, 81])
    texts = [corpus.join_tokens(chosen, corpus.lengths[chosen]) for corpus in corpora]
    assert texts[0] == texts[1]
    assert texts[0][2] == ""
    expected = {
        "words": "a \\ b it 's unseen-before [ x ] !",
        "characters": "a\n\\b it's unseen-before [x]!",
        "spaces": "a \\b It's UNSEEN-before [x]!",
    }
    assert texts[0][0] == expected[tokenizer]
    again = tokenize_corpus([Record("test", text, "sea") for text in texts[0]], tokenizer=tokenizer)
    assert texts_of(again) == [texts_of(corpora[0])[text] for text in chosen.tolist()]
    assert corpora[1].join_tokens(chosen[:1], np.array([1])) == ["a"]


def test_fingerprint_knows_texts_labels_splits_and_order() -> None:
    others = [RECORDS[::-1], RECORDS[1:], [RECORDS[0]._replace(label="zinc"), *RECORDS[1:]]]
    others.append([RECORDS[0]._replace(split="validation"), *RECORDS[1:]])
    prints = {tokenize_corpus(records).fingerprint for records in [RECORDS, *others]}
    assert len(prints) == 5
