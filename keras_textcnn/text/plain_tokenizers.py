"""The tokenizers of `tokenizers.py` in plain Python, for answers without TensorFlow: the same tokens for every text.

A tokenizer says how a whole text is split, and which texts may be split at their spaces first, so that the tokens of
what stands between two spaces can be remembered.
"""

import functools
import re
from collections.abc import Callable, Iterable

from keras_textcnn.text.code_points import CodePoints, Ranges
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
NOTHING = "(?!)"  # matches nowhere
NEVER = re.compile(NOTHING)
LAST_BASIC, LAST = 0xFFFF, 0x10FFFF  # code points
CONTROLS_AND_SPACES = re.compile(r"[\x00-\x09\x0b-\x20\x7f]+")
DOTTED_I = re.compile("(i[\u0300-\u036f]*?)\u0307")
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
        one = f"[{unspaced}]{_any_of(marks)}" if unspaced else NOTHING
        self._contraction = re.compile(rf"({CONTRACTION})([^{letters}{marks}{numbers}]|\Z)|({one})")
        self._one, self._ones = re.compile(one), re.compile(f"(?:{one})+")
        self._marks = re.compile(f"[{marks}]" if marks else NOTHING)
        self._token = re.compile("|".join([f"(?:{part} +)+", *kinds]))

    def split(self, text: str) -> list[str]:
        """The tokens of a text in lower case."""
        text = QUOTES.sub('"', BREAK.sub(" ", text))
        if "'" in text:
            text = self._contraction.sub(lambda found: f" {found[1] or found[3]} {found[2] or ''}", text)
        else:
            text = self._ones.sub(self._apart, text)
        return " ".join(self._token.findall(text)).split()

    def _apart(self, found: re.Match[str]) -> str:
        """A stretch of characters that are tokens of their own, with their marks, and spaces between them."""
        parts = self._one.findall(found[0]) if self._marks.search(found[0]) else found[0]
        return f" {' '.join(parts)} "


def _any_of(category: str) -> str:
    return f"[{category}]*" if category else ""


@functools.cache
def _ascii_words() -> _Words:
    return _Words(letters="a-z", marks="", numbers="0-9", unspaced="")


class PlainTokenizer:
    """One of the tokenizers that `--tokenizer` knows, in plain Python.

    Args:
        name: "words", "characters" or "spaces".
        points: The tables; nothing is made of them before the first text that is not ASCII.

    Attributes:
        remembers: Whether most texts may be split at their spaces first.

    Example:
        PlainTokenizer("words", read_code_points()).split("It's a good film.")
    """

    def __init__(self, name: str, points: CodePoints) -> None:
        splits = {"words": self._words, "characters": self._characters, "spaces": self._at_spaces}
        self.split: Callable[[str], list[str]] = splits[name]
        self.remembers = name != "characters"
        self._breaks = name == "words"
        self._points = points

    @functools.cached_property
    def _all(self) -> "_Tables":
        return _Tables(self._points, last=LAST)

    @functools.cached_property
    def _basic(self) -> "_Tables":
        """The tables without the code points that only few texts have: expressions are then several times as fast."""
        return _Tables(self._points, last=LAST_BASIC)

    def _tables(self, text: str) -> "_Tables":
        return self._all if self._basic.beyond.search(text) else self._basic

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
        return text if text.isascii() or not self._basic.opens_tag.search(text) else None

    def leans(self, piece: str) -> bool:
        """Whether the tokens of what is between two spaces may depend on the text before it: it begins with a mark."""
        return self._breaks and not piece.isascii() and self._tables(piece).leans(piece)

    def _words(self, text: str) -> list[str]:
        if text.isascii():
            return _ascii_words().split(CONTROLS.sub(" ", text).translate(ASCII_LOWER))
        tables = self._tables(text)
        text = tables.lower(tables.separators.sub(" ", tables.visible(text)))
        return tables.words.split(CONTROLS.sub(" ", text).translate(ASCII_LOWER))

    def _characters(self, text: str) -> list[str]:
        separators = CONTROLS_AND_SPACES
        if not text.isascii():
            tables = self._tables(text)
            separators = tables.character_separators
            text = tables.lower(tables.visible(text).replace("\0", " "))
        text = LINE_END.sub("\n", text.translate(ASCII_LOWER))
        return list(AROUND_LINE_END.sub("\n", separators.sub(" ", text)).strip(" \t\n\v\f\r"))

    def _at_spaces(self, text: str) -> list[str]:
        if not text.isascii():
            text = self._tables(text).spaces.sub(" ", text)
        return CONTROLS.sub(" ", text).split()


class _Tables:
    """The steps for texts that are not all ASCII, from tables of code points up to a last one.

    Attributes:
        beyond: Finds characters for which these tables do not go far enough.
        opens_tag: Finds characters that become a "<".
        separators, character_separators, spaces: What separates words, characters, and tokens between spaces.
    """

    def __init__(self, points: CodePoints, *, last: int) -> None:
        def within(*ranges: Ranges) -> str:
            cut = [(begin, min(end, last)) for some in ranges for begin, end in some if begin <= last]
            return python_class(cut)

        controls = ((0, 0x1F), (0x7F, 0x9F))
        self._parts = {name: within(getattr(points, name)) for name in ("letters", "marks", "numbers", "unspaced")}
        self._invisible = re.compile(f"[{within(points.invisible)}]+")
        self._lower, self._forms, self._classes = points.lower, points.decompositions, points.classes
        combining = within(tuple((code, code) for code in points.classes))
        self._marks = re.compile(f"[{combining}]{{2,}}")
        self._begins_with_mark = re.compile(f"[{combining}]")
        leading, vowel, trailing = map(_class_of, (LEADING, VOWEL, TRAILING))
        self._syllable = re.compile(f"[{leading}][{vowel}][{trailing}]?|[{_open_syllables()}][{trailing}]")
        cased, ignorable = within(points.cased), within(points.ignorable)
        self._final_sigma = re.compile(f"(?<=[{cased}])([{ignorable}]*)Σ(?![{ignorable}]*[{cased}])")
        self.opens_tag = _one_of(code for code, form in points.decompositions.items() if "<" in form)
        forms = [*points.decompositions.items(), *points.lower.items()]
        further = "".join(chr(code) for code, form in forms if code <= last < max(map(ord, form), default=0))
        self.beyond = re.compile(f"[{re.escape(further)}{chr(last + 1)}-{chr(LAST)}]") if last < LAST else NEVER
        self.separators = re.compile(f"[{within(points.spaces, points.formats, controls)}]+")
        but_line_feed = ((0, 9), (0x0B, 0x1F), (0x7F, 0x9F))
        self.character_separators = re.compile(f"[{within(points.spaces, points.formats, but_line_feed)}]+")
        self.spaces = re.compile(f"[{within(points.spaces, controls)}]+")

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


def _one_of(codes: Iterable[int]) -> re.Pattern[str]:
    characters = "".join(map(re.escape, map(chr, codes)))
    return re.compile(f"[{characters}]") if characters else NEVER


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
