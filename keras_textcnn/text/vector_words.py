"""Decides which words of a vectors file are kept, and for which tokens."""

import re
import unicodedata
from collections.abc import Collection, Iterable

from keras_textcnn.errors import InputError
from keras_textcnn.presets import WORDS, find_tokenizer
from keras_textcnn.text import folding

WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")  # the tokenizer also makes others, but no other kind is worth a row


CONTRACTED = re.compile(r"(?:n't|'(?:s|m|d|ll|re|ve))(?:['-]|$)")  # which the tokenizer splits


PARTED = re.compile(r"[\s\0-\x1f\x7f-\x9f]")


EXACT, OTHER_FORM, OTHER_CASE = range(3)  # how well a word of the file matches a token


def spoken_word(word: str, key: str) -> str | None:
    """The word in lower case, if the tokenizer `words` makes it a single token."""
    bare = key if key.isascii() else "".join(sign for sign in key if unicodedata.category(sign)[0] != "M")
    if not WORD.fullmatch(bare) or CONTRACTED.search(key) or unicodedata.category(key[0])[0] == "M":
        return None
    return key if len(bare) == 1 or key.isascii() or not UNSPACED.search(bare) else None


def single_character(word: str, key: str) -> str | None:
    """The character, if the word is one."""
    return key if len(key) == 1 else None


def unspaced_word(word: str, key: str) -> str | None:
    """The word as it is, unless it contains white space."""
    return None if PARTED.search(word) else word


class Chooser:
    """Decides which words of a file are kept, and as which tokens.

    A token takes the word that equals it; if there is none, the first word that differs only in its Unicode form
    (`folding.fold`); and if there is none, the first that differs in case as well.

    Args:
        wanted: The wanted tokens.
        more: How many other words to keep: the first ones that the tokenizer turns into a single token.
        tokenizer: As for `presets.find_tokenizer`.
        unwanted: Tokens that must not be among these other words.

    Attributes:
        keys: The wanted ASCII tokens in lower case.
        more: How many other words may still be kept.
        undecodable: Number of words so far that are not UTF-8.
    """

    def __init__(
        self, wanted: Iterable[str], *, more: int = 0, tokenizer: str = WORDS, unwanted: Collection[str] = ()
    ) -> None:
        self._tokens: dict[str, list[str]] = {}  # by their `fold_case`
        for token in dict.fromkeys(wanted):
            self._tokens.setdefault(folding.fold_case(token), []).append(token)
        self.keys = {key.encode() for key in self._tokens if key.isascii()}
        self._token_of = find_tokenizer(tokenizer).load_token_of()
        self.more = more
        self._unwanted = unwanted
        self._fits: dict[str, int] = {}  # of the tokens that have a vector
        self.undecodable = 0

    def may_keep(self, word: bytes) -> bool:
        """Whether a word is worth a closer look; fast for those that are not. Call it once per row."""
        if self.more > 0 or word.lower() in self.keys:
            return True
        if word.isascii():
            return False
        try:
            return folding.fold_case(word.decode()) in self._tokens
        except UnicodeDecodeError:
            self.undecodable += 1
            return False

    def __call__(self, word: bytes, place: str) -> list[str]:
        """The tokens that take the vector of a word, in place of one that matches less well.

        Raises:
            InputError: The word occurred before.
        """
        try:
            text = word.decode()
        except UnicodeDecodeError:
            self.undecodable += self.more > 0  # otherwise `may_keep` has counted it
            return []
        key = folding.fold_case(text)
        if not key or key.isspace():
            return []
        self._add(text, key)
        kept = []
        for token in self._tokens.get(key, ()):
            fit = EXACT if token == text else OTHER_FORM if folding.fold(token) == folding.fold(text) else OTHER_CASE
            before = self._fits.get(token, OTHER_CASE + 1)
            if fit == before == EXACT:
                raise InputError(f"{text!r} already has a vector: {place}; leave one out")
            if fit < before:
                self._fits[token] = fit
                kept.append(token)
        return kept

    def _add(self, text: str, key: str) -> None:
        if self.more <= 0 or (token := self._token_of(text, key)) is None or token in self._unwanted:
            return
        known = self._tokens.setdefault(key, [])
        if token not in known:
            known.append(token)
            if key.isascii():
                self.keys.add(key.encode())
            self.more -= 1


UNSPACED = re.compile(f"[{folding.python_class(folding.UNSPACED)}]")
