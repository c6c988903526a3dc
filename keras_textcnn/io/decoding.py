"""Decodes bytes to text in any encoding; an error names the line with bytes that do not decode."""

import codecs
import contextlib
import re
from collections.abc import Iterator

from keras_textcnn.errors import InputError
from keras_textcnn.io.files import CHUNK, Source, reading
from keras_textcnn.io.signatures import describe_binary

LONGEST_TEXT = 2**22  # characters, a thick book; a longer line means that the file is not text


BYTE_ORDER_MARKS = {  # UTF-32 first, because its mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


MARK = "keras_textcnn.mark"  # an error handler that marks the place of a byte that does not decode


SURROGATE = re.compile("[\ud800-\udfff]")  # the marks, and what a few codecs let through
codecs.register_error(MARK, lambda error: (chr(0xDC00 + error.object[error.start]), error.end))  # type: ignore


def check_encoding(encoding: str) -> None:
    """Raises InputError unless Python knows a text encoding of this name."""
    try:
        b"x".decode(encoding, MARK)  # for empty bytes, Python does not look the encoding up
    except (LookupError, UnicodeError):
        raise InputError(f"unknown encoding {encoding!r}; give one that Python knows, such as latin-1") from None


class TextDecoder:
    """Decodes files, and reports where one does not decode.

    Args:
        encoding: Encoding of the files; a byte order mark is not part of a UTF-8 text.
        replace: Whether a byte that does not decode is replaced with U+FFFD; otherwise it is an error.

    Attributes:
        replaced: How many places have been replaced with U+FFFD so far.
        waiting: Whether the next line has yet to arrive, as from an open pipe.
    """

    def __init__(self, encoding: str = "utf-8", *, replace: bool = False) -> None:
        check_encoding(encoding)
        self.encoding = encoding
        self.replace = replace
        self.replaced = 0
        self.waiting = False
        self._unicode = codecs.lookup(encoding).name == "utf-8"
        self._codec = "utf-8-sig" if self._unicode else encoding

    def decode(self, data: bytes, place: str) -> str:
        """Decodes a whole text; `place` names it in an error."""
        self._check_kind(data, place)
        with self._decoding(place):
            text = data.decode(self._codec, MARK)
        return self._checked(text, place, 1).removeprefix("\ufeff")

    def blocks(self, source: Source) -> Iterator[str]:
        """The text of a source, block by block, as soon as it is available.

        Raises:
            InputError: The source cannot be read or decoded, is not text, or contains a NUL.
        """
        decoder = codecs.getincrementaldecoder(self._codec)(MARK)
        line, first = 1, True
        with reading(source.name), source.open() as file:
            while True:
                data = file.read1(CHUNK)  # type: ignore[attr-defined]
                if first:
                    self._check_kind(data, source.name)
                with self._decoding(source.name):
                    text = decoder.decode(data, not data)
                text = self._checked(text, source.name, line)
                # There may be a byte order mark although the encoding names the order.
                yield text.removeprefix("\ufeff") if first else text
                line, first = line + text.count("\n"), first and not text
                if not data:
                    break

    def lines(self, source: Source) -> Iterator[str]:
        """The lines of a source, each with its end.

        Raises:
            InputError: As for `blocks`, or a line does not end.
        """
        number, begun = 1, ""  # the number of the line that is being read, and its beginning
        for block in self.blocks(source):
            *whole, rest = block.split("\n")
            for left, line in zip(range(len(whole) - 1, -1, -1), whole, strict=True):
                self.waiting = left == 0
                yield f"{begun}{line}\n"
                number, begun = number + 1, ""
            begun += rest
            if len(begun) > LONGEST_TEXT:
                place = f"{source.name}:{number}"
                raise InputError(f"a line of more than {LONGEST_TEXT:,} characters: {place}; is it text?")
        if begun:
            yield begun

    def _check_kind(self, beginning: bytes, place: str) -> None:
        """Names what is not text, or has another encoding, by its first bytes; a decoding error would be a riddle."""
        if kind := describe_binary(beginning):
            raise InputError(f"not text but {kind}: {place}; save it as text, such as CSV in UTF-8")
        encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if beginning.startswith(mark)), None)
        if encoding and self._unicode:
            raise InputError(f"{encoding.upper()} by its byte order mark: {place}; set --encoding {encoding}")

    @contextlib.contextmanager
    def _decoding(self, place: str) -> Iterator[None]:
        try:
            yield
        except UnicodeError as error:  # where no single byte is to blame
            name = self.encoding.upper()
            raise InputError(f"not {name}: {place}: {error}; name the encoding with --encoding") from error

    def _checked(self, text: str, place: str, line: int) -> str:
        if self.replace and not text.isascii():
            text, count = SURROGATE.subn("\ufffd", text)
            self.replaced += count
        elif not text.isascii() and (bad := SURROGATE.search(text)):
            line += text.count("\n", 0, bad.start())
            byte = ord(bad[0]) & 0xFF
            raise InputError(
                f"not {self.encoding.upper()}: {place}:{line}: byte {byte:#04x}; name the encoding with --encoding, "
                "or replace it with U+FFFD with --errors replace"
            )
        nul = text.find("\0")
        if nul >= 0:
            line += text.count("\n", 0, nul)
            raise InputError(f"a NUL byte: {place}:{line}; is it text, or in another encoding (--encoding utf-16)?")
        return text
