"""What every runtime does with a trained model: texts in; labels, probabilities and reasons out."""

import abc
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from keras_textcnn.inference.explanations import Explanation, explain_by_occlusion
from keras_textcnn.tasks import Task, task_with
from keras_textcnn.utils.inputs import as_texts

Prediction = dict[str, Any]  # label, probability, labels if a text may have several, probabilities
Texts = Iterable[str | bytes]  # a list, a NumPy array, a pandas Series, an iterator; not a single text


class Answers(abc.ABC):
    """What answers for a run, whatever computes the answers.

    Called with texts (strings, or UTF-8 bytes), it returns a dictionary for each: label, its probability, and
    probabilities, label to probability in the order of the labels. If a text may have several labels, the dictionary
    also has labels: those that reach their threshold. Called with one text, it returns one dictionary.

    Attributes:
        directory: The run's directory, or the file or folder that was given.
        labels: Names by output.
        thresholds: float32 (num_classes,) if a text may have several labels, otherwise None.
        exact: Whether the n-grams of an explanation add up to the logit; if not, they are found by occlusion.
    """

    directory: Path
    labels: list[str]
    thresholds: np.ndarray | None
    exact: bool

    @property
    def task(self) -> Task:
        """Whether each text has one label, or may have several."""
        return task_with(self.thresholds)

    @overload
    def __call__(self, texts: str | bytes) -> Prediction: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(self, texts: Texts) -> list[Prediction]: ...

    def __call__(self, texts: Any) -> Any:
        if isinstance(texts, str | bytes):
            return self([texts])[0]
        return self._describe(self.probabilities(texts))

    def probabilities(self, texts: str | bytes | Texts) -> np.ndarray:
        """The probabilities of texts: float32 (texts, num_classes); of one text: float32 (num_classes,)."""
        if isinstance(texts, str | bytes):
            return self.probabilities([texts])[0]
        return self._answer(as_texts(texts))

    @overload
    def explain(self, texts: str | bytes) -> Explanation:  # type: ignore[overload-overlap]
        """The explanation of one text."""

    @overload
    def explain(self, texts: Texts) -> list[Explanation]:
        """The explanation of each text."""

    def explain(self, texts: Any) -> Any:
        """Explains each text's most probable label: exactly for conv1d without hidden layers, else by occlusion."""
        if isinstance(texts, str | bytes):
            return self.explain([texts])[0]
        texts = as_texts(texts)
        if self.exact:
            return [*self._explain_exactly(texts)]
        return [
            explain_by_occlusion(self.probabilities, text, labels=self.labels, separator=separator)
            for text, separator in self._read(texts)
        ]

    @abc.abstractmethod
    def _answer(self, texts: Sequence[str]) -> np.ndarray:
        """The probabilities of texts, float32 (texts, num_classes)."""

    @abc.abstractmethod
    def _explain_exactly(self, texts: Sequence[str]) -> Iterator[Explanation]:
        """The explanations of texts by a model whose windows' shares are known."""

    @abc.abstractmethod
    def _read(self, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
        """The part of each text that the model reads, and what is between its tokens."""

    def _describe(self, rows: np.ndarray) -> list[Prediction]:
        """The predictions that belong to probabilities, float32 (texts, num_classes)."""
        best = rows.argmax(axis=1).tolist()
        given = None if self.thresholds is None else rows >= self.thresholds
        predictions = []
        for number, row in enumerate(shortest(rows).tolist()):
            output = best[number]
            prediction: Prediction = {"label": self.labels[output], "probability": row[output]}
            if given is not None:
                prediction["labels"] = [self.labels[label] for label in np.flatnonzero(given[number])]
            prediction["probabilities"] = dict(zip(self.labels, row, strict=True))
            predictions.append(prediction)
        return predictions


DIGITS = 9  # that tell any two float32 apart
EXACT = 1e-13  # from here on, a number of so many digits is a quotient of two numbers that float64 holds exactly


def shortest(values: np.ndarray) -> np.ndarray:
    """The numbers with the fewest digits that are still these numbers in float32, as float64.

    This is `float(str(value))` for each, but ten times as fast.

    Args:
        values: float32, not negative.
    """
    wide = values.astype(np.float64)
    exponents = np.floor(np.log10(np.maximum(wide, EXACT)))
    short = wide.copy()
    left = wide >= EXACT
    for digits in range(1, DIGITS + 1):
        powers = 10.0 ** (digits - 1 - exponents)
        tried = np.rint(wide * powers) / powers
        found = left & (tried.astype(np.float32) == values)
        short[found] = tried[found]
        left &= ~found
    for place in zip(*np.nonzero(wide < EXACT), strict=True):
        short[place] = float(str(values[place]))
    return short
