"""Prediction with Ray Data and Spark, and searches for settings with Optuna, each imported once it is used.

Example:
    answered = predict_dataset("runs/reuters-r8", ray.data.read_parquet("corpus/"), text_column="text")
    found = search(Plan(given={"seed": 1}, minutes=30), Corpus(texts, labels), "runs/search")
"""

import importlib
from typing import Any

_HOMES = {
    "predict_dataset": "prediction.ray_dataset",
    "spark_predictor": "prediction.spark",
    "Plan": "tuning.plan",
    "search": "tuning.search",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
