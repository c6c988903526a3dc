import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.scale.tuning.budget import Budget, Cost, OutOfTimeError, first_reserve, longest_trial, whole_fit


class Clock:
    """Seconds that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_budget_counts_earlier_processes() -> None:
    clock = Clock()
    budget = Budget(60, spent=20, clock=clock)
    clock.now += 10
    assert (budget.spent(), budget.left()) == (30, 30)
    budget.check(reserved=29)
    with pytest.raises(OutOfTimeError):
        budget.check(reserved=30)


def test_time_for_all_seeds_is_reserved_only_if_the_search_keeps_enough() -> None:
    cost = Cost(default=10, best=20)
    assert cost.last() == 20 * 1.2 + 15
    assert cost.repeats() == (3 * 10 + 2 * 20) * 1.2
    assert cost.reserved(1000, gained=True) == cost.last() + cost.repeats()
    assert cost.reserved(200, gained=True) == 0.6 * 200
    assert cost.reserved(150, gained=True) == cost.last()
    assert cost.reserved(1000, gained=False) == cost.last()


def test_the_first_trial_leaves_time_for_its_own_training() -> None:
    for left, whole in ((100, 1.0), (100, 2.0), (50, 1.25)):
        trial = left - first_reserve(left, whole)
        assert trial * whole * 1.2 == pytest.approx(first_reserve(left, whole))


def test_a_slow_trial_has_a_limit() -> None:
    assert longest_trial(600, None) == 600
    assert longest_trial(600, 10) == 30
    assert longest_trial(600, 100) == 200


@pytest.mark.parametrize(("folds", "refit", "whole"), [(0, True, 2.0), (0, False, 1.0), (5, False, 1.25)])
def test_a_whole_fit_adds_the_last_fit_to_a_trial(folds: int, refit: bool, whole: float) -> None:
    assert whole_fit(TrainConfig(inner_folds=folds).resolved(), refit=refit) == whole
