"""The tokenizers of `tokenizers.py` in plain Python, for answers without TensorFlow: the same tokens for every text.

A tokenizer says how a whole text is split, and which texts may be split at their spaces first, so that the tokens of
what stands between two spaces can be remembered.
"""

import functools
import re
from collections.abc import Callable

from keras_textcnn.text.code_points import CodePoints
from keras_textcnn.text.folding import python_class

# The expressions of `tokenizers.py`, where L, M and N are Unicode's categories; control characters and all white space
# but the plain space are gone when they are used.
CONTRACTION = r"n't|'(?:s|m|d|ll|re|ve)"
ABBREVIATION = r"(?:mr|mrs|ms|dr|st|jr|sr|vs|inc|co|corp|ltd|jan|feb|aug|sept|oct|nov|dec)\."
LEADING, VOWEL, TRAILING = (0x1100, 0x1112), (0x1161, 0x1175), (0x11A8, 0x11C2)  # Korean's conjoining letters
FIRST_SYLLABLE, LAST_SYLLABLE = 0xAC00, 0xD7A3
ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
BREAK = re.compile(r"<br */?>")
WRITTEN_BREAK = re.compile(r"<[bB][rR][\x00-\x20\x7f]*/?>")
QUOTES = re.compile(r"``|''")
LINE_END = re.compile("<[bB][rR][\t\n\f\r ]*/?>|[\n\r\x85\u2028\u2029]")
AROUND_LINE_END = re.compile(r" *\n[ \n]*")


class _Words:
    """The expressions that find words, for one set of categories."""

    def __init__(self, *, letters: str, marks: str, numbers: str, unspaced: str) -> None:
        part = f"[{letters}{numbers}][{letters}{marks}{numbers}]*"
        acronym = rf"(?:[{letters}]{_any_of(marks)}\.){{2,}}(?:-{part})*"
        number = rf"[{numbers}]+(?:[.,:][{numbers}]+)+(?:-{part})*"
        word = f"{part}(?:['-]{part})*"
        kinds = [rf"(?:{CONTRACTION})(?![0-9A-Za-z_])", ABBREVIATION, acronym, number, word, r"\.{2,}", "-{2,}", "[^ ]"]
        one = f"|([{unspaced}]{_any_of(marks)})" if unspaced else "|(?!)()"
        self._separate = re.compile(rf"({CONTRACTION})([^{letters}{marks}{numbers}]|\Z){one}")
        self._token = re.compile("|".join([f"(?:{part} +)+", *kinds]))

    def split(self, text: str) -> list[str]:
        """The tokens of a text in lower case."""
        text = QUOTES.sub('"', BREAK.sub(" ", text))
        return self._token.sub(r" \g<0> ", self._separate.sub(r" \1\3 \2", text)).split()


def _any_of(category: str) -> str:
    return f"[{category}]*" if category else ""


@functools.cache
def _ascii_words() -> _Words:
    return _Words(letters="a-z", marks="", numbers="0-9", unspaced="")


class PlainTokenizer:
    """One of the tokenizers that `--tokenizer` knows, in plain Python.

    Args:
        name: "words", "characters" or "spaces".
        read_code_points: Returns the tables; it is called for the first text that is not ASCII.

    Attributes:
        remembers: Whether most texts may be split at their spaces first.

    Example:
        PlainTokenizer("words", read_code_points).split("It's a good film.")
    """

    def __init__(self, name: str, read_code_points: Callable[[], CodePoints]) -> None:
        splits = {"words": self._words, "characters": self._characters, "spaces": self._at_spaces}
        self.split: Callable[[str], list[str]] = splits[name]
        self.remembers = name != "characters"
        self._breaks = name == "words"
        self._read_code_points = read_code_points

    @functools.cached_property
    def _tables(self) -> "_Tables":
        return _Tables(self._read_code_points())

    def separable(self, text: str) -> str | None:
        """The text, to be split at its spaces; None if a token may depend on what is beyond a space.

        What is between the spaces must also not lean on what is before it (`leans`).
        """
        if not self._breaks:
            return text
        if "<" in text:
            text = WRITTEN_BREAK.sub(" ", text)
            if "<" in text:
                return None
        return text if text.isascii() or not self._tables.opens_tag.search(text) else None

    def leans(self, piece: str) -> bool:
        """Whether the tokens of what is between two spaces may depend on the text before it: it begins with a mark."""
        return self._breaks and not piece.isascii() and self._tables.leans(piece)

    def _words(self, text: str) -> list[str]:
        if text.isascii():
            return _ascii_words().split(CONTROLS.sub(" ", text).translate(ASCII_LOWER))
        tables = self._tables
        text = tables.lower(tables.separators.sub(" ", tables.visible(text)))
        return tables.words.split(CONTROLS.sub(" ", text).translate(ASCII_LOWER))

    def _characters(self, text: str) -> list[str]:
        separators = CONTROLS_AND_SPACES
        if not text.isascii():
            tables = self._tables
            separators = tables.character_separators
            text = tables.lower(tables.visible(text).replace("\0", " "))
        text = LINE_END.sub("\n", text.translate(ASCII_LOWER))
        return list(AROUND_LINE_END.sub("\n", separators.sub(" ", text)).strip(" \t\n\v\f\r"))

    def _at_spaces(self, text: str) -> list[str]:
        if not text.isascii():
            text = self._tables.spaces.sub(" ", text)
        return CONTROLS.sub(" ", text).split()


CONTROLS_AND_SPACES = re.compile(r"[\x00-\x09\x0b-\x20\x7f]+")


class _Tables:
    """The steps that texts need which are not all ASCII, from tables of code points."""

    def __init__(self, points: CodePoints) -> None:
        letters, marks, numbers = map(python_class, (points.letters, points.marks, points.numbers))
        spaces, formats = python_class(points.spaces), python_class(points.formats)
        controls = r"\x00-\x1f\x7f-\x9f"
        self._parts = {
            "letters": letters,
            "marks": marks,
            "numbers": numbers,
            "unspaced": python_class(points.unspaced),
        }
        self._invisible = re.compile(f"[{python_class(points.invisible)}]+")
        self._lower, self._forms, self._classes = points.lower, points.decompositions, points.classes
        combining = python_class((code, code) for code in points.classes)
        self._marks = re.compile(f"[{combining}]{{2,}}")
        self._begins_with_mark = re.compile(f"[{combining}]")
        leading, vowel, trailing = map(_class_of, (LEADING, VOWEL, TRAILING))
        self._syllable = re.compile(f"[{leading}][{vowel}][{trailing}]?|[{_open_syllables()}][{trailing}]")
        cased, ignorable = python_class(points.cased), python_class(points.ignorable)
        self._final_sigma = re.compile(f"(?<=[{cased}])([{ignorable}]*)Σ(?![{ignorable}]*[{cased}])")
        tags = [chr(code) for code, form in points.decompositions.items() if "<" in form]
        self.opens_tag = re.compile(f"[{''.join(map(re.escape, tags))}]" if tags else "(?!)")
        self.separators = re.compile(f"[{spaces}{formats}{controls}]+")
        self.character_separators = re.compile(rf"[{spaces}{formats}\x00-\x09\x0b-\x1f\x7f-\x9f]+")
        self.spaces = re.compile(f"[{spaces}{controls}]+")

    @functools.cached_property
    def words(self) -> _Words:
        return _Words(**self._parts)

    def visible(self, text: str) -> str:
        """`folding.fold` of a text without invisible characters."""
        text = self._decomposed(text)
        text = self._syllable.sub(lambda letters: _compose(letters[0]), text)
        return text.replace(" \u0301", "'")

    def _decomposed(self, text: str) -> str:
        text = self._invisible.sub("", text).translate(self._forms)
        return self._marks.sub(lambda marks: "".join(sorted(marks[0], key=lambda one: self._classes[ord(one)])), text)

    def leans(self, piece: str) -> bool:
        return self._begins_with_mark.match(self._decomposed(piece)) is not None

    def lower(self, text: str) -> str:
        """ICU's lower case, and what is left of a Turkish İ without its dot."""
        if "Σ" in text:
            text = self._final_sigma.sub(r"\1ς", text)
        return DOTTED_I.sub(r"\1", text.translate(self._lower))


DOTTED_I = re.compile("(i[\u0300-\u036f]*?)\u0307")


def _class_of(span: tuple[int, int]) -> str:
    return python_class([span])


def _open_syllables() -> str:
    """Korean syllables without a trailing letter."""
    per_vowel = TRAILING[1] - TRAILING[0] + 2
    return python_class((code, code) for code in range(FIRST_SYLLABLE, LAST_SYLLABLE + 1, per_vowel))


def _compose(letters: str) -> str:
    """One Korean syllable from its letters, or from an open syllable and a trailing letter."""
    first, *others = map(ord, letters)
    if first >= FIRST_SYLLABLE:
        return chr(first + others[0] - TRAILING[0] + 1)
    vowels, finals = VOWEL[1] - VOWEL[0] + 1, TRAILING[1] - TRAILING[0] + 2
    made = FIRST_SYLLABLE + ((first - LEADING[0]) * vowels + others[0] - VOWEL[0]) * finals
    return chr(made + (others[1] - TRAILING[0] + 1 if len(others) > 1 else 0))
