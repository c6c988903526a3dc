"""Answers in Spark, for `DataFrame.mapInPandas` and `DataFrame.mapInArrow`."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_textcnn.persistence.run import Run
from keras_textcnn.scale.prediction.answering import Choices, RowAnswers, read_model
from keras_textcnn.scale.prediction.rows import answer_frame, answer_table, text_columns, text_names

if TYPE_CHECKING:
    import pyspark.sql


def spark_predictor(
    run: Run | Path | str,
    *,
    text_column: str | Sequence[str] | None = None,
    probabilities: bool = False,
    reject_below: float | None = None,
    threshold: float | None = None,
) -> "SparkPredictor":
    """What `mapInPandas` and `mapInArrow` call to answer the texts of a Spark DataFrame.

    Args:
        run: A run, its directory, or a `model.textcnn`. The model travels to the workers, where this package must be
            installed; `pip install --no-deps keras_textcnn` and NumPy are enough.
        text_column: The column of the text, or several that are joined by line ends; None: as in the run's training.
        probabilities: Whether each label has a column with its probability.
        reject_below: Least probability of a label; below it, the label is null. For one label a text.
        threshold: Least probability of each label that is given. For several labels a text.

    Raises:
        InputError: There is no `model.textcnn`, or a limit does not apply to it.

    Example:
        predictor = spark_predictor("runs/reuters-r8", text_column="body")
        answered = df.mapInArrow(predictor, schema=predictor.schema(df))
    """
    choices = Choices(probabilities=probabilities, reject_below=reject_below, threshold=threshold)
    return SparkPredictor(read_model(run), choices, text_names(run, text_column))


class SparkPredictor:
    """Adds the columns of the answers to batches of rows.

    `label` and `probability` are added, or `labels` if a text may have several, and `error`, which is null if the row
    was answered. A row that cannot be answered has null answers and its error in one line.

    Args:
        model: The bytes of a `model.textcnn`.
        choices: What the answers are like.
        text_column: Names of the columns of the text.
    """

    def __init__(self, model: bytes, choices: Choices, text_column: Sequence[str]) -> None:
        self._model, self._choices, self._text_column = model, choices, tuple(text_column)
        _open(model, choices, ())  # whatever is wrong shows here, and not in a worker

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The batches, `pandas.DataFrame` or `pyarrow.RecordBatch`, with the answers as further columns."""
        for batch in batches:
            is_arrow = hasattr(batch, "schema")
            names = tuple(map(str, batch.schema.names if is_arrow else batch.columns))
            columns = text_columns(self._text_column, names)
            answers = _open(self._model, self._choices, names)
            if is_arrow:
                yield from answer_table(_table(batch), columns, answers).to_batches()
            else:
                yield answer_frame(batch, columns, answers)

    def schema(self, df: "pyspark.sql.DataFrame") -> Any:
        """The `StructType` of a DataFrame's columns and those of the answers.

        Raises:
            InputError: The DataFrame has no column with the text.
        """
        from pyspark.sql.types import ArrayType, DoubleType, StringType, StructField, StructType

        types = {"string": StringType(), "double": DoubleType(), "strings": ArrayType(StringType())}
        text_columns(self._text_column, df.columns)
        kinds = _open(self._model, self._choices, tuple(df.columns)).kinds
        return StructType([*df.schema.fields, *(StructField(name, types[kind]) for name, kind in kinds.items())])


@functools.lru_cache(maxsize=4)  # a worker's process answers many batches, of many tasks
def _open(model: bytes, choices: Choices, names: tuple[str, ...]) -> RowAnswers:
    return RowAnswers(model, choices, names)


def _table(batch: Any) -> Any:
    import pyarrow

    return pyarrow.Table.from_batches([batch])
