from pathlib import Path

import pytest

from keras_textcnn import LightPredictor
from keras_textcnn.errors import InputError
from keras_textcnn.scale.prediction.answering import Choices, RowAnswers, read_model
from tests.conftest import make_corpus
from tests.runs import tiny_run

TEXTS = ["the apple and the pear", "", "iron zinc", "of wave"]


def test_answers_are_those_of_the_predictor(finished_run: Path) -> None:
    answers = RowAnswers(read_model(finished_run), Choices(probabilities=True), ["id", "Label", "error "])
    assert list(answers.kinds)[:2] == ["predicted_label", "probability"]
    assert list(answers.kinds)[-1] == "predicted_error"
    expected = LightPredictor(finished_run)(TEXTS)
    for row, prediction in zip(answers.values(TEXTS), expected, strict=True):
        assert row == [prediction["label"], prediction["probability"], *prediction["probabilities"].values(), None]


def test_what_fails_leaves_the_other_rows_alone(finished_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = LightPredictor.__call__

    def fail(self: LightPredictor, texts: list[str]) -> object:
        if "of wave" in texts:
            raise MemoryError("no room\nfor it")
        return answer(self, texts)

    model = read_model(finished_run)
    expected = RowAnswers(model, Choices(), []).values(TEXTS)
    monkeypatch.setattr(LightPredictor, "__call__", fail)
    rows = RowAnswers(model, Choices(), []).values([InputError("no\nstring"), *TEXTS])
    assert rows == [[None, None, "no string"], *expected[:3], [None, None, "no room for it"]]


def test_choices(finished_run: Path) -> None:
    model = read_model(finished_run)
    rows = RowAnswers(model, Choices(reject_below=1.0), []).values(TEXTS)
    assert all(label is None and probability < 1 for label, probability, _ in rows)
    with pytest.raises(InputError, match="several labels per text"):
        RowAnswers(model, Choices(threshold=0.5), [])
    with pytest.raises(InputError, match="reject_below must be in"):
        Choices(reject_below=2.0)


@pytest.mark.usefixtures("without_learning", "without_reports")
def test_several_labels(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run", make_corpus(several=True), multi_label=",")
    model = read_model(run)
    for threshold, count in ((0.0, 4), (1.0, 0)):
        rows = RowAnswers(model, Choices(threshold=threshold), ["labels"]).values(TEXTS)
        assert [len(labels) for labels, _ in rows] == [count] * 4
    assert RowAnswers(model, Choices(), ["labels"]).kinds == {"predicted_labels": "strings", "error": "string"}
    with pytest.raises(InputError, match="one label per text"):
        RowAnswers(model, Choices(reject_below=0.5), [])


def test_a_model_that_needs_tensorflow_is_refused(finished_run: Path) -> None:
    with pytest.raises(InputError, match="there is no model.textcnn in .*workers answer without TensorFlow"):
        read_model(finished_run / "saved_model" / "1")
