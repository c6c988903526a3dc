"""Texts with their labels: read from files, checked, split by seed."""

import csv
import dataclasses
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_textcnn.errors import InputError

CORPUS_KINDS = "a .csv or .tsv file, or a folder of LABEL/*.txt"
DELIMITERS = {".csv": ",", ".tsv": "\t"}


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Texts and, in the same order, the label of each."""

    texts: Sequence[str]
    labels: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)


def read_splits(path: Path, *, text_column: str = "text", label_column: str = "label") -> dict[str, Corpus]:
    """Reads a corpus in its parts.

    It is a `.csv` or `.tsv` file with a header, a folder of `LABEL/*.txt`, or a folder of splits.

    A folder of splits holds `train` and perhaps `validation` and `test`: folders of `LABEL/*.txt`, or files.

    Returns:
        "train" and, where the source has them, "validation" and "test".

    Raises:
        InputError: Nothing is there, or it is not a corpus; the message names file and line.
    """
    places = {name: _find_split(path, name) for name in ("train", "validation", "test")}
    if not places["train"]:
        places = {"train": path}
    return {
        name: read_corpus(place, text_column=text_column, label_column=label_column)
        for name, place in places.items()
        if place
    }


def read_corpus(path: Path, *, text_column: str = "text", label_column: str = "label") -> Corpus:
    """Reads one file or one folder of `LABEL/*.txt`; a folder's texts come in order of label and file name.

    Raises:
        InputError: Nothing is there, or it is not a corpus; the message names file and line.
    """
    if not path.exists():
        raise InputError(f"no such corpus: {path}; give {CORPUS_KINDS}")
    if path.is_dir():
        pairs = list(_folder_pairs(path))
    elif path.suffix.lower() in DELIMITERS:
        pairs = list(_table_pairs(path, text_column, label_column))
    else:
        raise InputError(f"unknown kind of corpus: {path}; give {CORPUS_KINDS}")
    if not pairs:
        raise InputError(f"no texts in {path}; give {CORPUS_KINDS} with at least two labels")
    texts, labels = zip(*pairs, strict=True)
    return Corpus(texts, labels)


def complete_splits(
    splits: Mapping[str, Corpus], *, validation_fraction: float, test_fraction: float, seed: int
) -> dict[str, Corpus]:
    """Splits the parts that are missing off the training texts, stratified by label.

    Args:
        splits: "train" and perhaps "validation" and "test".
        validation_fraction: Part of the training texts, after the test is split off.
        test_fraction: Part of the texts.
        seed: Fixes which texts.

    Returns:
        "train", "validation" and "test".

    Raises:
        InputError: There is one label only, a label has too few texts to stand in every part, or a part has a label
            that the training texts lack.
    """
    complete = dict(splits)
    missing = {"test": test_fraction, "validation": validation_fraction}
    missing = {name: fraction for name, fraction in missing.items() if name not in splits}
    check_labels(complete["train"], parts=1 + len(missing))
    for name, fraction in missing.items():
        complete["train"], complete[name] = _split(complete["train"], fraction, seed)
    for name, part in complete.items():
        unknown = sorted(set(part.labels) - set(complete["train"].labels))
        if unknown:
            raise InputError(f"the {name} texts have labels that no training text has: {', '.join(unknown)}")
    return complete


def fingerprint(splits: Mapping[str, Corpus]) -> str:
    """A SHA-256 of all texts and labels, in order: the same corpus and split, the same fingerprint."""
    entries = {name: [list(part.texts), list(part.labels)] for name, part in splits.items()}
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()


def check_labels(train: Corpus, *, parts: int) -> None:
    """Raises InputError unless there are two labels, each with a text for every part that is to be split off."""
    counts = Counter(train.labels)
    if len(counts) < 2:
        raise InputError(f"the corpus has one label only: {next(iter(counts))!r}; a classifier needs at least two")
    rare = sorted(label for label, count in counts.items() if count < parts)
    if rare:
        named = ", ".join(f"{label!r} ({counts[label]})" for label in rare[:5]) + (" ..." if rare[5:] else "")
        raise InputError(
            f"labels with too few texts to split: {named}; each needs at least {parts} "
            "texts: add some, leave the label out, or give --validation-data and --test-data"
        )


def _split(corpus: Corpus, fraction: float, seed: int) -> tuple[Corpus, Corpus]:
    """Splits off a fraction of each label's texts, at least one, the order kept in both parts.

    scikit-learn's stratified split refuses labels with few texts and may leave one out of a part.
    """
    random = np.random.default_rng(seed)
    labels = np.array(corpus.labels)
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        positions = random.permutation(np.flatnonzero(labels == label))
        chosen[positions[: max(int(fraction * len(positions)), 1)]] = True
    return _select(corpus, np.flatnonzero(~chosen)), _select(corpus, np.flatnonzero(chosen))


def _select(corpus: Corpus, positions: np.ndarray) -> Corpus:
    return Corpus([corpus.texts[i] for i in positions], [corpus.labels[i] for i in positions])


def _find_split(folder: Path, name: str) -> Path | None:
    if any((folder / name).glob("*/")):
        return folder / name
    return next((path for suffix in DELIMITERS if (path := folder / f"{name}{suffix}").is_file()), None)


def _folder_pairs(folder: Path) -> Iterator[tuple[str, str]]:
    for label in sorted(path for path in folder.iterdir() if path.is_dir()):
        try:
            label.name.encode()
        except UnicodeEncodeError:
            raise InputError(f"a label that is not UTF-8: {label.name!a} in {folder}; rename the folder") from None
        for path in sorted(label.glob("*.txt")):
            yield _read_text(path), label.name


def _table_pairs(path: Path, text_column: str, label_column: str) -> Iterator[tuple[str, str]]:
    csv.field_size_limit(2**31 - 1)
    rows = csv.reader(io.StringIO(_read_text(path), newline=""), delimiter=DELIMITERS[path.suffix.lower()], strict=True)
    try:
        header = next(rows, [])
        if not header:
            raise InputError(f"empty file: {path}; the first line must name the columns")
        text = _column(header, text_column, path, "--text-column")
        label = _column(header, label_column, path, "--label-column")
        if text == label:
            raise InputError(f"text and label are the same column, {text_column!r}: {path}; choose --label-column")
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise InputError(f"{len(row)} fields where the header has {len(header)}: {path}:{rows.line_num}")
            if not row[label].strip():
                raise InputError(f"empty label: {path}:{rows.line_num}; give the text a label or leave the line out")
            yield row[text], row[label].strip()
    except csv.Error as error:
        raise InputError(f"not a table: {path}:{rows.line_num}: {error}") from error


def _column(header: list[str], name: str, path: Path, option: str) -> int:
    if header.count(name) != 1:
        problem = f"two columns {name!r}" if name in header else f"no column {name!r}"
        raise InputError(f"{problem} in {path}; there are: {', '.join(map(repr, header))}; choose one with {option}")
    return header.index(name)


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; mend or remove it") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"not UTF-8: {path}:{line}: byte {data[error.start]:#04x}; save the file as UTF-8") from error
