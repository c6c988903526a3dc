"""File formats of corpora: for each suffix, a function that reads the rows of a file.

To add a format, write such a function and add it to `FORMATS`.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from keras_textcnn.data.columns import Columns
from keras_textcnn.data.json_documents import json_elements, json_lines
from keras_textcnn.data.tables import Dialect, SwallowedRows, Table
from keras_textcnn.errors import InputError
from keras_textcnn.io import parquet
from keras_textcnn.io.decoding import TextDecoder
from keras_textcnn.io.files import Source

DELIMITERS = {".csv": ",", ".tsv": "\t"}
FASTTEXT_LABEL = "__label__"
FASTTEXT_COLUMNS = Columns(("text",), "label")


class Row(NamedTuple):
    """A row of a file.

    Attributes:
        place: Where it is, for errors.
        columns: The columns to read.
        fields: The values of these columns, and perhaps of others, by name. The text may be missing.
        names: Names of all columns that the row has, as the file spells them.
        cells: The values of all columns; of a Parquet file, only those to read unless `Options.whole`.
    """

    place: str
    columns: Columns
    fields: Mapping[str, Any]
    names: Collection[str]
    cells: Collection[Any]


class TextRow(NamedTuple):
    """A text, and the row that it is in.

    Attributes:
        text: The text.
        place: The row's place, for errors.
        names: Names of the row's columns.
        cells: Their values; of a Parquet file, `parquet.Cells`.
    """

    text: str
    place: str
    names: Collection[str]
    cells: Collection[Any]


@dataclasses.dataclass(frozen=True)
class Options:
    """How files are read.

    Attributes:
        columns: The columns to read.
        decoder: Decodes text files.
        dialect: How tables are written; `delimiter` replaces its delimiter.
        delimiter: Separates the fields of a table; None: the suffix decides.
        several: Whether a text may have several labels.
        whole: Whether the rows keep all of their columns.
        warnings: Collects what looks wrong in the files that have been read to the end.
    """

    columns: Columns
    decoder: TextDecoder
    dialect: Dialect
    delimiter: str | None = None
    several: bool = False
    whole: bool = False
    warnings: list[str] = dataclasses.field(default_factory=list)

    @property
    def labelled(self) -> bool:
        """Whether the rows must have labels."""
        return self.columns.label is not None or bool(self.columns.labels)


def table_rows(source: Source, options: Options) -> Iterator[Row]:
    """The rows of a CSV or TSV file."""
    dialect = dataclasses.replace(options.dialect, delimiter=options.delimiter or DELIMITERS.get(source.kind, ","))
    table = Table(options.decoder.lines(source), source.name, dialect)
    columns = options.columns.among(table.names, source.name, table.delimiter)
    places = {name: table.names.index(name) for name in columns.wanted}
    label = None if columns.label is None else places[columns.label]
    swallowed = SwallowedRows(source.name, table.delimiter, len(table.names), label)
    for number, row in table.rows():
        if options.labelled and not any(cell.strip() for cell in row):
            continue  # a spreadsheet's empty row, which has only delimiters
        swallowed.add(number, row)
        fields = {name: row[place] for name, place in places.items()}
        cells = table.with_spaces(row) if options.whole else row
        yield Row(f"{source.name}:{number}", columns, fields, table.header, cells)
    options.warnings.extend(swallowed.warnings())


def json_line_rows(source: Source, options: Options) -> Iterator[Row]:
    """The rows of a file with a JSON object on each line."""
    return _objects(json_lines(options.decoder.lines(source), source.name), source.name, options)


def json_rows(source: Source, options: Options) -> Iterator[Row]:
    """The rows of a JSON array of objects, or of a sequence of objects."""
    return _objects(json_elements(options.decoder.blocks(source), source.name), source.name, options)


def _objects(values: Iterable[tuple[int, Any]], name: str, options: Options) -> Iterator[Row]:
    """The rows of objects. If they need no labels, some may lack the text, which is an error once it is asked for."""
    columns: Columns | None = None
    problem: InputError | None = None
    for number, value in values:
        place = f"{name}:{number}"
        if not isinstance(value, dict):
            raise InputError(f"not an object: {place}; each line must be an object with a text and a label")
        if columns is None:
            try:
                columns = options.columns.among(list(value), place)
            except InputError as error:
                if options.labelled:
                    raise
                problem = problem or error
            else:
                _check_single(value, columns, place)
        known = columns or options.columns
        for column in known.wanted:
            if column not in value and column not in known.texts:
                raise known.missing(column, place, value)
        yield Row(place, known, value, value.keys(), value.values())
    if columns is None and problem is not None:
        raise problem


def _check_single(value: Mapping[str, Any], columns: Columns, place: str) -> None:
    if all(isinstance(value[name], dict | list) for name in columns.wanted):
        advice = "write one object per text, with pandas to_json(orient='records')"
        raise InputError(f"all texts in one object: {place}; {advice}")


def parquet_rows(source: Source, options: Options) -> Iterator[Row]:
    """The rows of a Parquet file, which is read from the disk."""
    if source.path is None:
        raise InputError(f"Parquet must be a file on disk: {source.name}; unpack it")
    names = parquet.read_schema(source.path).names
    columns = options.columns.among(names, source.name)
    rows = parquet.read_rows(source.path, columns.wanted, whole=options.whole)
    for number, (fields, cells) in enumerate(rows, 1):
        yield Row(f"{source.name}:row {number}", columns, fields, names if options.whole else columns.wanted, cells)


def fasttext_rows(source: Source, options: Options) -> Iterator[Row]:
    """The lines of a file in fastText's format, `__label__NAME the text`."""
    for number, line in enumerate(options.decoder.lines(source), 1):
        text, labels = split_fasttext(line)
        place = f"{source.name}:{number}"
        if options.labelled and not labels:
            if text:
                raise InputError(f"no {FASTTEXT_LABEL}: {place}; each line must have its label, {FASTTEXT_LABEL}NAME")
            continue
        value = labels if options.several or len(labels) != 1 else labels[0]
        yield Row(place, FASTTEXT_COLUMNS, {"text": text, "label": value}, FASTTEXT_COLUMNS.texts, (text,))


def split_fasttext(line: str) -> tuple[str, list[str]]:
    """The text of a line in fastText's format, and its labels."""
    words = line.split()
    labels = [word.removeprefix(FASTTEXT_LABEL) for word in words if word.startswith(FASTTEXT_LABEL)]
    return " ".join(word for word in words if not word.startswith(FASTTEXT_LABEL)), labels


FORMATS: dict[str, Callable[[Source, Options], Iterator[Row]]] = {
    ".csv": table_rows,
    ".tsv": table_rows,
    ".jsonl": json_line_rows,
    ".ndjson": json_line_rows,
    ".json": json_rows,
    ".parquet": parquet_rows,
    ".txt": fasttext_rows,
}
TABLES = tuple(suffix for suffix in FORMATS if suffix != ".txt")  # the formats that have columns
