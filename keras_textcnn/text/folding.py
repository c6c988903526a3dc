"""Makes texts that look the same equal: Unicode's compatibility decompositions, in Python and as a table.

Nothing here needs TensorFlow; the graph in `tokenizers.py` looks up the same table.
"""

import dataclasses
import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping

import numpy as np

# Characters that differ in Unicode, but not for readers and keyboards.
LOOK_ALIKES = {
    **dict.fromkeys(map(ord, "\u02bc\u2018\u2019\u201b\u00b4\u1ffd"), "'"),  # U+1FFD is U+00B4's other name
    **dict.fromkeys(map(ord, "\u201c\u201d"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011"), "-"),
}
ACUTE = " \u0301", "'"  # what NFKC makes of U+00B4, and what it becomes here
# Not letters, and they do not end a word: soft hyphen, joiners, variation selectors, direction marks and other format
# characters without a width; but not U+200B, which marks the end of a word.
INVISIBLE = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x180B, 0x180F), (0x200C, 0x200F), (0x202A, 0x202E)),
    *((0x2060, 0x2064), (0x2066, 0x206F), (0xFE00, 0xFE0F), (0xE0000, 0xE0FFF)),
)
# Scripts written without spaces between words.
UNSPACED = (
    *((0x0E01, 0x0E3A), (0x0E40, 0x0E5B), (0x0E80, 0x0EFF)),  # Thai, Lao
    *((0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F), (0x116D0, 0x116FF)),  # Myanmar
    *((0x1780, 0x17FF), (0x19E0, 0x19FF)),  # Khmer
    *((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3031, 0x3035), (0x3038, 0x303C)),  # Han: radicals, signs
    *((0x3041, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),  # kana
    *((0x1AFF0, 0x1B16F), (0x16FE2, 0x16FE3), (0x16FF2, 0x16FF6)),  # rare kana and Han signs
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)),  # Han
)
# Marks that follow a base character: general ones, kana's, and those of the scripts above.
MARKS = (
    *((0x0300, 0x036F), (0x3099, 0x309A)),
    *((0x0E31, 0x0E31), (0x0E34, 0x0E3A), (0x0E47, 0x0E4E), (0x0EB1, 0x0EB1), (0x0EB4, 0x0EBC), (0x0EC8, 0x0ECE)),
    *((0x102B, 0x103E), (0x1056, 0x1059), (0x105E, 0x1060), (0x1062, 0x1064), (0x1067, 0x106D), (0x1071, 0x1074)),
    *((0x1082, 0x108D), (0x108F, 0x108F), (0x109A, 0x109D), (0x17B4, 0x17D3), (0x17DD, 0x17DD)),
    *((0xA9E5, 0xA9E5), (0xAA7B, 0xAA7D)),
)
CODE_POINTS = 0x110000
ASSIGNED = 0x40000  # beyond are private characters, tags and variation selectors, which have no decomposition
PAGE = 256  # code points in a row of a table


def python_class(ranges: Iterable[tuple[int, int]]) -> str:
    """Ranges of code points as a class of Python's `re`, without the brackets."""
    return "".join(f"\\U{begin:08x}-\\U{end:08x}" for begin, end in ranges)


def re2_class(ranges: Iterable[tuple[int, int]]) -> str:
    """Ranges of code points as a class of TensorFlow's RE2, without the brackets."""
    return "".join(rf"\x{{{begin:X}}}-\x{{{end:X}}}" for begin, end in ranges)


_INVISIBLE = re.compile(f"[{python_class(INVISIBLE)}]+")
_SYLLABLE = re.compile("[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?")
_DOTTED_I = re.compile("(i[\u0300-\u036f]*?)\u0307")


def fold(text: str) -> str:
    """The form that a text shares with its look-alikes: NFKD, but whole Korean syllables, plain quotes and hyphens.

    Splitting a Korean syllable into its two or three letters doubles the number of characters and adds no information:
    charcnn told the sentences of ten bills and a constitution apart (konlpy's, 1,580 texts) with an accuracy of 0.578
    on syllables and 0.574 on letters, and a macro F1 of 0.413 and 0.409, means of three seeds.
    """
    if text.isascii():
        return text
    return _SYLLABLE.sub(lambda letters: unicodedata.normalize("NFC", letters[0]), _decompose(text)).replace(*ACUTE)


def _decompose(text: str) -> str:
    return unicodedata.normalize("NFKD", text.translate(LOOK_ALIKES)).translate(LOOK_ALIKES)


def fold_case(text: str) -> str:
    """A folded text in lower case without invisible characters, which is what the tokenizers make of a word.

    TensorFlow and Python may disagree on the lower case of a few letters that one of them does not know yet.
    """
    if text.isascii():
        return text.lower()
    return _DOTTED_I.sub(r"\1", fold(_INVISIBLE.sub("", text)).lower())  # what is left of a Turkish İ


def fold_label(label: str) -> str:
    """The form in which a label is compared and shown: composed (NFKC), without spaces at its ends."""
    return unicodedata.normalize("NFKC", label).strip()


@dataclasses.dataclass(frozen=True)
class CodeTable:
    """A small number for each code point, most of them 0: `entries[PAGE * pages[code // PAGE] + code % PAGE]`.

    Attributes:
        pages: uint8 (code points / PAGE,): the page of `entries` for each block of code points.
        entries: uint8 or uint16 (distinct pages * PAGE,).
    """

    pages: np.ndarray
    entries: np.ndarray

    @classmethod
    def of(cls, numbers: Mapping[int, int]) -> "CodeTable":
        """Builds a table from the numbers of code points; all other code points have 0."""
        dense = np.zeros(CODE_POINTS, np.uint16 if max(numbers.values()) > 255 else np.uint8)
        dense[list(numbers)] = list(numbers.values())
        rows, inverse = np.unique(dense.reshape(-1, PAGE), axis=0, return_inverse=True)
        return cls(inverse.ravel().astype(np.uint8), rows.ravel())


@dataclasses.dataclass(frozen=True)
class Decompositions:
    """What `fold` makes of single characters, except Korean syllables, and the order of the marks that follow them.

    Attributes:
        rows: The row of each code point in `starts` and `lengths`; 0 for one that stays as it is.
        starts: uint16 (rows,): where the decomposition begins in `values`.
        lengths: uint8 (rows,): how many code points it has; 1 in row 0.
        values: int32: the code points of all decompositions.
        classes: The canonical combining class of each code point.
    """

    rows: CodeTable
    starts: np.ndarray
    lengths: np.ndarray
    values: np.ndarray
    classes: CodeTable


def single_decompositions() -> dict[int, str]:
    """What `fold` makes of each character that it changes, except Korean syllables."""
    characters = map(chr, range(ASSIGNED))
    return {
        ord(one): _decompose(one) for one in characters if unicodedata.decomposition(one) or ord(one) in LOOK_ALIKES
    }


def combining_classes() -> dict[int, int]:
    """The canonical combining class of each code point that has one other than 0: it orders marks."""
    return {code: number for code in range(ASSIGNED) if (number := unicodedata.combining(chr(code)))}


@functools.cache
def decompositions() -> Decompositions:
    """The tables, made from Python's Unicode data on first use, in a third of a second."""
    forms = single_decompositions()
    folded = ["", *forms.values()]  # row 0 is for all others
    lengths = np.array([len(form) for form in folded], np.uint8)
    starts = np.cumsum(lengths, dtype=np.uint16) - lengths
    lengths[0] = 1
    return Decompositions(
        CodeTable.of({code: row for row, code in enumerate(forms, 1)}),
        starts,
        lengths,
        np.array([ord(character) for form in folded for character in form], np.int32),
        CodeTable.of(combining_classes()),
    )
