"""The ids of several texts end to end."""

import dataclasses
import functools
import itertools
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Batch:
    """The ids of texts end to end; a text that is shorter than the largest window is padded to its size.

    Attributes:
        ids: int (tokens,).
        begins: Where each text begins in `ids`.
        lengths: The number of tokens of each text, without padding.
    """

    ids: np.ndarray
    begins: list[int]
    lengths: list[int]

    @functools.cached_property
    def spans(self) -> tuple[np.ndarray, np.ndarray]:
        """`begins` and `lengths` as arrays."""
        return np.array(self.begins, np.intp), np.array(self.lengths, np.intp)

    @classmethod
    def of(cls, texts: Sequence[Sequence[int]], *, shortest: int) -> "Batch":
        """The batch of texts, each padded with zeros to at least `shortest` tokens."""
        lengths = [*map(len, texts)]
        padded = [
            text if length >= shortest else [*text, *[0] * (shortest - length)]
            for text, length in zip(texts, lengths, strict=True)
        ]
        ids = padded[0] if len(padded) == 1 else [*itertools.chain.from_iterable(padded)]
        *begins, _ = itertools.accumulate(map(len, padded), initial=0)
        return cls(np.array(ids, np.intp), begins, lengths)
