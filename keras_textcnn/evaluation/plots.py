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


def _literal(label: str) -> str:
    """A label that matplotlib shows as it is: a dollar sign would begin a formula."""
    return shown(label).replace("$", r"\$")
