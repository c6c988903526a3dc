"""Text that looks alike has one form, in Python as in the graph."""

import re
import unicodedata

import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.text import folding
from keras_textcnn.text.tokenizers import decompose, split_characters, tokenize

LOOK_ALIKES = {"'": "\u02bc\u2018\u2019\u201b\u00b4\u1ffd", '"': "\u201c\u201d", "-": "\u2010\u2011"}


PLAIN = {ord(like): plain for plain, likes in LOOK_ALIKES.items() for like in likes}


def random_texts(count: int) -> list[str]:
    """Texts of characters from all planes, including many with a decomposition, marks and Korean letters."""
    random = np.random.default_rng(0)
    assigned = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cs", "Cn")]
    kinds = [
        assigned,
        [character for character in assigned if unicodedata.combining(character)],
        [character for character in assigned if unicodedata.decomposition(character)],
        [*map(chr, range(0x1100, 0x1200)), *map(chr, range(0xAC00, 0xAC40)), *map(chr, range(0x3131, 0x318F))],
        [*map(chr, PLAIN), *" aI-'"],
        [chr(code) for code in random.integers(1, 0xD800, 500)] + [chr(code) for code in range(0xE000, 0x110000, 999)],
    ]
    return [
        "".join(
            kinds[kind][random.integers(len(kinds[kind]))] for kind in random.integers(0, 6, random.integers(0, 12))
        )
        for _ in range(count)
    ]


def test_decomposition_in_the_graph_is_unicodes_in_any_text() -> None:
    texts = random_texts(6000)
    found = [text.decode() for text in decompose(tf.constant(texts)).numpy()]
    assert found == [folding.fold(text) for text in texts]
    expected = [unicodedata.normalize("NFKD", text.translate(PLAIN)).translate(PLAIN) for text in texts]
    expected = [text.replace(" \u0301", "'") for text in expected]
    assert [unicodedata.normalize("NFKD", text) for text in found] == expected
    assert not re.search("[\u1100-\u1112][\u1161-\u1175]|[가개거]\u11a8", "\n".join(found))


def test_every_character_has_the_tokens_of_what_it_is_composed_of() -> None:
    composed = [chr(code) for code in range(0x110000) if unicodedata.decomposition(chr(code))]
    for form in ("NFC", "NFD"):
        others = [unicodedata.normalize(form, character) for character in composed]
        for split in (tokenize, split_characters):
            assert split(tf.constant(composed)).to_list() == split(tf.constant(others)).to_list()


def test_marks_of_scripts_without_spaces_are_known() -> None:
    marks = {
        code
        for begin, end in folding.UNSPACED
        for code in range(begin, end + 1)
        if unicodedata.category(chr(code)).startswith("M")
    }
    assert marks <= {code for begin, end in folding.MARKS for code in range(begin, end + 1)}


def test_python_makes_of_a_word_what_the_graph_makes() -> None:
    words = ["Café", "cafe\u0301", "ÉCOLE", "İstanbul", "co\u00adop", "한국어", "ΟΔΟΣ", "ｶﾞ", "Don", "straße", "ﬁn", "Ǆ"]
    assert [[folding.fold_case(word)] for word in words] == [
        [token.decode() for token in row] for row in tokenize(tf.constant(words)).to_list()
    ]


@pytest.mark.parametrize(
    ("label", "folded"),
    [
        ("Cafe\u0301", "Café"),
        (" a  b\u00a0", "a  b"),
        ("ＡＢＣ", "ABC"),
        ("\u3000x\t", "x"),
        ("Sport", "Sport"),
        ("", ""),
    ],
)
def test_labels_are_composed_and_stripped(label: str, folded: str) -> None:
    assert folding.fold_label(label) == folded
