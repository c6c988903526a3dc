"""What is kept of every scored text, against the run's own scores, its answers, and readers that are not ours."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas
import pytest
from sklearn import metrics

from keras_textcnn import Corpus, Predictor, Run
from keras_textcnn.config import TrainConfig
from keras_textcnn.evaluation import kept_predictions
from keras_textcnn.evaluation.calibration import Calibration
from keras_textcnn.evaluation.kept_predictions import KeptPredictions
from keras_textcnn.evaluation.predictions_table import write_predictions
from keras_textcnn.evaluation.split_scores import Answered, SplitScores
from keras_textcnn.persistence.predictions import read_predictions
from tests.conftest import make_corpus, make_texts
from tests.runs import leave_out_exports, tiny_run

ODD = ['a "quoted", label', "two\nlines", "carriage\rreturn", "日本", "NA"]


def test_the_rows_of_a_run_are_its_texts_and_its_scores(finished_run: Path, predictor: Predictor) -> None:
    """The run was refit, so only its answers to the test texts are those that scored them."""
    run, texts = Run.open(finished_run), make_texts(90, seed=7)
    found, scores = run.predictions, run.metrics
    assert len(found) == scores["validation"]["support"] + scores["test"]["support"]
    assert found.label.tolist() == [texts[row - 1][1] for row in found.row.tolist()]
    assert not found.fold.any()
    assert not found.learnt.any()
    labels = run.read_lines("labels.txt")
    targets = np.array([labels.index(label) for label in found.label])
    for split in ("validation", "test"):
        chosen = found.split == split
        assert (np.diff(found.row[chosen]) > 0).all()
        for predicted, block in ((found.predicted, scores[split]), (found.linear, scores["baseline"][split])):
            assert (predicted == found.label)[chosen].mean() == pytest.approx(block["accuracy"])
        expected = metrics.log_loss(targets[chosen], found.probabilities[chosen], labels=[0, 1, 2])
        assert expected == pytest.approx(scores[split]["log_loss"], rel=1e-5)
    tested = found.reported
    answers = predictor([texts[row - 1][0] for row in tested.row.tolist()])
    assert tested.predicted.tolist() == [answer["label"] for answer in answers]
    expected = [list(answer["probabilities"].values()) for answer in answers]
    np.testing.assert_allclose(tested.probabilities, expected, atol=1e-6)


def test_pandas_reads_it(finished_run: Path) -> None:
    table = pandas.read_csv(finished_run / "predictions.csv")
    found = Run.open(finished_run).predictions
    assert table["row"].tolist() == found.row.tolist()
    assert table["linear"].tolist() == found.linear.tolist()
    probabilities = table[[f"probability_{label}" for label in ("fruit", "metal", "sea")]].astype(np.float32)
    np.testing.assert_array_equal(probabilities.to_numpy(), found.probabilities)
    assert table["fold"].isna().all()


@pytest.mark.usefixtures("without_exports")
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("most", [10**7, 100])
def test_texts_that_folds_held_out_have_their_fold(
    several: bool, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a limit of 100 probabilities, the held-out texts have too many and the test texts have not."""
    monkeypatch.setattr(kept_predictions, "MOST_PROBABILITIES", most)
    corpus = make_corpus(several=several)
    settings = {"inner_folds": 3, "test_fraction": 0.2, **({"multi_label": ";"} if several else {})}
    run = tiny_run(tmp_path / "run", corpus, **settings)
    found, scores = run.predictions, run.metrics
    assert set(found.fold[found.split == "train"].tolist()) == {1, 2, 3}
    assert not found.fold[found.split == "test"].any()
    assert len(set(found.row.tolist())) == len(found) <= len(corpus)
    given = [corpus.labels[row - 1] for row in found.row.tolist()]
    assert [json.loads(label) if several else label for label in found.label] == [
        [*labels] if several else labels for labels in given
    ]
    for name, split in (("train", "validation"), ("test", "test")):
        chosen = found.split == name
        for predicted, block in ((found.predicted, scores[split]), (found.linear, scores["baseline"][split])):
            assert (predicted == found.label)[chosen].mean() == pytest.approx(block["accuracy"])
    if most > 100:
        assert found.probabilities.shape == (len(found), len(run.read_lines("labels.txt")))
        return
    assert found.probabilities is None
    with (tmp_path / "run" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    whole = tiny_run_predictions(tmp_path / "whole", monkeypatch, corpus, settings)
    labels = run.read_lines("labels.txt")
    for row, probabilities in zip(rows, whole, strict=True):
        some = json.loads(row["probabilities"])
        sets = [json.loads(row[name]) if several else [row[name]] for name in ("label", "predicted")]
        assert set(some) == {label for labels in sets for label in labels}
        assert [np.float32(some[label]) for label in some] == [probabilities[labels.index(label)] for label in some]


def tiny_run_predictions(
    directory: Path, monkeypatch: pytest.MonkeyPatch, corpus: Corpus, settings: dict[str, object]
) -> np.ndarray:
    """All probabilities of the same run."""
    monkeypatch.setattr(kept_predictions, "MOST_PROBABILITIES", 10**7)
    leave_out_exports(monkeypatch)
    return tiny_run(directory, corpus, **settings).predictions.probabilities


def write_odd(folder: Path, config: TrainConfig, *, linear: np.ndarray | None = None) -> Path:
    """The predictions for ten texts in two blocks, whose labels need quotation marks."""
    kept = KeptPredictions(folder / "kept.bin", texts=10, num_classes=5)
    scores = SplitScores(Calibration(1.0), 5, kept=kept)
    targets = np.tile(np.arange(5), 2)
    for texts in (np.array([1, 4, 5, 8]), np.array([0, 2, 3, 6, 7, 9])):
        scores.add(texts, targets[texts], np.eye(5, dtype=np.float32)[targets[texts]] * 9)
    answered = Answered(np.arange(20, 40, 2), np.ones(10), scores, linear=linear)
    write_predictions(folder / "out.csv", {"test": answered}, config=config, labels=ODD)
    return folder / "out.csv"


def test_labels_of_any_characters_come_back(tmp_path: Path) -> None:
    path = write_odd(tmp_path, TrainConfig(), linear=np.zeros(10, np.int64))
    found = read_predictions(path)
    assert found.row.tolist() == [*range(21, 41, 2)]
    assert found.label.tolist() == found.predicted.tolist() == ODD * 2
    assert found.linear.tolist() == [ODD[0]] * 10
    assert found.learnt is None  # it was not known
    with path.open(encoding="utf-8", newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ODD * 2
    assert pandas.read_csv(path, keep_default_na=False)["predicted"].tolist() == ODD * 2


def test_rows_are_those_of_the_splits_own_file_and_there_may_be_no_linear_model(tmp_path: Path) -> None:
    found = read_predictions(write_odd(tmp_path, TrainConfig(data="a.csv", test_data="b.csv")))
    assert found.row.tolist() == [*range(1, 11)]
    assert found.linear is None
    assert read_predictions(tmp_path / "out.csv", probabilities=False).probabilities is None


def test_a_cell_may_be_longer_than_the_limit_of_the_csv_module(tmp_path: Path) -> None:
    """A text with thousands of labels; the limit is global, so it may be any."""
    before = csv.field_size_limit(131_072)
    try:
        names = [f"label {number}" + 40 * "x" for number in range(4000)]
        kept = KeptPredictions(tmp_path / "kept.bin", texts=1, num_classes=len(names))
        scores = SplitScores(Calibration(1.0, np.full(len(names), 0.5)), len(names), kept=kept)
        scores.add(np.array([0]), np.ones((1, len(names))), np.ones((1, len(names)), np.float32))
        answered = {"test": Answered(np.array([0]), np.ones(1), scores)}
        write_predictions(tmp_path / "out.csv", answered, config=TrainConfig(), labels=names)
        assert json.loads(read_predictions(tmp_path / "out.csv").label[0]) == sorted(names)
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "row,split,fold,learnt,label,predicted,linear,probability_a\n1,test\n"]
)
def test_a_damaged_file_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text(content)
    with pytest.raises(ValueError, match="its columns do not begin|line 2 has 2 cells, not 8"):
        read_predictions(tmp_path / "odd.csv")
