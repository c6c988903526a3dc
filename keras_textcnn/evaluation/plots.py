"""Pictures of a run."""

import itertools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_textcnn.layers.names import NGRAMS, TITLES, VECTOR_MEAN
from keras_textcnn.utils.visible import shown

PICTURED_LABELS = 300  # labels in a confusion matrix, the most frequent ones
NAMED_LABELS = 60  # with more labels, a confusion matrix shows only colours
UPRIGHT_LABELS = 20  # with more, the names of the columns stand upright: slanted ones would overlap
PAGE = 960  # pixels: the width of a picture in report.html, at most
LEAST_PIXELS = 6  # the size of the smallest count that is legible there
DIGIT = 0.8  # the width of a digit, with its share of the margins, by the size of its font


def plot_learning_curves(history: Sequence[dict[str, Any]], path: str | Path) -> None:
    """Plots loss and accuracy of both splits over the epochs as a PNG, with a line where a phase begins.

    The n-grams are a separate model with another loss, so they have a separate panel and separate lines.

    Args:
        history: One row per epoch; those without a validation loss are left out if there are others.
        path: Path of the picture.
    """
    rows = [row for row in history if "val_loss" in row] or list(history)
    linear = (TITLES[NGRAMS], TITLES[VECTOR_MEAN])
    models = {
        "convolution": [row for row in rows if row["phase"] not in linear],
        **{name: [row for row in rows if row["phase"] == name] for name in linear},
    }
    models = {name: its_rows for name, its_rows in models.items() if its_rows}
    number_of_panels = len(models) + 1
    figure = Figure(
        figsize=(6.5, 2.8 * number_of_panels), layout="constrained"
    )  # below each other, to be read on a phone
    *panels, accuracy = figure.subplots(number_of_panels, 1)
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
    """Labels a panel and draws a line where each phase begins, except the first."""
    for before, after in itertools.pairwise(rows):
        if before["phase"] != after["phase"]:
            axes.axvline(after["epoch"] - 0.5, color="grey", linestyle=":", label=f"{after['phase']} from here")
    axes.set(xlabel="epoch", ylabel=name)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.legend(fontsize="small")


def plot_confusion_matrix(counts: np.ndarray, support: Sequence[int], labels: Sequence[str], path: str | Path) -> None:
    """Plots texts by true label (rows) and predicted label (columns) as a PNG, each row shaded by its shares.

    If there are too many labels, only the most frequent ones are shown.

    Args:
        counts: int (num_classes, num_classes).
        support: Number of texts with each label.
        labels: Names by output.
        path: Path of the picture.
    """
    texts = np.array(support)
    kept = np.sort(np.argsort(-texts, kind="stable")[:PICTURED_LABELS])
    counts, texts, labels = counts[np.ix_(kept, kept)], texts[kept], [labels[output] for output in kept]
    size = min(max(4.0, 1.5 + 0.5 * len(labels)), 20.0)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(texts, 1)[:, None]
    letters = max(10.0, 0.6 * (size + 1))  # points: larger in a larger picture, which a page shows smaller
    bar = figure.colorbar(axes.imshow(shares, cmap="Blues", vmin=0, vmax=1), fraction=0.04, pad=0.02)
    bar.set_label("share of the true label", fontsize=letters)
    bar.ax.tick_params(labelsize=letters)
    axes.set_xlabel("predicted", fontsize=letters)
    axes.set_ylabel("true", fontsize=letters)
    axes.tick_params(labelsize=letters)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a label's emoji is drawn as a box
        if len(labels) <= NAMED_LABELS:
            _name_labels(axes, labels)
            _write_counts(figure, axes, counts, shares)
        figure.savefig(path, dpi=120)


def _name_labels(axes: Axes, labels: Sequence[str]) -> None:
    """Names rows and columns."""
    names = [_literal(label) for label in labels]
    axes.set_yticks(range(len(labels)), names)
    axes.set_xticks(range(len(labels)), names, rotation=90)
    if len(labels) <= UPRIGHT_LABELS:
        axes.set_xticks(range(len(labels)), names, rotation=60, ha="right")


def _write_counts(figure: Figure, axes: Axes, counts: np.ndarray, shares: np.ndarray) -> None:
    """Writes the counts above 0 into their cells, except those that a page would show too small to read."""
    figure.draw_without_rendering()  # only now the size of the cells is known
    cell = 72 * axes.get_window_extent().width / figure.dpi / len(counts)  # points
    shown_smaller = max(72 * figure.get_figwidth() / PAGE, 0.6)  # points a pixel
    for row, column in np.argwhere(counts).tolist():
        text = str(counts[row, column])
        size = min(cell / (DIGIT * max(len(text), 2)), max(10.0, 8 * shown_smaller))
        if size >= LEAST_PIXELS * shown_smaller:
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=size)


def _literal(label: str) -> str:
    """A label that matplotlib shows as it is: a dollar sign would begin a formula."""
    return shown(label).replace("$", r"\$")
