import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest

from keras_textcnn.errors import InputError
from keras_textcnn.scale.tuning import study as studies
from keras_textcnn.scale.tuning.plan import Plan

FACTS = {"corpus": "one", "settings": {"seed": 1}}
# A process that searches without training: a trial's score is its only parameter.
WORKER = """
import sys
import time
from keras_textcnn.scale.tuning import study as studies
url, owner, trials, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
with studies.quiet():
    study = studies.open_study(url, objective="accuracy", facts={"corpus": "one"}, folds=0)
    studies.fail_killed(study, owner)
    studies.enqueue_default(study, {"rate": 0.5})
    for number in range(trials):
        trial = studies.ask(study, studies.finished_trials(study), owner=owner, seed=0)
        rate = trial.suggest_float("rate", 0, 1)
        print(trial.number, flush=True)
        time.sleep(seconds)
        study.tell(trial, rate)
"""


@pytest.fixture(autouse=True)
def _quiet() -> object:
    with studies.quiet():
        yield


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'optuna.db'}"


def open_study(url: str, **changed: object) -> optuna.Study:
    return studies.open_study(url, **{"objective": "accuracy", "facts": FACTS, "folds": 0, **changed})


def start(url: str, owner: str, *, trials: int, seconds: float = 0.0) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", WORKER, url, owner, str(trials), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_share_a_study(url: str) -> None:
    workers = [start(url, owner, trials=8) for owner in ("one", "other")]
    for worker in workers:
        _, errors = worker.communicate(timeout=60)
        assert worker.returncode == 0, errors
        assert not errors
    study = open_study(url, facts={"corpus": "one"})
    trials = study.get_trials()
    assert [trial.number for trial in trials] == list(range(16))
    assert Counter(trial.user_attrs[studies.OWNER] for trial in trials) == {"one": 8, "other": 8}
    assert studies.default_trial(study).value == 0.5
    drawn = [trial.value for trial in trials if not trial.user_attrs.get(studies.DEFAULT)]
    assert len(set(drawn)) > len(drawn) / 2  # some keep the best value so far


def test_after_a_kill_only_the_running_trial_is_lost(url: str) -> None:
    worker = start(url, "one", trials=3, seconds=0.0)
    worker.communicate(timeout=60)
    worker, other = start(url, "one", trials=1, seconds=600), start(url, "other", trials=1, seconds=600)
    for process in (worker, other):
        assert process.stdout is not None
        process.stdout.readline()  # its trial is running
    worker.kill()
    worker.communicate()
    study = open_study(url, facts={"corpus": "one"})
    assert studies.fail_killed(study, "one") == 1
    states = Counter(trial.state.name for trial in study.get_trials())
    assert states == {"COMPLETE": 3, "FAIL": 1, "RUNNING": 1}  # that of the other process goes on
    other.kill()
    other.communicate()
    assert studies.fail_killed(study, "one") == 0


def test_a_default_recipe_that_was_killed_is_tried_again(url: str) -> None:
    study = open_study(url)
    studies.enqueue_default(study, {"rate": 0.5})
    studies.enqueue_default(study, {"rate": 0.5})  # by another process
    assert studies.ask(study, studies.finished_trials(study), owner="one", seed=0).suggest_float("rate", 0, 1) == 0.5
    studies.enqueue_default(study, {"rate": 0.5})
    assert len(study.get_trials()) == 1
    assert studies.fail_killed(study, "one") == 1
    studies.enqueue_default(study, {"rate": 0.5})
    trial = studies.ask(study, studies.finished_trials(study), owner="one", seed=0)
    assert (trial.number, trial.suggest_float("rate", 0, 1)) == (1, 0.5)


def test_a_trial_of_nobody_is_failed_once_it_is_old(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study = open_study(url)
    study.ask()  # killed before it could say whose it is
    assert studies.fail_killed(study, "one") == 0
    monkeypatch.setattr(studies, "UNOWNED_SECONDS", -1)
    assert studies.fail_killed(study, "one") == 1


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"facts": {**FACTS, "corpus": "other"}}, "corpus"),
        ({"facts": {**FACTS, "settings": {"seed": 2}}}, "settings"),
        ({"objective": "macro_f1"}, "objective"),
    ],
)
def test_another_search_is_refused(url: str, changed: dict[str, object], name: str) -> None:
    open_study(url)
    open_study(url)
    with pytest.raises(InputError, match=f"holds a search with another {name}; give that one"):
        open_study(url, **changed)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nothing", "Could not parse SQLAlchemy URL"),
        ("sqlite:////nowhere/optuna.db", "unable to open database file"),
        ("nosuch://host/name", "nosuch"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_one_line(url: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(InputError, match=f"cannot open --storage {url}: .*{reason}.*; give a URL") as error:
        open_study(url)
    assert "\n" not in str(error.value)


def test_a_file_of_trials_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Plan({}, 1, storage="sqlite:///shared.db").storage == f"sqlite:///{tmp_path / 'shared.db'}"
    for kept in (f"sqlite:///{tmp_path / 'a.db'}", "sqlite:///:memory:", "postgresql://me:secret@host/name", "nothing"):
        assert Plan({}, 1, storage=kept).storage == kept


def test_a_password_is_not_shown() -> None:
    assert studies.without_password("postgresql://me:secret@host/name") == "postgresql://me:***@host/name"
    assert studies.without_password("no url") == "no url"


def draw(url: str, *, seed: int, trials: int) -> list[float]:
    study = open_study(url)
    drawn = []
    for _ in range(trials):
        trial = studies.ask(study, studies.finished_trials(study), owner="one", seed=seed)
        drawn += [trial.suggest_float(name, 0, 1) for name in ("a", "b")]
        study.tell(trial, sum(drawn[-2:]))
    return drawn


def test_draws_follow_from_the_seed_also_after_an_interruption(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path / name}.db" for name in "abc"]
    whole = draw(urls[0], seed=1, trials=12)
    assert draw(urls[1], seed=1, trials=5) + draw(urls[1], seed=1, trials=7) == whole
    assert draw(urls[2], seed=2, trials=12) != whole


def test_importances_find_the_parameter_that_matters() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    assert studies.importances(study) == {}
    for _ in range(60):
        trial = study.ask()
        study.tell(trial, trial.suggest_float("rate", 0, 1) + 0.01 * trial.suggest_float("other", 0, 1))
    shares = studies.importances(study)
    assert list(shares) == ["rate", "other"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["rate"] > 0.8
