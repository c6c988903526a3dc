"""What every worker does: opens a model from its bytes, and answers rows; those that fail get their error."""

import dataclasses
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_textcnn.data.table_writers import free_name
from keras_textcnn.errors import InputError
from keras_textcnn.inference.answered_table import AnswerColumns, reject
from keras_textcnn.inference.answers import Prediction
from keras_textcnn.inference.light.file import NAME
from keras_textcnn.inference.light.predictor import LightPredictor
from keras_textcnn.inference.runtime import find_model
from keras_textcnn.persistence.run import Run


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choices:
    """What the answers are like.

    Attributes:
        probabilities: Whether each label has a column with its probability.
        reject_below: Least probability of a label; below it, the label is null. For one label a text.
        threshold: Least probability of each label that is given. For several labels a text.
    """

    probabilities: bool = False
    reject_below: float | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        for name in ("reject_below", "threshold"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"{name} must be in [0, 1]; received: {value}")


def read_model(run: Run | Path | str) -> bytes:
    """The bytes of a run's `model.textcnn`, which travel to the workers.

    Raises:
        InputError: There is none; or as for `find_model`.
    """
    model = find_model(run)
    if not model.is_file():
        raise InputError(
            f"there is no {NAME} in {run}, and workers answer without TensorFlow; train again without a model or a "
            "tokenizer of your own and without --precision bfloat16, or predict on one machine"
        )
    return model.read_bytes()


def open_model(model: bytes, *, threads: int = 1) -> LightPredictor:
    """The predictor of a model, which needs no file afterwards.

    Args:
        model: The bytes of a `model.textcnn`.
        threads: As for `LightPredictor`. A worker has one core.
    """
    with tempfile.TemporaryDirectory(prefix="keras_textcnn-") as folder:
        path = Path(folder, NAME)
        path.write_bytes(model)
        return LightPredictor(path, threads=threads)


class RowAnswers:
    """The answers to rows, as values of columns that are added to theirs.

    Args:
        model: The bytes of a `model.textcnn`.
        choices: What the answers are like.
        taken: Names of the rows' own columns.

    Attributes:
        kinds: The types of the added columns by name, as in `table_writers.Layout`; the last one is the error, which
            is null if the row was answered.

    Raises:
        InputError: The model is damaged, or the choices do not apply to it.
    """

    def __init__(self, model: bytes, choices: Choices, taken: Collection[str]) -> None:
        self._predictor, self._choices = open_model(model), choices
        self._apply_threshold()
        several = self._predictor.thresholds is not None
        self._columns = AnswerColumns(
            self._predictor.labels, several=several, probabilities=choices.probabilities, taken=taken
        )
        self._unanswered = [None] * len(self._columns.kinds)
        self.kinds = {**self._columns.kinds, free_name("error", [*taken, *self._columns.kinds]): "string"}

    def _apply_threshold(self) -> None:
        thresholds, threshold = self._predictor.thresholds, self._choices.threshold
        if thresholds is None and threshold is not None:
            raise InputError(
                "a threshold is for runs with several labels per text, and this one gives one; reject labels instead"
            )
        if thresholds is not None and self._choices.reject_below is not None:
            raise InputError(
                "labels are rejected in runs with one label per text; this one gives several; set a threshold"
            )
        if thresholds is not None and threshold is not None:
            self._predictor.thresholds = np.full_like(thresholds, threshold)

    def values(self, texts: Sequence[str | InputError]) -> list[list[Any]]:
        """The values of the added columns for each text, or for what is wrong with its row."""
        good = [text for text in texts if isinstance(text, str)]
        answers = iter(self._answer(good))
        return [self._row(next(answers) if isinstance(text, str) else text) for text in texts]

    def _answer(self, texts: list[str]) -> list[Prediction | Exception]:
        """The answers to texts; if one of them fails, the others are still answered."""
        try:
            return list(self._predictor(texts))
        except Exception as error:
            if len(texts) == 1:
                return [error]
            return [answer for text in texts for answer in self._answer([text])]

    def _row(self, answer: Prediction | Exception) -> list[Any]:
        if isinstance(answer, Exception):
            return [*self._unanswered, " ".join(str(answer).split()) or type(answer).__name__]
        return [*self._columns.values(reject(answer, self._choices.reject_below)), None]
