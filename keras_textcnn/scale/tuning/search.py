"""A search for the best settings in a time budget."""

import dataclasses
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.errors import InputError
from keras_textcnn.scale.tuning import study as studies
from keras_textcnn.scale.tuning.budget import Budget, Cost, OutOfTimeError, first_reserve, last_training, longest_trial
from keras_textcnn.scale.tuning.found import Found, describe_trial, row_of, settings_of
from keras_textcnn.scale.tuning.gain import Ending
from keras_textcnn.scale.tuning.objectives import OBJECTIVES, Scores
from keras_textcnn.scale.tuning.plan import NOT_SEARCHED, Plan, SearchFolder
from keras_textcnn.scale.tuning.report import write
from keras_textcnn.scale.tuning.search_space import SearchSpace
from keras_textcnn.scale.tuning.trials import Deadline, EpochReport, Trials, describe_failure
from keras_textcnn.training.preparation import Prepared, count_texts
from keras_textcnn.utils.batch_bar import batch_bar
from keras_textcnn.utils.devices import set_up
from keras_textcnn.utils.log import logger, muted, shown_on

if TYPE_CHECKING:
    import optuna

DATABASE = "optuna.db"  # in the directory, unless another storage is given
STOPPED = "stopped: the rest of the time is for the last training"
SHORTEST = 0.3  # of the shortest trial so far: with less time left, no other trial begins
# Settings that only say where the texts are; the corpus itself is compared.
PLACES = ("data", "validation_data", "test_data", "vectors")


def search(
    plan: Plan,
    corpus: Corpus,
    directory: str | Path,
    *,
    resumed: bool = False,
    clock: Callable[[], float] = time.monotonic,
    started: float | None = None,
) -> Found:
    """Searches for the best settings, trains them, and measures their gain over the default.

    Args:
        plan: What to search for.
        corpus: The texts.
        directory: A missing or empty directory or, if resumed, one with the same plan.
        resumed: Whether to go on with an unfinished search; only the trial that was running is lost.
        clock: Returns seconds.
        started: When the budget began, by the clock; None: now.

    Raises:
        InputError: The directory is taken, the storage cannot be opened or holds another search, a setting is given
            that a search cannot have, or the corpus cannot be split. Nothing is left behind in this case.

    Example:
        found = search(Plan(given={"seed": 1}, minutes=30), Corpus(texts, labels), "runs/search")
        print(found.settings, found.best, found.run.metrics["test"]["accuracy"])
    """
    if plan.objective not in OBJECTIVES:
        raise InputError(f"no objective {plan.objective!r}; choose from {', '.join(OBJECTIVES)}")
    if wrong := [name for name in plan.given if name in NOT_SEARCHED]:
        raise InputError(f"{wrong[0]} does not apply to a search; leave it out")
    set_up(deterministic=bool(plan.given.get("deterministic")))
    folder = SearchFolder.open_unfinished(directory) if resumed else SearchFolder.create(directory, plan)
    with studies.quiet(), folder.locked():
        spent = float(folder.state["spent"]) + (0.0 if started is None else clock() - started)
        budget = Budget(60 * plan.minutes, spent=spent, clock=clock, save=lambda seconds: folder.update(spent=seconds))
        try:
            begun = _Search(plan, corpus, folder, budget, resumed=resumed and folder.state["spent"] > 0)
        except InputError:
            if not resumed:
                folder.withdraw(DATABASE)
            raise
        try:
            return begun.run()
        finally:
            folder.update(spent=budget.spent())


class _Search:
    """The parts of a search: its trials, the study that records them, and the time."""

    def __init__(self, plan: Plan, corpus: Corpus, folder: SearchFolder, budget: Budget, *, resumed: bool) -> None:
        self.plan, self.folder, self.budget = plan, folder, budget
        self.trials, self.owner = Trials(corpus), str(folder.state["owner"])
        config = TrainConfig(**plan.given, model=plan.models[0])
        prepared = self.trials.prepare(config)
        self.space = SearchSpace(plan.given, plan.models, **count_texts(config.resolved(), corpus))
        self.folds, self.whole = prepared.config.inner_folds or 0, self.trials.whole(config)
        url = plan.storage or f"sqlite:///{(folder.directory / DATABASE).resolve()}"
        self.study = studies.open_study(
            url, objective=plan.objective, facts=self._facts(prepared), folds=self.folds, there=resumed
        )

    def _facts(self, prepared: Prepared) -> dict[str, Any]:
        """What processes that share the study must agree on."""
        given = {name: value for name, value in self.plan.given.items() if name not in PLACES}
        vectors = Path(str(self.plan.given.get("vectors"))).name
        return {
            "corpus": prepared.tokenized.fingerprint,
            "settings": {**given, "vectors": vectors},
            "search space": self.space.describe(),
        }

    def run(self) -> Found:
        """Everything, or what is left of it."""
        if self.folder.state["chosen"] is None:
            self._search()
            best = next(iter(studies.finished_trials(self.study)), None)
            self.folder.update(chosen=-1 if best is None else best.number, spent=self.budget.spent())
        chosen, finished = self.folder.state["chosen"], studies.finished_trials(self.study)
        best = next((trial for trial in finished if trial.number == chosen), None)
        default = studies.default_trial(self.study)
        ending = Ending(self.plan, self.folder, self.trials, self.budget)
        run = ending.train_last(best)
        repeats = {}
        if best and default and best.number != default.number:
            repeats = ending.repeat(best, default, run)
        found = Found(
            directory=self.folder.directory,
            plan=self.plan,
            rows=[row_of(trial) for trial in self.study.get_trials(deepcopy=False)],
            default=studies.record_of(default).scores if default else None,
            best=studies.record_of(best).scores if best else None,
            settings=settings_of(self.plan, best),
            number=best.number if best else None,
            repeats=repeats,
            importances=studies.importances(self.study, best.params.get("model") if best else None),
            run=run,
            seconds=self.budget.spent(),
        )
        write(found)
        self.folder.update(finished=True)
        return found

    def _search(self) -> None:
        """Trials, until only the time for the trainings after them is left."""
        if killed := studies.fail_killed(self.study, self.owner):
            logger.info(f"{killed} interrupted trial{'s' * (killed > 1)} will not be continued")
        studies.enqueue_default(self.study, self.space.defaults())
        self.budget.save(every=0)
        logger.info(f"trial 0 is the default recipe; {self.budget.left() / 60:.1f} minutes are left for everything")
        with batch_bar(shown_on()) as bars:
            while True:
                finished = studies.finished_trials(self.study)
                limits = self._limits(finished)
                if self.budget.left() - limits.reserved <= SHORTEST * limits.shortest:
                    return
                trial = studies.ask(self.study, finished, owner=self.owner, seed=self.plan.seed)
                record = self._try(trial, limits, bars)
                self._log(trial.number)
                self.budget.save(every=0)
                if record.reason == STOPPED:
                    return

    def _limits(self, finished: "list[optuna.trial.FrozenTrial]") -> "_Limits":
        if not finished:
            return _Limits(first_reserve(self.budget.left(), self.whole), self.budget.seconds, shortest=0.0)
        records = [studies.record_of(trial) for trial in finished]
        default = next((trial for trial in finished if trial.user_attrs.get(studies.DEFAULT)), finished[0])
        usual = studies.record_of(default)
        cost = Cost(default=usual.whole_seconds, best=records[0].whole_seconds)
        return _Limits(
            reserved=cost.reserved(self.budget.seconds, gained=finished[0].number != default.number),
            longest=longest_trial(self.budget.seconds, usual.seconds),
            shortest=min(record.seconds for record in records),
        )

    def _try(self, trial: "optuna.Trial", limits: "_Limits", bars: list[Any]) -> studies.Record:
        """Trains with the settings of a trial, and tells the study how it ended."""
        import optuna

        settings, began = self.space.suggest(trial), self.budget.spent()
        changed = {name: value for name, value in settings.items() if name not in self.plan.given}
        states, record = optuna.trial.TrialState, studies.Record(changed)
        state, value, whole, folds = states.FAIL, None, self.whole, list[float]()

        def check() -> None:
            elapsed = self.budget.spent() - began
            self.budget.check(reserved=max(limits.reserved, last_training(elapsed * whole)))
            if elapsed > limits.longest and not trial.user_attrs.get(studies.DEFAULT):
                raise optuna.TrialPruned("pruned: it is slow")

        def report_fold(fold: int, its: Scores) -> None:
            """Reports the mean of the folds so far: one easy fold must not save a poor trial."""
            score = its[self.plan.objective]
            folds.extend([] if score is None else [score])
            self._report(trial, fold, statistics.mean(folds) if folds else None)

        try:
            config = TrainConfig(**settings)
            whole = self.trials.whole(config)
            with muted():
                scores = self.trials.hold_out(
                    config,
                    callbacks=[
                        EpochReport(self.plan.objective, lambda epoch, value: self._report(trial, epoch, value)),
                        Deadline(check),
                        *bars,
                    ],
                    on_fold=report_fold,
                )
            value = scores[self.plan.objective]
            state, reason = (states.FAIL, "failed: no score") if value is None else (states.COMPLETE, "")
            record = dataclasses.replace(record, reason=reason, scores=scores)
        except optuna.TrialPruned as pruned:
            state, record = states.PRUNED, dataclasses.replace(record, reason=str(pruned))
        except Exception as error:
            explained = self._explain(error, trial)
            if explained is None:
                raise
            record = dataclasses.replace(record, reason=explained)
        finally:
            seconds = self.budget.spent() - began
            record = dataclasses.replace(record, seconds=round(seconds, 2), whole_seconds=round(seconds * whole, 2))
            trial.set_user_attr(studies.RECORD, dataclasses.asdict(record))
            self.study.tell(trial, value, state=state)
        return record

    def _report(self, trial: "optuna.Trial", step: int, value: float | None) -> None:
        """Records the score at a step, an epoch or a fold, and ends a poor trial."""
        import optuna

        if value is not None and math.isfinite(value):
            trial.report(value, step)
        if not trial.user_attrs.get(studies.DEFAULT) and trial.should_prune():
            raise optuna.TrialPruned(f"pruned after {step} {'folds' if self.folds else 'epochs'}")

    def _explain(self, error: Exception, trial: "optuna.Trial") -> str | None:
        """Why a trial failed, if the search can go on; otherwise None."""
        if isinstance(error, OutOfTimeError):
            return STOPPED
        if isinstance(error, InputError) and trial.user_attrs.get(studies.DEFAULT):
            return None  # the corpus is to blame
        return describe_failure(error)

    def _log(self, number: int) -> None:
        trial = next(one for one in self.study.get_trials(deepcopy=False) if one.number == number)
        finished = studies.finished_trials(self.study)
        left = max(self.budget.left() - self._limits(finished).reserved, 0) / 60
        described = describe_trial(self.plan, trial, best=[one.number for one in finished[:1]] == [number])
        logger.info(f"{described[:-1]}, {left:.1f} min left)")


@dataclasses.dataclass(frozen=True)
class _Limits:
    """What a trial may take.

    Attributes:
        reserved: The seconds of the budget that are kept for the trainings after the search.
        longest: The most seconds of the trial.
        shortest: The seconds of the shortest trial so far.
    """

    reserved: float
    longest: float
    shortest: float
