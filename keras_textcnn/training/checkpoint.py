"""A fit's checkpoint: one file of arrays that ends with its own checksum and is replaced in one step."""

import contextlib
import hashlib
import io
import json
import tokenize
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_textcnn.errors import InputError
from keras_textcnn.io.files import DAMAGES
from keras_textcnn.io.integrity import append_digest, replacing, without_digest
from keras_textcnn.training.compilation import frozen_weights
from keras_textcnn.training.phases import Phase

FACTS = "facts"
BAD = (
    *(*DAMAGES, OSError, KeyError, TypeError, AttributeError, MemoryError, RuntimeError),
    *(SyntaxError, tokenize.TokenError),  # NumPy parses an array's header as Python literals
)

Groups = Mapping[str, Sequence[np.ndarray]]


def write_checkpoint(path: Path, owner: str, facts: Mapping[str, Any], groups: Groups) -> None:
    """Writes a checkpoint.

    Args:
        path: The file; an existing one is replaced once the new one is complete and on the disk.
        owner: Names the fit that the checkpoint belongs to.
        facts: Values that JSON can hold.
        groups: Lists of arrays by name.
    """
    arrays: dict[str, Any] = {
        f"{group}/{i}": value for group, values in groups.items() for i, value in enumerate(values)
    }
    arrays[FACTS] = np.array(json.dumps([owner, facts]))
    with replacing(path) as partial, partial.open("w+b") as file:
        np.savez(file, **arrays)
        append_digest(file)  # after the archive, whose readers ignore it


def read_checkpoint(path: Path, owner: str) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
    """Reads the facts and the groups of a checkpoint; groups without arrays are left out.

    Raises:
        InputError: The checkpoint is damaged or has another owner.
    """
    groups: dict[str, list[np.ndarray]] = {}
    with reading_checkpoint(path):
        content = io.BytesIO(without_digest(path.read_bytes()))
        with np.load(content, allow_pickle=False) as arrays:
            if any(member.compress_type != zipfile.ZIP_STORED for member in arrays.zip.infolist()):
                raise ValueError("its arrays are compressed")  # and could unpack to any size
            its_owner, facts = json.loads(str(arrays[FACTS]))
            if its_owner != owner:
                raise ValueError("it belongs to another run, or to another part of this run")
            for name in arrays.files:  # in the order they were written
                if name != FACTS:
                    groups.setdefault(name.split("/")[0], []).append(arrays[name])
    return facts, groups


@contextlib.contextmanager
def reading_checkpoint(path: Path) -> Iterator[None]:
    """Turns the errors of a checkpoint that is damaged or does not fit into an `InputError` that names the file."""
    try:
        yield
    except BAD as error:
        raise InputError(f"damaged checkpoint: {path} ({error}); remove it to train from the start") from error


class UnchangedWeights:
    """The weights that a fit's phases so far have not changed.

    A fit begins with these weights anyway, so its checkpoint holds only a digest of them.

    Args:
        model: The model of the fit, before the first step or after any step.
        phases: The current phase and those before it; none: all weights may have changed.
        static: Layers that no phase trains.

    Attributes:
        digest: SHA-256 of the weights.
    """

    def __init__(self, model: keras.Model, phases: Sequence[Phase], static: Collection[keras.Layer] = ()) -> None:
        left = [{id(variable) for variable in frozen_weights(model, phase, static)} for phase in phases]
        self._ids = set.intersection(*left) if left else set()
        digest = hashlib.sha256()
        for variable in model.weights:
            if id(variable) in self._ids:
                digest.update(keras.ops.convert_to_numpy(variable).tobytes())
        self.digest = digest.hexdigest()

    def others(self, variables: Sequence[keras.Variable]) -> list[keras.Variable]:
        """The variables that are not among these weights."""
        return [variable for variable in variables if id(variable) not in self._ids]

    def leave_out(self, variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Picks the values of `others` from the values of all variables."""
        pairs = zip(variables, values, strict=True)
        return [value for variable, value in pairs if id(variable) not in self._ids]

    def fill_in(self, variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Completes the values of `others` to those of all variables."""
        others = dict(zip(map(id, self.others(variables)), values, strict=True))
        return [others[id(one)] if id(one) in others else keras.ops.convert_to_numpy(one) for one in variables]


def values_of(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """The values of variables."""
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def assign_values(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    """Sets variables to values; raises ValueError if their number or a shape differs."""
    if len(values) != len(variables):
        raise ValueError(f"the model has {len(variables)} variables, not {len(values)}")
    for variable, value in zip(variables, values, strict=True):
        if value.shape != tuple(variable.shape):  # Keras's own message would print the arrays
            raise ValueError(f"{variable.path} has the shape {tuple(variable.shape)}, not {value.shape}")
        variable.assign(value)
