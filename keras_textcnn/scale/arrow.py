"""Answers for a table of Arrow, whose columns stay as they are."""

from typing import TYPE_CHECKING, Any

from keras_textcnn.data.columns import Columns
from keras_textcnn.data.formats import Row
from keras_textcnn.data.readers import Reader
from keras_textcnn.data.table_writers import arrow_kinds
from keras_textcnn.errors import InputError
from keras_textcnn.scale.answering import RowAnswers

if TYPE_CHECKING:
    import pyarrow

PLACE = "this row"
READER = Reader(label_column=None)


def answer_table(table: "pyarrow.Table", columns: Columns, answers: RowAnswers) -> "pyarrow.Table":
    """The table with the answers as further columns.

    Args:
        table: The rows.
        columns: The columns of the text, which it has.
        answers: What answers.
    """
    import pyarrow

    texts = [table.column(name).to_pylist() for name in columns.texts]
    rows = (dict(zip(columns.texts, cells, strict=True)) for cells in zip(*texts, strict=True))
    values = answers.values([_text(row, columns) for row in rows])
    kinds = arrow_kinds()
    for number, (name, kind) in enumerate(answers.kinds.items()):
        table = table.append_column(name, pyarrow.array([value[number] for value in values], kinds[kind]))
    return table


def _text(fields: dict[str, Any], columns: Columns) -> str | InputError:
    """The text of a row, as it is read from a file, or what is wrong with it."""
    try:
        return READER.text_of(Row(PLACE, columns, fields, (), ()))
    except InputError as error:
        return error
