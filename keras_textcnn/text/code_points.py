"""What TensorFlow and this package make of each code point, as tables that can be kept in a file.

TensorFlow's string operations are RE2 and ICU, each with its own edition of Unicode; Python has another one. The
tokenizers in plain Python (`plain_tokenizers.py`) therefore ask these tables, and give the same tokens everywhere.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_textcnn.text import folding
from keras_textcnn.utils.tensorflow import import_tensorflow

Ranges = tuple[tuple[int, int], ...]  # of code points, the first and the last of each

LONGEST_FORM = 32  # characters that one may become; the longest decomposition in Unicode has 18
SURROGATES = range(0xD800, 0xE000)
SIGMAS = "Σςσ"
# No letter of these has a lower case or is looked through for one: Han, Hangul, Tangut, private and unassigned planes.
CASELESS = ((0x3400, 0x9FFF), (0xAC00, 0xD7A3), (0x17000, 0x18DFF), (0x20000, 0xDFFFF), (0xE1000, 0x10FFFF))


@dataclasses.dataclass(frozen=True)
class CodePoints:
    """The classes of code points that the tokenizers tell apart, and what becomes of single ones.

    Attributes:
        letters, marks, numbers, spaces, formats: Unicode's categories L, M, N, Z and Cf.
        cased, ignorable: What decides the lower case of a Greek sigma: letters around it, and what does not separate
            it from them.
        invisible, unspaced: As in `folding`.
        lower: The lower case of each code point that has one.
        decompositions, classes: From `folding.single_decompositions` and `folding.combining_classes`.
    """

    letters: Ranges
    marks: Ranges
    numbers: Ranges
    spaces: Ranges
    formats: Ranges
    cased: Ranges
    ignorable: Ranges
    invisible: Ranges
    unspaced: Ranges
    lower: Mapping[int, str]
    decompositions: Mapping[int, str]
    classes: Mapping[int, int]

    def to_json(self) -> dict[str, Any]:
        """The tables as JSON: ranges as pairs, the other tables as pairs of code point and value."""
        tables = dataclasses.asdict(self)
        return {name: [*table.items()] if isinstance(table, dict) else table for name, table in tables.items()}

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> "CodePoints":
        """The tables that `to_json` wrote.

        Raises:
            ValueError: They are something else.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        if [*content] != names:
            raise ValueError(f"the tables must be {', '.join(names)}")
        return cls(**{name: _checked(name, content[name]) for name in names})


def _checked(name: str, table: Any) -> Any:
    """A table from JSON, if it is what its name says."""
    pairs = [(first, second) for first, second in table]
    if name in ("lower", "decompositions"):
        good = all(isinstance(form, str) and len(form) <= LONGEST_FORM for _, form in pairs)
    elif name == "classes":
        good = all(type(number) is int and 0 < number < 256 for _, number in pairs)
    else:
        good = all(type(last) is int and first <= last < folding.CODE_POINTS for first, last in pairs)
    if not pairs or not good or not all(type(first) is int and 0 <= first < folding.CODE_POINTS for first, _ in pairs):
        raise ValueError(f"the table {name} is damaged")
    return dict(pairs) if name in ("lower", "decompositions", "classes") else tuple(pairs)


@functools.cache
def read_code_points() -> CodePoints:
    """The tables of the TensorFlow and the Python that are running, which takes about a second, once in a process."""
    import_tensorflow()
    everything = [chr(code) for code in range(folding.CODE_POINTS) if code not in SURROGATES]
    cased, ignorable = _around_sigma(everything)
    letters, marks, numbers, spaces, formats = (
        _members(category, "".join(everything)) for category in ("L", "M", "N", "Z", "Cf")
    )
    return CodePoints(
        letters=letters,
        marks=marks,
        numbers=numbers,
        spaces=spaces,
        formats=formats,
        cased=cased,
        ignorable=ignorable,
        invisible=folding.INVISIBLE,
        unspaced=folding.UNSPACED,
        lower=_lower_cases(everything),
        decompositions=folding.single_decompositions(),
        classes=folding.combining_classes(),
    )


def _members(category: str, everything: str) -> Ranges:
    """The code points of a Unicode category, as RE2 knows it."""
    import tensorflow as tf

    left = tf.strings.regex_replace(everything.encode(), rf"\P{{{category}}}+", "").numpy().decode()
    return _ranges(map(ord, left))


def _lower_cases(everything: Sequence[str]) -> dict[int, str]:
    alone = [one for one in everything if one not in "\0\n"]  # the first ends a text in ICU, the second separates here
    return {ord(one): low for one, low in zip(alone, _lower(alone), strict=True) if one != low}


def _around_sigma(everything: Sequence[str]) -> tuple[Ranges, Ranges]:
    """The code points that end a word's sigma (cased), and those between that do not count (ignorable)."""
    caseless = {code for begin, end in CASELESS for code in range(begin, end + 1)}
    probed = [one for one in everything if ord(one) not in caseless and one not in f"{SIGMAS}\0\n"]
    last = ["ς" in low for low in _lower([f"ΑΣ{one}" for one in probed])]
    last_before_letter = ["ς" in low for low in _lower([f"ΑΣ{one}Α" for one in probed])]
    cased = [ord(one) for one, final in zip(probed, last, strict=True) if not final]
    ignorable = [
        ord(one) for one, final, still in zip(probed, last, last_before_letter, strict=True) if final and not still
    ]
    return _ranges(sorted([*cased, *map(ord, SIGMAS)])), _ranges(ignorable)


def _lower(texts: Sequence[str]) -> list[str]:
    """ICU's lower case of each text, none of which has a line end or NUL."""
    import tensorflow as tf

    lowered: str = tf.strings.lower("\n".join(texts).encode(), encoding="utf-8").numpy().decode()
    return lowered.split("\n")


def _ranges(codes: Iterable[int]) -> Ranges:
    """Ascending code points as ranges."""
    found = np.fromiter(codes, np.int64)
    ends = np.flatnonzero(np.diff(found, append=folding.CODE_POINTS + 1) > 1)
    begins = np.concatenate([[0], ends[:-1] + 1])
    return tuple(zip(found[begins].tolist(), found[ends].tolist(), strict=True))
