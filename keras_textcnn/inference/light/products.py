"""The products of the vocabulary's vectors and a network's kernels, each computed when its token is first met."""

import dataclasses
import os
import threading
import weakref

import numpy as np

MOST_BYTES = 2**26  # of products that are kept


@dataclasses.dataclass
class Table:
    """Products that are kept, in the order in which they were computed; a row that is written is never changed.

    Attributes:
        slots: int32 (vocabulary,), the row of each id in `rows`, or -1.
        rows: float32 (capacity, numbers).
        used: Number of rows in use.
    """

    slots: np.ndarray
    rows: np.ndarray
    used: int = 0


class Products:
    """Computes rows of `vectors @ kernels` and keeps them; safe to use from several threads, and after a fork.

    A full table is replaced, not emptied, so that a thread that still reads it is not disturbed.

    Args:
        vectors: float32 (vocabulary, dimensions).
        kernels: float32 (dimensions, numbers).
        fewest: Rows that there is room for in any case, because they are asked for at once.
    """

    def __init__(self, vectors: np.ndarray, kernels: np.ndarray, *, fewest: int) -> None:
        self._vectors, self._kernels = vectors, kernels
        numbers = kernels.shape[1]
        self.capacity = min(len(vectors), max(MOST_BYTES // (4 * numbers), fewest))
        self._table = self._empty()
        self._lock = threading.Lock()
        _all_of_them.add(self)

    def of(self, ids: np.ndarray) -> Table:
        """A table that has the products of these ids, at most `capacity` different ones."""
        table = self._table
        if table.slots.take(ids).min(initial=0) >= 0:
            return table
        with self._lock:
            table = self._table
            missing = np.unique(ids[table.slots.take(ids) < 0])
            if table.used + len(missing) > len(table.rows):
                table = self._table = self._empty()
                missing = np.unique(ids)
            end = table.used + len(missing)
            np.matmul(self._vectors[missing], self._kernels, out=table.rows[table.used : end])
            table.slots[missing] = np.arange(table.used, end, dtype=np.int32)  # after the rows: others may read now
            table.used = end
        return table

    def unlock(self) -> None:
        """Frees the lock, in a process that was forked while another thread held it."""
        self._lock = threading.Lock()

    def _empty(self) -> Table:
        slots = np.full(len(self._vectors), -1, np.int32)
        return Table(slots, np.empty((self.capacity, self._kernels.shape[1]), np.float32))


_all_of_them: "weakref.WeakSet[Products]" = weakref.WeakSet()


def _unlock_all() -> None:
    for products in list(_all_of_them):
        products.unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_all)
