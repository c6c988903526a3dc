"""Short and full help, options from settings, and hints for unknown options."""

import dataclasses
import re
import subprocess
import sys

import pytest

from keras_textcnn import __main__
from keras_textcnn.cli.habits import HABITS
from keras_textcnn.config import TrainConfig
from keras_textcnn.settings.fields import option_name
from tests.runs import Cli

COMMANDS = ("train", "tune", "evaluate", "predict", "serve", "catalog", "reproduce")
OPTIONS = {option_name(field) for field in dataclasses.fields(TrainConfig)}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


def test_the_short_help_of_train_fits_a_screen_and_the_long_one_has_every_option(cli: Cli) -> None:
    (_, short, _), (_, long, _) = (cli("train", option) for option in ("--help", "--help-all"))
    assert len(short.splitlines()) <= 40
    for text in (short, long):
        assert re.findall(r"^(\w+):$", text, re.MULTILINE)[-6:-1] == ["data", "text", "model", "training", "output"]
    shown, every = (set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", text, re.MULTILINE)) for text in (short, long))
    assert 12 <= len(shown) <= 16
    assert every >= OPTIONS | {"--recipe", "--output", "--resume", "--help", "--help-all", "--debug"} > shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, cli: Cli) -> None:
    for options, shown in (((name,), f"python -m keras_textcnn.{name}"), (("__main__", name), f"keras-textcnn {name}")):
        ended = cli(*options, "--help")
        assert ended.status == 0
        assert f"examples:\n  {shown}" in ended.out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--epochs", "3"], "unknown option --epochs; use --frozen-epochs and --unfrozen-epochs, one for each phase"),
        (["--lr=0.1"], "unknown option --lr; use --learning-rate and --unfrozen-learning-rate, for each phase"),
        (["--kernel-size", "3"], "unknown option --kernel-size; use --windows"),
        (["--max_length", "99"], "unknown option --max_length; use --maximum-tokens"),
        (["--test-size", "0.2"], "unknown option --test-size; use --test-fraction"),
        (["-wordNgrams", "2"], "unknown option -wordNgrams; use --ngrams"),
        (["-dim", "100"], "unknown option -dim; use --dimensions"),
        (["--batch_size", "9"], "unknown option --batch_size; use --batch-size"),
        (["--input", "a.csv"], "unknown option --input; give the corpus without an option"),
        (["--lerning-rate", "1"], "unknown option --lerning-rate; did you mean --learning-rate?"),
        (["--zebra"], "unknown option --zebra; see"),
        (["a.csv", "b.csv"], "unexpected argument: b.csv"),
        (["a.csv", "--data", "b.csv"], "two corpora: a.csv and --data b.csv; give only one"),
        (["--windows", "3,x"], "argument --windows: must be numbers separated by commas, such as 1,2,3; received: 3,x"),
    ],
)
def test_an_unknown_option_is_told_by_its_name_here(given: list[str], message: str, cli: Cli) -> None:
    ended = cli("train", *given)
    assert ended.status == 2
    assert ended.err.startswith(f"error: {message}")
    assert ended.err.count("\n") == 1


def test_what_habits_point_to_is_an_option() -> None:
    known = OPTIONS | {"--output", "--top", "CORPUS"}
    for name, meant in HABITS.items():
        assert set(re.findall(r"--[\w-]+", meant)) <= known
        assert meant.split(",")[0].split(" ")[0] in known
        assert name == re.sub("[-_]", "", name).lower()
        assert f"--{name}" not in known


def test_the_front_door(cli: Cli) -> None:
    listed = cli("__main__")
    assert listed.status == 0
    assert all(f"\n  {name}" in listed.out for name in COMMANDS)
    assert set(__main__.COMMANDS) == set(COMMANDS)
    version = cli("__main__", "--version")
    assert version.status == 0
    assert re.match(r"keras_textcnn \d.*, keras 3\.\d.*, tensorflow 2\.\d", version.out)
    unknown = cli("__main__", "trian")
    assert (unknown.status, unknown.err) == (2, "error: no such command: 'trian'; did you mean train?\n")
    assert "reuters-r8" in cli("__main__", "catalog").out


def test_the_package_is_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "keras_textcnn", "predict"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == ("error: the following arguments are required: RUN; see keras-textcnn predict --help\n")
