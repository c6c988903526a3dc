"""Plots are pictures of the size of a page, with any label."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from keras_textcnn.evaluation import plots
from tests.evaluation.test_tables import PROBABILITIES, TRUTH

HISTORY = [
    {"phase": phase, "epoch": epoch, "learning_rate": 0.1, "seconds": 1.0}
    | {"loss": 1 / epoch, "accuracy": 0.5, "val_loss": 2 / epoch, "val_accuracy": 0.4}
    for epoch, phase in enumerate(["frozen", "frozen", "unfrozen"], 1)
]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn during a test."""
    drawn: list[Figure] = []

    def remember(*arguments: Any, **options: Any) -> Figure:
        drawn.append(Figure(*arguments, **options))
        return drawn[-1]

    monkeypatch.setattr(plots, "Figure", remember)
    return drawn


@pytest.mark.parametrize("number", [2, 8, 20, 21, 50, 60])
def test_names_and_counts_are_legible_and_apart(number: int, tmp_path: Path, figures: list[Figure]) -> None:
    random = np.random.default_rng(number)
    counts = 10 ** random.integers(0, 5, (number, number)) * (random.random((number, number)) < 0.3)
    labels = [f"{'a long name of ' * (output % 3)}label {output}" for output in range(number)]
    plots.plot_confusion_matrix(counts, counts.sum(axis=1).tolist(), labels, tmp_path / "matrix.png")
    axes, pixels = figures[0].axes[0], min(plots.PAGE / (72 * figures[0].get_figwidth()), 120 / 72)  # of a point
    rows, columns = axes.get_yticklabels(), axes.get_xticklabels()
    for names in (rows, columns):
        assert [name.get_text() for name in names] == labels
        assert min(name.get_fontsize() for name in names) * pixels > 7
    assert_apart([(box.y0, box.y1) for box in (name.get_window_extent() for name in rows)])
    if number > plots.UPRIGHT_LABELS:
        assert_apart([(box.x0, box.x1) for box in (name.get_window_extent() for name in columns)])
    cell = axes.get_window_extent().width / number
    assert all(text.get_window_extent().width < cell + 1 for text in axes.texts)  # whole pixels
    assert all(text.get_fontsize() * pixels >= plots.LEAST_PIXELS for text in axes.texts)
    shown = {(round(text.get_position()[1]), round(text.get_position()[0])): text.get_text() for text in axes.texts}
    there = {place: str(counts[place]) for place in zip(*np.nonzero(counts), strict=True)}
    assert shown.items() <= there.items()
    assert {place for place, count in there.items() if len(count) < (3 if number > 20 else 6)} <= shown.keys()


def assert_apart(spans: list[tuple[float, float]]) -> None:
    """Fails if two of the spans overlap."""
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(sorted(spans)))


def test_a_matrix_of_many_labels_is_no_larger_than_a_page(tmp_path: Path) -> None:
    labels = [f"label {number}" for number in range(300)]
    counts = np.eye(300, dtype=np.int64)[::-1]
    plots.plot_confusion_matrix(counts, counts.sum(axis=1), labels, tmp_path / "matrix.png")
    assert max(tf.io.decode_png((tmp_path / "matrix.png").read_bytes()).shape[:2]) < 3000


def test_plots_are_pictures_with_any_label(tmp_path: Path) -> None:
    plots.plot_learning_curves(HISTORY, tmp_path / "curves.png")
    counts = confusion_matrix(TRUTH, PROBABILITIES.argmax(axis=1), labels=range(3))
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
    phases: list[str], panels: list[str], lines: list[list[int]], tmp_path: Path, figures: list[Figure]
) -> None:
    """In one curve, the convolution's cross-entropy followed by the n-grams' other loss would look like a crash."""
    history = [
        {"phase": phase, "epoch": epoch, "loss": epoch + 0.1, "accuracy": epoch + 0.2}
        | ({} if "refit" in phase else {"val_loss": epoch + 0.3, "val_accuracy": epoch + 0.4})
        for epoch, phase in enumerate(phases, 1)
    ]
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
