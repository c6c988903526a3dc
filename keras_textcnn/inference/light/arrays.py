"""The arrays of a model by name, each taken with the shape that it must have."""

from collections.abc import Mapping, Sequence

import numpy as np


class Arrays:
    """Hands out arrays once each.

    Args:
        arrays: Arrays by name.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._left = dict(arrays)

    def take(self, name: str, shape: Sequence[int | None]) -> np.ndarray:
        """The array of a name.

        Args:
            name: Its name.
            shape: Its shape; None where any size above 0 will do.

        Raises:
            ValueError: There is none, or it has another shape.
        """
        array = self._left.pop(name, None)
        if array is None:
            raise ValueError(f"{name} is missing")
        fits = len(shape) == array.ndim and all(
            size == there if size is not None else there > 0 for size, there in zip(shape, array.shape, strict=True)
        )
        if not fits:
            raise ValueError(f"{name} has the shape {array.shape}")
        return array

    def size_of(self, name: str) -> int:
        """The number of rows of an array that will be taken later."""
        if name not in self._left or not self._left[name].ndim:
            raise ValueError(f"{name} is missing")
        return len(self._left[name])

    def take_dense(self, name: str, inputs: int, outputs: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The weights, (inputs, outputs), and the biases, (outputs,), of a layer."""
        kernel = self.take(f"{name}.kernel", (inputs, outputs))
        return kernel, self.take(f"{name}.bias", kernel.shape[1:])

    def check_empty(self) -> None:
        """Raises ValueError if there are arrays left that nothing has taken."""
        if self._left:
            raise ValueError(f"nothing uses {', '.join(self._left)}")
