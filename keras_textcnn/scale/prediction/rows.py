"""Answers for tables in memory, of Arrow or pandas, whose columns stay as they are."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.columns import Columns
from keras_textcnn.data.formats import Row
from keras_textcnn.data.readers import Reader
from keras_textcnn.data.table_writers import arrow_kinds
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.run import Run
from keras_textcnn.scale.prediction.answering import RowAnswers
from keras_textcnn.utils.inputs import as_path

if TYPE_CHECKING:
    import pandas
    import pyarrow


def text_names(run: Run | Path | str, given: str | Sequence[str] | None) -> tuple[str, ...]:
    """The names of the text's columns: those that the user gave, otherwise those of the run's training.

    A `model.textcnn` alone does not know them; then it is `text`.
    """
    if given is not None:
        return (given,) if isinstance(given, str) else tuple(given)
    path = as_path(run)
    return (Run.open(path).config() if (path / "config.json").exists() else TrainConfig()).text_column


def text_columns(names: Sequence[str], there: Sequence[str]) -> Columns:
    """The columns of the text as the rows spell them.

    Raises:
        InputError: There is no such column.
    """
    try:
        return Columns(tuple(names)).among(there, "the rows")
    except InputError as error:
        raise _for_python(error) from None


def _for_python(error: InputError) -> InputError:
    """The error with the name of the argument in place of the option's."""
    return InputError(str(error).replace("--text-column", "text_column"))


def answer_table(table: "pyarrow.Table", columns: Columns, answers: RowAnswers) -> "pyarrow.Table":
    """The table with the answers as further columns.

    Args:
        table: The rows.
        columns: The columns of the text, which it has.
        answers: What answers.
    """
    import pyarrow

    values = _values([table.column(name).to_pylist() for name in columns.texts], columns, answers)
    kinds = arrow_kinds()
    for number, (name, kind) in enumerate(answers.kinds.items()):
        table = table.append_column(name, pyarrow.array([value[number] for value in values], kinds[kind]))
    return table


def answer_frame(frame: "pandas.DataFrame", columns: Columns, answers: RowAnswers) -> "pandas.DataFrame":
    """The same for a DataFrame of pandas."""
    import pandas

    values = _values([frame[name].tolist() for name in columns.texts], columns, answers)
    added = pandas.DataFrame(values, columns=list(answers.kinds), index=frame.index, dtype=object)
    return pandas.concat([frame, added], axis=1)


def _values(texts: Iterable[list[Any]], columns: Columns, answers: RowAnswers) -> list[list[Any]]:
    """The values of the answers' columns, row by row.

    Args:
        texts: The values of each column of the text.
    """
    reader = Reader(label_column=None)

    def text(cells: tuple[Any, ...]) -> str | InputError:
        try:
            return reader.text_of(Row("this row", columns, dict(zip(columns.texts, cells, strict=True)), (), ()))
        except InputError as error:
            return _for_python(error)

    return answers.values([text(cells) for cells in zip(*texts, strict=True)])
