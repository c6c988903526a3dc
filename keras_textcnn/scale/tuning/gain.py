"""After the trials: the last training, and the trainings that measure the gain over the default recipe."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
from scipy import stats

from keras_textcnn.config import TrainConfig
from keras_textcnn.persistence.run import Run
from keras_textcnn.scale.tuning import study as studies
from keras_textcnn.scale.tuning.budget import MOST_SEEDS, Budget, OutOfTimeError
from keras_textcnn.scale.tuning.found import Found, Repeats, describe_scores, settings_of
from keras_textcnn.scale.tuning.objectives import OBJECTIVES, pick_scores
from keras_textcnn.scale.tuning.plan import Plan, SearchFolder
from keras_textcnn.scale.tuning.trials import Deadline, Trials, describe_failure
from keras_textcnn.training.trainer import train
from keras_textcnn.utils.log import logger, muted

if TYPE_CHECKING:
    import optuna

RUN = "run"  # in the directory of the search
SURE = 0.95  # of a gain that is claimed: how often such a difference would not be chance


@dataclasses.dataclass(frozen=True)
class Ending:
    """What follows the trials of a search.

    Attributes:
        plan, folder, trials, budget: Those of the search.
    """

    plan: Plan
    folder: SearchFolder
    trials: Trials
    budget: Budget

    def train_last(self, best: "optuna.trial.FrozenTrial | None") -> Run:
        """The last training: that of the best settings, as the command `train` does it; an interrupted one goes on.

        Args:
            best: The best trial; None: the default recipe is trained.
        """
        directory = self.folder.directory / RUN
        begun = (directory / "config.json").exists()
        if begun and Run(directory).finished:
            return Run.open(directory)
        if best is None:
            logger.warning("no trial finished in the time there was; the default recipe is trained")
        else:
            logger.info(f"training the settings of trial {best.number}")
        keras.backend.clear_session()
        run = train(
            TrainConfig(**settings_of(self.plan, best)),
            self.trials.corpus,
            directory,
            resumed=begun,
            callbacks=[Deadline(self.budget.save)],  # which never ends it
        )
        self.budget.save(every=0)
        return run

    def repeat(self, best: "optuna.trial.FrozenTrial", default: "optuna.trial.FrozenTrial", run: Run) -> Repeats:
        """The scores of the default and of the best settings with several seeds, as many as there is time for.

        Args:
            best, default: The trials with these settings.
            run: The last training, which counts as the first one of the best settings.
        """
        seed, kept = self.plan.seed, self.folder.state["repeats"]
        repeats: Repeats = {
            kind: {int(one): scores for one, scores in kept.get(kind, {}).items()} for kind in ("default", "best")
        }
        test = run.metrics["test"]
        test_scores = None if test is None else pick_scores(test)
        repeats["best"][seed] = {"validation": studies.record_of(best).scores, "test": test_scores}
        later = [(kind, (seed + more) % 2**32) for more in range(1, MOST_SEEDS) for kind in ("best", "default")]
        for kind, one in [("default", seed), *later]:
            if one in repeats[kind]:
                continue
            trial = best if kind == "best" else default
            if self.budget.left() < studies.record_of(trial).whole_seconds:
                break
            try:
                with muted():
                    repeats[kind][one] = self.trials.fit(
                        TrainConfig(**settings_of(self.plan, trial)),
                        seed=one,
                        callbacks=[Deadline(self.budget.check)],
                    )
                described = describe_scores(repeats[kind][one], self.plan.objective)
            except OutOfTimeError:
                break
            except Exception as error:
                reason = describe_failure(error)
                if reason is None:
                    raise
                described = reason
                repeats[kind][one] = {"validation": None, "test": None}
            logger.info(f"{kind} settings with seed {one}: {described}")
            self.folder.update(repeats=repeats, spent=self.budget.spent())
        return repeats


def gains(found: Found, split: str, name: str) -> list[float]:
    """By how much the best settings are better than the default, for each seed that both were trained with.

    Positive numbers are better, of log loss, too.
    """
    sign = -1 if OBJECTIVES[name] == "minimize" else 1
    default, best = found.repeats.get("default", {}), found.repeats.get("best", {})
    pairs = ((default[seed].get(split), best[seed].get(split)) for seed in sorted({*default} & {*best}))
    both = ((one[name], other[name]) for one, other in pairs if one and other)
    return [sign * (other - one) for one, other in both if one is not None and other is not None]


def is_beyond_chance(differences: Sequence[float]) -> bool:
    """Whether a paired t-test rejects, at 95%, that the mean of differences is 0."""
    deviation = statistics.stdev(differences)
    if not deviation:
        return any(differences)
    error = deviation / len(differences) ** 0.5
    return bool(abs(statistics.mean(differences)) / error > stats.t.ppf((1 + SURE) / 2, len(differences) - 1))
