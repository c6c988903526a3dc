"""A search is killed again and again, and goes on each time."""

import json
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keras_textcnn.errors import InputError
from keras_textcnn.scale.tuning import study as studies
from keras_textcnn.scale.tuning.plan import SearchFolder

KILLS = 20
MINUTES = 10  # of the whole search: enough for that many starts, and for the trainings after the trials


def start(*arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "keras_textcnn.tune", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished_trials(directory: Path) -> dict[int, float]:
    """The scores of the finished trials, by number."""
    import optuna

    study = optuna.load_study(study_name=studies.NAME, storage=f"sqlite:///{directory / 'optuna.db'}")
    return {trial.number: float(trial.value or 0) for trial in studies.finished_trials(study)}


@pytest.mark.stress
def test_twenty_kills_lose_nothing_but_the_running_trial(small_options: list[str], tmp_path: Path) -> None:
    directory, draws = tmp_path / "search", random.Random(0)
    given: list[object] = [*small_options, "--minutes", MINUTES, "--output", directory]
    known: dict[int, float] = {}
    kills = spent = 0
    while not state(directory)["finished"]:
        process = start(*given)
        assert process.stderr is not None
        steps, lines = draws.randint(0, 4), list[str]()
        for line in process.stderr:  # until it has done some steps of the search, or of the trainings after it
            lines.append(line)
            steps -= bool(re.match(r"trial|epoch|training the settings|(best|default) settings", line))
            if steps < 0:
                break
        if kills < KILLS:
            time.sleep(draws.uniform(0, 2))
            process.kill()
            kills += 1
        errors = process.communicate(timeout=60 * (MINUTES + 5))[1]
        assert process.returncode in (0, -9), "".join(lines) + errors
        with studies.quiet():
            now = finished_trials(directory)
        assert known.items() <= now.items()  # no finished trial is lost or changed
        assert state(directory)["spent"] >= spent
        known, spent, given = now, state(directory)["spent"], ["--resume", directory]
    assert kills == KILLS
    print(f"{kills} kills, {len(known)} finished trials, {spent:.0f} of {60 * MINUTES} s")
    assert (directory / "run" / "manifest.json").exists()
    with pytest.raises(InputError, match="is finished"):
        SearchFolder.open_unfinished(directory)


def state(directory: Path) -> dict[str, object]:
    """What `tune.json` holds; an unfinished search before there is one."""
    file = directory / "tune.json"
    return json.loads(file.read_text()) if file.exists() else {"finished": False, "spent": 0.0}
