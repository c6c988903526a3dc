"""Writes `predictions.csv`: a row for each text that a run was scored on."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS, TRAIN
from keras_textcnn.data.formats import TextRow
from keras_textcnn.data.table_writers import WRITERS, Layout
from keras_textcnn.evaluation.kept_predictions import Targets, pick_given
from keras_textcnn.evaluation.split_scores import Answered
from keras_textcnn.inference.answers import shortest
from keras_textcnn.persistence.predictions import COLUMNS, PROBABILITY, SOME_PROBABILITIES


def write_predictions(
    path: Path, answered: Mapping[str, Answered], *, config: TrainConfig, labels: Sequence[str]
) -> None:
    """Writes `predictions.csv`: a row for each scored text.

    Each label has a column with its probability. If a split has more than `MOST_PROBABILITIES`, there is one column
    with those of the true and the predicted labels, as JSON.

    Args:
        path: The file.
        answered: The texts of "validation" and, if there are any, "test", with predictions that were kept.
        config: The run's settings.
        labels: Names by output.
    """
    kept = {split: its.scores.kept for split, its in answered.items() if its.scores.kept}
    complete = all(its.complete for its in kept.values())
    added = [f"{PROBABILITY}{label}" for label in labels] if complete else [SOME_PROBABILITIES]
    with path.open("wb") as file, WRITERS[".csv"](file, Layout([], dict.fromkeys([*COLUMNS, *added], ""))) as write:
        for split, predictions in kept.items():
            facts = _facts(config, split, answered[split])
            for texts, targets, predicted, probabilities in predictions.rows():
                linear = answered[split].linear
                named = [_names(its, labels) for its in (targets, predicted)]
                named.append([""] * len(texts) if linear is None else _names(linear[texts], labels))
                rows = [
                    [*facts[text], *its, *more]
                    for text, its, more in zip(
                        texts.tolist(),
                        zip(*named, strict=True),
                        _cells(probabilities, (targets, predicted), labels, complete=complete),
                        strict=True,
                    )
                ]
                write([TextRow("", f"row {row[0]} of {path.name}", (), ()) for row in rows], rows)


def rows_of(config: TrainConfig, split: str, texts: np.ndarray) -> np.ndarray:
    """The row, from 1, of each text among those that were read from the file of its split, or from the corpus.

    Args:
        config: The run's settings.
        split: "validation" or "test".
        texts: int (texts,), positions in the corpus of all texts of the split, sorted.
    """
    return np.arange(1, len(texts) + 1) if getattr(config, f"{split}_data") else texts + 1


def _facts(config: TrainConfig, split: str, answered: Answered) -> list[tuple[int, str, int | None]]:
    """The row, split and fold of each text."""
    if answered.folds is None:
        return [(row, split, None) for row in rows_of(config, split, answered.texts).tolist()]
    rows = zip((answered.texts + 1).tolist(), answered.folds.tolist(), strict=True)
    return [(row, SPLITS[TRAIN], fold) for row, fold in rows]


def _names(targets: Targets, labels: Sequence[str]) -> list[Any]:
    """The label of each text, or the list of its labels if it may have several."""
    if targets.ndim == 1:
        return [labels[output] for output in targets.tolist()]
    rows = sparse.csr_array(targets)
    rows.sort_indices()
    return [[labels[output] for output in its.tolist()] for its in np.split(rows.indices, rows.indptr[1:-1])]


def _cells(
    probabilities: Any, given: tuple[Targets, Targets], labels: Sequence[str], *, complete: bool
) -> Iterator[list[Any]]:
    """The cells with the probabilities of each text."""
    if complete:
        yield from shortest(probabilities).tolist()
        return
    if not sparse.issparse(probabilities):  # of a split that has fewer of them
        dense = [its if its.ndim == 1 else its.toarray() for its in given]
        probabilities = pick_given(dense[0], dense[1], probabilities)
    values = shortest(probabilities.data).tolist()
    outputs, ends = probabilities.indices.tolist(), probabilities.indptr.tolist()
    for begin, end in itertools.pairwise(ends):
        yield [{labels[outputs[place]]: values[place] for place in range(begin, end)}]
