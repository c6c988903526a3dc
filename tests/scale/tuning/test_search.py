import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any

import optuna
import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.run import Run
from keras_textcnn.scale.tuning import gain
from keras_textcnn.scale.tuning import study as studies
from keras_textcnn.scale.tuning.plan import Plan
from keras_textcnn.scale.tuning.report import verdict
from keras_textcnn.scale.tuning.search import search
from keras_textcnn.scale.tuning.trials import Deadline, EpochReport, Trials
from tests.conftest import make_corpus
from tests.runs import Killed

SMALL = {"vectors": "none", "dimensions": 4, "ngrams": 0, "inner_folds": 0, "validation_fraction": 0.2, "refit": False}
SMALL |= {"frozen_epochs": 1, "unfrozen_epochs": 5, "seed": 3}
SMALL |= {"windows": (1, 2), "hidden": (), "poolings": ("max",), "max_norm": None, "embedding_dropout": 0.1}
SMALL |= {"batch_size": 64, "embedding_factor": 1.0, "learning_rate": 0.01}  # which leaves three to be searched
PLAIN = {"vectors": "none", "inner_folds": 0}
EPOCHS, EPOCH_SECONDS = 6, 10  # of each imagined training


class Imagined:
    """Trainings that take no time but on their own clock; what they are worth depends on the filters alone.

    Attributes:
        now: The clock.
        configs: The settings of all trials.
        killed_in: The number of the training that ends in `Killed`, from 1.
        slow: Seconds by which the last training takes longer.
        best: The filters that are best.
        lost: The seed of trainings that measure the gain, but lose their way.
    """

    def __init__(self) -> None:
        self.now, self.configs, self.killed_in, self.slow, self.best = 0.0, list[TrainConfig](), 0, 0.0, 200
        self.lost: int | None = None

    def __call__(self) -> float:
        return self.now

    def score(self, config: TrainConfig) -> dict[str, float | None]:
        loss = abs(math.log(config.resolved().filters / self.best)) + 0.1
        return {"log_loss": loss, "accuracy": 1 - loss / 10, "macro_f1": 0.5}

    def hold_out(self, config: TrainConfig, callbacks: list[Any] = (), **more: object) -> dict[str, float | None]:
        self.configs.append(config)
        loss = self.score(config)["log_loss"] or 0.0
        for epoch in range(EPOCHS):
            self.now += EPOCH_SECONDS
            if self.killed_in == len(self.configs) and epoch == 1:
                raise Killed
            for callback in callbacks:
                if isinstance(callback, EpochReport | Deadline):
                    callback.on_epoch_end(epoch, {"loss": 1.0, "val_loss": loss + 1 / (epoch + 1)})
        return self.score(config)

    def fit(self, config: TrainConfig, *, seed: int, callbacks: list[Any] = ()) -> dict[str, Any]:
        if seed == self.lost:
            raise ArithmeticError("the loss is NaN; lower the learning rate")
        for _ in range(EPOCHS):
            self.now += EPOCH_SECONDS
            for callback in callbacks:
                callback.on_epoch_end(0, {"loss": 1.0})
        scores = self.score(config)
        noisy = {"log_loss": (scores["log_loss"] or 0.0) + seed / 1000}
        return {"validation": {**scores, **noisy}, "test": {**scores, **noisy}}


@pytest.fixture
def imagined(monkeypatch: pytest.MonkeyPatch, finished_run: Path) -> Imagined:
    """Trials are imagined, and so is the last training, which leaves another run."""
    made = Imagined()
    monkeypatch.setattr(Trials, "hold_out", lambda self, config, **more: made.hold_out(config, **more))
    monkeypatch.setattr(Trials, "fit", lambda self, config, **more: made.fit(config, **more))

    def train(config: TrainConfig, corpus: Corpus, directory: Path, *, resumed: bool, callbacks: list[Any]) -> Any:
        made.now += EPOCHS * EPOCH_SECONDS + made.slow
        for callback in callbacks:
            callback.on_epoch_end(0)
        shutil.copytree(finished_run, directory)
        return Run.open(directory)

    storages: dict[str, optuna.storages.BaseStorage] = {}
    monkeypatch.setattr(gain, "train", train)
    monkeypatch.setattr(  # a database would take most of the time
        studies, "open_storage", lambda url: storages.setdefault(url, optuna.storages.InMemoryStorage())
    )
    return made


def make_plan(minutes: float = 20, **changed: Any) -> Plan:
    return dataclasses.replace(Plan(SMALL, minutes), **changed)


def test_a_search_finds_better_settings_and_measures_their_gain(imagined: Imagined, tmp_path: Path) -> None:
    found = search(make_plan(), make_corpus(), tmp_path / "search", clock=imagined)
    assert found.rows[0]["state"] == "complete"
    assert set(found.rows[0]) >= {"trial", "log_loss", "seconds"}
    assert imagined.configs[0] == TrainConfig(**SMALL, model="conv1d")
    scores = {row["trial"]: row["log_loss"] for row in found.rows if row["state"] == "complete"}
    assert found.number == min(scores, key=lambda number: (scores[number], number))
    assert found.best is not None
    assert found.default is not None
    assert found.best["log_loss"] < found.default["log_loss"]
    assert {row["state"] for row in found.rows} >= {"complete", "pruned"}
    seeds = [[*found.repeats[kind]] for kind in ("default", "best")]
    assert all(its[:3] == [3, 4, 5] for its in seeds)
    assert {name: found.settings[name] for name in SMALL} == SMALL
    assert found.run.finished
    assert sum(found.importances.values()) == pytest.approx(1)
    state = json.loads((tmp_path / "search" / "tune.json").read_text())
    assert state["finished"]
    with pytest.raises(InputError, match="is finished; there is nothing to resume"):
        search(make_plan(), make_corpus(), tmp_path / "search", resumed=True)


@pytest.mark.parametrize("minutes", [4, 10, 13.3])
def test_the_budget_holds_to_within_an_epoch(minutes: float, imagined: Imagined, tmp_path: Path) -> None:
    found = search(make_plan(minutes), make_corpus(), tmp_path / "search", clock=imagined)
    assert found.seconds <= 60 * minutes + EPOCH_SECONDS
    assert found.seconds == imagined.now
    assert found.run.finished


def test_a_last_training_that_takes_longer_costs_seeds_and_not_the_budget(imagined: Imagined, tmp_path: Path) -> None:
    imagined.slow = 200
    found = search(make_plan(), make_corpus(), tmp_path / "search", clock=imagined)
    assert found.seconds <= 60 * 20 + EPOCH_SECONDS
    assert len(found.repeats["best"]) < 3


def test_while_nothing_is_better_than_the_default_no_time_is_kept_for_measuring_a_gain(
    imagined: Imagined, tmp_path: Path
) -> None:
    imagined.best = TrainConfig().resolved().filters or 0
    found = search(make_plan(10), make_corpus(), tmp_path / "search", clock=imagined)
    assert (found.number, found.repeats) == (0, {})
    assert 60 * 9 < found.seconds <= 60 * 10 + EPOCH_SECONDS


def test_a_training_for_the_gain_that_fails_is_left_out(imagined: Imagined, tmp_path: Path, logged: list[str]) -> None:
    imagined.lost = 4
    found = search(make_plan(), make_corpus(), tmp_path / "search", clock=imagined)
    assert "default settings with seed 4: failed: the loss is NaN" in logged
    assert found.repeats["best"][4] == {"validation": None, "test": None}
    assert len(gain.gains(found, "test", "log_loss")) == len(found.repeats["default"]) - 1


def test_a_slow_default_recipe_is_not_pruned(
    imagined: Imagined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keras_textcnn.scale.tuning.search.longest_trial", lambda seconds, default: 1.0)
    monkeypatch.setattr(studies, "enqueue_default", _enqueue_behind_others)
    found = search(make_plan(), make_corpus(), tmp_path / "search", clock=imagined)
    assert found.default is not None
    assert [row["state"] for row in found.rows[:3]] == ["complete", "complete", "pruned"]


def _enqueue_behind_others(study: optuna.Study, parameters: Any) -> None:
    """The first trial is that of another process, which was faster."""
    study.enqueue_trial({**parameters, "conv1d.filters": 60})
    study.enqueue_trial(dict(parameters), user_attrs={studies.DEFAULT: True})


@pytest.mark.parametrize("killed_in", ["last training", "repeats"])
def test_what_a_killed_training_behind_the_trials_took_is_counted(
    killed_in: str, imagined: Imagined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = list[float]()

    def end(*arguments: Any, callbacks: list[Any], **named: object) -> None:
        imagined.now += 100
        for callback in callbacks:
            callback.on_train_batch_end(0)
        kept.append(json.loads((tmp_path / "search" / "tune.json").read_text())["spent"])
        raise Killed

    monkeypatch.setattr(*((gain, "train", end) if killed_in == "last training" else (Trials, "fit", end)))
    with pytest.raises(Killed):
        search(make_plan(), make_corpus(), tmp_path / "search", clock=imagined)
    assert kept == [imagined.now]


def test_a_search_is_unfinished_until_its_report_is_written(
    imagined: Imagined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(found: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("keras_textcnn.scale.tuning.search.write", fail)
        with pytest.raises(OSError, match="No space"):
            search(make_plan(10), make_corpus(), tmp_path / "search", clock=imagined)
    found = search(make_plan(10), make_corpus(), tmp_path / "search", clock=imagined, resumed=True)
    assert verdict(found) in (tmp_path / "search" / "report.txt").read_text()


def test_a_search_that_lost_its_trials_is_not_continued(
    imagined: Imagined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imagined.killed_in = 3
    with pytest.raises(Killed):
        search(make_plan(), make_corpus(), tmp_path / "search", clock=imagined)
    monkeypatch.setattr(studies, "open_storage", lambda url: optuna.storages.InMemoryStorage())  # it was deleted
    with pytest.raises(InputError, match="no longer holds the trials of this search; start again"):
        search(make_plan(), make_corpus(), tmp_path / "search", clock=imagined, resumed=True)
    assert (tmp_path / "search" / "tune.json").exists()


@pytest.mark.parametrize("given", [{"devices": "all"}, {"seeds": 3}, {"memory": 512}])
def test_settings_that_a_search_cannot_have_are_refused(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{next(iter(given))} does not apply to a search; leave it out"):
        search(Plan({**SMALL, **given}, 10), make_corpus(), tmp_path / "search")
    assert not (tmp_path / "search").exists()


def test_a_poor_trial_is_not_saved_by_one_easy_fold(
    imagined: Imagined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial is compared by the mean of its folds so far."""
    reported, report = list[float](), optuna.trial.Trial.report

    def hold_out(self: Trials, config: TrainConfig, *, on_fold: Any, **more: object) -> dict[str, float | None]:
        imagined.now += EPOCHS * EPOCH_SECONDS
        for fold, loss in enumerate((0.2, 0.6, 0.7), 1):
            on_fold(fold, {"log_loss": loss, "accuracy": None, "macro_f1": None})
        return imagined.score(config)

    def keep(self: optuna.trial.Trial, value: float, step: int) -> None:
        reported.append(value)
        report(self, value, step)

    monkeypatch.setattr(Trials, "hold_out", hold_out)
    monkeypatch.setattr(optuna.trial.Trial, "report", keep)
    search(make_plan(4), make_corpus(), tmp_path / "search", clock=imagined)
    assert reported[:3] == pytest.approx([0.2, 0.4, 0.5])


def test_a_budget_that_is_too_small_still_trains_the_default(
    imagined: Imagined, tmp_path: Path, logged: list[str]
) -> None:
    found = search(make_plan(0.5), make_corpus(), tmp_path / "search", clock=imagined)
    assert (found.number, found.best, found.repeats) == (None, None, {})
    assert len(found.rows) == 1
    assert found.settings == {**SMALL, "model": "conv1d"}
    assert found.run.finished
    assert "warning: no trial finished in the time there was; the default recipe is trained" in logged


def test_after_a_kill_the_rest_of_the_time_is_left(
    imagined: Imagined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, directory = make_corpus(), tmp_path / "search"
    imagined.killed_in = 5
    with monkeypatch.context() as patch:
        patch.setattr("optuna.study.Study.tell", _not_when_killed(imagined))  # a killed process tells nothing
        with pytest.raises(Killed):
            search(make_plan(), corpus, directory, clock=imagined)
    spent = json.loads((directory / "tune.json").read_text())["spent"]
    assert spent == pytest.approx(imagined.now, abs=EPOCH_SECONDS)
    imagined.killed_in = 0
    found = search(make_plan(), corpus, directory, resumed=True, clock=imagined)
    assert [row["state"] for row in found.rows].count("fail") >= 1
    assert found.rows[4]["state"] == "fail"
    assert found.rows[0]["state"] == "complete"
    assert sum(row["state"] in ("complete", "pruned") for row in found.rows[:4]) == 4
    assert found.seconds <= 20 * 60 + EPOCH_SECONDS


def _not_when_killed(imagined: Imagined) -> Any:
    tell = optuna.study.Study.tell

    def maybe(self: Any, trial: Any, *arguments: Any, **named: Any) -> Any:
        if imagined.killed_in != len(imagined.configs):
            return tell(self, trial, *arguments, **named)
        return None

    return maybe


@pytest.mark.parametrize("killed_in", ["last training", "repeats"])
def test_after_a_kill_behind_the_trials_nothing_is_searched_again(
    killed_in: str, imagined: Imagined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, directory = make_corpus(), tmp_path / "search"

    def end(*arguments: object, **named: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*((gain, "train", end) if killed_in == "last training" else (Trials, "fit", end)))
        with pytest.raises(Killed):
            search(make_plan(), corpus, directory, clock=imagined)
    before = len(imagined.configs)
    found = search(make_plan(), corpus, directory, resumed=True, clock=imagined)
    assert len(found.rows) == before
    assert len(found.repeats["default"]) >= 3


def test_a_trial_that_fails_is_told_and_the_search_goes_on(
    imagined: Imagined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    def fail(self: object, config: TrainConfig, **more: Any) -> Any:
        scores = imagined.hold_out(config, **more)
        if len(imagined.configs) == 2:
            raise ArithmeticError("epoch 2: the loss is NaN or infinite; lower the learning rate")
        return scores

    monkeypatch.setattr(Trials, "hold_out", fail)
    found = search(make_plan(12), make_corpus(), tmp_path / "search", clock=imagined)
    assert found.rows[1]["reason"] == "failed: epoch 2: the loss is NaN or infinite"
    assert any(line.startswith("trial   1  failed: epoch 2") for line in logged)
    assert found.rows[2]["state"] == "complete"


def test_another_corpus_is_refused_and_nothing_is_left(imagined: Imagined, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    search(make_plan(4, storage=url), make_corpus(), tmp_path / "one", clock=imagined)
    other = Corpus(["a b c d", "e f g h"] * 40, ["x", "y"] * 40)
    for corpus, plan, name in (
        (other, make_plan(4, storage=url), "corpus"),
        (make_corpus(), make_plan(4, storage=url, given={**SMALL, "dropout": 0.1}), "settings"),
        (make_corpus(), make_plan(4, storage=url, models=("conv1d", "conv2d-windows"), given=PLAIN), "settings"),
        (make_corpus(), make_plan(4, storage=url, objective="accuracy"), "objective"),
    ):
        with pytest.raises(InputError, match=f"holds a search with another {name}"):
            search(plan, corpus, tmp_path / "two", clock=imagined)
        assert not (tmp_path / "two").exists()
    before = len(imagined.configs)
    found = search(make_plan(4, storage=url), make_corpus(), tmp_path / "two", clock=imagined)
    assert imagined.configs[before] != TrainConfig(**SMALL, model="conv1d")  # the second search goes on with the first
    assert found.default is not None
