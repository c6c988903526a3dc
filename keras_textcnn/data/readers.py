"""Reads texts with labels from files, folders and archives."""

import contextlib
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, cast

from keras_textcnn.data.columns import Columns
from keras_textcnn.data.corpus import SPLITS, Label, Record
from keras_textcnn.data.formats import FORMATS, Options, Row, TextRow
from keras_textcnn.data.labels import LabelReader, read_weight
from keras_textcnn.data.split_names import SPLIT_NAMES, find_splits, tables_inside
from keras_textcnn.data.tables import Dialect
from keras_textcnn.errors import InputError
from keras_textcnn.io.archives import ARCHIVES, is_text, read_members
from keras_textcnn.io.decoding import LONGEST_TEXT, TextDecoder
from keras_textcnn.io.files import Source, kind_of, reading
from keras_textcnn.io.signatures import FIRST_BYTES, describe_binary
from keras_textcnn.utils.inputs import as_path

CORPUS_KINDS = (
    "a .csv, .tsv, .jsonl, .json or .parquet file, a .txt file of fastText lines, or a folder, .zip or .tar.gz of "
    "LABEL/*.txt or of tables"
)
UNLABELLED = {"unsup"}  # where aclImdb keeps texts without a label
FILE_COLUMNS = ("file", "text")


class Reader:
    """Reads corpora of any of `CORPUS_KINDS`; `.gz`, `.xz` and `.bz2` files need not be unpacked.

    Args:
        text_columns: Columns of a table, JSON or Parquet that hold the text, joined by line ends. A name that is not a
            column but has commas stands for several.
        label_column: Column that holds the label; None: the texts have no labels (see `texts`).
        label_columns: Columns of 0 and 1, each named after a label, in place of the label column.
        soft_labels: Whether the label columns hold probabilities: a text's label is then the most probable one.
        weight_column: Column that holds the weight of a text in training; None: all weigh the same.
        separator: Separates the labels of a text that may have several; None: each text has one.
        encoding: Encoding of text files.
        replace: Whether a byte that does not decode is replaced with U+FFFD; otherwise it is an error.
        delimiter: Separates the fields of a table; None: a comma in .csv and a tab in .tsv.
        quoting: Whether a quotation mark in a table may open a field, which ends at the next one.
        escape: Precedes a delimiter or quotation mark that is part of a field of a table.
        header: Whether the first row of a table names the columns; otherwise they are named 1, 2 and so on.
        skip_unlabelled: Whether texts without a label are left out; otherwise they are an error.
        any_numbers: Whether labels that look like measurements are accepted.
        whole: Whether the rows of texts have all of their columns.

    Attributes:
        decoder: Counts the bytes that have been replaced.
        labels: Counts the texts without a label that have been left out.
        left_out: Number of files in folders and archives that are not texts with a label.
    """

    def __init__(
        self,
        *,
        text_columns: Sequence[str] = ("text",),
        label_column: str | None = "label",
        label_columns: Sequence[str] = (),
        soft_labels: bool = False,
        weight_column: str | None = None,
        separator: str | None = None,
        encoding: str = "utf-8",
        replace: bool = False,
        delimiter: str | None = None,
        quoting: bool = True,
        escape: str | None = None,
        header: bool = True,
        skip_unlabelled: bool = False,
        any_numbers: bool = False,
        whole: bool = False,
    ) -> None:
        label = None if label_columns else label_column
        columns = Columns(tuple(text_columns), label, tuple(label_columns), weight_column)
        self._soft = soft_labels
        self.decoder = TextDecoder(encoding, replace=replace)
        self.labels = LabelReader(separator=separator, skip_unlabelled=skip_unlabelled, any_numbers=any_numbers)
        self.left_out = 0
        self._options = Options(
            columns,
            self.decoder,
            Dialect(",", quoting=quoting, escape=escape, header=header),
            delimiter=delimiter,
            several=separator is not None,
            whole=whole,
        )

    @property
    def columns(self) -> Columns:
        """The columns to read, by the names that were given."""
        return self._options.columns

    @property
    def warnings(self) -> list[str]:
        """What looks wrong in the files that have been read to the end."""
        return self._options.warnings

    def records(self, path: str | Path, *, without: Container[str] = ()) -> Iterator[Record]:
        """The texts of a corpus, one by one.

        A folder or archive may have `train`, `validation` and `test` above the labels, or tables with these names. The
        texts of a folder are sorted by label and name; all others keep their order.

        Args:
            path: A file or folder.
            without: Splits that are not read; if there are any, it is not an error to find no texts.

        Raises:
            InputError: There is no such file or folder, or it is not a corpus; the message names file and line.
        """
        path = as_path(path, "a corpus")
        if not path.is_file() and not path.is_dir():
            raise InputError(f"no such corpus: {path}; give {CORPUS_KINDS}")
        found = False
        for split, place in find_splits(path):
            for record in self._read(place, split, without):
                found = True
                yield record
        self.labels.check(str(path))
        if not found and not without:
            raise InputError(f"no texts in {path}; give {CORPUS_KINDS} with at least two labels")

    def rows(self, source: Source) -> Iterator[TextRow]:
        """The texts of a file in one of `FORMATS`, with or without labels, one by one in order.

        Raises:
            InputError: The file cannot be read, or lacks a column; the message names file and line.
        """
        for row in self.raw_rows(source):
            yield TextRow(self.text_of(row), row.place, row.names, row.cells)

    def raw_rows(self, source: Source) -> Iterator[Row]:
        """The rows of a file, each of which has a text or something that `text_of` rejects."""
        return FORMATS[source.kind](source, self._options)

    def texts_of(self, path: str | Path) -> Iterator[str]:
        """The texts of a file, archive or folder, whatever their labels; their order is that of `rows_of`."""
        return (row.text for row in self.rows_of(path))

    def rows_of(self, path: str | Path) -> Iterator[TextRow]:
        """The texts of a file, archive or folder with their rows, whatever their labels.

        The texts of a folder are sorted by name; tables and splits come in the same order as in `records`. A text that
        is a file of its own has the columns of `FILE_COLUMNS`.
        """
        path = as_path(path, "a corpus")
        for _, place in find_splits(path):
            if place.is_dir():
                for file in sorted(place.rglob("*")):
                    if is_text(file.name) and file.is_file():
                        with reading(file), file.open("rb") as opened:
                            text = self._whole(opened, str(file))
                        yield TextRow(text, str(file), FILE_COLUMNS, (file.relative_to(path).as_posix(), text))
            elif kind_of(place) in ARCHIVES:
                yield from self._rows_inside(place)
            else:
                yield from self.rows(Source.of(place))

    def _rows_inside(self, path: Path) -> Iterator[TextRow]:
        tables = tables_inside(path, "train")
        for name, file in read_members(path):
            if name in tables:
                yield from self.rows(_member(path, name, file))
            elif not tables and is_text(name) and not name.startswith("__MACOSX"):
                with reading(path):
                    text = self._whole(file, f"{path}:{name}")
                yield TextRow(text, f"{path}:{name}", FILE_COLUMNS, (name, text))

    def _read(self, path: Path, split: str, without: Container[str]) -> Iterator[Record]:
        if not path.is_dir() and kind_of(path) in ARCHIVES:
            tables = tables_inside(path, split)
            yield from self._packed_tables(path, tables, without) if tables else self._archive(path, split, without)
            return
        if not path.is_dir() and kind_of(path) not in FORMATS:
            with reading(path), path.open("rb") as file:
                what = describe_binary(file.read(FIRST_BYTES)) or "unknown kind of corpus"
            raise InputError(f"{what}: {path}; give {CORPUS_KINDS}")
        if split not in without:
            yield from self._folder(path, split) if path.is_dir() else self._rows(Source.of(path), split)

    def _packed_tables(self, path: Path, tables: Mapping[str, str], without: Container[str]) -> Iterator[Record]:
        for name, file in read_members(path):
            if name in tables and tables[name] not in without:
                yield from self._rows(_member(path, name, file), tables[name])
            self.left_out += name not in tables

    def _rows(self, source: Source, split: str) -> Iterator[Record]:
        """The texts of a file with their labels, except for unlabelled texts that are to be left out."""
        for row in self.raw_rows(source):
            place, columns, fields = row[:3]
            probabilities: tuple[float, ...] = ()
            names: tuple[str, ...] = ()
            if columns.label is not None:
                label = self.labels.read(self._encodable_label(fields[columns.label], place), place)
            elif self._soft and columns.labels:
                label, probabilities, names = self.labels.read_probabilities(fields, columns.labels, place)
            else:
                label = self.labels.read_columns(fields, columns.labels, place) if columns.labels else ()
            if label is not None:
                weight = 1.0 if columns.weight is None else read_weight(fields[columns.weight], columns.weight, place)
                yield Record(split, self.text_of(row), label, weight, probabilities, names)

    def _folder(self, folder: Path, split: str) -> Iterator[Record]:
        with reading(folder):
            labels = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        for label in labels:
            if label.name in SPLITS:
                raise InputError(f"a split without labels: {label}; put its texts into LABEL folders inside it")
            for path in sorted(label.iterdir()):
                if label.name in UNLABELLED or not is_text(path.name) or not path.is_file():
                    self.left_out += 1
                    continue
                with reading(path), path.open("rb") as file:
                    yield Record(split, self._whole(file, str(path)), self._named_label(label.name, str(path)))

    def _archive(self, path: Path, split: str, without: Container[str]) -> Iterator[Record]:
        depths: dict[int, str] = {}
        beside: dict[str, str] = {}  # a text directly below each split, by split
        with_labels = set()
        for name, file in read_members(path):
            *above, folder, file_name = ("", "", *PurePosixPath(name).parts)  # there may be no folder
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
            raise InputError(f"a split without labels: {path}:{beside[missing]}; put its texts into LABEL folders")
        if split != "train" and with_labels - {split}:
            raise InputError(
                f"splits inside a file that is named as the {split} split: {path}; rename it, or its folders"
            )

    def text_of(self, row: Row) -> str:
        """The text of a row, or InputError; a null field, as pandas writes a missing one, is empty."""
        place, columns, fields = row[:3]
        texts = []
        for name in columns.texts:
            if name not in fields:
                raise columns.missing(name, place, row.names)
            text = fields[name]
            if text is None or text != text:
                text = ""
            if not isinstance(text, str):
                raise InputError(f"{name!r} is not a string: {place}; choose another --text-column")
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
        """The label that a folder is named after, which is never empty."""
        label = self.labels.read(self._encodable(name, place), place)
        return () if label is None else label

    def _encodable_label(self, value: Any, place: str) -> Any:
        if isinstance(value, list):
            return [self._encodable_label(one, place) for one in value]
        return self._encodable(value, place) if isinstance(value, str) else value

    def _encodable(self, text: str, place: str) -> str:
        """Rejects or replaces half of a surrogate pair, which JSON and file names may hold but is no character."""
        try:
            text.encode()
        except UnicodeEncodeError:
            if not self.decoder.replace:
                raise InputError(
                    f"a character that UTF-8 cannot encode: {place}; fix it, or replace it with U+FFFD with --errors "
                    "replace"
                ) from None
            self.decoder.replaced += 1
            return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        return text


def _member(path: Path, name: str, file: IO[bytes]) -> Source:
    """A member of an archive that is already open."""
    suffix = PurePosixPath(name).suffix.lower()
    return Source(f"{path}:{name}", suffix, lambda: contextlib.nullcontext(cast(BinaryIO, file)))
