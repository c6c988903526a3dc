"""The Optuna study of a search: its storage, which several processes may share, and what a killed process left."""

import dataclasses
import datetime
import hashlib
import json
import time
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_textcnn.errors import InputError
from keras_textcnn.scale.tuning.objectives import OBJECTIVES, Scores

if TYPE_CHECKING:
    from collections.abc import Iterator

    import optuna

NAME = "keras_textcnn"  # of the study; a storage holds one search
OWNER, DEFAULT, RECORD = "owner", "default", "record"  # attributes of a trial
UNOWNED_SECONDS = 60  # after which a running trial that says not whose it is belongs to a killed process
SQLITE_SECONDS = 60  # to wait for another process that writes
STARTUP_TRIALS = 8  # drawn at random before the sampler learns from them
KEPT = 0.5  # of the parameters of a trial, which it takes from the best trial so far
LEAST_DRAWN = 2  # parameters of a trial
OPENING = 5  # times that a storage is opened: another process may be making its tables
# A trial is pruned if its score is below the median of the earlier ones, from this epoch on, once there are so many.
PRUNED_AFTER, COMPARED_WITH = 3, 4


@dataclasses.dataclass(frozen=True)
class Record:
    """What is kept of a trial in addition to what Optuna keeps.

    Attributes:
        changed: The settings that differ from the default recipe.
        seconds: The time that it took.
        whole_seconds: The time that a whole fit would have taken, as estimated.
        reason: Why it has no score; empty if it has one.
        scores: All scores.
    """

    changed: Mapping[str, Any]
    seconds: float = 0.0
    whole_seconds: float = 0.0
    reason: str = "interrupted"
    scores: Scores | None = None


def record_of(trial: "optuna.trial.FrozenTrial") -> Record:
    """The record of a trial; an empty one if its process was killed."""
    return Record(**trial.user_attrs.get(RECORD, {"changed": {}}))


@contextmanager
def quiet() -> "Iterator[None]":
    """Optuna without its own log and without warnings that a feature is experimental."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def open_study(
    url: str, *, objective: str, facts: Mapping[str, Any], folds: int, there: bool = False
) -> "optuna.Study":
    """The study in a storage, or a new one.

    Args:
        url: A URL as SQLAlchemy takes it, such as sqlite:///optuna.db.
        objective: One of `OBJECTIVES`.
        facts: What two processes must agree on to share the study, by the name that a message uses.
        folds: The folds that decide, after each of which a trial is judged; 0: it is judged after each epoch.
        there: Whether there must be a study, because an interrupted search is continued.

    Raises:
        InputError: The storage cannot be opened, or holds a search that differs, or holds none and must.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    pruner = optuna.pruners.MedianPruner(
        n_startup_trials=COMPARED_WITH, n_warmup_steps=1 if folds else PRUNED_AFTER, interval_steps=1
    )
    for attempt in range(1, OPENING + 1):
        try:
            storage = open_storage(url)
            if there and NAME not in optuna.get_all_study_names(storage):
                raise InputError(f"{without_password(url)} no longer holds the trials of this search; start again")
            study = optuna.create_study(
                storage=storage,
                study_name=NAME,
                direction=optuna.study.StudyDirection[OBJECTIVES[objective].upper()],
                load_if_exists=True,
                pruner=pruner,
            )
            break
        except (SQLAlchemyError, ImportError, RuntimeError, optuna.exceptions.OptunaError) as error:
            if attempt == OPENING or isinstance(error, ImportError):
                reason = str(error.__cause__ or error).split("\n")[0]
                raise InputError(
                    f"cannot open --storage {without_password(url)}: {reason}; give a URL such as sqlite:///optuna.db"
                ) from None
            time.sleep(0.2 * attempt)
    _check_facts(study, {"objective": objective, **facts}, url)
    return study


def open_storage(url: str) -> "optuna.storages.BaseStorage":
    """The database at a URL; its tables are made if they are missing."""
    import optuna

    options = {"connect_args": {"timeout": SQLITE_SECONDS}} if url.startswith("sqlite") else {}
    return optuna.storages.RDBStorage(url, engine_kwargs=options)


def _check_facts(study: "optuna.Study", facts: Mapping[str, Any], url: str) -> None:
    """Writes the facts into a new study, and compares them with those of another process's."""
    known = study.user_attrs
    for name, fact in facts.items():
        digest = hashlib.sha256(json.dumps(fact, sort_keys=True, default=str).encode()).hexdigest()[:16]
        if known.setdefault(name, digest) != digest:
            raise InputError(
                f"{without_password(url)} holds a search with another {name}; give that one, or another --output and "
                "--storage"
            )
        study.set_user_attr(name, digest)


def absolute(url: str) -> str:
    """A storage's URL with the absolute path of its file, if it is SQLite's."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return url  # `open_study` reports it
    if not parsed.drivername.startswith("sqlite") or parsed.database in (None, "", ":memory:"):
        return url
    return parsed.set(database=str(Path(str(parsed.database)).resolve())).render_as_string(hide_password=False)


def without_password(url: str) -> str:
    """A storage's URL as messages and files show it."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return url


def fail_killed(study: "optuna.Study", owner: str) -> int:
    """Marks the running trials of a killed process as failed, and returns their number.

    Those of other processes go on.

    Args:
        study: The study.
        owner: Who the killed process was; this process is its only successor.
    """
    import optuna

    now, killed = datetime.datetime.now(), 0
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        age = (now - (trial.datetime_start or now)).total_seconds()
        if trial.user_attrs.get(OWNER) == owner or (OWNER not in trial.user_attrs and age > UNOWNED_SECONDS):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)
            killed += 1
    return killed


def enqueue_default(study: "optuna.Study", parameters: Mapping[str, Any]) -> None:
    """Makes the default recipe the next trial, unless it is finished, running or waiting."""
    import optuna

    alive = (trial for trial in study.get_trials(deepcopy=False) if trial.state != optuna.trial.TrialState.FAIL)
    if not any(trial.user_attrs.get(DEFAULT) for trial in alive):
        study.enqueue_trial(dict(parameters), user_attrs={DEFAULT: True})


def ask(study: "optuna.Study", finished: "list[optuna.trial.FrozenTrial]", *, owner: str, seed: int) -> "optuna.Trial":
    """The next trial.

    It keeps some parameters of the best trial so far, drawn at random, because in a short search hardly any trial with
    all of them new is a good one. All draws follow from the seed, the number of the trial and the trials before it, so
    several processes draw different settings.

    Args:
        study: The study.
        finished: From `finished_trials`.
        owner: Who runs the trial.
        seed: The seed of the search.
    """
    import optuna

    trial = study.ask()
    trial.set_user_attr(OWNER, owner)
    best, random = finished[:1], np.random.default_rng([seed, trial.number])
    kept = {name: value for one in best for name, value in one.params.items() if random.random() < KEPT}
    while best and kept and len(kept) > len(best[0].params) - LEAST_DRAWN:  # it could be the same trial again
        kept.popitem()
    sampler = optuna.samplers.TPESampler(
        n_startup_trials=STARTUP_TRIALS, multivariate=False, seed=int(random.integers(2**32))
    )
    study.sampler = optuna.samplers.PartialFixedSampler(kept, sampler)
    return trial


def finished_trials(study: "optuna.Study") -> "list[optuna.trial.FrozenTrial]":
    """The trials that have a score, the best first; of equal ones, the earlier first."""
    import optuna

    trials = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    sign = 1 if study.direction == optuna.study.StudyDirection.MINIMIZE else -1
    return sorted(trials, key=lambda trial: (sign * (trial.value or 0.0), trial.number))


def default_trial(study: "optuna.Study") -> "optuna.trial.FrozenTrial | None":
    """The finished trial of the default recipe."""
    return next((trial for trial in finished_trials(study) if trial.user_attrs.get(DEFAULT)), None)


def importances(study: "optuna.Study", model: str | None = None) -> dict[str, float]:
    """How much of the differences in the score each setting explains, the most first; they add up to 1.

    Args:
        study: The study.
        model: The model whose trials count, if several are tried; its settings are compared among themselves.

    Returns:
        None of them, with too few finished trials.

    Source: fANOVA, Hutter, Hoos and Leyton-Brown (2014), http://proceedings.mlr.press/v32/hutter14.html.
    """
    import optuna

    trials = [trial for trial in finished_trials(study) if model is None or trial.params.get("model") == model]
    if len(trials) < STARTUP_TRIALS:
        return {}
    alone = optuna.create_study(direction=study.direction)
    alone.add_trials(trials)
    try:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        found = optuna.importance.get_param_importances(alone, evaluator=evaluator)
    except (ValueError, RuntimeError):  # all scores are equal
        return {}
    return {name.rpartition(".")[2]: float(value) for name, value in found.items() if name != "model"}
