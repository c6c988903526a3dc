import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.data.preprocessing import Encoded, encode_corpus
from keras_textcnn.data.tokenized import tokenize_corpus
from keras_textcnn.errors import InputError

SEGMENTED = ["足球 比赛 球员 教练", "银行 利率 股票 基金", "芯片 软件 算法 手机"] * 6
ENGLISH = ["the Cat saw a dog .", "the dog saw a CAT .", "a gnu saw the cat ."] * 6


def encode(texts: list[str], **settings: object) -> Encoded:
    corpus = Corpus(texts, [f"label {number % 3}" for number in range(len(texts))])
    config = TrainConfig(**settings).resolved()
    return encode_corpus(config, tokenize_corpus(corpus.records(), tokenizer=config.tokenizer))


def write_vectors(path: Path, words: Iterable[str]) -> str:
    path.write_text("".join(f"{word} {number} 0.5\n" for number, word in enumerate(words, 1)), encoding="utf-8")
    return str(path)


def test_a_word_too_rare_for_the_vocabulary_does_not_come_back_from_the_file(tmp_path: Path) -> None:
    rare = ["hapax", "Legomenon"]
    vectors = write_vectors(tmp_path / "v.txt", ["the", "cat", "dog", "a", "saw", ".", "hapax", "legomenon", "yak"])
    texts = [f"{text} {word}" for text, word in zip(ENGLISH, rare * 9, strict=True)]
    once = [*ENGLISH, *[f"the {word}{number} hapax legomenon" for number, word in enumerate(rare)]]
    for corpus, expected in ((texts, {"hapax", "legomenon", "yak"}), (once, {"yak"})):
        encoded = encode(corpus, vectors=vectors, minimum_count=4)
        assert {"hapax", "legomenon", "yak"} & {*encoded.vocabulary} == expected
        assert encoded.coverage is not None
        assert encoded.coverage.added == 1


def test_words_of_a_cased_file_are_found_and_added(tmp_path: Path) -> None:
    vectors = write_vectors(tmp_path / "v.txt", ["THE", "The", "Cat", "cat", "Dog", "Saw", "A", ".", "Paris", "Café"])
    encoded = encode(ENGLISH, vectors=vectors)
    assert encoded.vocabulary[-2:] == ["paris", "cafe\u0301"]
    assert {token: int(vector[0]) for token, vector in encoded.found.items()} == {
        "the": 1,
        "cat": 4,
        "dog": 5,
        "saw": 6,
        "a": 7,
        "paris": 9,
        ".": 8,
        "cafe\u0301": 10,
    }


@pytest.mark.parametrize(
    ("texts", "words", "settings", "added", "warning"),
    [
        (ENGLISH, ["the", "cat", "dog", "a", "saw", "yak"], {}, 1, None),
        (
            ENGLISH,
            ["the", "yak"],
            {},
            1,
            r"warning: only 1\d% of the running tokens have a vector in {}; try vectors for",
        ),
        (
            ENGLISH,
            ["gnu", "yak"],
            {},
            0,
            r"only \d% of the running tokens have a vector in {}, so none of its other",
        ),
        (
            SEGMENTED,
            ["足球", "比赛", "银行"],
            {},
            0,
            "no token .*; its words have several characters: .* --tokenizer spaces",
        ),
        (
            SEGMENTED,
            ["银", "足球", "比赛", "银行"],
            {},
            0,
            r"only \d+% .* its words have several characters: .* --tokenizer spaces",
        ),
        (SEGMENTED, ["足球", "比赛", "球员", "教练", "银行", "利率", "大学"], {"tokenizer": "spaces"}, 1, None),
        (
            SEGMENTED,
            ["yak"],
            {"tokenizer": "spaces"},
            0,
            "no token of the training texts has a vector in {}; give another file",
        ),
        (ENGLISH, ["yak"], {}, 0, "no token of the training texts has a vector in {}; give another file"),
    ],
)
def test_says_that_the_vectors_are_of_another_language(
    texts: list[str],
    words: list[str],
    settings: dict[str, str],
    added: int,
    warning: str | None,
    tmp_path: Path,
    logged: list[str],
) -> None:
    vectors = write_vectors(tmp_path / "v.vec", words)
    pattern = warning and warning.replace("{}", vectors)
    if warning and "no token" in warning:
        with pytest.raises(InputError, match=pattern):
            encode(texts, vectors=vectors, **settings)
        return
    encoded = encode(texts, vectors=vectors, **settings)
    assert encoded.coverage is not None
    assert encoded.coverage.added == added
    assert len({"yak", "大学"} & {*encoded.vocabulary}) == added
    lines = [line for line in logged if "of the running tokens have a vector in" in line]
    assert len(lines) == bool(pattern)
    assert not pattern or re.search(pattern, lines[0])


def test_spaces_keep_tokens_as_they_are_and_find_their_vectors(tmp_path: Path) -> None:
    vectors = write_vectors(tmp_path / "v.txt", ["paris", "Paris", "U.S.", "don't", "[PAD]"])
    encoded = encode(["Paris don't U.S.", "PARIS [PAD] ok"] * 9, vectors=vectors, tokenizer="spaces")
    assert set(encoded.vocabulary[2:]) == {"Paris", "don't", "U.S.", "PARIS", "ok", "paris"}
    found = {token: int(vector[0]) for token, vector in encoded.found.items() if token in encoded.vocabulary[2:]}
    assert found == {"Paris": 2, "PARIS": 1, "paris": 1, "U.S.": 3, "don't": 4}
    examples = encoded.examples["train"]
    ids = examples.renumber[examples.ids.read_all(examples.starts, examples.lengths)]
    assert ids.min() == 1  # the text's own "[PAD]" is unknown, not padding
    assert np.isin(1, ids)
