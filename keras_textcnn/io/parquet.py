"""Reads Parquet files row by row, in the memory of a few rows, whatever size they claim to have."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from keras_textcnn.errors import InputError
from keras_textcnn.io.files import CHUNK, Expansion, reading

LARGE = 2**26  # bytes
ROWS = 256  # decoded at a time


def column_names(path: Path) -> list[str]:
    """The names of a file's columns.

    Raises:
        InputError: The file is damaged, or pyarrow is not installed.
    """
    with _reading(path) as parquet:
        return list(parquet.read_schema(path).names)


def read_rows(path: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of a file, one by one, with some of its columns.

    Raises:
        InputError: The file is damaged, or unpacks to too much.
    """
    # Without a buffer, a large group of rows would be held in memory whole. With one, a damaged page is given as much
    # memory as it claims to need, up to 2 GiB, before any of it is read.
    buffer = CHUNK if path.stat().st_size > LARGE else 0
    how = {"pre_buffer": False, "buffer_size": buffer, "read_dictionary": names}
    with _reading(path) as parquet, parquet.ParquetFile(path, **how) as file:
        groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
        Expansion(path).add(sum(max(0, group.total_byte_size) for group in groups))
        expansion = Expansion(path)  # a column with a single value takes almost no space
        for batch in file.iter_batches(batch_size=ROWS, columns=names):
            for number in range(batch.num_rows):  # one by one: all may be the same long text
                row = {name: batch.column(name)[number].as_py() for name in names}
                expansion.add(sum(len(value) for value in row.values() if isinstance(value, str)))
                yield row


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
