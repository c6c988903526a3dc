"""What runs have predicted for the texts that they were tested on, and which of them can be compared."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_textcnn.errors import InputError
from keras_textcnn.evaluation.descriptions import describe_choices, reported_texts
from keras_textcnn.persistence.predictions import Predictions
from keras_textcnn.persistence.run import Repeats, Run

SAME = "compare runs that were tested on the same texts, or evaluate both on one corpus"


@dataclasses.dataclass(frozen=True)
class Tested:
    """A run, or several in one directory, with what was predicted for the texts that a report is about.

    Attributes:
        name: Its directory, as it was given.
        runs: The run, or each of several seeds or folds.
        predictions: The reported predictions of each.
        kind: The kind of the texts, from `descriptions.reported_texts`.
        chosen: What the texts have chosen of the run, from `describe_chosen`.
    """

    name: str
    runs: Sequence[Run]
    predictions: Sequence[Predictions]
    kind: str
    chosen: str

    @classmethod
    def open(cls, directory: Path) -> "Tested":
        """Reads the predictions of a run, or of each of several.

        Raises:
            InputError: A run is unfinished, or has no `predictions.csv`.
        """
        repeats = Repeats(directory)
        names = [directory / name for name in repeats.config().repeats()] if repeats.there else [directory]
        runs = [Run.open(path) for path in names]
        predictions = [run.read_predictions(probabilities=False).reported for run in runs]
        metrics, name = runs[0].metrics, str(directory)
        return cls(name, runs, predictions, reported_texts(metrics), describe_chosen(name, metrics))

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the corpus, without old texts that a fine-tuning has mixed in."""
        corpus = self.runs[0].read_json("config.json").get("corpus", {})
        fingerprint: str | None = corpus.get("own_fingerprint", corpus.get("fingerprint"))
        return fingerprint


def describe_chosen(name: str, run_metrics: Mapping[str, Any]) -> str:
    """A footnote about texts that have chosen something of the run that was tested on them; "" if they have not.

    Args:
        name: What the run is called.
        run_metrics: The content of `metrics.json`.
    """
    choices = describe_choices(run_metrics)
    return "" if run_metrics["test"] or not choices.startswith("* ") else f"* {name}: {choices.removeprefix('* ')}"


def check_tasks(run: Run, other: Run) -> None:
    """Raises InputError if only one of two runs gives several labels to a text."""
    tasks = [its.config().task.several for its in (run, other)]
    if tasks[0] != tasks[1]:
        many, one = (run, other) if tasks[0] else (other, run)
        raise InputError(
            f"{many.directory} gives several labels to a text and {one.directory} gives one, so they cannot be "
            "compared; choose another run"
        )


def check_comparable(ours: Tested, theirs: Tested) -> None:
    """Raises InputError if two runs were tested on texts of other kinds, or of other corpora."""
    check_tasks(ours.runs[0], theirs.runs[0])
    if ours.fingerprint != theirs.fingerprint:
        raise InputError(
            f"{ours.name} and {theirs.name} have different corpora (the fingerprints in config.json differ); evaluate "
            "both on one corpus"
        )
    if ours.kind != theirs.kind:
        raise InputError(
            f"{ours.name} was tested on {ours.kind} texts and {theirs.name} on {theirs.kind} texts; {SAME}"
        )
