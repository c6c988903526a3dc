"""Texts with labels and splits: a corpus, the choice of missing splits by seed, and counts of labels."""

import dataclasses
import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_textcnn.data.soft_targets import align_probabilities, check_probabilities, check_weights
from keras_textcnn.errors import InputError
from keras_textcnn.utils.inputs import as_labels, as_texts, describe

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
Label = str | tuple[str, ...]  # a tuple if a text may have several labels, or none


class Record(NamedTuple):
    """One text as a reader yields it; its split is one of `SPLITS`.

    If it has soft targets, `probabilities` are those of the labels in `label_names`.
    """

    split: str
    text: str
    label: Label
    weight: float = 1.0
    probabilities: tuple[float, ...] = ()
    label_names: tuple[str, ...] = ()


RECORD_LENGTHS = (3, len(Record._fields))  # as a tuple: with split, text and label, or with everything


class Fingerprint:
    """A SHA-256 of all texts, labels and splits in order, and of the weights and probabilities of those that have any.

    Without these, it is the same as before there were any.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, record: Record) -> Record:
        """Adds a text and returns it."""
        without = Record(*record[:3])
        self._digest.update(json.dumps(record[:3] if record == without else record).encode())
        return record

    def __str__(self) -> str:
        return self._digest.hexdigest()


@dataclasses.dataclass(frozen=True, repr=False)
class Corpus:
    """Texts with the label and split of each, in the same order; without splits, all texts are training texts.

    All three may be lists, NumPy arrays, pandas Series or iterators; they are kept as tuples of strings.

    Args:
        texts: Strings, or bytes of UTF-8.
        labels: Strings, numbers or booleans, which become text (`1`, `true`); a list, tuple or set of them for each
            text if a text may have several labels.
        splits: Names in `SPLITS`.
        notes: Lines about how it was read, such as how many bytes were replaced.
        weights: How much each text counts in training, at least 0; empty if all count the same.
        probabilities: float (texts, label_names), soft targets, which add up to 1 for each text: training learns them
            instead of the labels, which decide all else, such as splits and scores. Empty: it learns the labels.
        label_names: The labels that the columns of `probabilities` belong to.

    Raises:
        InputError: The lengths differ, a text or label is missing or of another type, a split is not one of `SPLITS`,
            or a weight or the probabilities of a text are out of their range.

    Example:
        corpus = keras_textcnn.Corpus(["good film", "bad film"], ["positive", "negative"])
    """

    texts: Sequence[str]
    labels: Sequence[Label]
    splits: Sequence[str] = ()
    notes: Sequence[str] = ()
    weights: Sequence[float] = ()
    probabilities: Sequence[Sequence[float]] = ()
    label_names: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, values in (
            ("texts", as_texts(self.texts)),
            ("labels", as_labels(self.labels)),
            ("splits", as_texts(self.splits, "split")),
        ):
            object.__setattr__(self, name, tuple(values))  # the dataclass is frozen
        if len(self.labels) != len(self.texts) or len(self.splits) not in (0, len(self.texts)):
            sizes = f"{len(self.texts)} texts, {len(self.labels)} labels, {len(self.splits)} splits"
            raise InputError(f"texts, labels and splits must have the same length; received: {sizes}")
        if wrong := next((split for split in self.splits if split not in SPLITS), None):
            raise InputError(f"a split must be one of {', '.join(SPLITS)}; received: {wrong!r}")
        if len(self.weights):  # the dataclass is frozen
            object.__setattr__(self, "weights", check_weights(self.weights, texts=len(self.texts)))
        if len(self.probabilities):
            rows = check_probabilities(self.probabilities, self.label_names, texts=len(self.texts))
            object.__setattr__(self, "probabilities", tuple(map(tuple, rows.tolist())))
            object.__setattr__(self, "label_names", tuple(self.label_names))
            if unknown := set(self.labels) - set(self.label_names):
                raise InputError(f"texts have a label without probabilities: {unknown.pop()!r}; add it to label_names")

    @classmethod
    def of(cls, records: Any, *, text_column: str = "text", label_column: str = "label") -> "Corpus":
        """A corpus that holds a DataFrame, or the records of a reader, in memory.

        Args:
            records: A pandas DataFrame, whose column `split` tells the splits if it has one; or any `Record`s.
            text_column: The column of a DataFrame that holds the texts.
            label_column: The column of a DataFrame that holds the labels.

        Raises:
            InputError: A column is missing; or as for `Corpus`.

        Example:
            corpus = keras_textcnn.Corpus.of(pandas.read_csv("reviews.csv"), label_column="stars")
        """
        if hasattr(records, "columns"):
            there = list(records.columns)
            for name in (text_column, label_column):
                if name not in there:
                    raise InputError(f"no column {name!r}; choose text_column and label_column among {there}")
            return cls(records[text_column], records[label_column], records["split"] if "split" in there else ())
        if not isinstance(records, Iterable):
            raise InputError(f"a corpus needs a DataFrame or records; received: {describe(records)}")
        records = list(records)
        if wrong := next(
            (one for one in records if not isinstance(one, tuple) or len(one) not in RECORD_LENGTHS), None
        ):
            raise InputError(f"a record must be a split, a text and a label; received: {describe(wrong)}")
        columns = zip(*(Record(*one) for one in records), strict=True) if records else [()] * len(Record._fields)
        splits, texts, labels, weights, probabilities, names = columns
        if not any(probabilities):
            return cls(texts, labels, splits, weights=weights)
        rows, label_names = align_probabilities(labels, probabilities, names)
        return cls(texts, labels, splits, weights=weights, probabilities=rows, label_names=label_names)

    @classmethod
    def soft(
        cls,
        texts: Sequence[str],
        probabilities: Sequence[Sequence[float]],
        label_names: Sequence[str],
        *,
        splits: Sequence[str] = (),
        weights: Sequence[float] = (),
    ) -> "Corpus":
        """A corpus with soft targets, such as a teacher's answers; a text's label is the first of the most probable.

        Args:
            texts, splits, weights: As for `Corpus`.
            probabilities: float (texts, label_names); each row must add up to 1 within 0.001, and is scaled to 1.
            label_names: The labels that the columns belong to.

        Raises:
            InputError: As for `Corpus`.

        Example:
            corpus = Corpus.soft(["would stay again", "never again"], [[0.9, 0.1], [0.2, 0.8]], ["good", "bad"])
        """
        rows = check_probabilities(probabilities, label_names, texts=len(texts))
        labels = [label_names[column] for column in rows.argmax(axis=1).tolist()]
        return cls(texts, labels, splits, weights=weights, probabilities=rows.tolist(), label_names=label_names)

    def records(self) -> Iterator[Record]:
        """The texts one by one."""
        splits = self.splits or ["train"] * len(self.texts)
        weights = self.weights or [1.0] * len(self.texts)
        probabilities = self.probabilities or [()] * len(self.texts)
        names = itertools.repeat(self.label_names if self.probabilities else ())
        return map(Record, splits, self.texts, self.labels, weights, probabilities, names)  # of the same length

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        labels = {label for labels in set(self.labels) for label in labels_of(labels)}
        splits = Counter(self.splits or ["train"] * len(self.texts))
        counts = "".join(f", {splits[split]:,} {split}" for split in SPLITS if splits[split])
        return f"Corpus({len(self.texts):,} texts, {len(labels):,} labels{counts})"

    @property
    def fingerprint(self) -> str:
        """A SHA-256 of all that it holds, except the notes."""
        fingerprint = Fingerprint()
        for record in self.records():
            fingerprint.add(record)
        return str(fingerprint)


def assign_splits(
    splits: np.ndarray,
    strata: np.ndarray,
    *,
    validation_fraction: float | None,
    test_fraction: float | None,
    seed: int,
    fold: tuple[int, int] | None = None,
) -> np.ndarray:
    """Splits the missing parts off the training texts, stratified by label.

    If a label has fewer training texts than there are parts, all of them stay in training.

    Args:
        splits: int (texts,), positions in `SPLITS`.
        strata: int (texts,), the label of each text.
        validation_fraction: Fraction of the training texts that remain after the test split; None: no validation.
        test_fraction: Fraction of the training texts; None: no test, unless a fold is given.
        seed: Determines which texts are chosen.
        fold: A fold, counted from 1, and the number of folds. The training texts are dealt to the folds label by label,
            like cards, and this fold becomes the test split. None: the test split is a fraction.

    Returns:
        int (texts,), positions in `SPLITS`; every split has texts if at least one label is frequent enough.

    Raises:
        InputError: A fold is given, but the corpus has test texts.
    """
    complete = splits.copy()
    parts = missing_parts(splits, validation=validation_fraction is not None, test=bool(fold or test_fraction))
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
    """Raises InputError if a fold is given, but the test split is not missing."""
    if fold and TEST not in parts:
        raise InputError("--folds tests on the training texts, but the corpus has test texts of its own; try --seeds")


def missing_parts(splits: np.ndarray, *, validation: bool = True, test: bool = True) -> list[int]:
    """The splits without texts, among those of test and validation that are wanted: positions in `SPLITS`."""
    wanted = [part for part, is_wanted in ((TEST, test), (VALIDATION, validation)) if is_wanted]
    return [part for part in wanted if not (splits == part).any()]


def advise_data(parts: Sequence[int]) -> str:
    """The options that give the missing parts."""
    return " and ".join(f"--{SPLITS[part]}-data" for part in sorted(parts))


def labels_of(label: Label) -> tuple[str, ...]:
    """The labels of a text as a tuple, whether it has one or several."""
    return (label,) if isinstance(label, str) else label


def hash_text(text: str) -> int:
    """A hash below 2**64 that is the same for texts that differ only in white space at their ends."""
    return int.from_bytes(hashlib.blake2b(text.strip().encode(), digest_size=8).digest(), "little")
