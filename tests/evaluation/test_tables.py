import numpy as np
import pytest

from keras_textcnn.evaluation import metrics, tables
from keras_textcnn.utils import terminal
from tests.conftest import DECIDED

TRUTH = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.3, 0.4, 0.3]]
)


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


def test_a_label_without_texts_has_no_scores() -> None:
    scores = metrics.score_probabilities(TRUTH[:5], PROBABILITIES[:5], ["a", "b", "c"])
    assert [row[1:] for row in tables.label_table(scores, title="").rows if row[0] == "c"] == [["–", "–", "–", "0"]]
    counts = {"labels": {"a": 1000, "b": 2, "c": 3}}
    run_metrics = {
        "validation": scores,
        "test": scores,
        "baseline": None,
        "decided": DECIDED,
        "texts": {"train": counts},
    }
    report = tables.report_text(run_metrics)
    assert [line.split() for line in report.splitlines() if line.startswith((" a ", " c "))] == [
        ["a", "1,000", "66.67", "66.67", "66.67", "3"],
        ["c", "3", "–", "–", "–", "0"],
    ]


def test_the_accuracy_of_no_texts_is_no_number() -> None:
    sums = metrics.ScoreSums(2)
    sums.add(np.array([0, 1]), np.array([[0.6, 0.4], [0.3, 0.7]]))
    rows = sums.shares()
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
