"""Tests and intervals against SciPy, published figures, all choices of signs, and a simulation."""

import itertools

import numpy as np
import pytest
from scipy import stats

from keras_textcnn.evaluation.significance import bootstrap_interval, mcnemar, randomization_test, wilson_interval

# Approval of a prime minister's performance, asked twice: Agresti, Categorical Data Analysis, second edition (2002),
# section 10.1: 944 of 1,600 approve at first, 880 later; z = -4.17, and the difference is -0.04 with a 95% interval of
# -0.06 to -0.02.
BOTH, FIRST, SECOND, NEITHER = 794, 150, 86, 570


def answers_of(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Which texts each of two models has right, given how many only one, both or none of them have right."""
    sizes = (both, first, second, neither)
    return np.repeat([True, True, False, False], sizes), np.repeat([True, False, True, False], sizes)


def test_mcnemar_of_a_textbook() -> None:
    first, second = answers_of(BOTH, FIRST, SECOND, NEITHER)
    expected = stats.binomtest(FIRST, FIRST + SECOND).pvalue
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)
    assert mcnemar(second, first) == pytest.approx(expected, rel=1e-9)
    assert expected == pytest.approx(2 * stats.norm.sf(4.17), rel=0.3)  # the book's normal approximation
    low, high = bootstrap_interval(second, first)
    assert (round(low, 2), round(high, 2)) == (-0.06, -0.02)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (5, 5), (0, 12), (9, 2), (40, 61), (2000, 2200)])
def test_mcnemar_is_the_binomial_test_of_the_texts_that_one_has_right(first: int, second: int) -> None:
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(*answers_of(7, first, second, 3)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_no_choice_of_signs_is_left_out(seed: int) -> None:
    random = np.random.default_rng(seed)
    differences = random.integers(-4, 5, 11) * random.choice([1, 3])
    signs = np.array([*itertools.product([-1, 1], repeat=len(differences))])
    expected = (np.abs(signs @ differences) >= abs(differences.sum())).mean()
    assert randomization_test(differences) == pytest.approx(expected, abs=1e-12)


def test_runs_that_all_answer_alike_are_one_run() -> None:
    first, second = answers_of(30, 9, 3, 5)
    five = 5 * (first.astype(int) - second)
    assert randomization_test(five) == pytest.approx(mcnemar(first, second))


@pytest.mark.parametrize(("accuracy", "texts"), [(0.936, 500), (0.0, 10), (1.0, 6), (0.5, 2)])
def test_the_interval_of_an_accuracy_is_wilsons(accuracy: float, texts: int) -> None:
    expected = stats.binomtest(round(accuracy * texts), texts).proportion_ci(method="wilson")
    assert wilson_interval(accuracy, texts) == pytest.approx((expected.low, expected.high))


def test_intervals_hold_the_true_difference_as_often_as_they_say() -> None:
    random, covered = np.random.default_rng(0), 0
    chances = [0.7, 0.12, 0.08, 0.1]  # the true difference is 0.04
    for number in range(300):
        pair = answers_of(*random.multinomial(250, chances).tolist())
        low, high = bootstrap_interval(*pair, resamples=400, seed=number)
        covered += low <= 0.04 <= high
    assert 0.92 <= covered / 300 <= 0.98


def test_texts_are_drawn_and_not_patterns() -> None:
    random = np.random.default_rng(1)
    first, second = (random.random((3, 40)) < chance for chance in (0.8, 0.6))
    drawn = []
    for _ in range(4000):
        texts, runs = random.integers(40, size=40), random.integers(3, size=3)
        drawn.append(first[runs][:, texts].mean() - second[runs][:, texts].mean())
    expected = np.quantile(drawn, [0.025, 0.975])
    assert bootstrap_interval(first, second) == pytest.approx(expected, abs=0.015)


def test_runs_that_tested_other_texts_each_are_weighed_by_their_texts() -> None:
    """As with several seeds, each of which has a test split of its own."""
    random = np.random.default_rng(2)
    first, second = (np.where(random.random((2, 60)) < chance, 1, 0) for chance in (0.9, 0.5))
    for answers in (first, second):
        answers[0, 40:] = answers[1, :30] = -1
    low, high = bootstrap_interval(first, second)
    tested = first >= 0
    assert low < (first[tested].sum() - second[tested].sum()) / tested.sum() < high
    assert 0.1 < high - low < 0.6


def test_the_seeds_of_a_model_that_varies_widen_the_interval() -> None:
    """Both models have the same mean, but one is right on all texts or on none."""
    second = np.tile([True, False], 200)
    steady, unsteady = np.tile(second, (4, 1)), np.repeat([[True], [False]] * 2, 400, axis=1)
    widths = [high - low for low, high in (bootstrap_interval(its, second) for its in (steady, unsteady))]
    assert widths[0] == 0
    assert widths[1] > 0.5
