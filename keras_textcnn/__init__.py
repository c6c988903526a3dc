"""Convolutional text classification in Keras 3: any corpus, pretrained vectors, one artefact that answers raw text.

The names below are imported when they are first used, so that `import keras_textcnn` does not import TensorFlow.
"""

import importlib
from typing import Any

_HOMES = {
    "TrainConfig": "config",
    "Corpus": "corpus",
    "Reader": "readers",
    "fetch": "catalog",
    "tokenize": "text",
    "build_conv1d": "models.conv1d",
    "build_conv1d_stack": "models.conv1d",
    "build_conv2d": "models.conv2d",
    "build_conv2d_windows": "models.conv2d",
    "build_charcnn": "models.charcnn",
    "build_charcnn_zhang": "models.charcnn",
    "LazyAdam": "optimizers",
    "Phase": "fitting",
    "two_phase_fit": "fitting",
    "Run": "run",
    "load_model": "building",
    "Predictor": "predictor",
    "Evaluation": "evaluation",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
