"""Numbers to lines, tables and plots."""

from collections.abc import Sequence
from typing import Any

import rich.box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from keras_textcnn.data.corpus import SPLITS
from keras_textcnn.evaluation.results import UNDEFINED, describe_choices, percent, results_rows, validation_columns
from keras_textcnn.utils.terminal import render, shown, visible


def describe_epoch(row: dict[str, Any]) -> str:
    """One line about a row of the history."""
    validation = ""
    if "val_loss" in row:
        validation = f"  validation loss {row['val_loss']:.4f}  accuracy {row['val_accuracy']:.4f}"
    return (
        f"epoch {row['epoch']:2} {row['phase']:8}  loss {row['loss']:.4f}  accuracy {row['accuracy']:.4f}{validation}  "
        f"({row['seconds']:.1f} s)"
    )


def results_table(run_metrics: dict[str, Any]) -> Table:
    """The run beside the linear baseline, if it has one: accuracy and macro F1 in percent, on validation and test.

    Validation scores carry a mark, and a footnote says what was chosen on these texts.

    Args:
        run_metrics: What `metrics.json` holds.
    """
    table = Table("percent", box=rich.box.SIMPLE_HEAD, pad_edge=False, **_footnote(describe_choices(run_metrics)))
    for column in (*validation_columns(run_metrics), "test accuracy", "macro F1"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, scores in results_rows(run_metrics):
        table.add_row(name, *map(percent, scores))
    return table


def _footnote(line: str) -> dict[str, Any]:
    return {"caption": Text(line), "caption_justify": "left"}


def describe_scores(run_metrics: dict[str, Any]) -> str:
    """One line about a run among others."""
    validation, test = (f"{percent(run_metrics[split]['accuracy'])}%" for split in SPLITS[1:])
    decided = run_metrics["decided"]
    chosen = ", ".join(decided["decided"])
    texts = {
        "own": f"{validation} of the validation texts right",
        "validation": f"{validation} of the validation texts right, which chose its {chosen}",
        "cross-validation": f"{validation} of the held-out training texts right, which chose its {chosen}",
    }
    return f"{texts['own' if decided['validation'] == 'own' else decided['by']]}, {test} of the test texts right"


def repeats_table(summary: dict[str, Any]) -> Table:
    """Several runs beside their linear baselines: means of their scores in percent, with the standard deviations.

    Args:
        summary: What `repeats.json` holds.
    """
    footnote = _footnote(describe_choices(summary))
    table = Table(f"percent, {summary['runs']} runs", box=rich.box.SIMPLE_HEAD, pad_edge=False, **footnote)
    for column in (validation_columns(summary)[0], "test accuracy", "macro F1"):
        table.add_column(column, justify="right", no_wrap=True)
    baseline = summary["baseline"]
    rows = [("these runs", summary["scores"]), *([(baseline["name"], baseline)] if baseline else [])]
    for name, splits in rows:
        scores = [splits["validation"]["accuracy"], *(splits["test"][score] for score in ("accuracy", "macro_f1"))]
        table.add_row(name, *map(mean_and_deviation, scores))
    return table


def mean_and_deviation(score: dict[str, float | None]) -> str:
    """A mean with its standard deviation, in percent, or a dash where they are undefined."""
    return UNDEFINED if score["mean"] is None else f"{percent(score['mean'])} ± {percent(score['deviation'])}"


def describe_old_texts(scores: dict[str, Any]) -> str:
    """What an adapted run still knows: accuracy on the test texts of the run that it started from, before and after."""
    before, after = (percent(scores[name]["accuracy"]) for name in ("before", "after"))
    return f"the old run's {scores['texts']:,} test texts: {before}% right before, {after}% after"


def report_text(run_metrics: dict[str, Any]) -> str:
    """What `report.txt` holds: the results table, the warnings, and each label's scores on the test texts."""
    lines = [
        *render(results_table(run_metrics), width=120),
        *map(visible, run_metrics.get("warnings", [])),
    ]  # each stays a line
    tables: list[RenderableType] = [describe_old_texts(run_metrics["old_texts"])] if "old_texts" in run_metrics else []
    tables.append(label_table(run_metrics["test"], title="test texts by label, percent"))
    return "".join(line + "\n" for line in [*lines, *render(*tables, width=120)])


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
        ratios = (percent(scores[score]) for score in ("precision", "recall", "f1"))
        table.add_row(escape(shown(label)), *ratios, f"{scores['support']:,}")
    return table


def scores_table(scores: dict[str, Any], *, without: dict[str, Any] | None = None) -> Table:
    """One split's scores: accuracy, macro and micro F1 and calibration error in percent, log loss in nats.

    Args:
        scores: One split's block of `metrics.json`.
        without: The same without the texts that the run has learnt from, a row more if these are fewer.
    """
    table = Table("texts", box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for column in ("accuracy", "macro F1", "micro F1", "calibration error", "log loss"):
        table.add_column(column, justify="right", no_wrap=True)
    fewer = without and without["support"] < scores["support"]
    for block, which in ((scores, ""), *([(without, " not learnt from")] if without and fewer else [])):
        shares = (percent(block[name]) for name in ("accuracy", "macro_f1", "micro_f1", "calibration_error"))
        log_loss = UNDEFINED if block["log_loss"] is None else f"{block['log_loss']:.4f}"
        table.add_row(f"{block['support']:,}{which}", *shares, log_loss)
    return table


def describe_learnt(learnt: dict[str, Any] | None, texts: int) -> str:
    """A line about the texts that a run has learnt from, among those that it is measured on; "" if there are none.

    Args:
        learnt: From `Evaluation.learnt`; None: not known.
        texts: That it is measured on.
    """
    if learnt is None:
        return (
            "warning: which texts the run has learnt from is not known, it has no learnt_texts.bin; these may be among "
            "them; try texts that are newer than the run"
        )
    if not learnt["texts"]:
        return ""
    found = f"warning: {learnt['texts']:,} of {texts:,} texts are among those that the run has learnt from"
    chosen = f" ({learnt['chosen']:,} of them only chose its epochs and temperature)" if learnt["chosen"] else ""
    if not learnt["without"]:
        return f"{found}; there are no others{chosen}; try texts that it has not seen"
    return f"{found}; without them accuracy is {learnt['without']['accuracy']:.2%}{chosen}"


def shares_table(shares: Sequence[dict[str, float | None]]) -> Table:
    """What `predict --reject-below` would answer: rows of reject_below, answered, accuracy (in [0, 1], or None)."""
    table = Table("--reject-below", box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for column in ("answered, percent", "accuracy of these, percent"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in shares:
        table.add_row(f"{row['reject_below']:g}", percent(row["answered"]), percent(row["accuracy"]))
    return table


def errors_table(errors: Sequence[dict[str, Any]]) -> Table:
    """Texts that are labelled wrong: rows of targets, predicted, probability and text."""
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, expand=True, title="most wrong", title_justify="left")
    for column in ("true", "predicted", "probability"):
        table.add_column(column, no_wrap=True)
    table.add_column("text", no_wrap=True, overflow="ellipsis", ratio=1)
    for error in errors:
        names = (escape(shown(name)) for name in (error["truth"], error["predicted"]))
        text = "".join(sign if sign.isprintable() else " " for sign in " ".join(error["text"][:500].split()))
        table.add_row(*names, f"{error['probability']:.3f}", escape(text))
    return table
