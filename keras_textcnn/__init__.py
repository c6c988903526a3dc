"""Convolutional text classification in Keras 3: any corpus, pretrained vectors, one artefact that answers raw text.

The names below are imported when they are first used, so that `import keras_textcnn` does not import TensorFlow.
"""

import importlib
import sys
from typing import Any

from keras_textcnn.utils.import_hooks import after_import
from keras_textcnn.utils.tensorflow import import_tensorflow

_HOMES = {
    "TextCNNClassifier": "estimator",
    "TrainConfig": "config",
    "read_recipe": "recipes.recipe_file",
    "Corpus": "data.corpus",
    "Reader": "data.readers",
    "fetch": "data.datasets",
    "tokenize": "text.tokenizers",
    "TextVectorizer": "text.vectorizer",
    "text_dataset": "data.text_dataset",
    "load_vectors": "models.vectors",
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
    "export_saved_model": "inference.saved_model",
    "export_light": "inference.light.export",
    "Predictor": "inference.predictor",
    "LightPredictor": "inference.light",
    "Evaluation": "evaluation.evaluator",
    "compare_runs": "evaluation.comparison",
    "show_progress": "utils.log",
    "InputError": "errors",
}

_WITH_TENSORFLOW = (  # import it
    *("text.tokenizers", "text.vectorizer", "data.text_dataset", "models.", "persistence.loading"),
    *("inference.saved_model", "inference.light.export", "training."),
)
# The modules whose classes a .keras file may name.
_SAVED = (
    *("layers.embedding", "layers.masking", "layers.ngram_logits", "layers.pooled_conv1d", "layers.pooling"),
    *("layers.scaled_sum", "layers.vector_mean_logits", "training.losses", "training.optimizers", "text.vectorizer"),
)

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _HOMES[name].startswith(_WITH_TENSORFLOW):
        import_tensorflow()
    return getattr(_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def _module(home: str) -> Any:
    return importlib.import_module(f"{__name__}.{home}")


def _register_classes() -> None:
    """Makes our classes known to `keras.models.load_model`, which imports no modules of other packages."""
    being_imported = any(f"{__name__}.{home}" in sys.modules for home in _SAVED)  # one of them imported Keras
    if importlib.import_module("keras").backend.backend() == "tensorflow" and not being_imported:
        for home in _SAVED:
            _module(home)


after_import("keras", _register_classes)
