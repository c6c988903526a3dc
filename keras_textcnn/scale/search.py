"""A search for the best settings in a time budget: trials, the last training, and the gain over the default."""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.run import Run
from keras_textcnn.scale import study as studies
from keras_textcnn.scale.budget import MOST_SEEDS, Budget, Cost, whole_of
from keras_textcnn.scale.plan import Plan, SearchFolder
from keras_textcnn.scale.search_space import SearchSpace
from keras_textcnn.scale.trials import OBJECTIVES, Deadline, EpochReport, OutOfTimeError, Scores, Trials
from keras_textcnn.settings.fields import show
from keras_textcnn.training.preparation import Prepared, count_texts
from keras_textcnn.training.trainer import train
from keras_textcnn.utils.log import logger, muted

if TYPE_CHECKING:
    import optuna

DATABASE, RUN = "optuna.db", "run"
SHORTEST = 0.3  # of the shortest trial so far: with less time left, no other trial begins
# Settings that only say where the texts are; the corpus itself is compared.
PLACES = ("data", "validation_data", "test_data", "vectors")


@dataclasses.dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        directory: Where it is.
        plan: What was asked for.
        rows: One row per trial, in order.
        default, best: The held-out scores of the default recipe and of the best settings; None if no trial finished.
        settings: The best settings: those given, and those that differ from the default.
        number: The number of the best trial; None if no trial finished.
        repeats: The scores by "default" and "best" and by seed: of "validation" and of "test" texts, as `Trials.fit`
            returns them.
        importances: As from `study.importances`.
        run: The run of the last training.
        seconds: The time that everything took.
    """

    directory: Path
    plan: Plan
    rows: list[dict[str, Any]]
    default: Scores | None
    best: Scores | None
    settings: dict[str, Any]
    number: int | None
    repeats: dict[str, dict[int, dict[str, Scores | None]]]
    importances: dict[str, float]
    run: Run
    seconds: float


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
        InputError: The directory is taken, the storage cannot be opened or holds another search, or the corpus cannot
            be split.

    Example:
        found = search(Plan(given={"seed": 1}, minutes=30), Corpus(texts, labels), "runs/search")
        print(found.settings, found.best, found.run.metrics["test"]["accuracy"])
    """
    if plan.objective not in OBJECTIVES:
        raise InputError(f"no objective {plan.objective!r}; choose from {', '.join(OBJECTIVES)}")
    folder = SearchFolder.open_unfinished(directory) if resumed else SearchFolder.create(directory, plan)
    with studies.quiet(), folder.locked():
        spent = float(folder.state["spent"]) + (0.0 if started is None else clock() - started)
        return _Search(plan, corpus, folder, Budget(60 * plan.minutes, spent=spent, clock=clock)).run()


class _Search:
    def __init__(self, plan: Plan, corpus: Corpus, folder: SearchFolder, budget: Budget) -> None:
        self.plan, self.corpus, self.folder, self.budget = plan, corpus, folder, budget
        self.trials, self.owner = Trials(corpus), folder.state["owner"]
        first = TrainConfig(**plan.given, model=plan.models[0])
        prepared = self.trials.prepare(first)
        self.space = SearchSpace(plan.given, plan.models, **count_texts(first.resolved(), corpus))
        self.first, self.whole = prepared, whole_of(prepared.config, refit=prepared.refit)
        url = plan.storage or f"sqlite:///{(folder.directory / DATABASE).resolve()}"
        self.study = studies.open_study(
            url, objective=plan.objective, facts=self._facts(prepared), folds=prepared.config.inner_folds or 0
        )

    def run(self) -> Found:
        """Everything, or what is left of it."""
        killed = studies.fail_killed(self.study, self.owner)
        if killed:
            logger.info(f"{killed} interrupted trial{'s' * (killed > 1)} will not be continued")
        if self.folder.state["chosen"] is None:
            studies.enqueue_default(self.study, self.space.defaults())
            self._search()
            best = next(iter(studies.finished_trials(self.study)), None)
            self.folder.update(chosen=-1 if best is None else best.number, spent=self.budget.spent())
        best, default = self._chosen(), studies.default_trial(self.study)
        run = self._train_last(best)
        repeats = self._repeat(best, default, run)
        self.folder.update(finished=True, spent=self.budget.spent())
        return Found(
            directory=self.folder.directory,
            plan=self.plan,
            rows=[self._row(trial) for trial in self.study.get_trials(deepcopy=False)],
            default=default.user_attrs[studies.SCORES] if default else None,
            best=best.user_attrs[studies.SCORES] if best else None,
            settings=self._settings(best),
            number=best.number if best else None,
            repeats=repeats,
            importances=self._importances(best),
            run=run,
            seconds=self.budget.spent(),
        )

    def _facts(self, prepared: Prepared) -> dict[str, Any]:
        given = {name: value for name, value in self.plan.given.items() if name not in PLACES}
        vectors = Path(str(self.plan.given.get("vectors"))).name
        return {
            "corpus": prepared.tokenized.fingerprint,
            "settings": {**given, "vectors": vectors},
            "model": list(self.plan.models),
            "search space": self.space.describe(),
        }

    def _search(self) -> None:
        logger.info(f"trial 0 is the default recipe; {self.plan.minutes:g} minutes for everything")
        while True:
            reserved, shortest = self._reserved()
            if self.budget.left() - reserved <= SHORTEST * shortest:
                return
            trial = studies.ask(self.study, owner=self.owner, seed=self.plan.seed)
            self._try(trial, reserved)
            self.folder.update(spent=self.budget.spent())

    def _reserved(self) -> tuple[float, float]:
        """What the trainings after the search need, and the time of the shortest trial; 0 before the first one."""
        trials = [trial for trial in studies.finished_trials(self.study) if studies.SECONDS in trial.user_attrs]
        if not trials:
            return 0.0, 0.0
        default = studies.default_trial(self.study) or trials[0]
        seconds = [trial.user_attrs[studies.SECONDS] for trial in (default, *trials)]
        cost = Cost(default=seconds[0], best=seconds[1], whole=self.whole)
        return cost.reserved(self.budget.seconds), min(seconds)

    def _try(self, trial: "optuna.Trial", reserved: float) -> None:
        """Trains with the settings of a trial, and tells the study how it ended."""
        import optuna
        import tensorflow as tf

        settings, began = self.space.suggest(trial), self.budget.spent()
        changed = {name: value for name, value in settings.items() if name not in self.plan.given}
        trial.set_user_attr(studies.CHANGED, changed)
        steps: list[int] = []

        def report(step: int, value: float) -> None:
            self.folder.update(spent=self.budget.spent())
            steps.append(step)
            if math.isfinite(value):
                trial.report(value, step)
            if trial.should_prune() and not trial.user_attrs.get(studies.DEFAULT):
                raise optuna.TrialPruned

        state, reason, scores = optuna.trial.TrialState.FAIL, "", None
        try:
            with muted():
                scores = self.trials.hold_out(
                    TrainConfig(**settings),
                    callbacks=[
                        EpochReport(self.plan.objective, report),
                        Deadline(lambda: self.budget.check(reserved=reserved)),
                    ],
                    on_fold=lambda fold, its: report(fold, its[self.plan.objective] or 0.0),
                )
            state = optuna.trial.TrialState.COMPLETE
        except optuna.TrialPruned:
            state, reason = optuna.trial.TrialState.PRUNED, f"pruned after {steps[-1]} {self._steps}"
        except OutOfTimeError:
            reason = "the time of the search is over"
        except (ArithmeticError, InputError, tf.errors.ResourceExhaustedError) as error:
            if trial.user_attrs.get(studies.DEFAULT) and isinstance(error, InputError):
                raise
            reason = f"failed: {str(error).split('; ')[0]}"
        except KeyboardInterrupt:
            trial.set_user_attr(studies.REASON, "interrupted")
            self.study.tell(trial, state=state)
            raise
        trial.set_user_attr(studies.SECONDS, round(self.budget.spent() - began, 2))
        trial.set_user_attr(studies.REASON, reason)
        value = None
        if scores is not None:
            trial.set_user_attr(studies.SCORES, scores)
            value = scores[self.plan.objective]
        self.study.tell(trial, value, state=state)
        self._log(trial, value, changed, reason)

    @property
    def _steps(self) -> str:
        return "folds" if self.first.folds is not None else "epochs"

    def _log(self, trial: "optuna.Trial", value: float | None, changed: Mapping[str, Any], reason: str) -> None:
        shown = reason or f"{self.plan.objective.replace('_', ' ')} {value:.4f}"
        seconds = trial.user_attrs[studies.SECONDS]
        best = studies.finished_trials(self.study)[:1]
        mark = ", the best so far" if value is not None and [one.number for one in best] == [trial.number] else ""
        logger.info(
            f"trial {trial.number:>3}  {shown}{mark}  {describe_changes(changed, self.plan)}  ({seconds:.0f} s)"
        )

    def _chosen(self) -> "optuna.trial.FrozenTrial | None":
        number = self.folder.state["chosen"]
        return next((trial for trial in studies.finished_trials(self.study) if trial.number == number), None)

    def _settings(self, trial: "optuna.trial.FrozenTrial | None") -> dict[str, Any]:
        changed = trial.user_attrs[studies.CHANGED] if trial else {"model": self.plan.models[0]}
        return {**self.plan.given, **changed}

    def _train_last(self, best: "optuna.trial.FrozenTrial | None") -> Run:
        """The last training: that of the best settings, as the command `train` does it."""
        directory = self.folder.directory / RUN
        begun = (directory / "config.json").exists()
        if begun and Run(directory).finished:
            return Run.open(directory)
        if best is None:
            logger.warning("no trial finished in the time there was: the default recipe is trained")
        else:
            logger.info(f"training the settings of trial {best.number} on all but the test texts")
        run = train(TrainConfig(**self._settings(best)), self.corpus, directory, resumed=begun)
        self.folder.update(spent=self.budget.spent())
        return run

    def _repeat(
        self, best: "optuna.trial.FrozenTrial | None", default: "optuna.trial.FrozenTrial | None", run: Run
    ) -> dict[str, dict[int, dict[str, Scores | None]]]:
        """The scores of the default and of the best settings with several seeds, as many as there is time for."""
        if best is None or default is None or best.number == default.number:
            return {}
        metrics, seed = run.read_json("metrics.json"), self.plan.seed
        kept = self.folder.state["repeats"]
        repeats = {
            kind: {int(one): scores for one, scores in kept.get(kind, {}).items()} for kind in ("default", "best")
        }
        test = metrics["test"] and {name: metrics["test"][name] for name in OBJECTIVES}
        repeats["best"][seed] = {"validation": best.user_attrs[studies.SCORES], "test": test}
        later = [(kind, (seed + more) % 2**32) for more in range(1, MOST_SEEDS) for kind in ("best", "default")]
        for kind, one in [("default", seed), *later]:
            if one in repeats[kind]:
                continue
            trial = best if kind == "best" else default
            if self.budget.left() < self.whole * trial.user_attrs[studies.SECONDS]:
                break
            try:
                with muted():
                    scores = self.trials.fit(
                        TrainConfig(**self._settings(trial)), seed=one, callbacks=[Deadline(self.budget.check)]
                    )
            except OutOfTimeError:
                break
            repeats[kind][one] = scores
            logger.info(f"{kind} settings, seed {one}: {_describe(scores, self.plan.objective)}")
            self.folder.update(repeats=repeats, spent=self.budget.spent())
        return repeats

    def _importances(self, best: "optuna.trial.FrozenTrial | None") -> dict[str, float]:
        return studies.importances(self.study, best.params.get("model") if best else None)

    def _row(self, trial: "optuna.trial.FrozenTrial") -> dict[str, Any]:
        attributes = trial.user_attrs
        changed = {**attributes.get(studies.CHANGED, {})}
        scores = attributes.get(studies.SCORES) or {}
        return {
            "trial": trial.number,
            "state": trial.state.name.lower(),
            **{name: scores.get(name) for name in OBJECTIVES},
            "seconds": attributes.get(studies.SECONDS),
            "finished": trial.datetime_complete.isoformat(timespec="seconds") if trial.datetime_complete else None,
            "reason": attributes.get(studies.REASON),
            **{name: show(tuple(it) if isinstance(it, list) else it) for name, it in changed.items()},
        }


def describe_changes(changed: Mapping[str, Any], plan: Plan) -> str:
    """The settings of a trial that differ from the default, in words."""
    known = {"model": plan.models[0]}
    parts = [
        f"{name.replace('_', ' ')} {show(tuple(value) if isinstance(value, list) else value)}"
        for name, value in changed.items()
        if known.get(name) != value
    ]
    return ", ".join(parts) or "the default recipe"


def _describe(scores: Mapping[str, Scores | None], objective: str) -> str:
    shown = ((split, its[objective]) for split, its in scores.items() if its)
    return ", ".join(f"{split} {objective.replace('_', ' ')} {value:.4f}" for split, value in shown)
