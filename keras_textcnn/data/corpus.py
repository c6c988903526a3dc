"""Texts with their labels and splits: the splits that are missing, chosen by seed, and what is in a corpus."""

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from keras_textcnn.errors import InputError

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
Label = str | tuple[str, ...]  # a tuple where a text may have several labels, or none


class Record(NamedTuple):
    """One text as a reader gives it: its split is one of `SPLITS`."""

    split: str
    text: str
    label: Label


class Fingerprint:
    """A SHA-256 of all texts, labels and splits in order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, record: Record) -> Record:
        """Adds a text and returns it."""
        self._digest.update(json.dumps(record).encode())
        return record

    def __str__(self) -> str:
        return self._digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Texts and, in the same order, the label and the split of each; without splits all are for training.

    Attributes:
        notes: Lines about how it was read, such as how many bytes were replaced.

    Raises:
        InputError: There are not as many of each, a label is not a string (or, where a text may have several, a tuple
            of strings), or a split is none of `SPLITS`.
    """

    texts: Sequence[str]
    labels: Sequence[Label]
    splits: Sequence[str] = ()
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.texts) or len(self.splits) not in (0, len(self.texts)):
            sizes = f"{len(self.texts)} texts, {len(self.labels)} labels, {len(self.splits)} splits"
            raise InputError(f"texts, labels and splits must be equally many; received: {sizes}")
        if wrong := next((label for label in self.labels if not isinstance(label, str | tuple)), None):
            raise InputError(f"a label must be a string, or a tuple of strings; received: {wrong!r}")
        if wrong := next((split for split in self.splits if split not in SPLITS), None):
            raise InputError(f"a split must be one of {', '.join(SPLITS)}; received: {wrong!r}")

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Corpus":
        """Keeps records in memory."""
        splits, texts, labels = zip(*records, strict=True) if (records := list(records)) else ((), (), ())
        return cls(texts, labels, splits)

    def records(self) -> Iterator[Record]:
        """The texts one by one."""
        splits = self.splits or ["train"] * len(self.texts)
        return map(Record, splits, self.texts, self.labels)  # equally many

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def fingerprint(self) -> str:
        """A SHA-256 of all texts, labels and splits in order."""
        fingerprint = Fingerprint()
        for record in self.records():
            fingerprint.add(record)
        return str(fingerprint)


def assign_splits(
    splits: np.ndarray,
    strata: np.ndarray,
    *,
    validation_fraction: float | None,
    test_fraction: float,
    seed: int,
    fold: tuple[int, int] | None = None,
) -> np.ndarray:
    """Splits the parts that are missing off the training texts, by label.

    A label with fewer training texts than there are parts stays in training whole.

    Args:
        splits: int (texts,), positions in `SPLITS`.
        strata: int (texts,), the label of each text.
        validation_fraction: Part of the training texts, after the test is split off; None: no validation.
        test_fraction: Part of the training texts.
        seed: Fixes which texts.
        fold: The test is this one, counted from 1, of so many folds: the training texts are dealt to them label by
            label, as cards are. None: the test is a fraction.

    Returns:
        int (texts,), positions in `SPLITS`: every split has texts if one label is frequent enough.

    Raises:
        InputError: The test is to be a fold, but there are test texts.
    """
    complete = splits.copy()
    parts = missing_parts(splits, validation=validation_fraction is not None)
    check_fold(fold, parts)
    frequent = np.bincount(strata[splits == TRAIN]) > len(parts)
    for part in parts:
        random = np.random.default_rng(seed)
        fraction = (test_fraction if part == TEST else validation_fraction) or 0.0
        training = np.flatnonzero((complete == TRAIN) & frequent[np.minimum(strata, len(frequent) - 1)])
        by_stratum = training[np.argsort(strata[training], kind="stable")]
        shuffled = [
            random.permutation(positions)
            for positions in np.split(by_stratum, np.flatnonzero(np.diff(strata[by_stratum])) + 1)
        ]
        if fold and part == TEST:
            number, folds = fold
            chosen = np.concatenate(shuffled)[number - 1 :: folds]
        else:
            chosen = np.concatenate([positions[: max(int(fraction * len(positions)), 1)] for positions in shuffled])
        complete[chosen] = part
    return complete


def check_fold(fold: tuple[int, int] | None, parts: Sequence[int]) -> None:
    """Raises InputError if the test is to be a fold, but is none of the parts that are missing."""
    if fold and TEST not in parts:
        raise InputError("--folds tests on the training texts, but the corpus has test texts of its own; try --seeds")


def missing_parts(splits: np.ndarray, *, validation: bool = True) -> list[int]:
    """Which of the test and, if one is wanted, the validation split have no texts: positions in `SPLITS`."""
    return [part for part in ((TEST, VALIDATION) if validation else (TEST,)) if not (splits == part).any()]


def labels_of(label: Label) -> tuple[str, ...]:
    """The labels of a text that has one, or several."""
    return (label,) if isinstance(label, str) else label


def count_labels(label_sets: Sequence[Label], rows: np.ndarray) -> dict[str, int]:
    """How many texts have each label, in alphabetical order.

    Args:
        label_sets: The different labels, or sets of labels, of the texts.
        rows: int (texts,), each text's position in `label_sets`.
    """
    counts: Counter[str] = Counter()
    for row, number in enumerate(np.bincount(rows, minlength=len(label_sets)).tolist()):
        for label in labels_of(label_sets[row]) if number else ():
            counts[label] += number
    return dict(sorted(counts.items()))


def number_labels(
    label_sets: Sequence[Label], rows: np.ndarray, splits: np.ndarray, *, known: Sequence[str] = ()
) -> dict[str, int]:
    """Names the model's outputs.

    Args:
        label_sets: The different labels, or sets of labels, of the texts.
        rows: int (texts,), each text's position in `label_sets`.
        splits: int (texts,), positions in `SPLITS`.
        known: Labels of a model that is adapted: they stay, in their order, if a training text has one of them.

    Returns:
        The labels, those that are not known in alphabetical order, with how many training texts have each.

    Raises:
        InputError: The training texts have fewer than two labels, or a split has a label that the model would lack.
    """
    present = {name: count_labels(label_sets, rows[splits == split]) for split, name in enumerate(SPLITS)}
    counts = present["train"]
    if len(counts) < 2:
        named = f"one label only: {next(iter(counts))!r}" if counts else "no label"
        advice = "; mix in texts of the run's with --rehearse" if known else ""
        raise InputError(f"the training texts have {named}; a classifier needs at least two{advice}")
    kept = known if set(known) & set(counts) else ()
    labels = {label: counts.get(label, 0) for label in [*kept, *counts]}
    for name in SPLITS[1:]:
        if unknown := sorted(set(present[name]) - set(labels)):
            named = ", ".join(unknown[:5]) + (" ..." if unknown[5:] else "")
            raise InputError(f"the {name} texts have labels that no training text has: {named}")
    return labels


def rare_labels(
    counts: Mapping[str, int], strata: np.ndarray, splits: np.ndarray, *, validation: bool = True
) -> list[str]:
    """The labels with too few training texts to stand in training and in every part that is missing.

    Args:
        counts: Training texts of each label.
        strata: int (texts,), what they are split by.
        splits: int (texts,), positions in `SPLITS`.
        validation: Whether a validation split is wanted.

    Raises:
        InputError: Nothing is frequent enough to be split.
    """
    parts = missing_parts(splits, validation=validation)
    if parts and np.bincount(strata[splits == TRAIN]).max() <= len(parts):
        label, count = max(counts.items(), key=lambda item: item[1])
        raise InputError(
            f"every label has too few texts to split: {label!r} has {count}, at least {1 + len(parts)} are needed; add "
            "texts, or give --validation-data and --test-data"
        )
    return [label for label, count in counts.items() if parts and count <= len(parts)]
