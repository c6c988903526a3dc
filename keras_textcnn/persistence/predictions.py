"""What a run has predicted for each text that it was scored on: reads `predictions.csv`."""

import array
import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_textcnn.data.corpus import SPLITS, TEST

PREDICTIONS = "predictions.csv"
COLUMNS = ("row", "split", "fold", "learnt", "label", "predicted", "linear")  # those of the probabilities follow
STRINGS = tuple(place for place, name in enumerate(COLUMNS) if name not in ("row", "fold", "learnt"))
LONGEST_CELL = 2**31 - 1  # the labels of a text, as JSON, have no limit
PROBABILITY = "probability_"  # begins the name of a label's column
SOME_PROBABILITIES = "probabilities"  # the column with those of the true and the predicted labels only


@dataclasses.dataclass(frozen=True)
class Predictions:
    """The answers to the texts that a run was scored on, in the order of the file.

    Where a text may have several labels, they are written as a JSON list: `["crude", "earn"]`.

    Attributes:
        row: int64 (texts,), the text's row, from 1, among the texts that were read.
        split: Strings (texts,): `test`; and `validation`, or `train` for training texts that a fold held out.
        fold: int64 (texts,), the fold of the inner cross-validation that held the text out; 0 without one.
        learnt: bool (texts,), whether the run that this one was trained from has learnt from the text; False without
            such a run, None if it is not known. In an evaluation, whether the run itself has learnt from the text.
        label: Strings (texts,), the true label.
        predicted: Strings (texts,), the label that the run gives.
        linear: Strings (texts,), the label that the linear model gives; None if the run was not compared with one.
        probabilities: float32 (texts, labels), in the order of `labels.txt`; None if the file has only those of the
            true and the predicted labels.
    """

    row: np.ndarray
    split: np.ndarray
    fold: np.ndarray
    learnt: np.ndarray | None
    label: np.ndarray
    predicted: np.ndarray
    linear: np.ndarray | None = None
    probabilities: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def join(cls, blocks: Sequence["Predictions"]) -> "Predictions":
        """The texts of several blocks, which have no probabilities, one block after another."""
        names = ("row", "split", "fold", "label", "predicted")
        columns = {name: np.concatenate([getattr(block, name) for block in blocks]) for name in names}
        known = [block.learnt for block in blocks if block.learnt is not None]
        return cls(**columns, learnt=np.concatenate(known) if len(known) == len(blocks) else None)

    def choose(self, chosen: np.ndarray) -> "Predictions":
        """Some of the texts: bool (texts,), or their positions."""
        return dataclasses.replace(
            self, **{name: values[chosen] for name, values in vars(self).items() if values is not None}
        )

    @property
    def reported(self) -> "Predictions":
        """Those that a report is about: of the test texts or, without any, of all texts."""
        tested = self.split == SPLITS[TEST]
        return self.choose(tested) if tested.any() else self


def read_predictions(path: Path, *, probabilities: bool = True) -> Predictions:
    """Reads a `predictions.csv`.

    Args:
        path: The file.
        probabilities: Whether to read the probabilities too.

    Raises:
        ValueError, OverflowError, csv.Error: The file is damaged.
    """
    known: dict[str, str] = {}  # so that equal labels are one string
    row, fold, learnt = array.array("q"), array.array("q"), array.array("b")
    strings: list[list[str]] = [[] for _ in STRINGS]
    rows: list[np.ndarray] = []
    with path.open(encoding="utf-8", newline="") as file:
        csv.field_size_limit(LONGEST_CELL)  # it is global, and another reader may have lowered it
        reader = csv.reader(file, strict=True)
        names = next(reader, [])
        if names[: len(COLUMNS)] != [*COLUMNS]:
            raise ValueError(f"its columns do not begin with {', '.join(COLUMNS)}")
        labels = names[len(COLUMNS) :]
        wanted = probabilities and labels != [SOME_PROBABILITIES]
        for line in reader:
            if len(line) != len(names):
                raise ValueError(f"line {reader.line_num} has {len(line)} cells, not {len(names)}")
            row.append(int(line[0]))
            fold.append(int(line[2] or 0))
            learnt.append(int(line[3] or -1))
            for column, place in zip(strings, STRINGS, strict=True):
                column.append(known.setdefault(line[place], line[place]))
            if wanted:
                rows.append(np.fromiter(map(float, line[len(COLUMNS) :]), np.float32, len(labels)))
    split, label, predicted, linear = (np.array(column, object) for column in strings)
    return Predictions(
        row=np.array(row, np.int64),
        split=split,
        fold=np.array(fold, np.int64),
        learnt=None if -1 in learnt else np.array(learnt, bool),
        label=label,
        predicted=predicted,
        linear=linear if linear.any() else None,
        probabilities=np.array(rows, np.float32).reshape(len(rows), len(labels)) if wanted else None,
    )
