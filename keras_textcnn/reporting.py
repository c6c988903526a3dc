"""Numbers to lines, tables and plots."""

import io
import itertools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rich.box
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from keras_textcnn.config import MEAN_VECTOR, NGRAMS
from keras_textcnn.corpus import SPLITS, Survey
from keras_textcnn.results import UNDEFINED, describe_choices, percent, results_rows, validation_columns
from keras_textcnn.terminal import Console, visible

LISTED_LABELS = 20  # of a survey
LONGEST_SHOWN = 40  # characters of a label
PICTURED_LABELS = 300  # of a confusion matrix, the most frequent ones
NAMED_LABELS = 60  # with more, a confusion matrix shows colours alone


def describe_survey(survey: Survey, *, maximum_tokens: int) -> str:
    """What is in a corpus, in a few lines: its labels by split, its lengths, and what is odd about it.

    Args:
        survey: The counts.
        maximum_tokens: What the model reads of a text.
    """
    table = Table("label", box=rich.box.SIMPLE_HEAD, pad_edge=False)
    splits = [split for split in SPLITS if any(counts[split] for counts in survey.labels.values())]
    for split in splits:
        table.add_column(split, justify="right")
    rows = [
        (escape(shown(label)), *(f"{counts[split]:,}" for split in splits)) for label, counts in survey.labels.items()
    ]
    hidden = len(rows) - LISTED_LABELS
    if hidden > 1:
        rows[LISTED_LABELS // 2 : -LISTED_LABELS // 2] = [(f"... {hidden} more labels", *[""] * len(splits))]
    for row in rows:
        table.add_row(*row)
    lines = [line for line in render(table, width=100) if line]

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
        named = ", ".join(map(shown, survey.rare[:10])) + (" ..." if survey.rare[10:] else "")
        lines.append(f"warning: too few texts to split, all left in training: {named}")
    for split, number in survey.leaked.items():
        if number:
            whole = sum(counts[split] for counts in survey.labels.values())
            lines.append(f"warning: {number:,} of {whole:,} {split} texts are in training too and flatter its scores")
    return "\n".join(lines)


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


def render(*tables: RenderableType, width: int) -> list[str]:
    """The lines of tables as a terminal without colours would show them."""
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
    """Texts that are labelled wrong: rows of truth, predicted, probability and text."""
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, expand=True, title="most wrong", title_justify="left")
    for column in ("true", "predicted", "probability"):
        table.add_column(column, no_wrap=True)
    table.add_column("text", no_wrap=True, overflow="ellipsis", ratio=1)
    for error in errors:
        names = (escape(shown(name)) for name in (error["truth"], error["predicted"]))
        text = "".join(sign if sign.isprintable() else " " for sign in " ".join(error["text"][:500].split()))
        table.add_row(*names, f"{error['probability']:.3f}", escape(text))
    return table


def plot_learning_curves(history: Sequence[dict[str, Any]], path: Path) -> None:
    """Loss and accuracy of both splits over the epochs, a line where a phase begins, as a PNG.

    The n-grams are a model of their own with another loss: a panel of their own and lines of their own.

    Args:
        history: One row an epoch; those without a validation loss are left out if there are others.
        path: Of the picture.
    """
    rows = [row for row in history if "val_loss" in row] or list(history)
    linear = (NGRAMS, MEAN_VECTOR)
    models = {
        "convolution": [row for row in rows if row["phase"] not in linear],
        **{name: [row for row in rows if row["phase"] == name] for name in linear},
    }
    models = {name: its_rows for name, its_rows in models.items() if its_rows}
    figure = Figure(figsize=(4.5 * (len(models) + 1), 3.6), layout="constrained")
    *panels, accuracy = figure.subplots(1, len(models) + 1)
    for number, (panel, (name, its_rows)) in enumerate(zip(panels, models.items(), strict=True)):
        own = f"{name}, " if len(models) > 1 else ""
        _draw_curves(panel, its_rows, "loss", prefix="", color=2 * number)
        _draw_curves(accuracy, its_rows, "accuracy", prefix=own, color=2 * number)
        _finish_panel(panel, its_rows, f"loss of the {name}" if own else "loss")
    _finish_panel(accuracy, rows, "accuracy")
    figure.savefig(path, dpi=120)


def _draw_curves(axes: Axes, rows: Sequence[dict[str, Any]], name: str, *, prefix: str, color: int) -> None:
    epochs = [row["epoch"] for row in rows]
    for split, key in (("training", name), ("validation", f"val_{name}")):
        if key not in rows[0]:
            continue
        axes.plot(epochs, [row[key] for row in rows], marker="o", color=f"C{color}", label=f"{prefix}{split}")
        color += 1


def _finish_panel(axes: Axes, rows: Sequence[dict[str, Any]], name: str) -> None:
    """Names a panel and draws a line where each phase but the first begins."""
    for before, after in itertools.pairwise(rows):
        if before["phase"] != after["phase"]:
            axes.axvline(after["epoch"] - 0.5, color="grey", linestyle=":", label=f"{after['phase']} from here")
    axes.set(xlabel="epoch", ylabel=name)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.legend(fontsize="small")


def plot_confusion_matrix(counts: np.ndarray, support: Sequence[int], labels: Sequence[str], path: Path) -> None:
    """Texts by true label (rows) and predicted label (columns), each row shaded by its shares, as a PNG.

    Of many labels the most frequent ones are shown.

    Args:
        counts: int (labels, labels).
        support: Texts of each label.
        labels: Names by output.
        path: Of the picture.
    """
    texts = np.array(support)
    kept = np.sort(np.argsort(-texts, kind="stable")[:PICTURED_LABELS])
    counts, texts, labels = counts[np.ix_(kept, kept)], texts[kept], [labels[output] for output in kept]
    size = min(max(4.0, 1.5 + 0.5 * len(labels)), 20.0)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.subplots()
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


def shown(label: str) -> str:
    """A label for the eye: what would move a terminal's cursor is spelled out, and none is longer than a line."""
    spelled = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in label[: LONGEST_SHOWN + 1]
    )
    return spelled if len(spelled) <= LONGEST_SHOWN else spelled[: LONGEST_SHOWN - 1] + "…"


def _literal(label: str) -> str:
    """A label as matplotlib shows it as it is: a dollar sign would begin a formula."""
    return shown(label).replace("$", r"\$")
