"""Short and full help, options from settings, and hints for unknown options."""

import dataclasses
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from keras_textcnn import __main__, catalog, evaluate, predict, reproduce, train
from keras_textcnn.cli.habits import HABITS
from keras_textcnn.config import TrainConfig
from keras_textcnn.settings.fields import option_name

MAINS = {"train": train, "evaluate": evaluate, "predict": predict, "catalog": catalog, "reproduce": reproduce}
OPTIONS = {option_name(field) for field in dataclasses.fields(TrainConfig)}


def run(main: Callable[[], int], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["keras-textcnn", *arguments])
    monkeypatch.setenv("COLUMNS", "80")
    try:
        return main()
    except SystemExit as end:
        return int(end.code or 0)


def test_the_short_help_of_train_fits_a_screen_and_the_long_one_has_every_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(train.main, monkeypatch, "--help") == 0
    short = capsys.readouterr().out
    assert run(train.main, monkeypatch, "--help-all") == 0
    long = capsys.readouterr().out
    assert len(short.splitlines()) <= 40
    for text in (short, long):
        assert re.findall(r"^(\w+):$", text, re.MULTILINE)[-6:-1] == ["data", "text", "model", "training", "output"]
    shown, every = (set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", text, re.MULTILINE)) for text in (short, long))
    assert 12 <= len(shown) <= 16
    assert every >= OPTIONS | {"--output", "--resume", "--help", "--help-all", "--debug"} > shown


@pytest.mark.parametrize("name", MAINS)
def test_every_command_has_help_with_an_example(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(MAINS[name].main, monkeypatch, "--help") == 0
    assert f"examples:\n  python -m keras_textcnn.{name}" in capsys.readouterr().out
    assert run(__main__.main, monkeypatch, name, "--help") == 0
    assert f"examples:\n  keras-textcnn {name}" in capsys.readouterr().out


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
def test_an_unknown_option_is_told_by_its_name_here(
    given: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(train.main, monkeypatch, *given) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")


def test_what_habits_point_to_is_an_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    known = OPTIONS | {"--output", "--top", "CORPUS"}
    for name, meant in HABITS.items():
        assert set(re.findall(r"--[\w-]+", meant)) <= known
        assert meant.split(",")[0].split(" ")[0] in known
        assert name == re.sub("[-_]", "", name).lower()
        assert f"--{name}" not in known


def test_the_front_door(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(__main__.main, monkeypatch) == 0
    listed = capsys.readouterr().out
    assert all(f"\n  {name}" in listed for name in MAINS)
    assert set(__main__.COMMANDS) == set(MAINS)
    assert run(__main__.main, monkeypatch, "--version") == 0
    assert re.match(r"keras_textcnn \d.*, keras 3\.\d.*, tensorflow 2\.\d", capsys.readouterr().out)
    assert run(__main__.main, monkeypatch, "trian") == 2
    assert capsys.readouterr().err == "error: no such command: 'trian'; did you mean train?\n"
    assert run(__main__.main, monkeypatch, "catalog") == 0
    assert "reuters-r8" in capsys.readouterr().out


def test_the_package_is_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "keras_textcnn", "predict"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == ("error: the following arguments are required: RUN; see keras-textcnn predict --help\n")
