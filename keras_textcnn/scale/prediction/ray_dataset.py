"""Answers for a `ray.data.Dataset`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_textcnn.data.columns import Columns
from keras_textcnn.persistence.run import Run
from keras_textcnn.scale.prediction.answering import Choices, RowAnswers, read_model
from keras_textcnn.scale.prediction.ray_session import import_ray
from keras_textcnn.scale.prediction.rows import answer_table, text_columns, text_names

if TYPE_CHECKING:
    import pyarrow
    import ray.data

BLOCK_ROWS = 1024  # so that every worker has some, even of a small dataset


def predict_dataset(
    run: Run | Path | str,
    dataset: "ray.data.Dataset",
    *,
    text_column: str | Sequence[str] | None = None,
    probabilities: bool = False,
    reject_below: float | None = None,
    threshold: float | None = None,
    workers: int | None = None,
) -> "ray.data.Dataset":
    """The dataset with the answers to its texts as further columns, computed when it is read.

    All columns stay as they are. `label` and `probability` are added, or `labels` if a text may have several, and
    `error`, which is null if the row was answered. A row that cannot be answered has null answers and its error in one
    line. Blocks of rows may change places unless `ray.data.DataContext` has `execution_options.preserve_order`.

    Args:
        run: A run, its directory, or a `model.textcnn`. The model travels to the workers.
        dataset: The rows.
        text_column: The column of the text, or several that are joined by line ends; None: as in the run's training.
        probabilities: Whether each label has a column with its probability.
        reject_below: Least probability of a label; below it, the label is null. For one label a text.
        threshold: Least probability of each label that is given. For several labels a text.
        workers: Most workers, each with one core; None: as many as the cluster has cores.

    Raises:
        InputError: There is no `model.textcnn` or no such column, or Ray is not installed.

    Example:
        answered = predict_dataset("runs/reuters-r8", ray.data.read_parquet("s3://bucket/corpus/"))
        answered.write_parquet("s3://bucket/answers/")
    """
    ray = import_ray()
    model = read_model(run)
    names = dataset.columns() or []
    columns = text_columns(text_names(run, text_column), names)
    choices = Choices(probabilities=probabilities, reject_below=reject_below, threshold=threshold)
    RowAnswers(model, choices, names)  # whatever is wrong shows here, and not in a worker
    return dataset.repartition(target_num_rows_per_block=BLOCK_ROWS).map_batches(
        _DatasetAnswers,
        fn_constructor_args=(ray.put(model), columns, choices, names),
        batch_size=None,
        batch_format="pyarrow",
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers),
    )


class _DatasetAnswers:
    """What an actor does: its model is opened once."""

    def __init__(self, model: Any, columns: Columns, choices: Choices, names: Sequence[str]) -> None:
        import ray

        self._answers, self._columns = RowAnswers(ray.get(model), choices, names), columns

    def __call__(self, table: "pyarrow.Table") -> "pyarrow.Table":
        return answer_table(table, self._columns, self._answers)
