"""The answers to the texts of a table, as columns behind its own."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from keras_textcnn.data.table_writers import check_writable, free_name
from keras_textcnn.data.unlabelled import Texts
from keras_textcnn.errors import InputError
from keras_textcnn.inference.answers import Prediction


class AnswerColumns:
    """The columns that answers add to a table: label and probability, or the labels if a text may have several.

    Args:
        labels: Names by output.
        several: Whether a text may have several labels.
        reasons: Whether there is a column with the n-grams that spoke for and against the most probable label.
        probabilities: Whether each label has a column with its probability.
        taken: Names of the table's own columns; none of them is given again.

    Attributes:
        kinds: Type by name, as in `table_writers.Layout`.

    Example:
        columns = AnswerColumns(predictor.labels, several=False, probabilities=True, taken=["id", "text"])
        print(list(columns.kinds))  # label, probability, probability_earn ...
    """

    def __init__(
        self,
        labels: Collection[str],
        *,
        several: bool,
        reasons: bool = False,
        probabilities: bool = False,
        taken: Collection[str] = (),
    ) -> None:
        answers = {"labels": "strings"} if several else {"label": "string", "probability": "double"}
        if reasons:
            answers["reasons"] = "string"
        self._answers, self._labels = list(answers), list(labels) if probabilities else []
        self.kinds: dict[str, str] = {}
        for name, kind in (answers | {f"probability_{label}": "double" for label in self._labels}).items():
            self.kinds[free_name(name, [*taken, *self.kinds])] = kind

    def values(self, prediction: Mapping[str, Any]) -> list[Any]:
        """The values of these columns for an answer of a predictor, with its explanation if there are reasons."""
        answers = [_reasons(prediction) if name == "reasons" else prediction[name] for name in self._answers]
        return [*answers, *(prediction["probabilities"][label] for label in self._labels)]


def reject(prediction: Prediction, below: float | None) -> Prediction:
    """The prediction, with null as its label if the label's probability is below a limit."""
    rejected = below is not None and prediction["probability"] < below
    return {**prediction, "label": None} if rejected else prediction


def _reasons(prediction: Mapping[str, Any]) -> str:
    """The reasons in words: `crude: opec +1.42; crude oil +1.33`."""
    probabilities = prediction["probabilities"]
    reasons = (f"{reason['ngram']} {reason['added']:+.2f}" for reason in prediction["reasons"])
    return f"{max(probabilities, key=probabilities.get)}: {'; '.join(reasons)}"


def check_output(path: Path, *, texts: Texts, run: Path) -> None:
    """Checks that answers can be written to a file.

    Args:
        path: The file.
        texts: What is answered, which is not overwritten.
        run: The run's directory, whose files must stay as they are.

    Raises:
        InputError: The texts are read from there, or it belongs to the run, or it cannot be written.
    """
    check_writable(path)
    if texts.come_from(path):
        raise InputError(f"the texts are read from there: --output {path}; choose another file, in another folder")
    if path.resolve().is_relative_to(run.resolve()):
        raise InputError(f"a file of the run: --output {path}; choose another folder")
