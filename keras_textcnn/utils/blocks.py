"""How many scores, one for each text and label, are in memory at a time."""

from collections.abc import Iterator

import numpy as np

BLOCK_SCORES = 2**20  # computed and summed up at once
MOST_DECIDING = 2**23  # kept, because temperature, scales and thresholds are fitted to them again and again


def texts_a_block(num_classes: int) -> int:
    """The largest number of texts in a block."""
    return max(BLOCK_SCORES // num_classes, 1)


def slice_texts(texts: int, num_classes: int) -> Iterator[slice]:
    """Yields the slices of texts, in order, whose scores are summed up at once: at least one text each."""
    size = texts_a_block(num_classes)
    return (slice(begin, min(begin + size, texts)) for begin in range(0, texts, size))


def most_deciding(num_classes: int) -> int:
    """The largest number of texts that decide."""
    return max(MOST_DECIDING // num_classes, 1)


def choose_deciding(texts: int, num_classes: int, *, seed: int) -> np.ndarray:
    """The positions of the texts that decide, sorted: all of them or, if their scores are too many, a random sample."""
    most = most_deciding(num_classes)
    if texts <= most:
        return np.arange(texts)
    return np.sort(np.random.default_rng(seed).choice(texts, most, replace=False))
