"""Compares two models on the same texts: by how much one is ahead, and whether this may be chance."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.jupyter import JupyterMixin
from rich.text import Text

from keras_textcnn.errors import InputError
from keras_textcnn.evaluation.descriptions import (
    describe_difference,
    describe_kind,
    describe_left_out,
    percent,
    reported_texts,
)
from keras_textcnn.evaluation.significance import bootstrap_interval, randomization_test, wilson_interval
from keras_textcnn.evaluation.tables import WIDTH, Table
from keras_textcnn.evaluation.tested import SAME, Tested, check_comparable, describe_chosen
from keras_textcnn.persistence.predictions import Predictions
from keras_textcnn.persistence.run import Repeats, Run
from keras_textcnn.utils.inputs import as_path
from keras_textcnn.utils.terminal import render


@dataclasses.dataclass(frozen=True)
class Comparison(JupyterMixin):
    """The accuracies of two models on the same texts; a terminal and a notebook show them as a table.

    Of several runs, such as those of several seeds, the accuracy is the mean. Each text of a cross-validation is
    tested once, so its folds count as one run. Texts that one of the models has learnt from are left out.

    Attributes:
        names: What is compared: the first model and the second.
        kind: The kind of the texts: test, validation or held-out training; "" for another corpus.
        chosen: Lines that say what these texts have chosen of the models; "" if nothing.
        texts: How many texts are compared.
        left_out: How many other texts both were tested on, which one of them or both have learnt from.
        learnt: How many texts each has learnt from; None if it is not known.
        runs: The number of runs of each.
        accuracies: In [0, 1].
        intervals: The 95% interval of each accuracy for so many texts, from `significance.wilson_interval`.
        difference: The first accuracy less the second.
        interval: Its 95% interval, from `significance.bootstrap_interval`.
        p: From `significance.randomization_test`; for single runs it is McNemar's exact test.
        alone: How many texts the first has right and the second has not, or in more of its runs; and the reverse.
    """

    names: tuple[str, str]
    kind: str
    chosen: str
    texts: int
    left_out: int
    learnt: tuple[int | None, int | None]
    runs: tuple[int, int]
    accuracies: tuple[float, float]
    intervals: tuple[tuple[float, float], tuple[float, float]]
    difference: float
    interval: tuple[float, float]
    p: float
    alone: tuple[int, int]

    def to_json(self) -> dict[str, Any]:
        """All of it, as `metrics.json` and the files in RUN/evaluations hold it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}

    def to_text(self) -> str:
        """The table and the difference as text."""
        return "".join(line + "\n" for line in render(self, width=WIDTH))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        several = max(self.runs) > 1
        rows = [
            [
                name,
                *([str(runs)] if several else []),
                percent(accuracy),
                f"{percent(interval[0])} to {percent(interval[1])}",
                f"{alone:,}",
            ]
            for name, runs, accuracy, interval, alone in zip(
                self.names, self.runs, self.accuracies, self.intervals, self.alone, strict=True
            )
        ]
        more = "more often right, texts" if several else "alone right, texts"
        texts = f"percent, {self.texts:,} {describe_kind(self.to_json())}"
        columns = (texts, *(["runs"] if several else []), "accuracy", "95% interval", more)
        yield Table(columns, rows)
        for line in [
            *self.chosen.splitlines(),
            describe_difference(self.to_json()),
            *describe_left_out(self.to_json()),
        ]:
            yield Text(line)


def compare_runs(run: str | Path | Run, other: str | Path | Run) -> Comparison:
    """Compares what two runs predicted for the same test texts, or for held-out texts if there are no test texts.

    Args:
        run: A finished run, or a directory of several: seeds, whose accuracies are averaged, or folds, whose texts are
            pooled.
        other: Another one, which may have another number of seeds.

    Raises:
        InputError: The runs were not tested on the same texts of the same corpus, one of them has no
            `predictions.csv`, or no text is left that neither has learnt from.

    Example:
        print(compare_runs("runs/mine", "runs/baseline").p)
    """
    ours, theirs = (Tested.open(as_path(directory)) for directory in (run, other))
    check_comparable(ours, theirs)
    chosen = "\n".join(its.chosen for its in (ours, theirs) if its.chosen)
    names = (ours.name, theirs.name)
    return compare_predictions(ours.predictions, theirs.predictions, names=names, kind=ours.kind, chosen=chosen)


def compare_with_linear(directory: str | Path | Run) -> Comparison | None:
    """Compares a finished run, or the seeds or folds of a directory of several, with the linear model of the same runs.

    Args:
        directory: The run, or the directory of several.

    Returns:
        The comparison on the test texts or, without any, on the held-out texts; None if there was no linear model, or
        if the runs have learnt from all of these texts.

    Raises:
        InputError: A run is unfinished, or has no `predictions.csv`.

    Example:
        compared = compare_with_linear("runs/reproduce/trec")
        print(compared.difference, compared.interval, compared.p)
    """
    tested = Tested.open(as_path(directory))
    metrics = tested.runs[0].metrics
    name = "these runs" if Repeats(as_path(directory)).there else "this run"
    return compare_linear(tested.predictions, name=name, run_metrics=metrics)


def compare_shared(ours: Predictions, theirs: Predictions, *, names: tuple[str, str]) -> Comparison:
    """Compares two evaluations of one corpus on the texts that both have answered, because they know their labels.

    Args:
        ours: `Evaluation.predictions` of one model.
        theirs: That of the other model.
        names: What they are called.

    Raises:
        InputError: There are no such texts, they have other labels, or one of the models has learnt from all of them.
    """
    both = np.intersect1d(ours.row, theirs.row)
    if not len(both):
        raise InputError(f"{names[0]} and {names[1]} do not know the labels of the same texts; choose another corpus")
    pairs = ([its.choose(np.isin(its.row, both))] for its in (ours, theirs))
    return compare_predictions(*pairs, names=names, advice="compare models that have the same labels")


def compare_linear(
    predictions: Sequence[Predictions], *, name: str, run_metrics: Mapping[str, Any]
) -> Comparison | None:
    """Compares runs with their linear models, given what both have predicted.

    Args:
        predictions: The reported predictions of each run.
        name: What the runs are called.
        run_metrics: The content of `metrics.json` of one of them.

    Returns:
        The comparison; None without a linear model, or if the runs have learnt from all texts.
    """
    linear = [
        dataclasses.replace(its, predicted=its.linear, learnt=np.zeros(len(its), bool))
        for its in predictions
        if its.linear is not None
    ]
    if len(linear) < len(predictions) or all(its.learnt is not None and its.learnt.all() for its in predictions):
        return None
    return compare_predictions(
        predictions,
        linear,
        names=(name, run_metrics["baseline"]["name"]),
        kind=reported_texts(run_metrics),
        chosen=describe_chosen(name, run_metrics),
    )


def compare_predictions(
    ours: Sequence[Predictions],
    theirs: Sequence[Predictions],
    *,
    names: tuple[str, str],
    kind: str = "",
    chosen: str = "",
    advice: str = SAME,
) -> Comparison:
    """Compares the predictions of two models for the same texts, those of one run or of several each.

    Texts that a model has learnt from are left out.

    Args:
        ours, theirs: The predictions of each run.
        names, kind, chosen: As in `Comparison`.
        advice: Ends an error about texts that differ.

    Raises:
        InputError: The texts differ, or no text is left.
    """
    rows, labels, answers = _grade(ours)
    other_rows, other_labels, other_answers = _grade(theirs)
    _check_rows(rows, other_rows, names)
    if len(others := np.flatnonzero(labels != other_labels)):
        row, one, other = (values[others[0]] for values in (rows, labels, other_labels))
        raise InputError(f"row {row:,} has the label {one!r} in {names[0]} and {other!r} in {names[1]}; {advice}")
    seen = _find_learnt(ours, rows), _find_learnt(theirs, rows)
    learnt, other_learnt = (None if its is None else int(its.sum()) for its in seen)
    left = ~np.logical_or(*(np.zeros(len(rows), bool) if its is None else its for its in seen))
    if not left.any():
        used = " and ".join(
            f"{name} {its.sum():,}" for name, its in zip(names, seen, strict=True) if its is not None and its.any()
        )
        raise InputError(f"all {len(rows):,} texts were used to train one of the runs ({used}); choose other texts")
    rows, answers, other_answers = rows[left], answers[:, left], other_answers[:, left]
    right, tested = _count_right(rows, answers, other_answers, names)
    differences = right[0] - right[1]
    accuracies = (float(right[0].sum() / tested[0].sum()), float(right[1].sum() / tested[1].sum()))
    return Comparison(
        names=names,
        kind=kind,
        chosen=chosen,
        texts=len(rows),
        left_out=int((~left).sum()),
        learnt=(learnt, other_learnt),
        runs=(len(answers), len(other_answers)),
        accuracies=accuracies,
        intervals=(wilson_interval(accuracies[0], len(rows)), wilson_interval(accuracies[1], len(rows))),
        difference=accuracies[0] - accuracies[1],
        interval=bootstrap_interval(answers, other_answers),
        p=randomization_test(differences),
        alone=(int((differences > 0).sum()), int((differences < 0).sum())),
    )


def _count_right(
    rows: np.ndarray, answers: np.ndarray, others: np.ndarray, names: tuple[str, str]
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """In how many runs of each of two each text is right, and is tested, as if both had as many runs: int (texts,).

    Raises:
        InputError: A text was tested by other runs of one than of the other.
    """
    pairs = (answers, len(others)), (others, len(answers))
    right, tested = (tuple((its > least).sum(axis=0) * runs for its, runs in pairs) for least in (0, -1))
    if (tested[0] != tested[1]).any():
        row = rows[np.flatnonzero(tested[0] != tested[1])[0]]
        raise InputError(f"row {row:,} is tested by other runs of {names[0]} than of {names[1]}; {SAME}")
    return right, tested


def _find_learnt(runs: Sequence[Predictions], rows: np.ndarray) -> np.ndarray | None:
    """Which of the rows one of the runs has learnt from: bool (rows,); None if it is not known."""
    if any(its.learnt is None for its in runs):
        return None
    return np.isin(rows, np.concatenate([its.row[its.learnt] for its in runs]))


def _grade(runs: Sequence[Predictions]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows of all texts, sorted; their true labels; and the answers, int8 (runs, texts), as in `significance`.

    If each text is tested by one run, as in a cross-validation, the runs are pooled to one.
    """
    rows = np.unique(np.concatenate([its.row for its in runs]))
    labels, answers = np.empty(len(rows), object), np.full((len(runs), len(rows)), -1, np.int8)
    for run, its in zip(answers, runs, strict=True):
        places = np.searchsorted(rows, its.row)
        labels[places], run[places] = its.label, its.label == its.predicted
    pooled = ((answers >= 0).sum(axis=0) == 1).all()
    return rows, labels, answers.max(axis=0, keepdims=True) if pooled else answers


def _check_rows(rows: np.ndarray, others: np.ndarray, names: tuple[str, str]) -> None:
    """Raises InputError if a row was tested by only one of two."""
    for own, other, name, another in ((rows, others, *names), (others, rows, *names[::-1])):
        if len(only := np.setdiff1d(own, other)):
            raise InputError(
                f"other test texts: {len(only):,} of the {len(own):,} of {name}, such as row {only[0]:,}, are not "
                f"those of {another}; {SAME}"
            )
