"""What a search found, and how its trials are described."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_textcnn.persistence.run import Run
from keras_textcnn.scale.tuning import study as studies
from keras_textcnn.scale.tuning.objectives import OBJECTIVES, TITLES, Scores
from keras_textcnn.scale.tuning.plan import Plan
from keras_textcnn.settings.fields import show

if TYPE_CHECKING:
    import optuna

Repeats = dict[str, dict[int, dict[str, Scores | None]]]


@dataclasses.dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        directory: Where it is.
        plan: What was asked for.
        rows: One row per trial, in order.
        default, best: The held-out scores of the default recipe and of the best settings; None if there are none.
        settings: The best settings: those given, and those that differ from the default.
        number: The number of the best trial; None if no trial finished.
        repeats: The scores by "default" and "best" and by seed: of "validation" and of "test" texts, as `Trials.fit`
            returns them. Empty if the default recipe is the best, or has no score.
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
    repeats: Repeats
    importances: dict[str, float]
    run: Run
    seconds: float

    @property
    def finished(self) -> int:
        """How many trials finished."""
        return sum(row["state"] == "complete" for row in self.rows)


def settings_of(plan: Plan, trial: "optuna.trial.FrozenTrial | None") -> dict[str, Any]:
    """The settings of a trial; those of the default recipe if it is None."""
    changed = studies.record_of(trial).changed if trial else {"model": plan.models[0]}
    return {**plan.given, **changed}


def describe_trial(plan: Plan, trial: "optuna.trial.FrozenTrial", *, best: bool) -> str:
    """A trial in words: its number, its score or why it has none, what differs from the default recipe, its time."""
    record = studies.record_of(trial)
    told = record.reason or f"{TITLES[plan.objective]} {trial.value:.4f}"
    changed = {name: it for name, it in record.changed.items() if (name, it) != ("model", plan.models[0])}
    differs = ", ".join(f"{name.replace('_', ' ')} {_show(value)}" for name, value in changed.items())
    mark = ", the best so far" if best else ""
    return f"trial {trial.number:>3}  {told}{mark}  {differs or 'default'}  ({record.seconds:.0f} s)"


def describe_scores(scores: Mapping[str, Scores | None], objective: str) -> str:
    """The scores of several splits, in words."""
    shown = ((split, its[objective]) for split, its in scores.items() if its)
    return ", ".join(f"{split} {TITLES[objective]} {value:.4f}" for split, value in shown)


def row_of(trial: "optuna.trial.FrozenTrial") -> dict[str, Any]:
    """The row of a trial in `trials.csv`: its scores, and the settings that differ from the default."""
    record = studies.record_of(trial)
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        **{name: (record.scores or {}).get(name) for name in OBJECTIVES},
        "seconds": record.seconds,
        "finished": trial.datetime_complete.isoformat(timespec="seconds") if trial.datetime_complete else None,
        "reason": record.reason,
        **{name: _show(value) for name, value in record.changed.items()},
    }


def _show(value: Any) -> str:
    return show(tuple(value) if isinstance(value, list) else value)  # a database has lists instead of tuples
