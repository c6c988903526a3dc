from pathlib import Path

import pandas
import pyarrow
import pytest

from keras_textcnn.errors import InputError
from keras_textcnn.scale.prediction.answering import Choices, RowAnswers, read_model
from keras_textcnn.scale.prediction.rows import answer_frame, answer_table, text_columns, text_names

COLUMNS = {"title": ["apple", None, "", "iron"], "body": ["pear", "wave", None, 7], "n": [2**60, 1, None, 3]}


def test_a_frame_has_the_answers_to_its_rows(finished_run: Path) -> None:
    frame = pandas.DataFrame(COLUMNS, index=[7, 3, 5, 1])
    columns = text_columns(["title", "body"], list(frame.columns))
    answers = RowAnswers(read_model(finished_run), Choices(), list(frame.columns))
    answered = answer_frame(frame, columns, answers)
    assert list(answered.columns) == ["title", "body", "n", "label", "probability", "error"]
    pandas.testing.assert_frame_equal(answered[list(COLUMNS)], frame)
    expected = answers.values(["apple\npear", "\nwave", "\n"])
    assert answered[["label", "probability", "error"]].to_numpy().tolist()[:3] == expected
    last = answered.iloc[3]
    assert (last["label"], last["probability"]) == (None, None)
    assert last["error"] == "'body' is not a string: this row; choose another text_column"


def test_a_table_keeps_its_types(finished_run: Path) -> None:
    table = pyarrow.table(
        {"text": ["apple", None], "n": pyarrow.array([2**60, None]), "day": pyarrow.array([1, 2], "date32")}
    )
    answers = RowAnswers(read_model(finished_run), Choices(), table.column_names)
    answered = answer_table(table, text_columns(["text"], table.column_names), answers)
    assert answered.select(table.column_names).equals(table)
    assert answered.schema.field("probability").type == pyarrow.float64()
    assert answered.select(["label", "probability", "error"]).to_pylist() == [
        dict(zip(answers.kinds, values, strict=True)) for values in answers.values(["apple", ""])
    ]


def test_which_columns_hold_the_text(finished_run: Path) -> None:
    assert text_names(finished_run, None) == ("text",)
    assert text_names(finished_run / "model.textcnn", None) == ("text",)
    assert text_names(finished_run, "body") == ("body",)
    assert text_columns(["title,body"], ["body", "title"]).texts == ("title", "body")
    with pytest.raises(InputError, match="no column 'text' in the rows; found: 'body'; choose one with text_column"):
        text_columns(["text"], ["body"])
