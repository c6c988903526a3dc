"""The time of a search: what is spent, and what must be left for the last training and for measuring the gain."""

import dataclasses
import time
from collections.abc import Callable

from keras_textcnn.config import TrainConfig

SEEDS = 3  # fewest trainings of the default and of the best settings before a gain is claimed
MOST_SEEDS = 5  # trained if there is time left
MARGIN = 1.2  # trainings take longer than estimated, now and then
REPORT_SECONDS = 15  # of a run, in addition to its fit: linear model, export, pictures
# The longest that a trial may take: times the default recipe, or a fraction of the budget, whichever is more.
LONGEST_TIMES, LONGEST_FRACTION = 2.0, 0.05
SAVED_SECONDS = 5  # of which a killed process may lose count
# Of the budget, for all trainings after the search. If they need a little more, they may still fit, since their
# estimates have a margin; if they need more than can be afforded, time is only kept for the last one.
MOST_RESERVED, AFFORDED = 0.6, 0.75


class OutOfTimeError(Exception):
    """The time for a training is over."""


class Budget:
    """Counts the seconds of all processes that have worked on a search.

    Args:
        seconds: The whole budget.
        spent: What earlier processes took.
        clock: Returns seconds.
        save: Called with the seconds so far, now and then, so that a process that goes on after a kill knows them.
    """

    def __init__(
        self,
        seconds: float,
        *,
        spent: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        save: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self.seconds, self.clock = seconds, clock
        self._spent, self._started, self._save, self._saved = spent, clock(), save, spent

    def spent(self) -> float:
        """The seconds so far."""
        return self._spent + self.clock() - self._started

    def left(self) -> float:
        """The seconds that are left; below 0 if there are none."""
        return self.seconds - self.spent()

    def save(self, *, every: float = SAVED_SECONDS) -> None:
        """Saves the seconds so far, unless that was done less than `every` seconds ago."""
        if self.spent() - self._saved >= every:
            self._saved = self.spent()
            self._save(self._saved)

    def check(self, *, reserved: float = 0.0) -> None:
        """Raises OutOfTimeError if no more than the reserved seconds are left."""
        self.save()
        if self.left() <= reserved:
            raise OutOfTimeError


@dataclasses.dataclass(frozen=True)
class Cost:
    """What the trainings after a search will take.

    Attributes:
        default, best: The seconds of a whole fit with the default recipe and with the best settings.
    """

    default: float
    best: float

    def last(self) -> float:
        """The seconds of the last training, with its report."""
        return last_training(self.best)

    def repeats(self) -> float:
        """The seconds of the other trainings that measure the gain, of which the last training is one."""
        return MARGIN * (SEEDS * self.default + (SEEDS - 1) * self.best)

    def reserved(self, seconds: float, *, gained: bool) -> float:
        """What a search leaves for the trainings after it: for all of them, if it can afford them.

        Args:
            seconds: The whole budget.
            gained: Whether any settings are better than the default. Until then, there is no gain to measure.
        """
        both = self.last() + self.repeats()
        if not gained or both > AFFORDED * seconds:
            return self.last()
        return max(min(both, MOST_RESERVED * seconds), self.last())


def last_training(fit: float) -> float:
    """The seconds of a training with its report, given those of its fit."""
    return MARGIN * fit + REPORT_SECONDS


def longest_trial(seconds: float, default: float | None) -> float:
    """The seconds that a trial may take, so that a slow one does not use up a short search.

    Args:
        seconds: The whole budget.
        default: The seconds of the default recipe; None if it has not finished: any trial may take the whole time.
    """
    return seconds if default is None else max(LONGEST_TIMES * default, LONGEST_FRACTION * seconds)


def first_reserve(left: float, whole: float) -> float:
    """What is kept for the last training before any trial has shown how long it takes.

    Args:
        left: The seconds that are left.
        whole: From `whole_fit`.
    """
    return left * MARGIN * whole / (1 + MARGIN * whole)


def whole_fit(config: TrainConfig, *, refit: bool) -> float:
    """How much longer a whole fit takes than a trial, which ends when the held-out texts are answered.

    Args:
        config: Settings that are complete.
        refit: Whether the fit ends with a refit.
    """
    if folds := config.inner_folds:
        return 1 + 1 / (folds - 1)
    return 2.0 if refit else 1.0
