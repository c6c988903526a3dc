"""Is a difference in accuracy more than chance: exact tests, bootstrap intervals, the sampling error of an accuracy.

Answers are arrays of 1 (right), 0 (wrong) and -1 (not tested), or booleans: (texts,) of one run, or (runs, texts) of
runs with several seeds.
"""

import functools

import numpy as np
from scipy import signal, stats

LEVEL = 0.95  # of every interval
RESAMPLES, AT_ONCE = 10_000, 500  # of the bootstrap, and how many of them are in memory
OUTCOMES = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], np.int8)  # (outcomes, models): which of two models is right


def mcnemar(right: np.ndarray, other: np.ndarray) -> float:
    """The two-sided p-value of McNemar's exact test: are two models equally often right on the same texts?

    Only texts that exactly one model has right count. If the models are equally good, each of these is as likely to
    be one model's as the other's, so that their number is binomial.

    Args:
        right: bool (texts,), which texts one model has right.
        other: bool (texts,), which texts the other model has right.

    Source: McNemar (1947), Note on the sampling error of the difference between correlated proportions or percentages;
    Dietterich (1998), Approximate statistical tests for comparing supervised classification learning algorithms.

    Example:
        p = mcnemar(predictions.label == predictions.predicted, predictions.label == predictions.linear)
    """
    return randomization_test(np.asarray(right, np.int64) - np.asarray(other, np.int64))


def randomization_test(differences: np.ndarray) -> float:
    """The two-sided p-value of the exact paired randomization test: is the sum of paired differences 0 but for chance?

    If two models are equally good, each text's difference is as likely to have the other sign. The p-value is the
    share of all choices of signs whose sum is at least as far from 0 as the one that was found. Nothing is sampled: the
    sum of all differences of one size is a scaled binomial, and the sum of these is their convolution. With
    differences of 1 alone it is McNemar's exact test.

    Args:
        differences: int (texts,), such as in how many runs one model has a text right, less that number of the other.

    Source: Fisher (1935), The Design of Experiments; Yeh (2000), More accurate tests for the statistical significance
    of result differences, https://arxiv.org/abs/cs/0008005, samples the signs.
    """
    sizes, counts = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    if not len(sizes):
        return 1.0
    unit = np.gcd.reduce(sizes)
    sums = [_scaled_binomial(int(count), int(size // unit)) for size, count in zip(sizes, counts, strict=True)]
    shares = np.clip(functools.reduce(signal.fftconvolve, sums), 0, 1)  # of choices, by the sum of what stays positive
    found, largest = abs(int(differences.sum())) // unit, len(shares) - 1
    extreme = np.abs(2 * np.arange(len(shares)) - largest) >= found
    return float(min(shares[extreme].sum(), 1))


def _scaled_binomial(count: int, size: int) -> np.ndarray:
    """The probabilities of the sums 0, 1 ... of `count` numbers that are each 0 or `size`, equally likely."""
    shares = np.zeros(count * size + 1)
    shares[::size] = stats.binom.pmf(np.arange(count + 1), count, 0.5)
    return shares


def bootstrap_interval(
    right: np.ndarray, other: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """The paired bootstrap interval (95%, percentile) of the difference between two accuracies, first less second.

    Texts are drawn with replacement, so that the interval has the sampling error of a test split of this size. If there
    are several runs, these are drawn too: in pairs if both models were tested on the same texts in each.

    Texts are drawn from the tested ones and four more: both models right, both wrong, only one right, only the other
    right, each in all of its runs. Without these the interval is too narrow where few texts have different answers, and
    has no width where none has. With them it holds the true difference at least as often as it says, and seldom
    disagrees with the exact test. It always contains the difference that was found.

    Texts with the same pattern of right and wrong answers are alike, and there are few patterns. So what is drawn is
    how often each pattern occurs (multinomial), which gives the same distribution.

    Args:
        right: The answers of one model, (texts,) or (runs, texts).
        other: The answers of the other model to the same texts; it may have another number of runs.
        resamples: How often texts and runs are drawn.
        seed: Random seed.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13; the idea of added texts is that
    of Agresti and Min (2005), Simple improved confidence intervals for comparing matched proportions, who add half a
    text to each outcome. With whole ones our intervals hold the true difference more evenly.

    Example:
        low, high = bootstrap_interval(np.array([1, 1, 0, 1]), np.array([1, 0, 0, 1]))
    """
    ours, theirs = (np.atleast_2d(np.asarray(answers, np.int8)) for answers in (right, other))
    patterns, counts = np.unique(np.concatenate([ours, theirs]).T, axis=0, return_counts=True)
    added = np.repeat(OUTCOMES, (len(ours), len(theirs)), axis=1)
    patterns, counts = np.concatenate([patterns, added]), np.append(counts, np.ones(len(added), np.int64))
    sides = patterns[:, : len(ours)], patterns[:, len(ours) :]  # (patterns, runs) each
    paired = ours.shape == theirs.shape and bool(((ours < 0) == (theirs < 0)).all())
    texts, random, differences = ours.shape[1], np.random.default_rng(seed), np.empty(resamples)
    for begin in range(0, resamples, AT_ONCE):
        block = differences[begin : begin + AT_ONCE]
        drawn = random.multinomial(texts, counts / counts.sum(), size=len(block)).astype(np.float64)
        runs = _draw_runs(random, len(block), len(ours))
        other_runs = runs if paired else _draw_runs(random, len(block), len(theirs))
        block[:] = _accuracies(drawn, sides[0], runs) - _accuracies(drawn, sides[1], other_runs)
    low, high = np.quantile(differences, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    found = np.subtract(*((its > 0).sum() / max((its >= 0).sum(), 1) for its in (ours, theirs)))
    return float(min(low, found)), float(max(high, found))


def _draw_runs(random: np.random.Generator, resamples: int, runs: int) -> np.ndarray:
    """The runs of each resample: int (resamples, runs)."""
    return random.integers(runs, size=(resamples, runs))


def _accuracies(drawn: np.ndarray, answers: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """The accuracy in each resample, over all answers of its runs: float64 (resamples,).

    Args:
        drawn: How often each pattern was drawn: float64 (resamples, patterns).
        answers: The answers of each pattern: int8 (patterns, runs).
        runs: From `_draw_runs`.
    """
    right, tested = (
        np.take_along_axis(drawn @ counted.astype(np.float64), runs, axis=1).sum(axis=1)
        for counted in (answers > 0, answers >= 0)
    )
    return np.divide(right, tested, out=np.zeros(len(right)), where=tested > 0)


def wilson_interval(accuracy: float, texts: int) -> tuple[float, float]:
    """The 95% interval of an accuracy on a number of texts: the sampling error of a test split of this size.

    Args:
        accuracy: In [0, 1]; of several runs on the same texts, their mean.
        texts: How many texts, at least 1.

    Source: Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference.

    Example:
        low, high = wilson_interval(0.936, 500)  # TREC's test: 0.911 to 0.954
    """
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    middle = (accuracy + z**2 / (2 * texts)) / (1 + z**2 / texts)
    half = z * np.sqrt(accuracy * (1 - accuracy) / texts + z**2 / (4 * texts**2)) / (1 + z**2 / texts)
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)
