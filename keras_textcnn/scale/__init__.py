"""Prediction on clusters, with Ray Data and Spark, and search for settings. None is imported before it is used."""

import importlib
from typing import Any

_HOMES = {"predict_dataset": "ray_dataset", "spark_predictor": "spark"}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
