"""Plots are pictures of the size of a page, with any label."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_textcnn.evaluation import metrics, plots
from tests.evaluation.test_tables import PROBABILITIES, TRUTH

HISTORY = [
    {"phase": phase, "epoch": epoch, "learning_rate": 0.1, "seconds": 1.0}
    | {"loss": 1 / epoch, "accuracy": 0.5, "val_loss": 2 / epoch, "val_accuracy": 0.4}
    for epoch, phase in enumerate(["frozen", "frozen", "unfrozen"], 1)
]


def test_a_matrix_of_many_labels_is_no_larger_than_a_page(tmp_path: Path) -> None:
    labels = [f"label {number}" for number in range(300)]
    counts = np.eye(300, dtype=np.int64)[::-1]
    plots.plot_confusion_matrix(counts, counts.sum(axis=1), labels, tmp_path / "matrix.png")
    assert max(tf.io.decode_png((tmp_path / "matrix.png").read_bytes()).shape[:2]) < 3000


def test_plots_are_pictures_with_any_label(tmp_path: Path) -> None:
    plots.plot_learning_curves(HISTORY, tmp_path / "curves.png")
    counts = metrics.confusion_matrix(TRUTH, PROBABILITIES.argmax(axis=1), 3)
    plots.plot_confusion_matrix(counts, [3, 2, 1], ["$a$ $", "b_{", "🙂"], tmp_path / "matrix.png")
    for name in ("curves.png", "matrix.png"):
        picture = tf.io.decode_png((tmp_path / name).read_bytes()).numpy()
        assert min(picture.shape[:2]) > 300
        assert picture.std() > 10


@pytest.mark.parametrize(
    ("phases", "panels", "lines"),
    [
        (["frozen", "unfrozen"], ["loss", "accuracy"], [[1, 2]]),
        (
            ["frozen", "frozen", "unfrozen", "n-grams", "n-grams", "refit frozen"],
            ["loss of the convolution", "loss of the n-grams", "accuracy"],
            [[1, 2, 3], [4, 5]],
        ),
        (["fast", "n-grams"], ["loss of the convolution", "loss of the n-grams", "accuracy"], [[1], [2]]),
    ],
)
def test_two_models_have_curves_of_their_own(
    phases: list[str], panels: list[str], lines: list[list[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one curve, the convolution's cross-entropy followed by the n-grams' other loss would look like a crash."""
    figures: list[Figure] = []

    def remember(*arguments: Any, **options: Any) -> Figure:
        figures.append(Figure(*arguments, **options))
        return figures[-1]

    history = [
        {"phase": phase, "epoch": epoch, "loss": epoch + 0.1, "accuracy": epoch + 0.2}
        | ({} if "refit" in phase else {"val_loss": epoch + 0.3, "val_accuracy": epoch + 0.4})
        for epoch, phase in enumerate(phases, 1)
    ]
    monkeypatch.setattr(plots, "Figure", remember)
    plots.plot_learning_curves(history, tmp_path / "curves.png")
    axes = figures[0].axes
    assert [panel.get_ylabel() for panel in axes] == panels

    def curves(panel: Axes) -> list[list[tuple[float, float]]]:
        drawn = [np.column_stack(line.get_data()) for line in panel.lines if line.get_marker() == "o"]
        return [[tuple(np.round(point, 6).tolist()) for point in line] for line in drawn]

    for panel, epochs in zip(axes, lines, strict=False):
        assert curves(panel) == [[(epoch, epoch + more) for epoch in epochs] for more in (0.1, 0.3)]
    assert curves(axes[-1]) == [[(epoch, epoch + more) for epoch in its] for its in lines for more in (0.2, 0.4)]
    names = [text.get_text() for text in axes[-1].get_legend().get_texts()]
    assert len(set(names)) == len(names)
