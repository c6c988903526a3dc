"""Writes rows back with more columns: CSV, TSV, JSON lines, Parquet. The file appears once it is complete.

To add a format, write a function such as `_delimited` and add it to `WRITERS`.
"""

import contextlib
import dataclasses
import functools
import gzip
import itertools
import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from keras_textcnn.data.columns import numbered_names
from keras_textcnn.data.formats import DELIMITERS, TextRow
from keras_textcnn.errors import InputError
from keras_textcnn.io import parquet
from keras_textcnn.io.decoding import SURROGATE
from keras_textcnn.io.files import kind_of
from keras_textcnn.io.integrity import replacing

OUTPUTS = ".csv, .tsv, .jsonl or .parquet, or .csv.gz, .tsv.gz or .jsonl.gz"
ANOTHER = "choose another --output"
GROUP_ROWS, GROUP_BYTES = 2**16, 2**26  # of a row group of Parquet, which is held in memory until it is written
PARTS = 64  # tables that are held until they become one: a pipe may bring a row at a time

Write = Callable[[Sequence[TextRow], Sequence[Sequence[Any]]], None]  # rows, and what is added to each of them


@dataclasses.dataclass(frozen=True)
class Layout:
    """The columns of a table that is written.

    Attributes:
        names: The columns of the rows.
        added: The columns that are added behind them, each with the name of its type: `string`, `double` or `strings`.
        schema: Their `pyarrow.Schema`, if the rows come from Parquet.
    """

    names: Sequence[str]
    added: Mapping[str, str]
    schema: Any = None


@contextlib.contextmanager
def writing_table(path: Path, layout: Layout, *, advice: str = ANOTHER) -> Iterator[Write]:
    """Opens a table; it replaces `path` at the end of the block, unless there is an error.

    Args:
        path: A file with one of the suffixes in `OUTPUTS`. A link stays, and the file that it leads to is replaced.
        layout: The columns.
        advice: What to do if the disk is full or the folder cannot be written.

    Yields:
        A function that takes rows, and the added values for each of them.

    Raises:
        InputError: The file cannot be written, or the format cannot hold the columns or a value.
    """
    kind = kind_of(path)
    check_names(layout.names, kind)
    try:
        with contextlib.ExitStack() as stack:
            partial = stack.enter_context(replacing(path.resolve()))
            file = stack.enter_context(partial.open("wb"))
            packed = stack.enter_context(_packing(file, path))
            yield stack.enter_context(WRITERS[kind](packed, layout))
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; {advice}") from error


def check_writable(path: Path) -> None:
    """Raises InputError if no table can be written to `path`: wrong suffix, no such folder, not a file."""
    kind, last = kind_of(path), path.suffix.lower()
    if kind not in WRITERS or last not in (kind, ".gz") or (kind, last) == (".parquet", ".gz"):
        raise InputError(f"--output must end in {OUTPUTS}; received: {path}")
    there = path.resolve()
    if there.exists() and not there.is_file():
        raise InputError(f"not a file: {path}; {ANOTHER}")
    if not there.parent.is_dir():
        raise InputError(f"no such folder: {there.parent}; make it, or choose another --output")
    if not os.access(there.parent, os.W_OK):
        raise InputError(f"cannot write into the folder {there.parent}; {ANOTHER}")
    if kind == ".parquet":
        parquet.check_installed(path)


def check_names(names: Collection[str], kind: str) -> None:
    """Raises InputError if files of a kind, such as `.jsonl`, cannot have columns with these names."""
    if kind not in DELIMITERS and (twice := _repeated(names)) is not None:
        raise InputError(f"two columns {twice!r}, which a {kind} file cannot have; rename one, or write CSV")


def free_name(name: str, taken: Collection[str]) -> str:
    """The name of an added column: `name`, or if there is such a column, `predicted_name`, `predicted_name_2` ...

    Names that differ in case or in spaces at their ends are the same, as they are to Spark and most databases.
    """
    known = {_folded(one) for one in taken}
    others = (f"predicted_{name}_{number}" for number in itertools.count(2))
    return next(one for one in itertools.chain([name, f"predicted_{name}"], others) if _folded(one) not in known)


def _folded(name: str) -> str:
    return name.strip().casefold()


def _repeated(names: Collection[str]) -> str | None:
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]


@contextlib.contextmanager
def _packing(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    """Compresses what is written to a file whose name ends in .gz; neither its name nor the time gets into it."""
    if path.suffix.lower() != ".gz":
        yield file
        return
    with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        yield cast(BinaryIO, packed)


def _fields(row: TextRow) -> dict[str, Any]:
    if (twice := _repeated(row.names)) is not None:
        raise InputError(f"two columns {twice!r}: {row.place}; rename one")
    return dict(zip(row.names, row.cells, strict=True))


def _cells(row: TextRow, names: list[str]) -> list[Any]:
    """The values of a row in the order of the table's columns; None where it lacks one."""
    if list(row.names) == names:
        return list(row.cells)
    columns = dict.fromkeys(numbered_names(names))
    fields = dict(zip(numbered_names(row.names), row.cells, strict=True))
    if new := [column[0] for column in fields if column not in columns]:
        raise _new_column(new[0], row)
    return [fields.get(column) for column in columns]


def _new_column(name: str, row: TextRow) -> InputError:
    """The error for what only a pipe can bring: the columns of a file are known before."""
    return InputError(
        f"a column {name!r} that the first row lacks: {row.place}; give the rows as a file, not by a pipe"
    )


def _in_words(value: Any) -> str | None:
    """A value as a cell: a string as it is, None for a missing value, all else as JSON or as Python writes it."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return None
    if isinstance(value, bool | int | float | list | dict):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return _plain(value)


def _plain(value: Any) -> str:
    """A value that JSON has no type for: a date, a decimal, bytes."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


@contextlib.contextmanager
def _delimited(file: BinaryIO, layout: Layout, *, delimiter: str) -> Iterator[Write]:
    """CSV or TSV with a header. Python's own writer would leave a carriage return without quotation marks."""
    names, special = list(layout.names), re.compile(f'["\r\n{delimiter}]').search

    def line(cells: Iterable[str], place: str) -> bytes:
        quoted = ('"' + cell.replace('"', '""') + '"' if special(cell) else cell for cell in cells)
        return _encode(delimiter.join(quoted) + "\n", place)

    def write(rows: Sequence[TextRow], added: Sequence[Sequence[Any]]) -> None:
        for row, more in zip(rows, added, strict=True):
            cells = (_in_words(cell) or "" for cell in [*_cells(row, names), *more])
            file.write(line(cells, row.place))

    file.write(line([*names, *layout.added], "the names of the columns"))
    yield write


def _encode(text: str, place: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InputError(f"a character that UTF-8 cannot encode: {place}; fix it, or write a .jsonl") from None


@contextlib.contextmanager
def _json_lines(file: BinaryIO, layout: Layout) -> Iterator[Write]:
    """An object a line, each with the keys that it had."""

    def write(rows: Sequence[TextRow], added: Sequence[Sequence[Any]]) -> None:
        for row, more in zip(rows, added, strict=True):
            fields = _fields(row)
            if taken := fields.keys() & layout.added.keys():
                raise _new_column(taken.pop(), row)
            fields |= zip(layout.added, more, strict=True)
            line = json.dumps(fields, ensure_ascii=False, default=_plain)
            if SURROGATE.search(line):  # half of a pair, which only JSON can spell
                line = json.dumps(fields, default=_plain)
            file.write(line.encode() + b"\n")

    yield write


@contextlib.contextmanager
def _parquet(file: BinaryIO, layout: Layout) -> Iterator[Write]:
    """Columns from Parquet keep their types; all others are strings, and null where a value is missing."""
    import pyarrow
    import pyarrow.parquet

    given, schema = _schemas(layout)
    waiting: list[Any] = []  # tables, until they are enough for a row group

    def given_columns(rows: Sequence[TextRow]) -> list[Any]:
        if layout.schema is not None:
            return list(parquet.table_of([cast(parquet.Cells, row.cells) for row in rows], given).columns)
        cells = [[_encodable(_in_words(cell), row.place) for cell in _cells(row, given.names)] for row in rows]
        return [pyarrow.array(column, pyarrow.string()) for column in zip(*cells, strict=True)]

    def write(rows: Sequence[TextRow], added: Sequence[Sequence[Any]]) -> None:
        more = [pyarrow.array(column, kind) for column, kind in zip(zip(*added, strict=True), kinds, strict=True)]
        waiting.append(pyarrow.table([*given_columns(rows), *more], schema=schema))
        if len(waiting) == PARTS:
            waiting[:] = [pyarrow.concat_tables(waiting).combine_chunks()]
        if sum(map(len, waiting)) >= GROUP_ROWS or sum(table.nbytes for table in waiting) >= GROUP_BYTES:
            writer.write_table(pyarrow.concat_tables(waiting))
            waiting.clear()

    kinds = schema.types[len(given) :]
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        yield write
        if waiting:
            writer.write_table(pyarrow.concat_tables(waiting))


def arrow_kinds() -> dict[str, Any]:
    """The types of Arrow by the names that `Layout` has for them."""
    import pyarrow

    return {"string": pyarrow.string(), "double": pyarrow.float64(), "strings": pyarrow.list_(pyarrow.string())}


def _schemas(layout: Layout) -> tuple[Any, Any]:
    """The `pyarrow.Schema` of the columns of the rows, and that of all columns, with what pandas noted about them."""
    import pyarrow

    kinds, given = arrow_kinds(), layout.schema
    if given is None:
        given = pyarrow.schema([(name, pyarrow.string()) for name in layout.names])
    more = [pyarrow.field(name, kinds[kind]) for name, kind in layout.added.items()]
    return given, pyarrow.schema([*given, *more], given.metadata)


def _encodable(cell: str | None, place: str) -> str | None:
    if cell is not None and not cell.isascii():
        _encode(cell, place)
    return cell


WRITERS: dict[str, Callable[[BinaryIO, Layout], contextlib.AbstractContextManager[Write]]] = {
    ".csv": functools.partial(_delimited, delimiter=DELIMITERS[".csv"]),
    ".tsv": functools.partial(_delimited, delimiter=DELIMITERS[".tsv"]),
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}
