"""Checks and joins what texts may have besides a label: weights, and a probability for each label (soft targets)."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_textcnn.errors import InputError

ROUNDED = 1e-3  # how far from 1 the probabilities of a text may add up to, as printed decimals do


def check_weights(weights: Any, *, texts: int) -> tuple[float, ...]:
    """The weights of texts as numbers; none if all texts weigh 1.

    Raises:
        InputError: There is not one for each text, or one is negative, NaN or infinite.
    """
    found = _numbers(weights, "weights")
    if found.shape != (texts,):
        raise InputError(f"weights must be one number for each of the {texts:,} texts; received: shape {found.shape}")
    if len(wrong := np.flatnonzero(~np.isfinite(found) | (found < 0))):
        raise InputError(
            f"a weight must be a number of at least 0; received: {found[wrong[0]]} for the text at position {wrong[0]}"
        )
    return () if (found == 1).all() else tuple(found.tolist())


def check_probabilities(probabilities: Any, names: Sequence[str], *, texts: int) -> np.ndarray:
    """The probabilities of texts, float64 (texts, names), each row scaled to a sum of exactly 1.

    Raises:
        InputError: The shape or the names are wrong, a number is negative, NaN or infinite, or a row does not add up
            to 1 within `ROUNDED`.
    """
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise InputError(f"a label must be a string; received: {wrong[0]!r}")
    if len(set(names)) != len(names) or len(names) < 2:
        raise InputError(f"probabilities need at least two labels, all different; received: {', '.join(names)}")
    found = _numbers(probabilities, "probabilities")
    if found.shape != (texts, len(names)):
        wanted = f"({texts:,} texts, {len(names):,} labels)"
        raise InputError(f"probabilities must have the shape {wanted}; received: {found.shape}")
    right, sums = are_probabilities(found), found.sum(axis=1)
    if not right.all():
        place = int(np.argmin(right))
        shown = ", ".join(f"{value:g}" for value in found[place, :10]) + (" ..." if len(names) > 10 else "")
        raise InputError(
            f"probabilities must be at least 0 and add up to 1; received: {shown} for the text at position {place}"
        )
    exact = abs(sums - 1) < 1e-12  # left as they are, so that checking twice gives the same bits
    return np.where(exact[:, None], found, found / sums[:, None])


def are_probabilities(rows: np.ndarray) -> np.ndarray:
    """Whether each row holds numbers of at least 0 that add up to 1 within `ROUNDED`: bool (rows,)."""
    return np.isfinite(rows).all(axis=1) & (rows >= 0).all(axis=1) & (abs(rows.sum(axis=1) - 1) <= ROUNDED)


def align_probabilities(
    labels: Sequence[Any], probabilities: Sequence[Sequence[float]], names: Sequence[tuple[str, ...]]
) -> tuple[list[list[float]], list[str]]:
    """The probabilities of texts for the same labels, in the same order; a text without any has its label for certain.

    Args:
        labels: The label of each text.
        probabilities: The probabilities of each text; empty if it has none.
        names: The labels that these belong to, for each text.

    Returns:
        The probabilities (texts, columns), and the label of each column.
    """
    certain = [label for label, row in zip(labels, probabilities, strict=True) if not row]
    columns = list(dict.fromkeys([*itertools.chain.from_iterable(dict.fromkeys(names)), *certain]))
    rows = []
    for label, row, its in zip(labels, probabilities, names, strict=True):
        known = dict(zip(its, row, strict=True)) if row else {label: 1.0}
        rows.append([known.get(column, 0.0) for column in columns])
    return rows, columns


def _numbers(values: Any, what: str) -> np.ndarray:
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{what} must be numbers, in rows of the same length") from None
