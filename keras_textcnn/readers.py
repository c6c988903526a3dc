"""Files to texts with labels: tables, JSON lines, Parquet, fastText's lines, folders and archives of texts."""

import csv
import json
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

from keras_textcnn import parquet
from keras_textcnn.archives import ARCHIVES, is_text, read_members
from keras_textcnn.corpus import SPLITS, Label, Record
from keras_textcnn.errors import InputError
from keras_textcnn.files import LONGEST_TEXT, TextDecoder, kind_of, reading

CORPUS_KINDS = (
    "a .csv, .tsv, .jsonl or .parquet file, a .txt file of fastText lines, or a folder, .zip or .tar.gz of LABEL/*.txt"
)
DELIMITERS = {".csv": ",", ".tsv": "\t"}
TABLES = (*DELIMITERS, ".jsonl", ".ndjson", ".parquet")  # what has columns
FASTTEXT_LABEL = "__label__"
SPLIT_NAMES = {  # of folders and files, in any case
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
UNLABELLED = {"unsup"}  # where aclImdb keeps texts without a label

Pair = tuple[str, Label]

MOST_LABELS = 10_000
LONGEST_LABEL = 1000
MOST_FRACTIONS = 20  # different labels such as 0.25; stars come in halves


class Reader:
    """Reads corpora, of any of `CORPUS_KINDS`; `.gz`, `.xz` and `.bz2` files in place.

    Args:
        text_columns: Of a table, JSON lines or Parquet: what they hold is joined by a line end.
        label_column: Of the same; None: the texts have no labels (`texts`).
        separator: Between the labels of a text that may have several; None: each text has one.
        encoding: Of text files.
        replace: Whether a byte that does not decode becomes U+FFFD, or is an error.
        delimiter: Between the fields of a table; None: a comma in .csv and a tab in .tsv.
        quoting: Whether a quotation mark in a table may begin a field, which ends at the next one.

    Attributes:
        decoder: Knows how many bytes have been replaced.
        left_out: Files of folders and archives that are not texts with a label.
    """

    def __init__(
        self,
        *,
        text_columns: Sequence[str] = ("text",),
        label_column: str | None = "label",
        separator: str | None = None,
        encoding: str = "utf-8",
        replace: bool = False,
        delimiter: str | None = None,
        quoting: bool = True,
    ) -> None:
        self.text_columns = tuple(text_columns)
        self.label_column = label_column
        self.separator = separator
        self.decoder = TextDecoder(encoding, replace=replace)
        self.delimiter = delimiter
        self.quoting = quoting
        self.left_out = 0
        self._texts = 0
        self._labels: set[str] = set()
        self._fractions: set[str] = set()

    def records(self, path: Path, *, without: Container[str] = ()) -> Iterator[Record]:
        """The texts of a corpus one by one.

        A folder or archive may have `train`, `validation` and `test` above the labels, a folder also files of these
        names. Of a folder the texts come in order of label and name, of all else in their own.

        Args:
            path: A file or folder.
            without: Splits that are not read; it is no error then that nothing is left.

        Raises:
            InputError: Nothing is there, or it is not a corpus; the message names file and line.
        """
        if not path.is_file() and not path.is_dir():
            raise InputError(f"no such corpus: {path}; give {CORPUS_KINDS}")
        found = False
        for split, place in self._find_splits(path):
            for record in self._read(place, split, without):
                found = True
                yield record
        if not found and not without:
            raise InputError(f"no texts in {path}; give {CORPUS_KINDS} with at least two labels")

    def texts(self, path: Path) -> Iterator[str]:
        """The texts of a table, of JSON lines or of a Parquet file one by one, in its order, as long as no label column
        is given.

        Raises:
            InputError: It cannot be read, or lacks the column; the message names file and line.
        """
        for text, _ in self._kinds()[kind_of(path)](path):
            yield text

    def _find_splits(self, path: Path) -> Iterator[tuple[str, Path]]:
        places: dict[str, Path] = {}
        with reading(path):
            inside = sorted(path.iterdir()) if path.is_dir() else []
        for place in inside:
            split = SPLIT_NAMES.get(place.name.split(".")[0].lower())
            known = place.is_file() and kind_of(place) in {*self._kinds(), *ARCHIVES}
            if split and (any(place.glob("*/")) if place.is_dir() else known):
                if split in places:
                    raise InputError(f"two for the {split} texts: {places[split].name} and {place.name} in {path}")
                places[split] = place
        yield from (
            ((split, places[split]) for split in SPLITS if split in places) if "train" in places else [("train", path)]
        )

    def _kinds(self) -> dict[str, Callable[[Path], Iterator[Pair]]]:
        return {
            **dict.fromkeys(DELIMITERS, self._table),
            **dict.fromkeys((".jsonl", ".ndjson"), self._json_lines),
            ".parquet": self._parquet,
            ".txt": self._fasttext,
        }

    def _read(self, path: Path, split: str, without: Container[str]) -> Iterator[Record]:
        if not path.is_dir() and kind_of(path) in ARCHIVES:
            yield from self._archive(path, split, without)
            return
        read = self._folder if path.is_dir() else self._kinds().get(kind_of(path))
        if not read:
            raise InputError(f"unknown kind of corpus: {path}; give {CORPUS_KINDS}")
        if split not in without:
            for text, label in read(path):
                yield Record(split, text, label)

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
                    yield self._whole(file, str(path)), self._label(label.name, str(path))

    def _table(self, path: Path) -> Iterator[Pair]:
        csv.field_size_limit(LONGEST_TEXT)
        rows = csv.reader(
            self.decoder.lines(path),
            delimiter=self.delimiter or DELIMITERS[kind_of(path)],
            quoting=csv.QUOTE_MINIMAL if self.quoting else csv.QUOTE_NONE,
            strict=True,
        )
        begin = 1
        try:
            header = next(rows, [])
            if not header:
                raise InputError(f"empty file: {path}; the first line must name the columns")
            columns = [_column(header, name, path, "--text-column") for name in self.text_columns]
            label = None if self.label_column is None else _column(header, self.label_column, path, "--label-column")
            if label is not None and label in columns:
                raise InputError(f"text and label are the same column, {header[label]!r}: {path}; choose others")
            begin = rows.line_num + 1
            for row in rows:
                place = f"{path}:{begin}"
                if row and len(row) != len(header):
                    raise InputError(
                        f"{len(row)} fields where the header has {len(header)}: {place}; put a text that holds the "
                        "delimiter into quotation marks"
                    )
                if row:
                    text = "\n".join(row[column] for column in columns)
                    yield text, () if label is None else self._label(row[label], place)
                begin = rows.line_num + 1
            if begin == 2:
                raise InputError(f"no texts in {path}: it has a header and nothing below it")
        except csv.Error as error:
            if "new-line" in str(error):
                problem, advice = "a carriage return alone", "end the lines with line feeds"
            else:
                problem, advice = str(error), "close the quotation mark, or set --quoting none if they mean nothing"
            raise InputError(f"not a table: {path}:{begin}: {problem}; {advice}") from error

    def _json_lines(self, path: Path) -> Iterator[Pair]:
        for number, line in enumerate(self.decoder.lines(path), 1):
            if line.strip():
                place = f"{path}:{number}"
                yield self._fields(_parse_json(line, place), place)

    def _parquet(self, path: Path) -> Iterator[Pair]:
        there = parquet.column_names(path)
        names = [name for name in (*self.text_columns, self.label_column) if name is not None]
        for name in names:
            if name not in there:
                raise _no_column(there, name, path, "--text-column or --label-column")
        for number, row in enumerate(parquet.read_rows(path, names), 1):
            yield self._fields(row, f"{path}:row {number}")

    def _fasttext(self, path: Path) -> Iterator[Pair]:
        for number, line in enumerate(self.decoder.lines(path), 1):
            words = line.split()
            labels = [word.removeprefix(FASTTEXT_LABEL) for word in words if word.startswith(FASTTEXT_LABEL)]
            place = f"{path}:{number}"
            if not labels and words:
                raise InputError(f"no {FASTTEXT_LABEL}: {place}; a line must hold its label, {FASTTEXT_LABEL}NAME")
            if labels:
                text = " ".join(word for word in words if not word.startswith(FASTTEXT_LABEL))
                yield text, self._label(labels if self.separator or len(labels) > 1 else labels[0], place)

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
                yield Record(found, text, self._label(folder, place))
        for missing in sorted(set(beside) - with_labels):
            raise InputError(f"a split without labels: {path}:{beside[missing]}; put its texts into folders LABEL")
        if split != "train" and with_labels - {split}:
            raise InputError(f"splits in what is the {split} split by its name: {path}; rename it, or its folders")

    def _whole(self, file: IO[bytes], place: str) -> str:
        data = file.read(LONGEST_TEXT + 1)
        if len(data) > LONGEST_TEXT:
            raise InputError(f"a text of more than {LONGEST_TEXT:,} bytes: {place}; leave it out")
        return self.decoder.decode(data, place)

    def _fields(self, row: Any, place: str) -> tuple[str, Label]:
        """Text and label of a JSON object, a Parquet row or the like."""
        if not isinstance(row, dict):
            raise InputError(f"not an object: {place}; each line must be an object with a text and a label")
        texts = []
        for name in self.text_columns:
            text = row.get(name)
            if not isinstance(text, str):
                problem = "is not a string" if name in row else f"is missing; there are: {_named(row)}"
                raise InputError(f"{name!r} {problem}: {place}; choose the text with --text-column")
            if len(text) > LONGEST_TEXT:
                raise InputError(f"a text of more than {LONGEST_TEXT:,} characters: {place}; leave it out")
            texts.append(self._encodable(text, place))
        if self.label_column is None:
            return "\n".join(texts), ()
        if self.label_column not in row:
            problem = f"{self.label_column!r} is missing; there are: {_named(row)}"
            raise InputError(f"{problem}: {place}; choose the label with --label-column")
        return "\n".join(texts), self._label(row[self.label_column], place)

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

    def _label(self, value: Any, place: str) -> Label:
        """What a file holds as a label: a string or a number, or a list of them."""
        if isinstance(value, list) and self.separator is None:
            raise InputError(f"{len(value)} labels: {place}; for several labels a text set --multi-label SEPARATOR")
        if self.separator is None:
            return self._one_label(value, place)
        if isinstance(value, str):
            value = value.split(self.separator)
        values = value if isinstance(value, list) else [] if value is None else [value]
        return tuple(
            sorted({self._one_label(one, place) for one in values if one not in ("", None) and str(one).strip()})
        )

    def _one_label(self, value: Any, place: str) -> str:
        if isinstance(value, bool):
            value = str(value).lower()
        if not isinstance(value, str | int | float) or value != value:
            raise InputError(f"a label that is neither a string nor a number: {place}; choose --label-column")
        label = self._encodable(str(value), place).strip()
        self._texts += 1
        if label in self._labels:
            return label
        if not label:
            raise InputError(f"empty label: {place}; give the text a label or leave it out")
        if len(label) > LONGEST_LABEL:
            raise InputError(f"a label of {len(label):,} characters: {place}; is it a text? choose --label-column")
        self._labels.add(label)
        if re.fullmatch(r"[-+]?\d*\.\d*[1-9]\d*(e[-+]?\d+)?|nan", label, re.IGNORECASE):
            self._fractions.add(label)
        if len(self._fractions) > MOST_FRACTIONS and self._texts < 3 * len(self._labels):
            raise InputError(
                f"labels that are measurements, such as {label}: {place}; a classifier needs few labels: round them "
                "or choose --label-column"
            )
        if len(self._labels) > MOST_LABELS:
            raise InputError(f"more than {MOST_LABELS:,} labels: {place}; is the label in another --label-column?")
        return label


def _column(header: list[str], name: str, path: Path, option: str) -> int:
    if header.count(name) != 1:
        raise _no_column(header, name, path, option)
    return header.index(name)


def _no_column(header: list[str], name: str, path: Path, option: str) -> InputError:
    problem = f"two columns {name!r}" if name in header else f"no column {name!r}"
    delimiters = [sign for sign in ";\t|," if len(header) == 1 and sign in header[0]]
    advice = f"set --delimiter {delimiters[0]!r}" if delimiters else f"choose one with {option}"
    return InputError(f"{problem} in {path}; there are: {_named(header)}; {advice}")


def _named(names: Iterable[str]) -> str:
    shown = [repr(name) for name in names]
    return ", ".join(shown[:10]) + (" ..." if shown[10:] else "")


def _parse_json(line: str, place: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {place}: {error.msg} at character {error.colno}") from error
    except (ValueError, RecursionError) as error:  # of a number of 5,000 digits, of 10,000 brackets
        raise InputError(f"not JSON: {place}: {error}") from error
