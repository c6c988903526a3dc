import builtins
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from keras_textcnn import train as train_command
from keras_textcnn.cli.repeated import options_of
from keras_textcnn.config import TrainConfig
from keras_textcnn.persistence.run import Run
from keras_textcnn.scale.tuning import study as studies
from keras_textcnn.scale.tuning.budget import Budget
from keras_textcnn.scale.tuning.search_space import SearchSpace
from tests.runs import Cli, assert_same_weights, without_ngrams
from tests.scale.tuning.test_search_space import RandomTrial


class Ticks:
    """A clock that a test moves on: a second for each look at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def parse(words: list[str], monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    """The settings that `train` takes from its options."""
    parsed: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr("sys.argv", ["train", *words])
        patch.setattr(train_command, "run_command", lambda main, parser: parsed.append(parser.parse_args()) or 0)
        train_command.main()
    names = TrainConfig.__dataclass_fields__
    return TrainConfig(**{name: value for name, value in vars(parsed[0]).items() if name in names})


GIVEN: dict[str, Any] = {
    "data": "a file's.csv",
    "text_column": ("title,review",),
    "delimiter": r"\t",
    "header": False,
    "refit": False,
    "skip_unlabelled": True,
    "multi_label": ";",
    "escape": "\\",
    "test_fraction": 0.2,
    "seed": 7,
}


@pytest.mark.parametrize("model", ["conv1d", "conv1d-stack", "conv2d", "charcnn"])
def test_a_printed_command_gives_the_same_settings(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(10):
        space = SearchSpace(GIVEN if model == "conv1d" else {"label_columns": ("a,b",)}, [model], 10_000)
        kept = json.loads(json.dumps(space.suggest(RandomTrial(seed))))  # as a database gives it back
        words = shlex.split(shlex.join(options_of(kept)))
        assert parse(words, monkeypatch) == TrainConfig(**kept)


@pytest.mark.usefixtures("without_exports")
def test_a_search_leaves_a_run_that_the_printed_command_repeats(
    small_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setattr(Budget.__init__, "__kwdefaults__", {"spent": 0.0, "clock": Ticks()})
    given = [*without_ngrams(small_options), "--ngrams", "0"]
    ended = cli("tune", *given, "--minutes", "1", "--output", tmp_path / "search")
    assert ended.status == 0, ended.err
    assert re.search(r"trial   0  log loss \d\.\d{4}, the best so far  default  \(\d+ s, \d+\.\d min left\)", ended.err)
    assert "default recipe" in ended.out
    assert {"optuna.db", "run", "trials.csv", "tune.json", "tuning.png"} <= {
        p.name for p in (tmp_path / "search").iterdir()
    }
    [command] = [line.strip() for line in ended.out.splitlines() if line.startswith("    python -m")]
    words = shlex.split(command)[3:]
    assert cli("train", *words, "--output", tmp_path / "again").status == 0
    runs = tmp_path / "search" / "run", tmp_path / "again"
    assert Run.open(runs[0]).config() == Run.open(runs[1]).config()
    assert_same_weights(*runs)
    again = cli("tune", "--resume", tmp_path / "search")
    assert (again.status, again.error) == (
        2,
        f"error: {tmp_path / 'search'} is finished; there is nothing to resume",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--minutes", "0"], "argument --minutes: must be a number above 0; received: 0"),
        (["--minutes", "soon"], "argument --minutes: must be a number above 0; received: soon"),
        (["--objective", "speed"], "invalid choice: 'speed'"),
        (["--model", "bert"], "invalid choice: 'bert'"),
        (["--folds", "10"], "unknown option --folds"),
        (["--model", "conv1d", "conv2d", "--ngrams", "2"], "--ngrams does not apply to --model conv2d; leave it out"),
        (["--filters", "0"], "--filters must be at least 1; received: 0"),
        (["--data", "nowhere.csv"], "no such file: "),
        (["--resume", "nowhere"], "no search in nowhere; give the --output of an earlier tune"),
        (["--resume", "nowhere", "--minutes", "3"], "--resume takes all settings from the search; leave the other"),
        (["--storage", "nothing"], "cannot open --storage nothing: Could not parse SQLAlchemy URL"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_is_written(
    options: list[str], message: str, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(studies, "OPENING", 1)
    corpus = [] if {"--data", "--resume"} & {*options} else ["--data", corpus_file]
    ended = cli("tune", *corpus, *options)
    assert ended.status == 2
    assert ended.error.startswith("error: ")
    assert message in ended.error
    assert [*tmp_path.rglob("*.json")] == []


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, corpus_file: Path, cli: Cli) -> None:
    original = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "optuna":
            raise ModuleNotFoundError("No module named 'optuna'", name="optuna")
        return original(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    ended = cli("tune", corpus_file)
    assert (ended.status, ended.error) == (2, "error: tune needs optuna: pip install 'keras_textcnn[tune]'")
