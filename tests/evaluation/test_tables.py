from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_textcnn.evaluation import metrics, plots, tables
from keras_textcnn.utils import terminal
from tests.conftest import DECIDED

TRUTH = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.3, 0.4, 0.3]]
)
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


def test_results_table_has_percent_of_run_and_baseline() -> None:
    split = {"accuracy": 0.97123, "macro_f1": 0.5}
    other = {"accuracy": 0.25, "macro_f1": 0.125}
    metrics = {
        "validation": split,
        "test": other,
        "baseline": {"name": "linear", "validation": other, "test": split},
        "decided": DECIDED,
    }
    table = tables.results_table(metrics)
    assert [list(column) for column in zip(*table.rows, strict=True)] == [
        ["this run", "linear"], ["97.12", "25.00"], ["50.00", "12.50"], ["25.00", "97.12"], ["12.50", "50.00"]
    ]  # fmt: skip


def test_report_shows_labels_as_they_are() -> None:
    scores = metrics.score_probabilities(TRUTH, PROBABILITIES, ["[red]a", ":smile:", "日本"])
    text = tables.report_text(
        {
            "validation": scores,
            "test": scores,
            "baseline": {"name": "x", "validation": scores, "test": scores},
            "decided": DECIDED,
        }
    )
    assert all(label in text for label in ("[red]a", ":smile:", "日本"))


def test_report_holds_its_tables_in_a_notebook_too(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = metrics.score_probabilities(TRUTH, PROBABILITIES, ["a", "b", "c"])
    expected = tables.report_text({"validation": scores, "test": scores, "baseline": None, "decided": DECIDED})
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert tables.report_text({"validation": scores, "test": scores, "baseline": None, "decided": DECIDED}) == expected


def test_plots_are_pictures_with_any_label(tmp_path: Path) -> None:
    plots.plot_learning_curves(HISTORY, tmp_path / "curves.png")
    counts = metrics.confusion_matrix(TRUTH, PROBABILITIES.argmax(axis=1), 3)
    plots.plot_confusion_matrix(counts, [3, 2, 1], ["$a$ $", "b_{", "🙂"], tmp_path / "matrix.png")
    for name in ("curves.png", "matrix.png"):
        picture = tf.io.decode_png((tmp_path / name).read_bytes()).numpy()
        assert min(picture.shape[:2]) > 300
        assert picture.std() > 10


@pytest.mark.parametrize(
    ("decided", "heading", "footnote"),
    [
        ({}, "validation accuracy*", "* chosen on these texts: epochs, temperature"),
        (
            {"by": "cross-validation", "folds": 5, "decided": ["scales", "thresholds"]},
            "cross-validated*",
            "* 5-fold cross-validation on the training texts; it also chose this run's scales, thresholds, so its "
            "scores may be a little too high",
        ),
        (
            {"by": "cross-validation", "folds": 3, "decided": ["temperature"], "validation": "own"},
            "validation accuracy",
            "3-fold cross-validation on the training texts chose temperature",
        ),
    ],
)
def test_validation_scores_say_whether_they_were_chosen_on(
    decided: dict[str, object], heading: str, footnote: str
) -> None:
    split = {"accuracy": 0.5, "macro_f1": 0.5}
    table = tables.results_table(
        {"validation": split, "test": split, "baseline": None, "decided": {**DECIDED, **decided}}
    )
    assert footnote in " ".join(" ".join(terminal.render(table, width=100)).split())
    mark = "*" if heading.endswith("*") else ""
    assert [*table.columns] == [
        "percent", heading, f"macro F1{mark}", "test accuracy", "macro F1"
    ]  # fmt: skip


def test_the_accuracy_of_no_texts_is_no_number() -> None:
    rows = metrics.score_shares(np.array([0, 1]), np.array([[0.6, 0.4], [0.3, 0.7]]))
    assert [row["accuracy"] for row in rows] == [1, 1, 1, 1] + [None] * 5  # nothing is answered from 0.8 on
    lines = terminal.render(tables.shares_table(rows), width=100)
    assert [line.split()[1:] for line in lines if line.strip().startswith("0.99")] == [["0.00", "–"]] * 2


def test_warnings_stand_under_the_results_a_line_each() -> None:
    scores = metrics.score_probabilities(TRUTH, PROBABILITIES, ["a", "b", "c"])
    warnings = ["warning: " + "word " * 40 + "[red]", "warning: another"]
    text = tables.report_text(
        {"validation": scores, "test": scores, "baseline": None, "decided": DECIDED, "warnings": warnings}
    )
    assert [line for line in text.splitlines() if line.startswith("warning")] == warnings


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
