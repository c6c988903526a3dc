"""Documents settings in Python, from the same fields that the commands' help is made of."""

import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Settings = TypeVar("Settings", bound=type)
WIDTH = 100  # characters of a line in a docstring


def documented(groups: Mapping[str, type]) -> Callable[[Settings], Settings]:
    """A decorator that adds each setting with its default to a class's docstring, before its first section.

    Args:
        groups: Dataclasses of settings, by the heading of their settings.
    """

    def add(settings: Settings) -> Settings:
        if settings.__doc__:  # Python's option -OO removes it
            summary, *sections = inspect.cleandoc(settings.__doc__).split("\n\n")
            settings.__doc__ = "\n\n".join([summary, *(_describe(*group) for group in groups.items()), *sections])
        return settings

    return add


def _describe(title: str, settings: type) -> str:
    return "\n".join([f"Settings of {title}:", *map(_lines, dataclasses.fields(settings))])


def _lines(field: "dataclasses.Field[Any]") -> str:
    """The name of a setting, its default, what it sets, and its choices if it has any."""
    choices = ", ".join(map(repr, field.metadata["argument"].get("choices", ())))
    text = f"{field.name} = {field.default!r}: {field.metadata['help']}" + (f"; one of {choices}" if choices else "")
    return textwrap.fill(
        text, WIDTH, initial_indent="    ", subsequent_indent=" " * 8, break_on_hyphens=False, break_long_words=False
    )
