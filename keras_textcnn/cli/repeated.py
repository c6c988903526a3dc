"""Settings as the options that give them, so that a printed command repeats a training."""

import argparse
import dataclasses
from collections.abc import Mapping
from typing import Any

from keras_textcnn.config import TrainConfig
from keras_textcnn.settings.fields import option_name, show


def options_of(settings: Mapping[str, Any]) -> list[str]:
    """The words of a command line that give these settings; those that are None are left out."""
    fields = {field.name: field for field in dataclasses.fields(TrainConfig)}
    return [word for name, value in settings.items() if value is not None for word in _words(fields[name], value)]


def _words(field: "dataclasses.Field[Any]", value: Any) -> list[str]:
    option = option_name(field)
    if isinstance(value, bool):
        if field.metadata["argument"].get("action") is argparse.BooleanOptionalAction:
            return [option if value else option.replace("--", "--no-", 1)]
        return [option] if value else []
    return [f"{option}={_text(value)}"] if _text(value).startswith("-") else [option, _text(value)]


def _text(value: Any) -> str:
    return show(tuple(value)) if isinstance(value, list | tuple) else str(value)
