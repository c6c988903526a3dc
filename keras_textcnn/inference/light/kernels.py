"""The loops of `windows.py` and `linear.py` compiled by numba, for the extra `[fast]`; the answers are the same.

They run without the interpreter's lock, so several threads run at once. numba keeps what it has compiled on disk, next
to this file or in the user's cache, so only the first process on a machine waits for it.
"""

from collections.abc import Sequence

import numba
import numpy as np

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
def pool_windows(rows, places, begins, sizes, columns, bias, pool_mean, maxima, means):  # type: ignore[no-untyped-def]
    """Writes the pooled features of texts laid end to end.

    Args:
        rows: float32 (rows, numbers), products; see `WindowNetwork`.
        places: int (tokens,), the row of each token.
        begins: int (texts + 1,), where each text begins in `places`, and where the last one ends.
        sizes: int (windows,), ascending.
        columns: int (windows, largest size), where the products of each place of each window begin in a row.
        bias: float32 (windows * filters,).
        pool_mean: Whether to write `means`.
        maxima, means: float32 (texts, windows * filters).
    """
    number = len(sizes)
    filters = len(bias) // number
    summed = np.zeros(filters, np.float32)
    for text in range(len(begins) - 1):
        begin, length = begins[text], begins[text + 1] - begins[text]
        best, mean = maxima[text], means[text if pool_mean else 0]
        best[:] = -np.inf
        mean[:] = 0
        for start in range(max(length - sizes[0] + 1, 1)):
            for window in range(number):
                size = sizes[window]
                if start and start + size > length:
                    break
                its, of = slice(window * filters, (window + 1) * filters), begin + start
                inside = min(size, length)  # a text may be shorter than its window
                if inside == 0 or inside > 3 or pool_mean:
                    summed[:] = 0
                    for place in range(inside):
                        _add(summed, rows[places[of + place], columns[window, place] :])
                    _keep_larger(best[its], summed)
                    if pool_mean:
                        _add_positive(mean[its], summed, bias[its])
                    continue
                first = rows[places[of], columns[window, 0] :]
                if inside == 1:
                    _keep_larger(best[its], first)
                    continue
                second = rows[places[of + 1], columns[window, 1] :]
                if inside == 2:
                    _keep_larger_sum(best[its], first, second)
                else:
                    _keep_larger_sum_of_three(best[its], first, second, rows[places[of + 2], columns[window, 2] :])
        for column in range(len(bias)):
            feature = best[column] + bias[column]
            best[column] = feature if feature > 0 else np.float32(0)
        if pool_mean:
            for window in range(number):
                for column in range(window * filters, (window + 1) * filters):
                    mean[column] /= np.float32(max(length - sizes[window] + 1, 1))


@numba.njit(nogil=True, cache=True)
def add_ngrams(ids, begins, longest, single, hashed, weighted, weights, hashed_weights, sums):  # type: ignore[no-untyped-def]
    """Writes the sums of the rows of texts' n-grams, divided as `Ngrams` does.

    Args:
        ids: int (tokens,), of texts laid end to end.
        begins: As for `pool_windows`.
        longest: Tokens of the longest n-grams.
        single, hashed: float32 (rows, labels), of single tokens and of longer n-grams.
        weighted: Whether there are weights.
        weights, hashed_weights: float32 (rows,).
        sums: float32 (texts, labels).
    """
    buckets, labels = len(hashed), single.shape[1]
    part = np.empty(labels, np.float32)  # the sum over n-grams of one size: added up in this order, as elsewhere
    for text in range(len(begins) - 1):
        begin, end = begins[text], begins[text + 1]
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


def ngram_sums(
    texts: Sequence[np.ndarray], longest: int, rows: Sequence[np.ndarray], weights: Sequence[np.ndarray]
) -> np.ndarray:
    """The sums of `add_ngrams` for the ids of texts; `rows` and `weights` are those of `Ngrams`."""
    ids, begins = lay_out(texts)
    sums = np.empty((len(texts), rows[0].shape[1]), np.float32)
    none = np.empty(0, np.float32)
    single, hashed, *_ = *weights, none, none
    add_ngrams(ids, begins, longest, rows[0], rows[-1], bool(weights), single, hashed, sums)
    return sums


def lay_out(texts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Texts end to end, int (tokens,), and where each begins and the last one ends, int (texts + 1,)."""
    begins = np.zeros(len(texts) + 1, np.intp)
    np.cumsum([len(ids) for ids in texts], out=begins[1:])
    return np.concatenate(texts) if len(texts) else np.zeros(0, np.intp), begins
