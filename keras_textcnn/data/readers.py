"""Files to texts with labels: tables, JSON, Parquet, fastText's lines, folders and archives of texts or of tables."""

import contextlib
import dataclasses
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, cast

from keras_textcnn.data.columns import Columns, list_names
from keras_textcnn.data.corpus import SPLITS, Label, Record
from keras_textcnn.data.json_documents import json_elements, json_lines
from keras_textcnn.data.labels import LabelReader
from keras_textcnn.data.tables import Dialect, SwallowedRows, Table
from keras_textcnn.errors import InputError
from keras_textcnn.io import parquet
from keras_textcnn.io.archives import ARCHIVES, is_table, is_text, read_members, table_names
from keras_textcnn.io.files import FIRST_BYTES, LONGEST_TEXT, Source, TextDecoder, describe_binary, kind_of, reading

CORPUS_KINDS = (
    "a .csv, .tsv, .jsonl, .json or .parquet file, a .txt file of fastText lines, or a folder, .zip or .tar.gz of "
    "LABEL/*.txt or of tables"
)
DELIMITERS = {".csv": ",", ".tsv": "\t"}
TABLES = (*DELIMITERS, ".jsonl", ".ndjson", ".json", ".parquet")  # what has columns
FASTTEXT_LABEL = "__label__"
SPLIT_NAMES = {  # of folders and files, in any case
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
UNLABELLED = {"unsup"}  # where aclImdb keeps texts without a label

Row = tuple[str, Columns, Mapping[str, Any]]  # the place of a row, for errors; what to read of it; its fields
Pair = tuple[str, Label]


class Reader:
    """Reads corpora, of any of `CORPUS_KINDS`; `.gz`, `.xz` and `.bz2` files in place.

    Args:
        text_columns: Of a table, JSON or Parquet: what they hold is joined by a line end. A name that is no column but
            has commas is several names.
        label_column: Of the same; None: the texts have no labels (`texts`).
        label_columns: Columns that hold 0 or 1 and name a label each, in place of the label column.
        separator: Between the labels of a text that may have several; None: each text has one.
        encoding: Of text files.
        replace: Whether a byte that does not decode becomes U+FFFD, or is an error.
        delimiter: Between the fields of a table; None: a comma in .csv and a tab in .tsv.
        quoting: Whether a quotation mark in a table may begin a field, which ends at the next one.
        escape: What stands in a table before a delimiter or quotation mark that is part of a field.
        header: Whether the first row of a table names the columns; else they are called 1, 2 and so on.
        skip_unlabelled: Whether texts without a label are left out; else they are an error.
        any_numbers: Whether labels that look like measurements are labels all the same.

    Attributes:
        decoder: Knows how many bytes have been replaced.
        labels: Knows how many texts without a label have been left out.
        left_out: Files of folders and archives that are not texts with a label.
        warnings: What looks wrong in the files that were read to their end.
    """

    def __init__(
        self,
        *,
        text_columns: Sequence[str] = ("text",),
        label_column: str | None = "label",
        label_columns: Sequence[str] = (),
        separator: str | None = None,
        encoding: str = "utf-8",
        replace: bool = False,
        delimiter: str | None = None,
        quoting: bool = True,
        escape: str | None = None,
        header: bool = True,
        skip_unlabelled: bool = False,
        any_numbers: bool = False,
    ) -> None:
        self.columns = Columns(tuple(text_columns), None if label_columns else label_column, tuple(label_columns))
        self.separator = separator
        self.decoder = TextDecoder(encoding, replace=replace)
        self.labels = LabelReader(separator=separator, skip_unlabelled=skip_unlabelled, any_numbers=any_numbers)
        self._delimiter = delimiter
        self._dialect = Dialect(",", quoting=quoting, escape=escape, header=header)
        self.left_out = 0
        self.warnings: list[str] = []
        self._kinds: dict[str, Callable[[Source], Iterator[Row]]] = {
            **dict.fromkeys(DELIMITERS, self._table),
            **dict.fromkeys((".jsonl", ".ndjson"), self._json_lines),
            ".json": self._json,
        }

    def records(self, path: Path, *, without: Container[str] = ()) -> Iterator[Record]:
        """The texts of a corpus one by one.

        A folder or archive may have `train`, `validation` and `test` above the labels, or tables of these names. Of a
        folder the texts come in order of label and name, of all else in their own.

        Args:
            path: A file or folder.
            without: Splits that are not read; it is no error then that nothing is left.

        Raises:
            InputError: Nothing is there, or it is not a corpus; the message names file and line.
        """
        if not path.is_file() and not path.is_dir():
            raise InputError(f"no such corpus: {path}; give {CORPUS_KINDS}")
        found = False
        for split, place in _find_splits(path):
            for record in self._read(place, split, without):
                found = True
                yield record
        self.labels.check(str(path))
        if not found and not without:
            raise InputError(f"no texts in {path}; give {CORPUS_KINDS} with at least two labels")

    def texts(self, source: Source) -> Iterator[str]:
        """The texts of a table or of JSON, with or without labels, one by one in their order.

        Raises:
            InputError: It cannot be read, or lacks a column; the message names file and line.
        """
        yield from map(self._text, self._kinds[source.kind](source))

    def texts_of(self, path: Path) -> Iterator[str]:
        """The texts of a Parquet file, of an archive or of a folder, whatever their labels.

        Of a folder of texts they come in order of name; of one of tables, and of splits, as `records` has them.
        """
        for _, place in _find_splits(path):
            if place.is_dir():
                for file in sorted(place.rglob("*")):
                    if is_text(file.name) and file.is_file():
                        with reading(file), file.open("rb") as opened:
                            yield self._whole(opened, str(file))
            elif kind_of(place) in ARCHIVES:
                yield from self._texts_inside(place)
            elif kind_of(place) == ".parquet":
                yield from map(self._text, self._parquet(place))
            else:
                yield from self.texts(Source.of(place))

    def _texts_inside(self, path: Path) -> Iterator[str]:
        tables = _tables_inside(path, "train")
        for name, file in read_members(path):
            if name in tables and is_table(name):
                yield from self.texts(_member(path, name, file))
            elif name in tables:
                yield from (split_fasttext(line)[0] for line in self.decoder.lines(_member(path, name, file)))
            elif not tables and is_text(name) and not name.startswith("__MACOSX"):
                with reading(path):
                    text = self._whole(file, f"{path}:{name}")
                yield text

    def _read(self, path: Path, split: str, without: Container[str]) -> Iterator[Record]:
        if not path.is_dir() and kind_of(path) in ARCHIVES:
            tables = _tables_inside(path, split)
            yield from self._packed_tables(path, tables, without) if tables else self._archive(path, split, without)
            return
        kind = kind_of(path)
        if not path.is_dir() and kind not in (*self._kinds, ".parquet", ".txt"):
            with reading(path), path.open("rb") as file:
                what = describe_binary(file.read(FIRST_BYTES)) or "unknown kind of corpus"
            raise InputError(f"{what}: {path}; give {CORPUS_KINDS}")
        if split in without:
            return
        if path.is_dir():
            pairs = self._folder(path)
        elif kind == ".txt":
            pairs = self._fasttext(Source.of(path))
        else:
            pairs = self._pairs(self._parquet(path) if kind == ".parquet" else self._kinds[kind](Source.of(path)))
        for text, label in pairs:
            yield Record(split, text, label)

    def _packed_tables(self, path: Path, tables: Mapping[str, str], without: Container[str]) -> Iterator[Record]:
        for name, file in read_members(path):
            if name in tables and tables[name] not in without:
                source = _member(path, name, file)
                lines = source.kind == ".txt"
                pairs = self._fasttext(source) if lines else self._pairs(self._kinds[source.kind](source))
                for text, label in pairs:
                    yield Record(tables[name], text, label)
            self.left_out += name not in tables

    def _pairs(self, rows: Iterable[Row]) -> Iterator[Pair]:
        """The texts of rows with their labels, without those that have none and are to be left out."""
        for row in rows:
            place, columns, fields = row
            if columns.label is not None:
                label = self.labels.read(self._encodable_label(fields[columns.label], place), place)
            else:
                label = self.labels.read_columns(fields, columns.labels, place) if columns.labels else ()
            if label is not None:
                yield self._text(row), label

    def _folder(self, folder: Path) -> Iterator[Pair]:
        with reading(folder):
            labels = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        for label in labels:
            if label.name in SPLITS:
                raise InputError(f"a split without labels: {label}; put its texts into folders LABEL below it")
            for path in sorted(label.iterdir()):
                if label.name in UNLABELLED or not is_text(path.name) or not path.is_file():
                    self.left_out += 1
                    continue
                with reading(path), path.open("rb") as file:
                    yield self._whole(file, str(path)), self._named_label(label.name, str(path))

    def _table(self, source: Source) -> Iterator[Row]:
        delimiter = self._delimiter or DELIMITERS.get(source.kind, ",")
        dialect = dataclasses.replace(self._dialect, delimiter=delimiter)
        table = Table(self.decoder.lines(source), source.name, dialect)
        columns = self.columns.among(table.names, source.name, table.delimiter)
        places = {name: table.names.index(name) for name in columns.wanted}
        label = None if columns.label is None else places[columns.label]
        with_labels = bool(columns.label or columns.labels)
        swallowed = SwallowedRows(source.name, table.delimiter, len(table.names), label)
        for number, row in table.rows():
            if with_labels and not any(cell.strip() for cell in row):
                continue  # a spreadsheet's row of nothing but delimiters
            swallowed.add(number, row)
            yield f"{source.name}:{number}", columns, {name: row[place] for name, place in places.items()}
        self.warnings += swallowed.warnings()

    def _json_lines(self, source: Source) -> Iterator[Row]:
        return self._objects(json_lines(self.decoder.lines(source), source.name), source.name)

    def _json(self, source: Source) -> Iterator[Row]:
        return self._objects(json_elements(self.decoder.blocks(source), source.name), source.name)

    def _objects(self, values: Iterable[tuple[int, Any]], name: str) -> Iterator[Row]:
        columns: Columns | None = None
        for number, value in values:
            place = f"{name}:{number}"
            if not isinstance(value, dict):
                raise InputError(f"not an object: {place}; each line must be an object with a text and a label")
            if columns is None:
                columns = self.columns.among(list(value), place)
                if all(isinstance(value[name], dict | list) for name in columns.wanted):
                    advice = "write an object for each, with pandas to_json(orient='records')"
                    raise InputError(f"all texts in one object: {place}; {advice}")
            for column in columns.wanted:
                if column not in value:
                    advice = "--text-column" if column in columns.texts else "--label-column"
                    raise InputError(
                        f"{column!r} is missing; there are: {list_names(value)}: {place}; choose another with {advice}"
                    )
            yield place, columns, value

    def _parquet(self, path: Path) -> Iterator[Row]:
        columns = self.columns.among(parquet.column_names(path), str(path))
        for number, row in enumerate(parquet.read_rows(path, columns.wanted), 1):
            yield f"{path}:row {number}", columns, row

    def _fasttext(self, source: Source) -> Iterator[Pair]:
        for number, line in enumerate(self.decoder.lines(source), 1):
            text, labels = split_fasttext(line)
            place = f"{source.name}:{number}"
            if not labels and text:
                raise InputError(f"no {FASTTEXT_LABEL}: {place}; a line must hold its label, {FASTTEXT_LABEL}NAME")
            if labels:
                value = labels if self.separator or len(labels) > 1 else labels[0]
                label = self.labels.read(value, place)
                if label is not None:
                    yield text, label

    def _archive(self, path: Path, split: str, without: Container[str]) -> Iterator[Record]:
        depths: dict[int, str] = {}
        beside: dict[str, str] = {}  # texts right below a split, by split
        with_labels = set()
        for name, file in read_members(path):
            *above, folder, file_name = ("", "", *PurePosixPath(name).parts)  # which may be none
            above_split = SPLIT_NAMES.get(above[-1].lower()) if above else None
            if not is_text(file_name) or folder in {"", *UNLABELLED} or name.startswith("__MACOSX"):
                self.left_out += 1
                continue
            if folder in SPLITS:
                self.left_out += 1
                beside[folder] = name
                continue
            depths.setdefault(len(above), name)
            if len(depths) > 1:
                raise InputError(f"texts at different depths in {path}: {name}; each must be LABEL/NAME.txt")
            found = above_split or split
            with_labels.add(found)
            if found not in without:
                place = f"{path}:{name}"
                with reading(path):
                    text = self._whole(file, place)
                yield Record(found, text, self._named_label(folder, place))
        for missing in sorted(set(beside) - with_labels):
            raise InputError(f"a split without labels: {path}:{beside[missing]}; put its texts into folders LABEL")
        if split != "train" and with_labels - {split}:
            raise InputError(f"splits in what is the {split} split by its name: {path}; rename it, or its folders")

    def _text(self, row: Row) -> str:
        """The text of a row; a field that is null, as pandas writes a missing one, is empty."""
        place, columns, fields = row
        texts = []
        for name in columns.texts:
            text = fields[name]
            if text is None or text != text:
                text = ""
            if not isinstance(text, str):
                raise InputError(f"{name!r} is not a string: {place}; choose the text with --text-column")
            if len(text) > LONGEST_TEXT:
                raise InputError(f"a text of more than {LONGEST_TEXT:,} characters: {place}; leave it out")
            texts.append(self._encodable(text, place))
        return "\n".join(texts)

    def _whole(self, file: IO[bytes], place: str) -> str:
        data = file.read(LONGEST_TEXT + 1)
        if len(data) > LONGEST_TEXT:
            raise InputError(f"a text of more than {LONGEST_TEXT:,} bytes: {place}; leave it out")
        return self.decoder.decode(data, place)

    def _named_label(self, name: str, place: str) -> Label:
        """The label that a folder's name is, which is never empty."""
        label = self.labels.read(self._encodable(name, place), place)
        return () if label is None else label

    def _encodable_label(self, value: Any, place: str) -> Any:
        if isinstance(value, list):
            return [self._encodable_label(one, place) for one in value]
        return self._encodable(value, place) if isinstance(value, str) else value

    def _encodable(self, text: str, place: str) -> str:
        """Half of a surrogate pair, which JSON can spell and a file name can hold, is no character."""
        try:
            text.encode()
        except UnicodeEncodeError:
            if not self.decoder.replace:
                raise InputError(
                    f"a character that UTF-8 cannot hold: {place}; mend it, or put U+FFFD there with --errors replace"
                ) from None
            self.decoder.replaced += 1
            return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        return text


def split_fasttext(line: str) -> tuple[str, list[str]]:
    """The text of a line in fastText's format, and its labels."""
    words = line.split()
    labels = [word.removeprefix(FASTTEXT_LABEL) for word in words if word.startswith(FASTTEXT_LABEL)]
    return " ".join(word for word in words if not word.startswith(FASTTEXT_LABEL)), labels


def _find_splits(path: Path) -> Iterator[tuple[str, Path]]:
    places: dict[str, Path] = {}
    with reading(path):
        inside = sorted(path.iterdir()) if path.is_dir() else []
    for place in inside:
        split = SPLIT_NAMES.get(place.name.split(".")[0].lower())
        known = place.is_file() and kind_of(place) in {*TABLES, ".txt", *ARCHIVES}
        if split and (any(place.glob("*/")) if place.is_dir() else known):
            if split in places:
                raise InputError(f"two for the {split} texts: {places[split].name} and {place.name} in {path}")
            places[split] = place
    yield from (
        ((split, places[split]) for split in SPLITS if split in places) if "train" in places else [("train", path)]
    )


def _tables_inside(path: Path, split: str) -> dict[str, str]:
    """The tables of an archive, each with its split; none where it is one of texts.

    Raises:
        InputError: There are several, of which none is called like a split.
    """
    names = table_names(path)
    found: dict[str, str] = {}
    for name in names:
        its_split = SPLIT_NAMES.get(PurePosixPath(name).name.split(".")[0].lower())
        if its_split in found.values():
            raise InputError(f"two for the {its_split} texts in {path}: {name} is the second; leave one out")
        if its_split:
            found[name] = its_split
    if "train" in found.values():
        return found
    tables = [name for name in names if is_table(name)]
    if not tables or any(is_text(name) and "/" in name for name, _ in read_members(path)):
        return {}
    if len(tables) > 1:
        raise InputError(f"several tables in {path}: {list_names(tables)}; name them train, validation and test")
    return {tables[0]: split}


def _member(path: Path, name: str, file: IO[bytes]) -> Source:
    """A file of an archive, open already."""
    suffix = PurePosixPath(name).suffix.lower()
    return Source(f"{path}:{name}", suffix, lambda: contextlib.nullcontext(cast(BinaryIO, file)))
