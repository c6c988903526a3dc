from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn import reporting

TRUTH = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.3, 0.4, 0.3]]
)
HISTORY = [
    {"phase": phase, "epoch": epoch, "learning_rate": 0.1, "seconds": 1.0}
    | {"loss": 1 / epoch, "accuracy": 0.5, "val_loss": 2 / epoch, "val_accuracy": 0.4}
    for epoch, phase in enumerate(["frozen", "frozen", "unfrozen"], 1)
]


def test_scores_by_hand() -> None:
    scores = reporting.score_probabilities(TRUTH, PROBABILITIES, ["a", "b", "c"])
    # Predicted 0 0 1 1 0 1: of a, 2 of 3 found and 2 of 3 right; of b, 1 of 2 found and 1 of 3 right; of c nothing.
    assert scores["accuracy"] == scores["micro_f1"] == pytest.approx(3 / 6)
    assert scores["per_label"]["a"] == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3})
    assert scores["per_label"]["b"] == pytest.approx({"precision": 1 / 3, "recall": 1 / 2, "f1": 0.4, "support": 2})
    assert scores["per_label"]["c"] == {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 0.4 + 0) / 3)
    assert scores["log_loss"] == pytest.approx(-np.log([0.8, 0.6, 0.1, 0.7, 0.3, 0.3]).mean())
    assert scores["support"] == 6


def test_macro_f1_is_the_mean_over_the_labels_of_the_truth() -> None:
    truth, predicted = np.array([0, 0, 1]), np.array([0, 2, 1])
    assert reporting.score_labels(truth, predicted)["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)


def test_a_matrix_of_many_labels_is_no_larger_than_a_page(tmp_path: Path) -> None:
    labels = [f"label {number}" for number in range(300)]
    reporting.plot_confusion_matrix(np.arange(300), np.arange(300)[::-1], labels, tmp_path / "matrix.png")
    assert max(tf.io.decode_png((tmp_path / "matrix.png").read_bytes()).shape[:2]) < 3000


def test_results_table_has_percent_of_run_and_baseline() -> None:
    split = {"accuracy": 0.97123, "macro_f1": 0.5}
    other = {"accuracy": 0.25, "macro_f1": 0.125}
    metrics = {"validation": split, "test": other, "baseline": {"name": "linear", "validation": other, "test": split}}
    columns = [list(column.cells) for column in reporting.results_table(metrics).columns]
    assert columns == [
        ["this run", "linear"], ["97.12", "25.00"], ["50.00", "12.50"], ["25.00", "97.12"], ["12.50", "50.00"]
    ]  # fmt: skip


def test_report_shows_labels_as_they_are() -> None:
    scores = reporting.score_probabilities(TRUTH, PROBABILITIES, ["[red]a", ":smile:", "日本"])
    text = reporting.report_text(
        {"validation": scores, "test": scores, "baseline": {"name": "x", "validation": scores, "test": scores}}
    )
    assert all(label in text for label in ("[red]a", ":smile:", "日本"))


def test_report_holds_its_tables_in_a_notebook_too(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = reporting.score_probabilities(TRUTH, PROBABILITIES, ["a", "b", "c"])
    expected = reporting.report_text({"validation": scores, "test": scores, "baseline": None})
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert reporting.report_text({"validation": scores, "test": scores, "baseline": None}) == expected


def test_plots_are_pictures_with_any_label(tmp_path: Path) -> None:
    reporting.plot_learning_curves(HISTORY, tmp_path / "curves.png")
    reporting.plot_confusion_matrix(
        TRUTH, PROBABILITIES.argmax(axis=1), ["$a$ $", "b_{", "🙂"], tmp_path / "matrix.png"
    )
    for name in ("curves.png", "matrix.png"):
        picture = tf.io.decode_png((tmp_path / name).read_bytes()).numpy()
        assert min(picture.shape[:2]) > 300
        assert picture.std() > 10


def test_scalars_can_be_read_by_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = reporting.TensorBoard(tmp_path)
    for row in HISTORY:
        board.write(row)
    events = EventAccumulator(str(tmp_path / "validation"), size_guidance={"tensors": 0})
    events.Reload()
    values = {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors("loss")}
    assert values == pytest.approx({1: 2.0, 2: 1.0, 3: 2 / 3})
