"""The tables of a job: which files they are, what columns they have, and their rows in parts."""

import contextlib
import dataclasses
import glob
import itertools
import pickle
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.columns import all_names
from keras_textcnn.data.formats import TABLES, Row, TextRow
from keras_textcnn.data.loading import describe_reading, make_reader
from keras_textcnn.data.readers import Reader
from keras_textcnn.data.table_writers import Layout
from keras_textcnn.data.tables import EmptyTableError
from keras_textcnn.errors import InputError
from keras_textcnn.io import parquet
from keras_textcnn.io.files import Source, is_there, kind_of
from keras_textcnn.utils.log import logger

GROUP = 1024  # rows that are packed together and answered together
PART_ROWS = 2**16  # at most, in one file of answers
SMALLEST_PART, LARGEST_PART = 2**18, 2**25  # bytes of packed rows
JSON = (".json", ".jsonl", ".ndjson")  # whose rows may differ in their columns
PARTS_PER_WORKER = 8  # so that none waits long for the last one
UNPACKED = 4  # times the size of a compressed file, roughly

PackedRow = tuple[str | InputError, TextRow]  # the text, or what is wrong with it; the row, without the text


def find_tables(name: str, *, output: Path | None = None) -> list[Path]:
    """The files that the user means, sorted, each by one name: a file that links lead to is not read twice.

    Args:
        name: A file, a folder, or a pattern such as `corpus/*.parquet`, in which `**` stands for folders at any depth.
        output: Where answers go, perhaps inside the folder; its files are left out.

    Raises:
        InputError: There are none, or they have different formats, or a link leads nowhere.
    """
    tables = f"a table ({', '.join(TABLES)}, also .gz), a folder of tables, or a pattern in quotation marks"
    if is_there(name):
        path = Path(name)
        found = [path] if path.is_file() else [one for one in path.rglob("*") if not _hidden(one.relative_to(path))]
    else:
        found = [Path(one) for one in glob.iglob(name, recursive=True)]  # noqa: PTH207 - of paths with any root
    every = _without_doubles([path for path in found if kind_of(path) in TABLES and _is_file(path)])
    files = [path for path in every if output is None or not _is_inside(path, output.resolve())]
    if every and not files:
        raise InputError(f"the texts are read from there: --output {output}; choose another folder")
    if not files:
        problem = "no tables in" if found or is_there(name) else "no such file:"
        raise InputError(f"{problem} {name}; give {tables}")
    kinds = {kind_of(path): path for path in files}
    if len(kinds) > 1:
        one, other, *_ = kinds.values()
        raise InputError(f"files of different formats: {one} and {other}; give those of one format at a time")
    return files


def _is_file(path: Path) -> bool:
    if path.is_symlink() and not path.exists():
        raise InputError(f"a link to a file that is missing: {path}; restore the file, or remove the link")
    return path.is_file()


def _without_doubles(paths: Sequence[Path]) -> list[Path]:
    """The paths, sorted, without links to others of them; the name of a link tells the format, not that of its file."""
    files: dict[Path, Path] = {}
    for path in sorted(paths, key=lambda path: (path.is_symlink(), path)):
        known = files.setdefault(path.resolve(), path)
        if known != path:
            logger.info(f"left out {path}, which is the same file as {known}")
    return sorted(path.parent.resolve() / path.name for path in files.values())


def _is_inside(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder) or path.resolve().is_relative_to(folder)


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def part_bytes(files: Sequence[Path], workers: int) -> int:
    """How many bytes of packed rows make a part, so that every worker gets several."""
    size = sum(path.stat().st_size * (1 if path.suffix == kind_of(path) != ".parquet" else UNPACKED) for path in files)
    return min(LARGEST_PART, max(SMALLEST_PART, size // (PARTS_PER_WORKER * workers)))


def table_reader(config: TrainConfig) -> Reader:
    """The reader of texts without labels, whose rows have all of their columns."""
    return make_reader(config, labels=False, whole=True)


def columns_of(path: Path, config: TrainConfig) -> list[str]:
    """The names of all columns of a file. JSON is read for this, to its end or to where it is damaged.

    Raises:
        InputError: The first row is damaged, or there is no column of the texts.
    """
    rows = table_reader(config).raw_rows(Source.of(path))
    try:
        first = next(rows, None)
    except EmptyTableError:
        return []
    if first is None:
        return list(parquet.read_schema(path).names) if kind_of(path) == ".parquet" else []
    if kind_of(path) not in JSON:
        return list(first.names)
    names = all_names(row.names for row in itertools.chain([first], _until_damaged(rows)))
    first.columns.among(names, str(path))  # the text, which some objects may lack
    return names


def columns_of_readable(files: Sequence[Path], config: TrainConfig) -> dict[Path, list[str]]:
    """The names of all columns of each file, without the files that are damaged from the beginning.

    Raises:
        InputError: No file can be read.
    """
    columns, problems = dict[Path, list[str]](), list[InputError]()
    for file in files:
        try:
            columns[file] = columns_of(file, config)
        except InputError as error:  # which is reported again when the rows are answered
            problems.append(error)
    if problems and not any(columns.values()):
        raise problems[0]
    return columns


def _until_damaged(rows: Iterator[Row]) -> Iterator[Row]:
    with contextlib.suppress(InputError):  # which is reported when the rows are answered
        yield from rows


def common_layout(columns: Mapping[Path, Collection[str]]) -> Layout:
    """The columns of all files, without those that answers add.

    Args:
        columns: The names of the columns of each file; the files have one format.
    """
    tables = [file for file in columns if kind_of(file) == ".parquet"]
    schema = parquet.common_schema(tables)
    return Layout(all_names(columns.values()) if schema is None else schema.names, {}, schema)


@dataclasses.dataclass(frozen=True)
class Part:
    """Rows that follow each other in a file, and are answered in one file.

    Attributes:
        number: Which part of the file they are, from 0.
        groups: The rows, packed; see `unpack`.
        rows: How many they are.
    """

    number: int
    groups: list[bytes]
    rows: int


@dataclasses.dataclass(frozen=True)
class End:
    """The end of a file.

    Attributes:
        parts, rows: How many it has.
        lines: What reading it has to say.
        problem: Why it could not be read to its end; empty if it could.
    """

    parts: int
    rows: int
    lines: list[str]
    problem: str = ""


def read_parts(path: Path, config: TrainConfig, *, size: int, without: Collection[int]) -> Iterator[Part | End]:
    """The rows of a file in parts, and its end. A table that is empty, or has only a header, has no parts.

    Args:
        path: The file.
        config: How it is read.
        size: Bytes of packed rows in a part.
        without: Numbers of parts that are left out.
    """
    reader, number, rows, problem = table_reader(config), 0, 0, ""
    try:
        for groups, count in _parts(_packed(reader, path), size):
            if number not in without:
                yield Part(number, groups, count)
            number, rows = number + 1, rows + count
    except EmptyTableError:  # which only a single table must have
        pass
    except InputError as error:
        problem = str(error)
    yield End(number, rows, describe_reading(reader), problem)


def unpack(group: bytes) -> list[PackedRow]:
    """The rows of a group, each with its text or what is wrong with it."""
    rows: list[PackedRow] = pickle.loads(group)
    return rows


def _parts(packed: Iterator[tuple[bytes, int]], size: int) -> Iterator[tuple[list[bytes], int]]:
    groups, rows, volume = list[bytes](), 0, 0
    for group, count in packed:
        groups.append(group)
        rows, volume = rows + count, volume + len(group)
        if rows >= PART_ROWS or volume >= size:
            yield groups, rows
            groups, rows, volume = [], 0, 0
    if groups:
        yield groups, rows


def _packed(reader: Reader, path: Path) -> Iterator[tuple[bytes, int]]:
    rows = (_with_text(reader, row) for row in reader.raw_rows(Source.of(path)))
    while group := list(itertools.islice(rows, GROUP)):
        yield pickle.dumps(_detached(group)), len(group)


def _detached(group: list[PackedRow]) -> list[PackedRow]:
    """The rows without what they share with others of their file."""
    if shared := [row.cells for _, row in group if isinstance(row.cells, parquet.Cells)]:
        cells = parquet.detached(shared)
        return [(text, row._replace(cells=own)) for (text, row), own in zip(group, cells, strict=True)]
    return group


def _with_text(reader: Reader, row: Row) -> PackedRow:
    try:
        text: str | InputError = reader.text_of(row)
    except InputError as error:
        text = error
    cells = row.cells if isinstance(row.cells, parquet.Cells) else list(row.cells)
    return text, TextRow("", row.place, row.names if isinstance(row.names, list) else list(row.names), cells)
