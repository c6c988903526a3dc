"""Rows of CSV and TSV files as people write them: with or without a header, with any delimiter and quoting."""

import contextlib
import csv
import dataclasses
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from keras_textcnn.errors import InputError
from keras_textcnn.io.decoding import LONGEST_TEXT

EXCEL_DELIMITER = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)  # a first line from which Excel takes the delimiter
SHOWN = 5  # places in a warning

Row = tuple[int, list[str]]  # the number of its first line, its fields


class EmptyTableError(InputError):
    """A table has no rows, or not even a header."""


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        delimiter: Separates the fields, unless the first line is such as `sep=;`.
        quoting: Whether a quotation mark may open a field, which ends at the next one.
        escape: Precedes a delimiter or quotation mark that is part of a field; None: nothing does.
        header: Whether the first row names the columns; otherwise they are named 1, 2 and so on.
    """

    delimiter: str
    quoting: bool = True
    escape: str | None = None
    header: bool = True


class Table:
    """The rows of a table, one by one.

    Args:
        lines: The lines, with their ends.
        name: The file's name, for errors.
        dialect: How the table is written.

    Attributes:
        names: Names of the columns, without the spaces around them.
        header: Names of the columns as they are written.

    Raises:
        EmptyTableError: The table is empty.
    """

    def __init__(self, lines: Iterable[str], name: str, dialect: Dialect) -> None:
        csv.field_size_limit(LONGEST_TEXT)
        self._name, self._lines, self._read = name, iter(lines), [""]
        self._skipped, delimiter, first = 0, dialect.delimiter, next(self._lines, "")
        if found := EXCEL_DELIMITER.fullmatch(first):
            self._skipped, delimiter, first = 1, found[1], ""
        self.delimiter = delimiter
        self._parse = functools.partial(
            csv.reader,
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if dialect.quoting else csv.QUOTE_NONE,
            escapechar=dialect.escape,
        )
        self._skips_spaces = not delimiter.isspace()  # in `x, "a, b"` the mark after the space opens a field
        self._rows = self._parse(self._watched(first), skipinitialspace=self._skips_spaces, strict=True)
        number, row = next((numbered for numbered in self._numbered() if numbered[1]), (1, []))
        if not row:
            raise EmptyTableError(f"empty file: {name}; the first line must name the columns")
        self._first = [] if dialect.header else [(number, row)]
        self.header = self.with_spaces(row) if dialect.header else [str(i + 1) for i in range(len(row))]
        self.names = [name.strip() for name in self.header]

    def rows(self) -> Iterator[Row]:
        """The rows below the header; blank lines are skipped.

        Raises:
            InputError: A row has more or fewer fields than there are columns, or a quotation mark is not closed.
            EmptyTableError: There are none.
        """
        empty = True
        for number, row in itertools.chain(self._first, self._numbered()):
            if row and len(row) != len(self.names):
                raise InputError(
                    f"{len(row)} fields where the first row has {len(self.names)}: {self._name}:{number}; put texts "
                    "that contain the delimiter into quotation marks"
                )
            if row:
                empty = False
                yield number, row
        if empty:
            raise EmptyTableError(f"no texts in {self._name}: it has a header and nothing below it")

    def with_spaces(self, row: list[str]) -> list[str]:
        """The row that was read last, with the spaces at the beginning of its fields that reading has skipped."""
        after = f"{self.delimiter} "
        if not self._skips_spaces or not any(line.startswith(" ") or after in line for line in self._read):
            return row
        spaced: list[str] = []
        with contextlib.suppress(csv.Error):  # a carriage return inside quotation marks that follow a space
            spaced = next(self._parse(self._read))
        if len(spaced) != len(row):  # a delimiter inside such marks
            return row
        return [long if long.lstrip(" ") == cell else cell for long, cell in zip(spaced, row, strict=True)]

    def _watched(self, first: str) -> Iterator[str]:
        for line in itertools.chain([first] if first else [], self._lines):
            self._read.append(line)
            yield line

    def _numbered(self) -> Iterator[Row]:
        while True:
            begin = self._rows.line_num + 1 + self._skipped
            self._read.clear()
            try:
                row = next(self._rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise self._problem(str(error), begin) from error
            yield begin, row

    def _problem(self, problem: str, line: int) -> InputError:
        advice = "close the quotation mark, or set --quoting none if quotation marks are ordinary characters"
        if "new-line" in problem:
            problem, advice = "a carriage return alone", "end the lines with line feeds"
        elif '\\"' in self._read[-1]:
            advice = r"set --escape '\' if a backslash escapes a quotation mark, or --quoting none"
        return InputError(f"not a table: {self._name}:{line}: {problem}; {advice}")


class SwallowedRows:
    """Finds quoted fields that seem to hold whole rows, because two quotation marks were not meant to quote.

    Args:
        name: The file's name.
        delimiter: Separates the fields.
        columns: Number of columns.
        label: Position of the label, by which rows are recognized; None: by their number of fields.
    """

    def __init__(self, name: str, delimiter: str, columns: int, label: int | None) -> None:
        self._name, self._delimiter, self._columns, self._label = name, delimiter, columns, label
        self._labels: set[str] = set()
        self._suspects: list[tuple[int, int, list[str]]] = []  # first line, last line, possible labels

    def add(self, number: int, row: Sequence[str]) -> None:
        """Examines a row that begins in the line with this number."""
        ends = sum(field.count("\n") for field in row)
        if self._columns < 2 or not ends:
            if self._label is not None:
                self._labels.add(row[self._label].strip())
            return
        for column, field in enumerate(row):
            if "\n" in field and (found := self._inside(field, column)):
                self._suspects.append((number, number + ends, found))

    def _inside(self, field: str, column: int) -> list[str]:
        """The labels of the rows that a field seems to hold; without a label column, their first fields."""
        pieces = [piece.rstrip("\r").split(self._delimiter) for piece in field.split("\n")]
        # The field begins in the middle of the first row, and ends in the middle of the last one.
        missing = [column, *[0] * (len(pieces) - 2), 0]
        sizes = [self._columns - column, *[self._columns] * (len(pieces) - 2), column + 1]
        fits = [len(piece) == size for piece, size in zip(pieces, sizes, strict=True)]
        if self._label is None:
            return [piece[0] for piece in pieces[:-1]] if all(fits) else []
        found = []
        for piece, before, whole in zip(pieces, missing, fits, strict=True):
            place = self._label - before
            if whole and 0 <= place < len(piece) and (before == 0 or place > 0) and len(piece) > 1:
                found.append(piece[place].strip())
        return found

    def warnings(self) -> list[str]:
        """One line about what was found, if anything."""
        sure = [
            f"{first} to {last}"
            for first, last, found in self._suspects
            if self._label is None or self._labels & set(found)
        ]
        if not sure:
            return []
        shown = ", ".join(sure[:SHOWN]) + (" ..." if sure[SHOWN:] else "")
        return [
            f"quoted fields of {self._name} hold whole rows, which are not read as rows, in lines {shown}; "
            "try --quoting none if quotation marks are ordinary characters, or close them"
        ]
