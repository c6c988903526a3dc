"""The products of the vocabulary's vectors and a network's kernels, each computed when its token is first met."""

import dataclasses
import os
import threading
import weakref

import numpy as np

MOST_BYTES = 2**26  # of products that are kept
FEWEST = 64  # rows that there is room for in any case


@dataclasses.dataclass
class _Table:
    """Products that are kept, in the order in which they were computed; a row that is written is never changed.

    Attributes:
        places: int (vocabulary,), the row of each id in `rows`, or -1.
        rows: float32 (kernels, capacity, filters).
        used: Number of rows in use.
    """

    places: np.ndarray
    rows: np.ndarray
    used: int = 0


class Products:
    """Computes rows of `vectors @ kernel` for each kernel, and keeps them.

    It is safe to use from several threads, and after a fork.
    A full table is replaced, not emptied, so that a thread that still reads it is not disturbed.

    Args:
        vectors: float32 (vocabulary, dimensions).
        kernels: float32 (kernels, dimensions, filters).

    Attributes:
        capacity: The number of different ids that may be asked for at once.
    """

    def __init__(self, vectors: np.ndarray, kernels: np.ndarray) -> None:
        self._vectors, self._kernels = vectors, kernels
        numbers = kernels.shape[0] * kernels.shape[2]
        self.capacity = min(len(vectors), max(MOST_BYTES // (4 * numbers), FEWEST, len(kernels) + 1))
        self._table = self._empty()
        self._lock = threading.Lock()
        _all_of_them.add(self)

    def find(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The products of ids.

        Args:
            ids: int (tokens,), at most `capacity` different ones.

        Returns:
            float32 (kernels, rows, filters), and int (tokens,): the row of each token.
        """
        table = self._table
        places = table.places.take(ids)
        if len(places) and places.min() < 0:
            with self._lock:
                table = self._with(ids)
            places = table.places.take(ids)
        return table.rows, places

    def has_room(self, tokens: int) -> bool:
        """Whether the products of this many tokens, perhaps all different, may be asked for at once."""
        return self.capacity == len(self._vectors) or tokens <= self.capacity

    def unlock(self) -> None:
        """Frees the lock, in a process that was forked while another thread held it."""
        self._lock = threading.Lock()

    def _with(self, ids: np.ndarray) -> _Table:
        """A table that has the products of ids."""
        table = self._table
        missing = _distinct(ids[table.places.take(ids) < 0])
        if table.used + len(missing) > self.capacity:
            table = self._table = self._empty()
            missing = _distinct(ids)
        end = table.used + len(missing)
        np.matmul(self._vectors[missing], self._kernels, out=table.rows[:, table.used : end])
        begin, table.used = table.used, end  # before the places: after an interruption, no row is written twice
        table.places[missing] = np.arange(begin, end)  # after the rows: others may read now
        return table

    def _empty(self) -> _Table:
        places = np.full(len(self._vectors), -1, np.intp)
        kernels, _, filters = self._kernels.shape
        return _Table(places, np.empty((kernels, self.capacity, filters), np.float32))


class OneHotProducts:
    """The products of one-hot vectors, which are the rows of the kernels; padding and the unknown token have zeros.

    Args:
        kernels: float32 (kernels, vocabulary - 2, filters).
    """

    def __init__(self, kernels: np.ndarray) -> None:
        self._rows = np.pad(kernels, ((0, 0), (2, 0), (0, 0)))
        self.capacity = self._rows.shape[1]

    def find(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Products.find`."""
        return self._rows, ids


def _distinct(ids: np.ndarray) -> np.ndarray:
    """`np.unique` without its import of `numpy.ma`, which a first answer would wait for."""
    ordered = np.sort(ids)
    return ordered[np.diff(ordered, prepend=-1) > 0]


_all_of_them: "weakref.WeakSet[Products]" = weakref.WeakSet()


def _unlock_all() -> None:
    for products in list(_all_of_them):
        products.unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_all)
