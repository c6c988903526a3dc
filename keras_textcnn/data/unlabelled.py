"""Reads texts to predict: lines, tables, JSON, archives, folders, standard input."""

import contextlib
import functools
import itertools
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.columns import all_names
from keras_textcnn.data.formats import DELIMITERS, TABLES, TextRow, split_fasttext
from keras_textcnn.data.loading import OF_BYTES, make_reader
from keras_textcnn.data.readers import Reader
from keras_textcnn.data.split_names import find_splits
from keras_textcnn.errors import InputError
from keras_textcnn.io import parquet
from keras_textcnn.io.archives import ARCHIVES
from keras_textcnn.io.files import Source, is_there, kind_of
from keras_textcnn.settings.data import TEXT_SETTINGS

BATCH = 1024  # texts at a time, or fewer if no more have arrived
STANDARD_INPUT = "-"
LINES = "lines"
LINE_COLUMNS = ("text",)
ITSELF = "text"  # the argument is the text, not a name
FORMATS = (LINES, "csv", "tsv", "jsonl", "json")  # of standard input, or of a file whose name does not show its format


class Texts:
    """The texts of a file, a folder or standard input, in batches and in order; or a text given as the argument itself.

    Args:
        name: A path, `-`, or a text, which is anything that is not a file and has spaces or neither a suffix nor a
            slash.
        config: How the texts are read.
        input_format: One of `FORMATS`; None: the name decides, or lines if it does not show a format.
        whole: Whether the rows have all of their columns.

    Attributes:
        reader: Knows what was replaced, left out or warned about, once all texts are read.
        labelled: Number of lines with labels in fastText's format, which are not part of the text.

    Raises:
        InputError: There is no such file, or the format does not apply to it.
    """

    def __init__(self, name: str, config: TrainConfig, *, input_format: str | None = None, whole: bool = False) -> None:
        self._name, self._path, self._format = name, Path(name), input_format
        self._make_reader = functools.partial(make_reader, config, labels=False, whole=whole)
        self.reader: Reader = self._make_reader()
        self.labelled = 0
        self._live = name == STANDARD_INPUT
        there = self._live or is_there(name)
        self._itself = not there and (" " in name.strip() or not name or not (self._path.suffix or "/" in name))
        if not there and not self._itself:
            raise InputError(
                f"cannot read {name}: No such file or directory; give a file of texts, a folder, or the text itself in "
                "quotation marks"
            )
        if input_format and self._itself:
            raise InputError(f"--input-format does not apply to a text given directly: {name!r}; leave it out")
        folder_or_archive = there and not self._live and (self._path.is_dir() or kind_of(self._path) in ARCHIVES)
        if input_format and folder_or_archive:
            raise InputError(f"--input-format does not apply to {name}; leave it out")

        self._batches = self._in_batches()
        self._columns: list[str] | None = None

    def batches(self) -> Iterator[list[str]]:
        """The texts, as many at a time as are available without waiting, at most `BATCH`."""
        return ([row.text for row in rows] for rows in self.row_batches())

    def row_batches(self) -> Iterator[list[TextRow]]:
        """The texts with their rows, as many at a time as in `batches`."""
        return self._batches

    def peek(self) -> list[TextRow]:
        """The first texts, which are still the first of `batches` and `row_batches`."""
        first = next(self._batches, [])
        self._batches = itertools.chain([first] if first else [], self._batches)
        return first

    def columns(self) -> list[str]:
        """The names of all columns of the rows, whichever rows they are in.

        Where rows may differ in their columns, as in JSON, everything is read once for this. A pipe can be read only
        once: there, the columns are those of the first row.
        """
        if self._columns is None:
            self._columns = self._find_columns()
        return self._columns

    def _find_columns(self) -> list[str]:
        if self._kind in (ITSELF, LINES):
            return list(LINE_COLUMNS)
        if (schema := self.schema()) is not None:
            return list(schema.names)
        if self._kind in DELIMITERS or not (self._path.is_file() or self._path.is_dir()):
            return [name for row in self.peek()[:1] for name in row.names]
        return all_names(row.names for row in self._rows(self._make_reader()))

    def schema(self) -> Any:
        """The `pyarrow.Schema` of the columns if the texts come from Parquet, otherwise None."""
        found = [place for _, place in find_splits(self._path)] if self._kind in (".parquet", "") else []
        tables = [place for place in found if kind_of(place) == ".parquet"]
        return parquet.common_schema(tables) if tables == found else None

    def come_from(self, path: Path) -> bool:
        """Whether the texts are read from this file, perhaps by another name or through a link, or from its folder."""
        if self._itself:
            return False
        if self._live:
            with contextlib.suppress(OSError):  # there is no such file, or standard input is none
                return os.path.samestat(path.stat(), os.fstat(sys.stdin.fileno()))
            return False
        inside = self._path.is_dir() and path.resolve().is_relative_to(self._path.resolve())
        return inside or (path.exists() and path.samefile(self._path))

    def check_useful(self, given: Iterable[str]) -> None:
        """Raises InputError if one of these settings in `TEXT_SETTINGS` does not affect how these texts are read."""
        read = "standard input" if self._live else repr(self._name)
        check_useful(given, self._kind, read, "leave it out, or set --input-format")

    @property
    def _kind(self) -> str:
        """The suffix that tells how to read the texts, `lines` or `text`, or an empty string for a folder."""
        if self._itself:
            return ITSELF
        if self._format:
            return self._format if self._format == LINES else f".{self._format}"
        if self._live:
            return LINES
        if self._path.is_dir():
            return ""
        kind = kind_of(self._path)
        return kind if kind in (*TABLES, *ARCHIVES) else LINES

    def _in_batches(self) -> Iterator[list[TextRow]]:
        batch: list[TextRow] = []
        for row in self._rows(self.reader):
            batch.append(row)
            if len(batch) == BATCH or (self._live and self.reader.decoder.waiting):
                yield batch
                batch = []
        if batch:
            yield batch

    def _rows(self, reader: Reader) -> Iterator[TextRow]:
        kind = self._kind
        if kind == ITSELF:
            return iter([TextRow(self._name, "the text", LINE_COLUMNS, (self._name,))])
        if kind in (".parquet", "", *ARCHIVES):
            return reader.rows_of(self._path)
        source = Source.of(self._path, kind)
        if self._live:
            source = Source("standard input", kind, lambda: contextlib.nullcontext(sys.stdin.buffer))
        return self._lines(source) if kind == LINES else reader.rows(source)

    def _lines(self, source: Source) -> Iterator[TextRow]:
        lines: Iterable[str] = self.reader.decoder.lines(source)
        if not self._format:
            first = list(itertools.islice(lines, 1))
            if first and _is_json(first[0]):
                kinds = "--input-format jsonl or json"
                raise InputError(
                    f"JSON, not one text per line: {source.name}:1; set {kinds}, or lines to read it as text"
                )
            lines = itertools.chain(first, lines)
        for line in lines:
            text, labels = split_fasttext(line) if "__label__" in line else (line, [])
            self.labelled += bool(labels)
            text = text if labels else line.removesuffix("\n").removesuffix("\r")
            yield TextRow(text, source.name, LINE_COLUMNS, (text,))


def check_useful(given: Iterable[str], kind: str, read: str, advice: str = "leave it out") -> None:
    """Checks whether settings apply to a format.

    Args:
        given: Names of settings in `TEXT_SETTINGS`.
        kind: As in `Texts`: a suffix, `lines` or `text`, or an empty string for a folder.
        read: What is read, for the error.
        advice: What to do about a setting that does not apply.

    Raises:
        InputError: One does not affect how texts in this format are read.
    """
    useful = OF_BYTES | {"text_column"}
    if kind in (ITSELF, LINES):
        useful = OF_BYTES if kind == LINES else set()
    elif kind in (*DELIMITERS, "", *ARCHIVES):
        useful = set(TEXT_SETTINGS)
    for name in given:
        if name not in useful:
            raise InputError(f"--{name.replace('_', '-')} does not apply to {read} in this format; {advice}")


def _is_json(line: str) -> bool:
    """Whether a first line is JSON: an object, an array, or the beginning of one."""
    if line.strip() in ("{", "["):
        return True
    try:
        return isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return False
