"""Convolutional text classification in Keras 3: any corpus, pretrained vectors, one artefact that answers raw text.

The names below are imported when they are first used, so that `import keras_textcnn` does not import TensorFlow.
"""

import importlib
from typing import Any

_HOMES = {
    "TrainConfig": "config",
    "Corpus": "data.corpus",
    "Reader": "data.readers",
    "fetch": "data.datasets",
    "tokenize": "text.tokenizers",
    "build_conv1d": "models.conv1d",
    "build_conv1d_stack": "models.conv1d",
    "build_conv2d": "models.conv2d",
    "build_conv2d_windows": "models.conv2d",
    "build_charcnn": "models.charcnn",
    "build_charcnn_zhang": "models.charcnn",
    "LazyAdam": "training.optimizers",
    "Phase": "training.phases",
    "two_phase_fit": "training.two_phase",
    "Run": "persistence.run",
    "load_model": "persistence.loading",
    "Predictor": "inference.predictor",
    "Evaluation": "evaluation.evaluator",
    "show_progress": "utils.log",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
