"""Writes `predictions.csv`: a row for each text that a run was scored on."""

import csv
import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS, TRAIN
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
    kept = [its.scores.kept for its in answered.values() if its.scores.kept]
    complete = all(predictions.complete for predictions in kept)
    added = [f"{PROBABILITY}{label}" for label in labels] if complete else [SOME_PROBABILITIES]
    # Before Python 3.13 the csv module leaves a carriage return without quotation marks, unless all strings have them.
    returns = any("\r" in label for label in labels)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL)
        writer.writerow([*COLUMNS, *added])
        for split, its in answered.items():
            for rows in _blocks(its, config, split, labels, complete=complete):
                writer.writerows(rows)


def _blocks(
    answered: Answered, config: TrainConfig, split: str, labels: Sequence[str], *, complete: bool
) -> Iterator[list[list[Any]]]:
    """Yields the rows of a split in blocks."""
    numbers, folds = rows_of(config, split, answered.texts), answered.folds
    if folds is not None:
        split, numbers = SPLITS[TRAIN], answered.texts + 1
    for texts, targets, predicted, probabilities in answered.scores.kept.rows() if answered.scores.kept else ():
        linear: Sequence[str | None] = [None] * len(texts)
        if answered.linear is not None:
            linear = name_targets(answered.linear[texts], labels)
        columns = (
            numbers[texts].tolist(),
            [split] * len(texts),
            [None] * len(texts) if folds is None else folds[texts].tolist(),
            [None] * len(texts)
            if answered.learnt_before is None
            else answered.learnt_before[texts].astype(int).tolist(),
            name_targets(targets, labels),
            name_targets(predicted, labels),
            linear,
        )
        cells = _cells(probabilities, (targets, predicted), labels, complete=complete)
        yield [[*row, *more] for row, more in zip(zip(*columns, strict=True), cells, strict=True)]


def rows_of(config: TrainConfig, split: str, texts: np.ndarray) -> np.ndarray:
    """The row, from 1, of each text among those that were read from the file of its split, or from the corpus.

    Args:
        config: The run's settings.
        split: "validation" or "test".
        texts: int (texts,), positions in the corpus of all texts of the split, sorted.
    """
    return np.arange(1, len(texts) + 1) if getattr(config, f"{split}_data") else texts + 1


def name_targets(targets: Targets, labels: Sequence[str]) -> list[str]:
    """The label of each text or, if it may have several, a JSON list of them in alphabetical order.

    Args:
        targets: int (texts,), or (texts, num_classes), which may be sparse, 1 for each label of a text.
        labels: Names by output.
    """
    if targets.ndim == 1:
        return [labels[output] for output in targets.tolist()]
    rows = sparse.csr_array(targets)
    sets = (rows.indices[begin:end].tolist() for begin, end in itertools.pairwise(rows.indptr.tolist()))
    names = (json.dumps(sorted(map(labels.__getitem__, outputs)), ensure_ascii=False) for outputs in sets)
    return [*map(sys.intern, names)]  # many texts have the same labels


def _cells(
    probabilities: Any, given: tuple[Targets, Targets], labels: Sequence[str], *, complete: bool
) -> Iterator[list[Any]]:
    """The cells with the probabilities of each text."""
    if complete:
        yield from shortest(probabilities).tolist()
        return
    if not sparse.issparse(probabilities):  # of a split that has fewer of them
        probabilities = pick_given(*given, probabilities)
    values = shortest(probabilities.data).tolist()
    outputs, ends = probabilities.indices.tolist(), probabilities.indptr.tolist()
    for begin, end in itertools.pairwise(ends):
        some = {labels[outputs[place]]: values[place] for place in range(begin, end)}
        yield [json.dumps(some, ensure_ascii=False)]
