"""The loops of `windows.py` and `linear.py` compiled by numba, for the extra `[fast]`; the answers are the same.

They run without the interpreter's lock, so several threads run at once. numba keeps what it has compiled on disk, next
to this file or in the user's cache, so only the first process on a machine waits for it.
"""

from collections.abc import Sequence

import numba
import numpy as np

from keras_textcnn.inference.light.batch import Batch
from keras_textcnn.inference.light.linear import LOWER, NEXT, POSITIVE, SCATTER

# Indices that count from 0 compile to vector instructions, others do not.


@numba.njit(nogil=True, cache=True)
def _add(sums, numbers):  # type: ignore[no-untyped-def]
    for column in range(len(sums)):
        sums[column] += numbers[column]


@numba.njit(nogil=True, cache=True)
def _keep_larger(largest, numbers):  # type: ignore[no-untyped-def]
    for column in range(len(largest)):
        largest[column] = numbers[column] if numbers[column] > largest[column] else largest[column]


@numba.njit(nogil=True, cache=True)
def _keep_larger_sum(largest, first, second):  # type: ignore[no-untyped-def]
    for column in range(len(largest)):
        added = first[column] + second[column]
        largest[column] = added if added > largest[column] else largest[column]


@numba.njit(nogil=True, cache=True)
def _keep_larger_sum_of_three(largest, first, second, third):  # type: ignore[no-untyped-def]
    for column in range(len(largest)):
        added = first[column] + second[column] + third[column]
        largest[column] = added if added > largest[column] else largest[column]


@numba.njit(nogil=True, cache=True)
def _add_positive(sums, numbers, bias):  # type: ignore[no-untyped-def]
    for column in range(len(sums)):
        feature = numbers[column] + bias[column]
        sums[column] += feature if feature > 0 else np.float32(0)


@numba.njit(nogil=True, cache=True)
def _pool_window(products, places, begins, lengths, size, bias, number, pool_max, pool_mean, maxima, sums):  # type: ignore[no-untyped-def]
    """Writes the maxima of the sums of products, and the sums of features, of a window.

    Args:
        products: float32 (size, rows, filters), for each place of the window.
        places: int (tokens,), the row of each token.
        begins, lengths: int (texts,), as in `Batch`.
        size: Tokens of the window.
        bias: float32 (filters,).
        number: The window's position in `maxima` and `sums`.
        pool_max, pool_mean: Whether to write `maxima`, `sums`.
        maxima, sums: float32 (texts, windows, filters).
    """
    summed = np.empty(len(bias), np.float32)
    for text in range(len(begins)):
        begin = begins[text]
        end = begin + max(lengths[text] - size + 1, 1)
        if pool_max and not pool_mean and size <= 3:
            best = maxima[text, number]
            best[:] = -np.inf
            for start in range(begin, end):
                first = products[0, places[start]]
                if size == 1:
                    _keep_larger(best, first)
                elif size == 2:
                    _keep_larger_sum(best, first, products[1, places[start + 1]])
                else:
                    second, third = products[1, places[start + 1]], products[2, places[start + 2]]
                    _keep_larger_sum_of_three(best, first, second, third)
            continue
        if pool_max:
            maxima[text, number, :] = -np.inf
        if pool_mean:
            sums[text, number, :] = 0
        for start in range(begin, end):
            summed[:] = 0
            for place in range(size):
                _add(summed, products[place, places[start + place]])
            if pool_max:
                _keep_larger(maxima[text, number], summed)
            if pool_mean:
                _add_positive(sums[text, number], summed, bias)


@numba.njit(nogil=True, cache=True)
def _pool_windows(products, places, begins, lengths, sizes, firsts, bias, pool_max, pool_mean, maxima, sums):  # type: ignore[no-untyped-def]
    """`_pool_window` for each window: `firsts` is where the places of each begin in `products`."""
    for number in range(len(sizes)):
        its, size = products[firsts[number] : firsts[number] + sizes[number]], sizes[number]
        _pool_window(its, places, begins, lengths, size, bias[number], number, pool_max, pool_mean, maxima, sums)


@numba.njit(nogil=True, cache=True)
def _add_ngrams(ids, begins, lengths, longest, single, hashed, weighted, weights, hashed_weights, sums):  # type: ignore[no-untyped-def]
    """Writes the sums of the rows of texts' n-grams, divided as `Ngrams` does.

    Args:
        ids: int (tokens,), of texts end to end.
        begins, lengths: int (texts,), as in `Batch`.
        longest: Tokens of the longest n-grams.
        single, hashed: float32 (rows, labels), of single tokens and of longer n-grams.
        weighted: Whether there are weights.
        weights, hashed_weights: float32 (rows,).
        sums: float32 (texts, labels).
    """
    buckets, labels = len(hashed), single.shape[1]
    part = np.empty(labels, np.float32)  # the sum over n-grams of one size: added up in this order, as elsewhere
    for text in range(len(begins)):
        begin, end = begins[text], begins[text] + lengths[text]
        squares = np.float32(0)
        total = sums[text]
        total[:] = 0
        for size in range(1, longest + 1):
            part[:] = 0
            for first in range(begin, end - size + 1):
                code = np.int64(ids[first])
                if size == 1:
                    if code < len(single):
                        _add(part, single[code])
                        squares += weights[code] ** 2 if weighted else np.float32(0)
                else:
                    for last in range(first + 1, first + size):
                        code = code * NEXT + np.int64(ids[last])
                    folded = code ^ ((code >> 32) & LOWER)
                    bucket = (((folded * SCATTER) >> 32) & POSITIVE) % buckets
                    _add(part, hashed[bucket])
                    squares += hashed_weights[bucket] ** 2 if weighted else np.float32(0)
                if not weighted:
                    squares += np.float32(1)
            _add(total, part)
        root = np.sqrt(max(squares, np.float32(1)))
        for label in range(labels):
            total[label] /= root


NOTHING = np.empty((1, 1, 1), np.float32)  # in place of an array that is not written


def pool(
    products: np.ndarray,
    places: np.ndarray,
    batch: Batch,
    windows: Sequence[int],
    firsts: Sequence[int],
    bias: np.ndarray,
    maxima: np.ndarray | None,
    sums: np.ndarray | None,
) -> None:
    """What `WindowNetwork._pool_blocks` does, with the attributes of the network as further arguments."""
    wanted = maxima is not None, sums is not None
    written = [NOTHING if array is None else array for array in (maxima, sums)]
    sizes = np.array(windows, np.intp)
    _pool_windows(products, places, *batch.spans, sizes, np.array(firsts, np.intp), bias, *wanted, *written)


def ngram_sums(batch: Batch, longest: int, rows: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> np.ndarray:
    """The sums of the n-grams' rows, float32 (texts, labels); `rows` and `weights` are those of `Ngrams`."""
    sums = np.empty((len(batch.lengths), rows[0].shape[1]), np.float32)
    single, hashed, *_ = *weights, NOTHING[0, 0], NOTHING[0, 0]
    _add_ngrams(batch.ids, *batch.spans, longest, rows[0], rows[-1], bool(weights), single, hashed, sums)
    return sums
