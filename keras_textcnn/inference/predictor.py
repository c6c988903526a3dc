"""A SavedModel in Python: texts in; labels, probabilities and reasons out."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_textcnn.errors import InputError
from keras_textcnn.inference.answers import Answers
from keras_textcnn.inference.explanations import Explanation, compose, explain_windows
from keras_textcnn.persistence.run import Run, find_saved_model
from keras_textcnn.utils.inputs import as_path
from keras_textcnn.utils.tensorflow import import_tensorflow

BATCH = 256  # texts answered at once
EXPLAINED_AT_ONCE = 16  # texts: each takes windows * tokens * labels numbers

_processes: set[int] = set()  # that have loaded a SavedModel: this one, and perhaps the one that it was forked from


def _check_process() -> None:
    """Raises InputError in a process forked from one that has loaded a SavedModel: it lacks TensorFlow's threads."""
    _processes.add(os.getpid())
    if len(_processes) > 1:
        raise InputError(
            "a Predictor was loaded before this process was forked, and would hang in it; start the process with "
            "multiprocessing.get_context('spawn'), or load the predictor only in the forked processes"
        )


class Predictor(Answers):
    """A loaded SavedModel.

    Args:
        directory: A run, its directory, or the folder of a SavedModel.

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
        self.thresholds = None
        self.exact = "explain" in signatures
        if "thresholds" in signatures:
            self.thresholds = signatures["thresholds"]()["thresholds"].numpy()

    def _answer(self, texts: Sequence[str]) -> np.ndarray:
        batches = [self._ask("serving_default", texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)]
        return np.concatenate([np.zeros((0, len(self.labels)), np.float32), *(b["probabilities"] for b in batches)])

    def _explain_exactly(self, texts: Sequence[str]) -> Iterator[Explanation]:
        for start in range(0, len(texts), EXPLAINED_AT_ONCE):
            answer = self._ask("explain", texts[start : start + EXPLAINED_AT_ONCE])
            for text, (tokens, row) in enumerate(zip(answer["tokens"], answer["probabilities"], strict=True)):
                output = int(row.argmax())
                yield explain_windows(
                    [compose(token.decode()) for token in tokens if token],
                    answer["added"][text, :, :, output],
                    answer["windows"].tolist(),
                    label=self.labels[output],
                    probability=float(row[output]),
                    logit=float(answer["logits"][text, output]),
                    bias=float(answer["bias"][output]),
                )

    def _read(self, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
        for text in texts:
            if "tokens" in self._model.signatures:
                answer = self._ask("tokens", [text])
                separator = answer["separator"]
                yield separator.join(answer["tokens"][0]).decode(), separator.decode()
            else:  # it does not tell: the whole text
                yield text, " "

    def _ask(self, signature: str, texts: Sequence[str]) -> dict[str, Any]:
        _check_process()
        import tensorflow as tf

        answer = self._model.signatures[signature](text=tf.constant(texts, tf.string))
        return {name: value.numpy() for name, value in answer.items()}
