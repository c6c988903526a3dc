"""A run's weights as HDF5, which may come from anyone: looked at before they are read."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_textcnn.errors import InputError

DAMAGES = (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError)  # of h5py and Keras


def load_weights(model: keras.Model, path: Path) -> None:
    """Gives a model the weights that its `save_weights` wrote.

    Raises:
        InputError: They are of another model, or damaged.
    """
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # an error follows where one matters
            model.load_weights(path)
        if not all(np.isfinite(variable).all() for variable in map(keras.ops.convert_to_numpy, model.weights)):
            raise ValueError("a weight is not finite")
    except DAMAGES as error:
        # Keras's own message is pages long: it prints the arrays.
        raise InputError(f"damaged weights: {path} (not those of its settings); restore it, or train again") from error


def check_weights(path: Path, parameters: int) -> None:
    """Looks at what the file says it holds, before memory is taken for a model and its weights.

    Args:
        path: Of the file.
        parameters: float32 numbers that the model has.

    Raises:
        InputError: A link, an array that lies elsewhere or holds no plain numbers, fewer bytes than the model or the
            arrays need, or no HDF5.
    """
    import h5py

    try:
        size = path.stat().st_size
        if 4 * parameters > size:
            raise ValueError(f"{size:,} bytes for {parameters:,} weights")
        with h5py.File(path, "r") as file:
            declared = sum(map(_bytes_of, _arrays(h5py, file)))
        if declared > size:
            raise ValueError(f"it says that it holds {declared:,} bytes, and has {size:,}")
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
                raise ValueError(f"{name} is there twice")  # and may hold itself
            seen.add(address)
            if isinstance(member, h5py.Group):
                groups.append(member)
            else:
                yield member


def _bytes_of(array: Any) -> int:
    if array.external or array.is_virtual or array.dtype.kind not in "fiu":
        raise ValueError(f"{array.name} holds no numbers of its own")
    if array.chunks:  # Keras writes none; each may be packed, and larger than the array
        raise ValueError(f"{array.name} is in pieces")
    return int(array.nbytes)
