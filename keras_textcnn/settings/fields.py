"""Settings as dataclass fields, each of which knows its command-line option and its allowed values."""

import dataclasses
import numbers
import os
import types
import typing
from collections.abc import Callable
from typing import Any

from keras_textcnn.presets import MODELS
from keras_textcnn.settings.spaces import Space

SET, POSITIVE = object(), object()  # conditions: any value but None; any number above 0
MOST_NUMBERS = 64  # windows, layers or columns


@dataclasses.dataclass(frozen=True)
class Range:
    """The values that a setting may have, in addition to its type.

    Attributes:
        holds: Whether a value is one of them.
        rule: Describes them; completes "must be".
    """

    holds: Callable[[Any], bool]
    rule: str


def at_least(least: float, *, most: float | None = None, unit: str = "") -> Range:
    """Numbers from `least` to `most`."""
    rule = f"at least {least}{unit}" + ("" if most is None else f" and at most {most}{unit}")
    return Range(lambda value: least <= value and (most is None or value <= most), rule)


DROPOUT = Range(lambda value: 0 <= value < 1, "in [0, 1)")
SPLIT_FRACTION = Range(lambda value: 0 < value <= 0.5, "in (0, 0.5]")
TEST_FRACTION = Range(lambda value: 0 <= value <= 0.5, "in [0, 0.5]")
POSITIVE_NUMBER = Range(lambda value: 0 < value < float("inf"), "a positive number")
NOT_NEGATIVE = Range(lambda value: 0 <= value < float("inf"), "a number of at least 0")
SIZES = Range(lambda values: bool(values) and min(values) >= 1, "numbers of at least 1")
SIZES_OR_NONE = Range(lambda values: min(values, default=1) >= 1, "numbers of at least 1")


def has_type(value: Any, kind: Any) -> bool:
    """Whether a value, which may come from an untrusted file, has the type of its field and a reasonable size."""
    if isinstance(kind, types.UnionType):
        return any(has_type(value, one) for one in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        of = typing.get_args(kind)[0]
        return isinstance(value, tuple) and len(value) <= MOST_NUMBERS and all(has_type(one, of) for one in value)
    if kind in (int, float):
        whole = isinstance(value, numbers.Integral) and abs(int(value)) < 2**40
        return not isinstance(value, bool) and (whole or (kind is float and isinstance(value, float)))
    return isinstance(value, kind)


def plain(value: Any, kind: Any = None) -> Any:
    """The value of a setting in a type that JSON keeps: a search over distributions, say, gives NumPy's numbers.

    A lone string or number becomes a tuple if the setting's type, `kind`, is one.
    """
    if type(value).__module__ == "numpy":
        value = value.tolist()
    several = any(typing.get_origin(one) is tuple for one in (kind, *typing.get_args(kind)))
    if several and isinstance(value, str | int) and not isinstance(value, bool):
        value = (value,)
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def option(
    default: Any,
    help: str,
    *,
    unless: tuple[dict[str, Any], ...] = (),
    allowed: Range | None = None,
    brief: str | None = None,
    search: tuple[Space, ...] = (),
    **argument: Any,
) -> Any:
    """A field with its command-line option.

    Args:
        default: The default of the field.
        help: What it sets.
        unless: Conditions on other settings; under each of them, the field has no effect. `SET` stands for any value
            but None, `POSITIVE` for any number above 0.
        allowed: The values that it may have; None: all of its type.
        brief: What `--help` says about the option; None: only `--help-all` shows it.
        search: What the command tune tries, by model; the first one that a model has counts.
        argument: Passed to `ArgumentParser.add_argument`.
    """
    metadata = {
        "help": help,
        "unless": unless,
        "allowed": allowed,
        "brief": brief,
        "search": search,
        "argument": argument,
    }
    return dataclasses.field(default=default, metadata=metadata)


def model_option(name: str, help: str, **settings: Any) -> Any:
    """A field whose default depends on the model; models that do not list it do not accept it.

    Args:
        name: The name of the field.
        help, settings: As for `option`.
    """
    models: dict[Any, list[str]] = {}
    for model, family in MODELS.items():
        if name in family.defaults:
            models.setdefault(family.defaults[name], []).append(model)
    defaults = [f"{show(default)} for {', '.join(names)}" for default, names in models.items()]
    if sum(map(len, models.values())) == len(MODELS):  # the first default is the rule, all others are exceptions
        defaults[0] = show(next(iter(models)))
    return option(None, f"{help} (default: {'; '.join(defaults)})", **settings)


def one_name(value: str) -> tuple[str]:
    """An option's value as a single entry: the file decides whether a comma is part of a column's name."""
    return (value,)


def show(value: Any) -> str:
    """A setting's value as a user writes it."""
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def option_name(field: "dataclasses.Field[Any]") -> str:
    """The option that sets a field."""
    return str(field.metadata["argument"].get("option", f"--{field.name.replace('_', '-')}"))
