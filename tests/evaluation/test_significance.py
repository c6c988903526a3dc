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


@pytest.mark.parametrize(
    ("texts", "first", "second"),
    [(40, 0.03, 0.01), (40, 0.05, 0.02), (100, 0.02, 0.005), (500, 0.006, 0.002), (2000, 0.001, 0.0005)],
)
def test_intervals_are_as_good_where_few_texts_have_different_answers(texts: int, first: float, second: float) -> None:
    """The chance of each pair of numbers is known, so nothing is sampled but the interval itself."""
    covered = total = 0.0
    for ours, theirs in itertools.product(range(12), repeat=2):
        chance = stats.multinomial.pmf(
            [ours, theirs, texts - ours - theirs], texts, [first, second, 1 - first - second]
        )
        if chance < 1e-3:
            continue
        low, high = bootstrap_interval(*answers_of(texts - ours - theirs, ours, theirs, 0), resamples=2000)
        assert low <= (ours - theirs) / texts <= high
        assert low < high
        covered, total = covered + chance * (low <= first - second <= high), total + chance
    assert total > 0.95
    assert covered / total >= 0.93


def test_intervals_of_several_seeds_hold_the_true_difference_as_often_as_they_say() -> None:
    """Each of three seeds has its own rare errors, next to those that all seeds of a model share."""
    random, covered = np.random.default_rng(4), 0
    for number in range(200):
        shared, own = random.random(100), random.random((2, 3, 100))
        first, second = (shared > 0.01) & (own[0] > 0.01), (shared < 0.98) & (own[1] > 0.01)
        low, high = bootstrap_interval(first, second, resamples=1000, seed=number)
        covered += low <= 0.99 * 0.99 - 0.98 * 0.99 <= high
    assert covered / 200 >= 0.93


def test_the_interval_contains_the_difference_that_was_found() -> None:
    for texts in (1, 2, 5, 30):
        for pair in (answers_of(0, texts, 0, 0), answers_of(0, 0, texts, 0), answers_of(texts, 0, 0, 0)):
            low, high = bootstrap_interval(*pair, resamples=1000)
            assert low <= pair[0].mean() - pair[1].mean() <= high
            assert low < high


def test_texts_are_drawn_and_not_patterns() -> None:
    """With four more texts to draw from, but no more are drawn."""
    random = np.random.default_rng(1)
    first, second = (random.random((3, 40)) < chance for chance in (0.8, 0.6))
    more = answers_of(1, 1, 1, 1)
    both = [np.append(its, np.tile(added, (3, 1)), axis=1) for its, added in zip((first, second), more, strict=True)]
    drawn = []
    for _ in range(10_000):
        texts, runs = random.integers(44, size=40), random.integers(3, size=3)
        drawn.append(np.subtract(*(its[runs][:, texts].mean() for its in both)))
    expected = np.quantile(drawn, [0.025, 0.975])
    assert bootstrap_interval(first, second) == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize(("first", "second"), [(3, 0), (5, 0), (6, 0), (7, 1), (8, 1), (9, 2), (11, 2), (25, 8)])
def test_the_interval_agrees_with_the_exact_test(first: int, second: int) -> None:
    pair = answers_of(100, first, second, 20)
    assert (bootstrap_interval(*pair)[0] > 0) == (mcnemar(*pair) < 0.05)


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
    assert 0 < widths[0] < 0.02  # only the texts that are added have different answers
    assert widths[1] > 0.5
