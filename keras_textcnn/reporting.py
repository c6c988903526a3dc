"""Predictions to metrics, tables and plots."""

import io
import itertools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rich.box
import tensorflow as tf
from matplotlib.figure import Figure
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sklearn import metrics

from keras_textcnn.corpus import SPLITS, Survey

LISTED_LABELS = 20  # of a survey
LONGEST_SHOWN = 40  # characters of a label
PICTURED_LABELS = 300  # of a confusion matrix, the most frequent ones
NAMED_LABELS = 60  # with more, a confusion matrix shows colours alone


def score_labels(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Accuracy and macro F1, in [0, 1], of predicted labels.

    Macro F1 is the mean over the labels that the truth has, so that two models are measured by the same labels.

    Args:
        truth: int (texts,), the outputs of the true labels; or (texts, labels), 1 for each label of a text, and
            accuracy is the share of texts whose labels are all right.
        predicted: The same of the predicted ones.
    """
    present = np.unique(truth) if truth.ndim == 1 else np.flatnonzero(truth.any(axis=0))
    return {
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "macro_f1": float(metrics.f1_score(truth, predicted, labels=present, average="macro", zero_division=0)),
    }


def choose_labels(probabilities: np.ndarray, *, several_labels: bool) -> np.ndarray:
    """The most probable output, int (texts,), or each that is more probable than not, int (texts, labels)."""
    return (probabilities >= 0.5).astype(np.int32) if several_labels else probabilities.argmax(axis=1)


def score_probabilities(truth: np.ndarray, probabilities: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """The block of `metrics.json` for one split.

    Args:
        truth: int (texts,), the outputs of the true labels, or (texts, labels), 1 for each label of a text.
        probabilities: float (texts, labels).
        labels: Names by output.

    Returns:
        accuracy, macro_f1, micro_f1, log_loss (nats a text, or nats a text and label), support (texts) and per_label:
        precision, recall, f1 and support of each label; a ratio without a denominator is 0.
    """
    outputs = np.arange(len(labels))
    several_labels = truth.ndim == 2
    predicted = choose_labels(probabilities, several_labels=several_labels)
    columns = metrics.precision_recall_fscore_support(truth, predicted, labels=outputs, zero_division=0)
    per_label = {
        label: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
        for label, p, r, f, n in zip(labels, *columns, strict=True)
    }
    if several_labels:
        log_loss = np.mean([metrics.log_loss(truth[:, o], probabilities[:, o], labels=[0, 1]) for o in outputs])
    else:
        log_loss = metrics.log_loss(truth, probabilities, labels=outputs)
    return {
        **score_labels(truth, predicted),
        "micro_f1": float(metrics.f1_score(truth, predicted, average="micro", zero_division=0)),
        "log_loss": float(log_loss),
        "support": len(truth),
        "per_label": per_label,
    }


def describe_survey(survey: Survey, *, maximum_tokens: int) -> str:
    """What is in a corpus, in a few lines: its labels by split, its lengths, and what is odd about it.

    Args:
        survey: The counts.
        maximum_tokens: What the model reads of a text.
    """
    table = Table("label", box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for split in SPLITS:
        table.add_column(split, justify="right")
    rows = [
        (escape(_shown(label)), *(f"{count:,}" for count in counts.values())) for label, counts in survey.labels.items()
    ]
    hidden = len(rows) - LISTED_LABELS
    if hidden > 1:
        rows[LISTED_LABELS // 2 : -LISTED_LABELS // 2] = [(f"... {hidden} more labels", "", "", "")]
    for row in rows:
        table.add_row(*row)
    lines = [line for line in _rendered(table, width=100) if line]

    _, low, lower, middle, upper, high, most = (f"{length:,}" for length in survey.lengths)
    lines.append(
        f"tokens a text: median {middle}, half have {lower} to {upper}, 5% below {low}, 5% above {high}, at most {most}"
    )
    odd = (
        (survey.cut, f"texts are cut to {maximum_tokens:,} tokens"),
        (survey.empty, "empty texts"),
        (survey.duplicates, "duplicates within a split"),
        (survey.conflicting, "texts appear with different labels"),
    )
    lines += [", ".join(f"{number:,} {what}" for number, what in odd if number)] if any(n for n, _ in odd) else []
    if survey.rare:
        named = ", ".join(map(_shown, survey.rare[:10])) + (" ..." if survey.rare[10:] else "")
        lines.append(f"warning: too few texts to split, all left in training: {named}")
    for split, number in survey.leaked.items():
        if number:
            whole = sum(counts[split] for counts in survey.labels.values())
            lines.append(f"warning: {number:,} of {whole:,} {split} texts are in training too and flatter its scores")
    return "\n".join(lines)


def describe_epoch(row: dict[str, Any]) -> str:
    """One line about a row of the history."""
    return (
        f"epoch {row['epoch']:2} {row['phase']:8}  loss {row['loss']:.4f}  accuracy {row['accuracy']:.4f}  "
        f"validation loss {row['val_loss']:.4f}  accuracy {row['val_accuracy']:.4f}  ({row['seconds']:.1f} s)"
    )


class TensorBoard:
    """Writes a history for TensorBoard: training and validation are two lines in one chart.

    Args:
        folder: Where the event files go; those of an interrupted run are added to.
    """

    def __init__(self, folder: Path) -> None:
        self._writers = {name: tf.summary.create_file_writer(str(folder / name)) for name in ("training", "validation")}

    def write(self, row: dict[str, Any]) -> None:
        """Adds a row of the history."""
        for name, prefix in (("training", ""), ("validation", "val_")):
            with self._writers[name].as_default(step=row["epoch"]):
                for scalar in ("loss", "accuracy"):
                    tf.summary.scalar(scalar, row[prefix + scalar])
        with self._writers["training"].as_default(step=row["epoch"]):
            tf.summary.scalar("learning_rate", row["learning_rate"])
        for writer in self._writers.values():
            writer.flush()


def results_table(run_metrics: dict[str, Any]) -> Table:
    """The run beside the linear baseline, if it has one: accuracy and macro F1 in percent, on validation and test.

    Args:
        run_metrics: What `metrics.json` holds.
    """
    table = Table("percent", box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for column in ("validation accuracy", "macro F1", "test accuracy", "macro F1"):
        table.add_column(column, justify="right", no_wrap=True)
    baseline = run_metrics["baseline"]
    for name, splits in [("this run", run_metrics), *([(baseline["name"], baseline)] if baseline else [])]:
        scores = [splits[split][score] for split in ("validation", "test") for score in ("accuracy", "macro_f1")]
        table.add_row(name, *(f"{100 * score:.2f}" for score in scores))
    return table


def report_text(run_metrics: dict[str, Any]) -> str:
    """What `report.txt` holds: the results table and each label's scores on the test texts."""
    tables = results_table(run_metrics), label_table(run_metrics["test"], title="test texts by label, percent")
    return "".join(line + "\n" for line in _rendered(*tables, width=120))


def _rendered(*tables: Table, width: int) -> list[str]:
    file = io.StringIO()
    # In a notebook rich would show the tables, whatever the file, or colour them.
    Console(file=file, width=width, emoji=False, force_jupyter=False, force_terminal=False).print(*tables)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def label_table(split_metrics: dict[str, Any], *, title: str) -> Table:
    """Precision, recall and F1 (percent) and support (texts) of each label.

    Args:
        split_metrics: One split's block of `metrics.json`.
        title: Stands above the table.
    """
    table = Table("label", box=rich.box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for column in ("precision", "recall", "F1", "support"):
        table.add_column(column, justify="right")
    for label, scores in split_metrics["per_label"].items():
        ratios = (f"{100 * scores[score]:.2f}" for score in ("precision", "recall", "f1"))
        table.add_row(escape(_shown(label)), *ratios, f"{scores['support']:,}")
    return table


def plot_learning_curves(history: Sequence[dict[str, Any]], path: Path) -> None:
    """Loss and accuracy of both splits over the epochs, a line where a phase begins, as a PNG."""
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(epochs, [row[name] for row in history], marker="o", label="training")
        axes.plot(epochs, [row[f"val_{name}"] for row in history], marker="o", label="validation")
        for before, after in itertools.pairwise(history):
            if before["phase"] != after["phase"]:
                axes.axvline(after["epoch"] - 0.5, color="grey", linestyle=":", label=f"{after['phase']} from here")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    figure.savefig(path, dpi=120)


def plot_confusion_matrix(truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str], path: Path) -> None:
    """Texts by true label (rows) and predicted label (columns), each row shaded by its shares, as a PNG.

    A text with several labels counts in each row and column of its labels. Of many labels the most frequent ones are
    shown.
    """
    truth, predicted, labels = _most_frequent(truth, predicted, labels)
    if truth.ndim == 1:
        counts = metrics.confusion_matrix(truth, predicted, labels=np.arange(len(labels)))
    else:
        counts = truth.astype(np.int64).T @ predicted
    size = min(max(4.0, 1.5 + 0.5 * len(labels)), 20.0)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.subplots()
    texts = counts.sum(axis=1) if truth.ndim == 1 else truth.sum(axis=0)
    shares = counts / np.maximum(texts, 1)[:, None]
    figure.colorbar(axes.imshow(shares, cmap="Blues", vmin=0, vmax=1), label="share of the true label")
    axes.set(xlabel="predicted", ylabel="true")
    if len(labels) <= NAMED_LABELS:
        axes.set_xticks(range(len(labels)), [_literal(label) for label in labels], rotation=60, ha="right")
        axes.set_yticks(range(len(labels)), [_literal(label) for label in labels])
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, count or "", ha="center", va="center", color=color)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a label's emoji is drawn as a box
        figure.savefig(path, dpi=120)


def _most_frequent(
    truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, Sequence[str]]:
    if len(labels) <= PICTURED_LABELS:
        return truth, predicted, labels
    support = np.bincount(truth, minlength=len(labels)) if truth.ndim == 1 else truth.sum(axis=0)
    kept = np.sort(np.argsort(-support, kind="stable")[:PICTURED_LABELS])
    named = [labels[output] for output in kept]
    if truth.ndim == 2:
        return truth[:, kept], predicted[:, kept], named
    position = np.full(len(labels), -1)
    position[kept] = np.arange(PICTURED_LABELS)
    inside = (position[truth] >= 0) & (position[predicted] >= 0)
    return position[truth[inside]], position[predicted[inside]], named


def _shown(label: str) -> str:
    """A label for the eye: what would move a terminal's cursor is spelled out, and none is longer than a line."""
    spelled = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in label[: LONGEST_SHOWN + 1]
    )
    return spelled if len(spelled) <= LONGEST_SHOWN else spelled[: LONGEST_SHOWN - 1] + "…"


def _literal(label: str) -> str:
    """A label as matplotlib shows it as it is: a dollar sign would begin a formula."""
    return _shown(label).replace("$", r"\$")
