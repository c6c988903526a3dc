"""Turns what Python users have (lists, NumPy arrays, pandas Series, iterators) into texts, labels and paths.

pandas is not needed: its objects are recognized by what they can do.
"""

import numbers
import os
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np

from keras_textcnn.errors import InputError

LONGEST_SHOWN = 60  # characters of a wrong value in an error


def as_path(value: Any, what: str = "a directory") -> Path:
    """A path, from a string, a path or a run.

    Args:
        value: What the user gave.
        what: Names it in the error.

    Raises:
        InputError: It is none of these.
    """
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"{what} must be a path; received: {describe(value)}")
    return Path(value)


def as_texts(values: Any, what: str = "text") -> list[str]:
    """The texts in a list, array, Series or iterator. Bytes are read as UTF-8; what is not UTF-8 becomes U+FFFD.

    Args:
        values: What the user gave.
        what: What each of them is, for errors.

    Raises:
        InputError: It is a single string, or something else that is not a sequence of texts; or one of its entries,
            which is named by its position, is missing or not a string.
    """
    return [one if type(one) is str and one.isascii() else _as_text(one, i, what) for i, one in _each(values, what)]


def as_labels(values: Any) -> list[str | tuple[str, ...]]:
    """The labels in a list, array, Series or iterator: strings, or sorted tuples of strings where there are several.

    Numbers become text (`1`), and so do booleans (`true`, `false`), as in files. Lists, sets and tuples become tuples.

    Raises:
        InputError: It is a single string, or something else that is not a sequence of labels; or one of its entries,
            which is named by its position, is missing or neither a string nor a number.
    """
    return [one if type(one) is str and one.isascii() else _as_label(one, i) for i, one in _each(values, "label")]


def as_array(values: Any) -> Any:
    """A tensor, or what only NumPy can read, as an array; anything else as it is."""
    if hasattr(values, "numpy"):
        return values.numpy()
    only_array = hasattr(values, "__array__") and not isinstance(values, Iterable)
    return np.asarray(values) if only_array else values


def describe(value: Any) -> str:
    """A wrong value for an error: its type, and the beginning of what it holds, on one line."""
    held = " ".join(repr(value).split())
    return f"{type(value).__name__} {held if len(held) <= LONGEST_SHOWN else held[: LONGEST_SHOWN - 3] + '...'}"


def _each(values: Any, what: str) -> Iterable[tuple[int, Any]]:
    """The entries with their positions."""
    if isinstance(values, str | bytes):
        raise InputError(f"a list of {what}s is needed; received one string: {describe(values)}; put it in a list")
    if hasattr(values, "columns"):
        raise InputError(f"{what}s must be one column; received a {type(values).__name__}; choose a column of it")
    values = as_array(values)
    unordered = isinstance(values, Mapping | Set)
    if unordered or not isinstance(values, Iterable) or getattr(values, "ndim", 1) != 1:
        shape = f" of shape {values.shape}" if isinstance(values, np.ndarray) else ""
        raise InputError(
            f"{what}s must be a list, a NumPy array or a pandas Series of one dimension; "
            f"received: {describe(values)}{shape}"
        )
    return enumerate(values)


def _as_text(value: Any, position: int, what: str) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if not isinstance(value, str):
        raise _wrong(value, position, what, "a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        half = f"{what} {position} (from 0) has half of a surrogate pair, which is no character"
        raise InputError(f"{half}: {describe(value)}; remove it") from None
    return str(value)


def _as_label(value: Any, position: int) -> str | tuple[str, ...]:
    if isinstance(value, list | tuple | Set) or (isinstance(value, np.ndarray) and value.ndim == 1):
        return tuple(sorted({_one_label(one, position) for one in value}))
    return _one_label(value, position)


def _one_label(value: Any, position: int) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if _is_missing(value) or not isinstance(value, str | bytes | numbers.Real):
        raise _wrong(value, position, "label", "a string or a number")
    return _as_text(value if isinstance(value, str | bytes) else str(value), position, "label")


def _wrong(value: Any, position: int, what: str, wanted: str) -> InputError:
    place = f"{what} {position} (from 0)"
    if _is_missing(value):
        return InputError(f"{place} is missing ({value!r}); leave it out, or fill it in")
    return InputError(f"{place} must be {wanted}; received: {describe(value)}")


def _is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, or pandas's NA or NaT."""
    if type(value).__name__ in ("NAType", "NaTType"):  # not equal to themselves, nor to anything else
        return True
    return value is None or (isinstance(value, numbers.Real) and value != value)
