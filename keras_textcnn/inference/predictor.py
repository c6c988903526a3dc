"""A SavedModel in Python: texts in; labels, probabilities and reasons out."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from keras_textcnn.errors import InputError
from keras_textcnn.inference.explanations import Explanation, compose, explain_by_occlusion, explain_windows
from keras_textcnn.persistence.run import Run, find_saved_model
from keras_textcnn.tasks import Task, task_with
from keras_textcnn.utils.inputs import as_path, as_texts
from keras_textcnn.utils.tensorflow import import_tensorflow

BATCH = 256  # texts answered at once
EXPLAINED_AT_ONCE = 16  # texts: each takes windows * tokens * labels numbers

Prediction = dict[str, Any]  # label, probability, labels if a text may have several, probabilities
Texts = Iterable[str | bytes]  # a list, a NumPy array, a pandas Series, an iterator; not a single text


_processes: set[int] = set()  # that have loaded a SavedModel: this one, and perhaps the one that it was forked from


def _check_process() -> None:
    """Raises InputError in a process forked from one that has loaded a SavedModel: it lacks TensorFlow's threads."""
    _processes.add(os.getpid())
    if len(_processes) > 1:
        raise InputError(
            "a Predictor was loaded before this process was forked, and would hang in it; start the process with "
            "multiprocessing.get_context('spawn'), or load the predictor only in the forked processes"
        )


class Predictor:
    """A loaded SavedModel.

    Called with texts (strings, or UTF-8 bytes), it returns a dictionary for each: label, its probability, and
    probabilities, label to probability in the order of the labels. If a text may have several labels, the dictionary
    also has labels: those that reach their threshold. Called with one text, it returns one dictionary.

    Args:
        directory: A run, its directory, or the folder of a SavedModel.

    Attributes:
        directory: As given.
        labels: Names by output.
        thresholds: float32 (num_classes,) if a text may have several labels, otherwise None.
        exact: Whether the n-grams of an explanation add up to the logit; if not, they are found by occlusion.

    Raises:
        InputError: There is no SavedModel, or it cannot be loaded.

    Example:
        predictor = keras_textcnn.Predictor("runs/reuters-r8")
        print(predictor("profits rose in the second quarter")["label"])
    """

    def __init__(self, directory: Run | Path | str) -> None:
        self.directory = as_path(directory)
        saved_model = find_saved_model(self.directory)
        _check_process()
        tf = import_tensorflow()

        try:
            self._model = tf.saved_model.load(str(saved_model))
            signatures = self._model.signatures
            self.labels = [name.decode() for name in signatures["labels"]()["labels"].numpy()]
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise InputError(f"damaged SavedModel: {saved_model} ({error}); train again") from error
        self.thresholds: np.ndarray | None = None
        self.exact = "explain" in signatures
        if "thresholds" in signatures:
            self.thresholds = signatures["thresholds"]()["thresholds"].numpy()

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
        return [self._describe(row) for row in self.probabilities(texts)]

    def probabilities(self, texts: str | bytes | Texts) -> np.ndarray:
        """The probabilities of texts: float32 (texts, num_classes); of one text: float32 (num_classes,)."""
        if isinstance(texts, str | bytes):
            return self.probabilities([texts])[0]
        texts = as_texts(texts)
        batches = [self._ask("serving_default", texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)]
        return np.concatenate([np.zeros((0, len(self.labels)), np.float32), *(b["probabilities"] for b in batches)])

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
        if not self.exact:
            return [
                explain_by_occlusion(self.probabilities, text, labels=self.labels, separator=separator)
                for text, separator in self._read(texts)
            ]
        explanations = []
        for start in range(0, len(texts), EXPLAINED_AT_ONCE):
            answer = self._ask("explain", texts[start : start + EXPLAINED_AT_ONCE])
            for text, (tokens, row) in enumerate(zip(answer["tokens"], answer["probabilities"], strict=True)):
                output = int(row.argmax())
                explanation = explain_windows(
                    [compose(token.decode()) for token in tokens if token],
                    answer["added"][text, :, :, output],
                    answer["windows"].tolist(),
                    label=self.labels[output],
                    probability=float(row[output]),
                    logit=float(answer["logits"][text, output]),
                    bias=float(answer["bias"][output]),
                )
                explanations.append(explanation)
        return explanations

    def _read(self, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
        """The part of each text that the model reads, and what is between its tokens.

        If the SavedModel does not tell, the whole text.
        """
        for text in texts:
            if "tokens" in self._model.signatures:
                answer = self._ask("tokens", [text])
                separator = answer["separator"]
                yield separator.join(answer["tokens"][0]).decode(), separator.decode()
            else:
                yield text, " "

    def _ask(self, signature: str, texts: Sequence[str]) -> dict[str, Any]:
        _check_process()
        import tensorflow as tf

        answer = self._model.signatures[signature](text=tf.constant(texts, tf.string))
        return {name: value.numpy() for name, value in answer.items()}

    def _describe(self, row: np.ndarray) -> Prediction:
        probabilities = [float(str(value)) for value in row]  # only the digits that a float32 needs
        output = int(row.argmax())
        prediction: Prediction = {"label": self.labels[output], "probability": probabilities[output]}
        if self.thresholds is not None:
            given = np.flatnonzero(row >= self.thresholds)
            prediction["labels"] = [self.labels[label] for label in given]
        return {**prediction, "probabilities": dict(zip(self.labels, probabilities, strict=True))}
