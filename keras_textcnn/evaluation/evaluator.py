"""Evaluates a trained model on labelled texts."""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.jupyter import JupyterMixin
from rich.text import Text

from keras_textcnn.data.corpus import SPLITS, TEST, Corpus, Record, hash_text, labels_of
from keras_textcnn.errors import InputError
from keras_textcnn.evaluation import metrics, plots, tables
from keras_textcnn.evaluation.descriptions import describe_learnt
from keras_textcnn.evaluation.predictions_table import name_targets
from keras_textcnn.inference.answers import Answers
from keras_textcnn.persistence.learnt_texts import LearntTexts
from keras_textcnn.persistence.predictions import Predictions
from keras_textcnn.persistence.run import Run
from keras_textcnn.text.folding import fold_label
from keras_textcnn.utils.inputs import describe
from keras_textcnn.utils.terminal import render
from keras_textcnn.utils.visible import shown

CHUNK = 1024  # texts answered at once
SHOWN = 10  # errors


@dataclasses.dataclass(frozen=True)
class Evaluation(JupyterMixin):
    """The results of an evaluation; a notebook shows them as tables.

    Attributes:
        labels: Names by output.
        scores: As in `metrics.json`, of the texts whose labels the model knows.
        confusions: int (num_classes, num_classes), texts by true (row) and predicted (column) label.
        unknown: Labels that the model does not know, with the number of texts that have them, most frequent first.
            These texts are left out of everything else.
        shares: From `metrics.ScoreSums`; empty if a text may have several labels.
        wanted_accuracy: The accuracy to find a threshold for.
        threshold: From `metrics.ScoreSums` for it.
        worst: The texts that the model is most wrong about, worst first: text, targets, predicted, probability (of
            what was predicted).
        learnt: The texts that the run was trained on: "texts", how many; "chosen", how many of these only chose its
            epochs and the like; "without", the scores of the others, None if there are none. None if this is not known,
            because the model belongs to no run, or to one of an older version.
        predictions: What was predicted for each of these texts, if it was to be kept; rows are counted from 1 among all
            texts that were read.
    """

    labels: list[str]
    scores: dict[str, Any]
    confusions: np.ndarray
    unknown: dict[str, int]
    shares: list[dict[str, float | None]]
    wanted_accuracy: float
    threshold: dict[str, float] | None
    worst: list[dict[str, Any]]
    learnt: dict[str, Any] | None = None
    predictions: Predictions | None = None

    def to_json(self) -> dict[str, Any]:
        """All results, as a file in RUN/evaluations holds them."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del values["predictions"]
        return {**values.pop("scores"), **values, "confusions": self.confusions.tolist()}

    def to_text(self) -> str:
        """The report as text."""
        return "".join(line + "\n" for line in render(self, width=120))

    def plot(self, path: str | Path) -> None:
        """Writes a picture of the confusion matrix as a PNG."""
        support = [scores["support"] for scores in self.scores["per_label"].values()]
        plots.plot_confusion_matrix(self.confusions, support, self.labels, path)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if warning := describe_learnt(self.learnt, self.scores["support"]):
            yield Text(warning)
        yield tables.scores_table(self.scores, without=self.learnt and self.learnt["without"])
        if self.unknown:
            named = ", ".join(f"{shown(label)} {number:,}" for label, number in self.unknown.items())
            yield Text(f"left out: {sum(self.unknown.values()):,} labels that the run does not know: {named}\n")
        yield tables.label_table(self.scores, title="by label, percent")
        if self.shares:
            yield tables.shares_table(self.shares)
            yield self._describe_threshold()
        if self.worst:
            yield tables.errors_table(self.worst[:SHOWN])

    def _describe_threshold(self) -> str:
        if self.threshold is None:
            return f"no --reject-below gives {self.wanted_accuracy:.2%} right answers\n"
        return (
            f"for {self.wanted_accuracy:.2%} right answers: --reject-below {self.threshold['reject_below']:g} answers "
            f"{self.threshold['answered']:.2%} of the texts\n"
        )


def evaluate(
    predictor: Answers, records: Corpus | Iterable[Record], *, accuracy: float = 0.99, keep_predictions: bool = False
) -> Evaluation:
    """Evaluates a model on labelled texts, which are read one by one.

    Args:
        predictor: The model.
        records: A corpus, or the records of a reader; their split does not matter.
        accuracy: The accuracy to find `Evaluation.threshold` for, in (0, 1].
        keep_predictions: Whether to keep what is predicted for each text, for `comparison.compare_shared`.

    Raises:
        InputError: The model knows none of the labels, or an argument is of another type.
    """
    if not isinstance(predictor, Answers):
        raise InputError(
            f"the first argument must be a Predictor, such as Predictor(run); received: {describe(predictor)}"
        )
    if hasattr(records, "columns") or isinstance(records, str):
        raise InputError(
            f"the second argument must be a Corpus, such as Corpus.of(table); received: {describe(records)}"
        )
    learnt = _learnt_by(predictor)
    sums, unseen = (metrics.ScoreSums(len(predictor.labels), predictor.thresholds) for _ in range(2))
    unknown, chosen, written = Counter[str](), 0, dict[int, str]()
    kept: list[Predictions] = []
    remaining = enumerate(records.records() if isinstance(records, Corpus) else records, 1)
    while chunk := list(itertools.islice(remaining, CHUNK)):
        rows, texts, targets = _encode(chunk, predictor, unknown)
        probabilities = predictor.probabilities(texts)
        written |= enumerate(texts, sums.labels.texts)
        sums.add(targets, probabilities)
        written = {wrong.text: written[wrong.text] for wrong in sums.worst}
        seen = None
        if learnt:
            fitted, choosing = learnt.find(np.array([*map(hash_text, texts)], np.uint64))
            seen = fitted | choosing
            chosen += int(choosing.sum())
            unseen.add(targets[~seen], probabilities[~seen])
        if keep_predictions:
            kept.append(_predicted(predictor, rows, targets, probabilities, seen))
    if not sums.labels.texts:
        named = ", ".join(list(unknown)[:5])
        knows = ", ".join(predictor.labels[:10])
        raise InputError(f"{_name(predictor)} knows no label of the corpus ({named}); it knows {knows}")
    return Evaluation(
        labels=predictor.labels,
        scores=sums.scores(predictor.labels),
        confusions=sums.labels.confusions,
        unknown=dict(unknown.most_common()),
        shares=sums.shares(),
        wanted_accuracy=accuracy,
        threshold=sums.threshold_for_accuracy(accuracy),
        worst=[_describe_error(wrong, written[wrong.text], predictor) for wrong in sums.worst],
        learnt={
            "texts": sums.labels.texts - unseen.labels.texts,
            "chosen": chosen,
            "without": unseen.scores(predictor.labels) if unseen.labels.texts else None,
        }
        if learnt
        else None,
        predictions=Predictions.join(kept) if keep_predictions else None,
    )


def _predicted(
    predictor: Answers, rows: list[int], targets: np.ndarray, probabilities: np.ndarray, learnt: np.ndarray | None
) -> Predictions:
    """The predictions for texts, as a run keeps them."""
    predicted = predictor.task.choose(probabilities, predictor.thresholds)
    label, given = (np.array(name_targets(its, predictor.labels), object) for its in (targets, predicted))
    return Predictions(
        row=np.array(rows, np.int64),
        split=np.full(len(rows), SPLITS[TEST], object),
        fold=np.zeros(len(rows), np.int64),
        learnt=learnt,
        label=label,
        predicted=given,
    )


def _name(predictor: Answers) -> str:
    """What an error calls a model: its directory, if it has one."""
    return str(getattr(predictor, "directory", None) or "the run")


def _learnt_by(predictor: Answers) -> LearntTexts | None:
    directory = getattr(predictor, "directory", None)
    return Run.open(directory).learnt() if directory and (directory / "config.json").is_file() else None


def _encode(
    chunk: list[tuple[int, Record]], predictor: Answers, unknown: Counter[str]
) -> tuple[list[int], list[str], np.ndarray]:
    """The numbers of the texts with known labels, these texts, and their targets; counts the unknown labels."""
    outputs = {label: output for output, label in enumerate(predictor.labels)}
    outputs = {fold_label(label): output for label, output in outputs.items()} | outputs  # Python's labels are as given
    unknown.update(label for _, record in chunk for label in labels_of(record.label) if label not in outputs)
    task = predictor.task
    chunk = [(number, record) for number, record in chunk if task.several or isinstance(record.label, str)]
    known = [(number, record) for number, record in chunk if outputs.keys() >= {*labels_of(record.label)}]
    targets = task.encode([record.label for _, record in known], outputs)
    numbers, texts = [number for number, _ in known], [record.text for _, record in known]
    return numbers, texts, targets if isinstance(targets, np.ndarray) else targets.toarray()


def _describe_error(wrong: metrics.WrongText, text: str, predictor: Answers) -> dict[str, Any]:
    return {
        "text": text,
        "truth": predictor.task.name(wrong.target, predictor.labels),
        "predicted": predictor.task.name(wrong.predicted, predictor.labels),
        "probability": wrong.probability,
    }
