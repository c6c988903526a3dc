"""Opens a run with the runtime that answers for it."""

from pathlib import Path

from keras_textcnn.inference.predictor import Predictor
from keras_textcnn.persistence.run import Run


def open_predictor(directory: Run | Path | str) -> Predictor:
    """What answers for a run.

    Args:
        directory: A run, its directory, or the folder of a SavedModel.

    Raises:
        InputError: There is nothing that answers, or it is damaged.
    """
    return Predictor(directory)
