"""From texts to ids without TensorFlow, with a memory for what stands between spaces."""

import itertools
from collections.abc import Mapping, Sequence

from keras_textcnn.text.plain_tokenizers import PlainTokenizer

UNKNOWN_ID = 1
MOST_PIECES, LONGEST_PIECE = 2**17, 48  # that are remembered, characters of each


class _LeaningError(Exception):
    """What is between two spaces cannot be split alone."""


class _Memory(dict[str, list[int]]):
    """The ids of pieces of text, found when they are first asked for."""

    def __init__(self, tokenizer: PlainTokenizer, ids: Mapping[str, int]) -> None:
        super().__init__()
        self._tokenizer, self._ids = tokenizer, ids

    def __missing__(self, piece: str) -> list[int]:
        if self._tokenizer.leans(piece):
            raise _LeaningError
        found = self.look_up(self._tokenizer.split(piece))
        if len(piece) <= LONGEST_PIECE:
            if len(self) >= MOST_PIECES:
                self.clear()
            self[piece] = found
        return found

    def look_up(self, tokens: Sequence[str]) -> list[int]:
        """The ids of tokens."""
        return [self._ids.get(token, UNKNOWN_ID) for token in tokens]


class Encoder:
    """Encodes texts.

    Args:
        tokenizer: Splits them.
        vocabulary: Tokens by id.
        maximum_tokens: Longer texts are cut to this many tokens.
    """

    def __init__(self, tokenizer: PlainTokenizer, vocabulary: Sequence[str], *, maximum_tokens: int) -> None:
        self._tokenizer, self._most = tokenizer, maximum_tokens
        self._memory = _Memory(tokenizer, {token: id for id, token in enumerate(vocabulary[2:], 2)})

    def tokens(self, text: str) -> list[str]:
        """The tokens that the model reads of a text."""
        return self._tokenizer.split(text)[: self._most]

    def encode(self, text: str) -> list[int]:
        """The ids of the tokens that the model reads of a text."""
        separable = self._tokenizer.separable(text) if self._tokenizer.remembers else None
        if separable is not None:
            try:
                # A piece has a token or more, but for a few: the first ones are enough.
                pieces = separable.split(None, self._most)
                rest = pieces.pop() if len(pieces) > self._most else ""
                if rest and self._tokenizer.leans(rest.split(None, 1)[0]):  # on the last of the first ones
                    raise _LeaningError
                ids = [*itertools.chain.from_iterable(map(self._memory.__getitem__, pieces))]
                if rest and len(ids) < self._most:
                    ids += itertools.chain.from_iterable(map(self._memory.__getitem__, rest.split()))
                return ids[: self._most]
            except _LeaningError:
                pass
        return self._memory.look_up(self.tokens(text))
