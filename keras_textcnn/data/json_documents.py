"""JSON in the forms that people use: one object per line, an array of objects, or a sequence of objects."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from keras_textcnn.errors import InputError
from keras_textcnn.io.decoding import LONGEST_TEXT

BETWEEN = " \t\r\n,"  # the elements of an array or a sequence of objects


def json_lines(lines: Iterable[str], name: str) -> Iterator[tuple[int, Any]]:
    """The number and value of each line; blank lines are skipped.

    Raises:
        InputError: A line is not JSON, or is an array.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"not JSON: {name}:{number}: {error.msg} at character {error.colno}") from error
            except (ValueError, RecursionError) as error:  # a number of 5,000 digits, or 10,000 brackets
                raise InputError(f"not JSON: {name}:{number}: {error}") from error
            if isinstance(value, list):
                raise InputError(
                    f"an array, not an object: {name}:{number}; write one object per line, or name the file .json"
                )
            yield number, value


def json_elements(blocks: Iterable[str], name: str) -> Iterator[tuple[int, Any]]:
    """The objects of an array or a sequence, each with the number of its first line.

    Args:
        blocks: The text, block by block.
        name: The file's name, for errors.

    Raises:
        InputError: The text is not JSON, or does not consist of objects.
    """
    buffer = _Buffer(blocks, name)
    array = buffer.peek() == "["
    if array:
        buffer.pass_by(1)
    while (sign := buffer.peek()) == "{":
        yield buffer.line, buffer.decode()
    if array and sign == "]":
        buffer.pass_by(1)
        array, sign = False, buffer.peek()
    if sign:
        raise InputError(f"not an object: {name}:{buffer.line}; give an array of objects, or one object per line")
    if array:
        raise InputError(f"not JSON: {name}:{buffer.line}: the array does not end; is the file complete?")


class _Buffer:
    """The part of a JSON text that has arrived but has not been parsed yet.

    Attributes:
        line: The number of the line that is read next.
    """

    def __init__(self, blocks: Iterable[str], name: str) -> None:
        self._blocks, self._name = iter(blocks), name
        self._text, self._place, self.line = "", 0, 1
        self._decode = json.JSONDecoder().raw_decode

    def peek(self) -> str:
        """The next character that is not a separator (`BETWEEN`); empty at the end."""
        while True:
            while self._text[self._place : self._place + 1] and self._text[self._place] in BETWEEN:
                self.pass_by(1)
            if self._place < len(self._text) or not self._more():
                return self._text[self._place : self._place + 1]

    def decode(self) -> Any:
        """Parses the next value."""
        while True:
            try:
                value, end = self._decode(self._text, self._place)
            except (ValueError, RecursionError) as error:
                # The value may continue in the next block.
                too_long = len(self._text) - self._place > LONGEST_TEXT
                if isinstance(error, RecursionError) or too_long or not self._more():
                    reason = error.msg if isinstance(error, json.JSONDecodeError) else error
                    raise InputError(f"not JSON: {self._name}:{self.line}: {reason}") from error
            else:
                self.pass_by(end - self._place)
                return value

    def pass_by(self, signs: int) -> None:
        """Moves ahead by this many characters."""
        self.line += self._text.count("\n", self._place, self._place + signs)
        self._place += signs

    def _more(self) -> bool:
        block = next(self._blocks, None)
        self._text, self._place = self._text[self._place :] + (block or ""), 0
        return block is not None
