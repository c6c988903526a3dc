"""A run's weights as HDF5. The file may come from anyone, so it is checked before it is read."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_textcnn.errors import InputError

DAMAGES = (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError)  # raised by h5py and Keras


def load_weights(model: keras.Model, path: Path) -> None:
    """Loads the weights that a model's `save_weights` wrote.

    Raises:
        InputError: The weights belong to another model, or are damaged.
    """
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # an error follows if one matters
            model.load_weights(path)
        if not all(np.isfinite(variable).all() for variable in map(keras.ops.convert_to_numpy, model.weights)):
            raise ValueError("a weight is NaN or infinite")
    except DAMAGES as error:
        # Keras's own message is pages long: it prints the arrays.
        raise InputError(
            f"damaged weights: {path} (they do not match its settings); restore it, or train again"
        ) from error


def check_weights(path: Path, parameters: int) -> None:
    """Checks what the file declares, before memory is allocated for a model and its weights.

    Args:
        path: Path of the file.
        parameters: Number of the model's float32 weights.

    Raises:
        InputError: The file is not HDF5, has fewer bytes than the model or the arrays need, or holds a link or an array
            that is stored elsewhere, stored in chunks or not made of plain numbers.
    """
    import h5py

    try:
        size = path.stat().st_size
        if 4 * parameters > size:
            raise ValueError(f"{size:,} bytes for {parameters:,} weights")
        with h5py.File(path, "r") as file:
            declared = sum(map(_bytes_of, _arrays(h5py, file)))
        if declared > size:
            raise ValueError(f"it declares {declared:,} bytes, but has {size:,}")
    except DAMAGES as error:
        raise InputError(f"damaged weights: {path} ({error}); restore it, or train again") from error


def _arrays(h5py: Any, file: Any) -> Iterator[Any]:
    groups, seen = [file], set()
    while groups:
        group = groups.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{name} is a link")
            member = group[name]
            if (address := h5py.h5o.get_info(member.id).addr) in seen:
                raise ValueError(f"{name} appears twice")  # and may contain itself
            seen.add(address)
            if isinstance(member, h5py.Group):
                groups.append(member)
            else:
                yield member


def _bytes_of(array: Any) -> int:
    if array.external or array.is_virtual or array.dtype.kind not in "fiu":
        raise ValueError(f"{array.name} does not hold plain numbers")
    if array.chunks:  # Keras writes none; each may be compressed, and larger than the array
        raise ValueError(f"{array.name} is stored in chunks")
    return int(array.nbytes)
