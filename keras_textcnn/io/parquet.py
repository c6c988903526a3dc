"""Reads Parquet files row by row, in the memory of a few rows, whatever size they claim to have."""

import contextlib
import itertools
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from keras_textcnn.errors import InputError
from keras_textcnn.io.files import CHUNK, Expansion, reading

LARGE = 2**26  # bytes
ROWS = 256  # decoded at a time


class Cells(Collection[Any]):
    """The values of a row.

    Args:
        batch: Some rows of the file, as a `pyarrow.RecordBatch`.
        number: Which of them is meant.
    """

    def __init__(self, batch: Any, number: int) -> None:
        self.batch, self.number = batch, number

    def __len__(self) -> int:
        return int(self.batch.num_columns)

    def __iter__(self) -> Iterator[Any]:
        return (_value(column[self.number]) for column in self.batch.columns)

    def __contains__(self, value: object) -> bool:
        return value in list(self)


def _value(scalar: Any) -> Any:
    try:
        value = scalar.as_py()
    except ValueError:  # a time in nanoseconds, for which Python has no type
        return scalar.cast("string").as_py()
    return None if value != value else value  # pandas writes a missing number as NaN


def table_of(rows: Sequence[Cells], schema: Any) -> Any:
    """Rows as a `pyarrow.Table` with the columns of a schema: values and types stay; a column that a row lacks is null.

    Args:
        rows: The rows, each from `read_rows` with `whole`.
        schema: The names and types, as in `common_schema`.
    """
    import pyarrow

    tables = []
    for part in _batches(rows):
        columns = [
            _typed(part.column(field.name), field.type)
            if field.name in part.schema.names
            else pyarrow.nulls(part.num_rows, field.type)
            for field in schema
        ]
        tables.append(pyarrow.table(columns, schema=schema))
    return pyarrow.concat_tables(tables)


def detached(rows: Sequence[Cells]) -> list[Cells]:
    """The same rows without the values of others, which a batch may bring along: its dictionary has all before it.

    They are as large as their values once they are pickled.

    Args:
        rows: Rows that follow each other, each from `read_rows`; what they unpack to has been counted.
    """
    import pyarrow

    own = []
    for part in _batches(rows):
        columns = [column.dictionary_decode() if _is_shared(column) else column for column in part.columns]
        batch = pyarrow.RecordBatch.from_arrays(columns, part.schema.names)
        own += [Cells(batch, number) for number in range(batch.num_rows)]
    return own


def _batches(rows: Sequence[Cells]) -> Iterator[Any]:
    """The rows as a `pyarrow.RecordBatch` for each batch that they are from."""
    for _, group in itertools.groupby(rows, key=lambda row: id(row.batch)):
        some = list(group)
        yield some[0].batch.slice(some[0].number, len(some))


def _is_shared(column: Any) -> bool:
    """Whether a column has a dictionary of more values than rows, whose order says nothing."""
    import pyarrow

    is_dictionary = pyarrow.types.is_dictionary(column.type)
    return is_dictionary and not column.type.ordered and len(column.dictionary) > len(column)


def _typed(column: Any, kind: Any) -> Any:
    """A column in the type that it has in the file; `read_rows` reads long texts as a dictionary."""
    import pyarrow

    if pyarrow.types.is_dictionary(column.type) and not pyarrow.types.is_dictionary(kind):
        column = column.dictionary_decode()
    return column if column.type == kind else column.cast(kind)


def check_installed(path: Path) -> None:
    """Raises InputError unless pyarrow is installed, which `path` needs."""
    with _reading(path):
        pass


def read_schema(path: Path) -> Any:
    """The `pyarrow.Schema` of a file: names and types of its columns, and what pandas has noted about them.

    Raises:
        InputError: The file is damaged, or pyarrow is not installed.
    """
    with _reading(path) as parquet:
        return parquet.read_schema(path)


def common_schema(paths: Sequence[Path]) -> Any:
    """The `pyarrow.Schema` of all columns of some files; None without files.

    Raises:
        InputError: A file is damaged, or a column has different types.
    """
    schemas = [read_schema(path) for path in paths]
    if not schemas:
        return None
    import pyarrow

    try:
        return pyarrow.unify_schemas(schemas)
    except pyarrow.ArrowException as error:
        reason = " ".join(str(error).split())
        raise InputError(f"different types: {', '.join(map(str, paths))} ({reason}); give one of the files") from error


def read_rows(path: Path, names: Sequence[str], *, whole: bool = False) -> Iterator[tuple[dict[str, Any], Cells]]:
    """The rows of a file, one by one: some of its columns by name, and the cells.

    Args:
        path: The file.
        names: The columns that are given by name.
        whole: Whether the cells are those of all columns, or only of these.

    Raises:
        InputError: The file is damaged, or unpacks to too much.
    """
    # Without a buffer, a large group of rows would be held in memory whole. With one, a damaged page is given as much
    # memory as it claims to need, up to 2 GiB, before any of it is read.
    buffer = CHUNK if path.stat().st_size > LARGE else 0
    schema = read_schema(path)
    single = [name for name in names if not schema.field(name).type.num_fields]  # a list cannot be such a dictionary
    how = {"pre_buffer": False, "buffer_size": buffer, "read_dictionary": single}
    with _reading(path) as parquet, parquet.ParquetFile(path, **how) as file:
        groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
        Expansion(path).add(sum(max(0, group.total_byte_size) for group in groups))
        expansion = Expansion(path)  # a column with a single value takes almost no space
        for batch in file.iter_batches(batch_size=ROWS, columns=None if whole else names):
            for number in range(batch.num_rows):  # one by one: all may be the same long text
                row = {name: batch.column(name)[number].as_py() for name in names}
                expansion.add(sum(len(value) for value in row.values() if isinstance(value, str)))
                yield row, Cells(batch, number)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(f"{path} needs pyarrow: pip install 'keras_textcnn[parquet]'") from None
    try:
        with reading(path):
            yield pyarrow.parquet
    except pyarrow.ArrowException as error:
        reason = " ".join(str(error).split())
        raise InputError(f"damaged file: {path} ({reason}); is it a complete Parquet file?") from error
