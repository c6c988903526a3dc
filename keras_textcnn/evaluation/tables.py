"""Scores as tables, each shown in two ways: by Rich on a terminal, and by a template in a page."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import rich.box
import rich.table
from rich.console import RenderableType
from rich.markup import escape
from rich.text import Text

from keras_textcnn.data.corpus import SPLITS
from keras_textcnn.evaluation.descriptions import (
    UNDEFINED,
    describe_choices,
    describe_difference,
    describe_left_out,
    describe_old_texts,
    describe_sampling,
    mean_and_deviation,
    percent,
    reported_split,
    reported_texts,
)
from keras_textcnn.utils.terminal import render
from keras_textcnn.utils.visible import shown, visible

WIDTH = 120  # characters of report.txt
TEST_COLUMNS = "test accuracy", "macro F1"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of scores.

    Attributes:
        columns: Headings. The first column is aligned left, the others right.
        rows: One cell per column, unescaped: renderers escape them.
        title: Shown above the table.
        footnote: Shown below it.
        text_column: Whether the last column holds texts; it is then aligned left and as wide as possible.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    footnote: str = ""
    text_column: bool = False

    def __rich__(self) -> rich.table.Table:
        """The table for a terminal: long cells are shortened, and control characters are spelled out."""
        table = rich.table.Table(
            box=rich.box.SIMPLE_HEAD,
            pad_edge=False,
            expand=self.text_column,
            title=self.title or None,
            title_justify="left",
            caption=Text(self.footnote) if self.footnote else None,
            caption_justify="left",
        )
        for number, column in enumerate(self.columns):
            if self.text_column and number == len(self.columns) - 1:
                table.add_column(column, no_wrap=True, overflow="ellipsis", ratio=1)
            else:
                right = number and not self.text_column
                table.add_column(column, justify="right" if right else "left", no_wrap=bool(number or self.text_column))
        for *cells, last in self.rows:
            text = _one_line(last) if self.text_column else shown(last)
            table.add_row(*(escape(shown(cell)) for cell in cells), escape(text))
        return table


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in " ".join(text[:500].split()))


def results_table(run_metrics: Mapping[str, Any]) -> Table:
    """A run and its linear baseline, if any: accuracy and macro F1 in percent, on validation and test texts, if any.

    Validation scores are marked if these texts chose anything, and a footnote says what.

    Args:
        run_metrics: The content of `metrics.json`.
    """
    splits = {split: run_metrics[split] for split in SPLITS[1:] if run_metrics[split]}
    blocks = {"this run": splits}
    if any("without_learnt" in block for block in splits.values()):
        blocks["without texts seen before"] = {
            split: block.get("without_learnt", block) or {} for split, block in splits.items()
        }
    if baseline := run_metrics["baseline"]:
        blocks[baseline["name"]] = baseline
    rows = [
        [name, *(percent(its[split].get(score)) for split in splits for score in ("accuracy", "macro_f1"))]
        for name, its in blocks.items()
    ]
    columns = ("percent", *validation_columns(run_metrics), *(TEST_COLUMNS if "test" in splits else ()))
    return Table(columns, rows, footnote=describe_choices(run_metrics))


def significance_lines(run_metrics: Mapping[str, Any]) -> list[str]:
    """The lines about the difference from the linear model; none without such a model, or from an older version.

    Args:
        run_metrics: The content of `metrics.json`, or of `repeats.json`, for which a line about the sampling error of
            the test texts is the last.
    """
    if not (compared := run_metrics.get("significance")):
        return []
    sampling = [describe_sampling(compared)] if "scores" in run_metrics else []
    return [describe_difference(compared), *describe_left_out(compared), *sampling]


def validation_columns(run_metrics: Mapping[str, Any]) -> tuple[str, str]:
    """The headings of accuracy and macro F1 on the validation texts, marked if these texts chose anything.

    Args:
        run_metrics: The content of `metrics.json`.
    """
    decided = run_metrics["decided"]
    if decided["validation"] == "own":
        return "validation accuracy", "macro F1"
    crossed = decided["by"] == "cross-validation"
    return "cross-validated*" if crossed else "validation accuracy*", "macro F1*"


def repeats_table(summary: Mapping[str, Any]) -> Table:
    """Several runs and their linear baselines: means of their scores in percent, with standard deviations.

    Args:
        summary: The content of `repeats.json`.
    """
    baseline = summary["baseline"]
    blocks = [("these runs", summary["scores"]), *([(baseline["name"], baseline)] if baseline else [])]
    rows = []
    tested = summary["scores"]["test"]
    for name, splits in blocks:
        test = [splits["test"][score] for score in ("accuracy", "macro_f1")] if tested else []
        rows.append([name, *map(mean_and_deviation, [splits["validation"]["accuracy"], *test])])
    columns = (f"percent, {summary['runs']} runs", validation_columns(summary)[0], *(TEST_COLUMNS if tested else ()))
    return Table(columns, rows, footnote=describe_choices(summary))


def label_table(split_metrics: Mapping[str, Any], *, title: str, training: Mapping[str, int] | None = None) -> Table:
    """Precision, recall and F1 (percent) and support (texts) of each label; dashes for a label without texts.

    Args:
        split_metrics: One split's block of `metrics.json`.
        title: Shown above the table.
        training: The number of training texts of each label, for a column of its own.
    """
    rows = []
    for label, scores in split_metrics["per_label"].items():
        shares = (percent(scores[name] if scores["support"] else None) for name in ("precision", "recall", "f1"))
        rows.append([label, *([f"{training[label]:,}"] if training else []), *shares, f"{scores['support']:,}"])
    columns = ("label", *(["training texts"] if training else []), "precision", "recall", "F1", "support")
    return Table(columns, rows, title=title)


def run_label_table(run_metrics: Mapping[str, Any]) -> Table:
    """The scores of each label on the texts that a report is about, and its number of training texts if known.

    Args:
        run_metrics: The content of `metrics.json`.
    """
    kind, training = reported_texts(run_metrics), None
    if kind in SPLITS and "texts" in run_metrics:  # otherwise they are the training texts themselves
        training = run_metrics["texts"]["train"]["labels"]
    title = f"{kind} texts by label, percent"
    return label_table(run_metrics[reported_split(run_metrics)], title=title, training=training)


def scores_table(scores: Mapping[str, Any], *, without: Mapping[str, Any] | None = None) -> Table:
    """One split's scores: accuracy, macro and micro F1 and calibration error in percent, log loss in nats.

    Args:
        scores: One split's block of `metrics.json`.
        without: The same without the texts that the run was trained on: a second row, if these are fewer texts.
    """
    fewer = without and without["support"] < scores["support"]
    rows = []
    for block, which in ((scores, ""), *([(without, " unseen")] if without and fewer else [])):
        shares = (percent(block[name]) for name in ("accuracy", "macro_f1", "micro_f1", "calibration_error"))
        log_loss = UNDEFINED if block["log_loss"] is None else f"{block['log_loss']:.4f}"
        rows.append([f"{block['support']:,}{which}", *shares, log_loss])
    return Table(("texts", "accuracy", "macro F1", "micro F1", "calibration error", "log loss"), rows)


def shares_table(shares: Sequence[Mapping[str, float | None]]) -> Table:
    """What `predict --reject-below` would give: rows of reject_below, answered and accuracy (in [0, 1], or None)."""
    rows = [[f"{row['reject_below']:g}", percent(row["answered"]), percent(row["accuracy"])] for row in shares]
    return Table(("--reject-below", "answered, percent", "accuracy of these, percent"), rows)


def errors_table(errors: Sequence[Mapping[str, Any]]) -> Table:
    """Texts that the model gets wrong: rows of truth, predicted, probability and text."""
    rows = [[error["truth"], error["predicted"], f"{error['probability']:.3f}", error["text"]] for error in errors]
    return Table(("true", "predicted", "probability", "text"), rows, title="most wrong", text_column=True)


def report_text(run_metrics: Mapping[str, Any]) -> str:
    """The content of `report.txt`: the results table, the warnings, and each label's scores.

    The labels are scored on the test texts or, without any, on the validation or held-out texts.
    """
    warnings = map(visible, run_metrics.get("warnings", []))  # each stays on one line
    lines = [*render(results_table(run_metrics), width=WIDTH), *significance_lines(run_metrics), *warnings]
    tables: list[RenderableType] = [describe_old_texts(run_metrics["old_texts"])] if "old_texts" in run_metrics else []
    tables.append(run_label_table(run_metrics))
    return "".join(line + "\n" for line in [*lines, *render(*tables, width=WIDTH)])
