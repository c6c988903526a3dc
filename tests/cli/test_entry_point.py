"""How commands end."""

import argparse
import os
import subprocess
import sys

import pytest

from keras_textcnn.cli.arguments import Parser
from keras_textcnn.cli.entry_point import run_command
from keras_textcnn.errors import InputError
from tests.utils.test_terminal import NASTY, STEERING


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
@pytest.mark.parametrize("debug", [False, True])
def test_errors_steer_no_terminal(
    nasty: str, debug: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: argparse.Namespace) -> None:
        raise InputError(f"no such file: {nasty}")

    monkeypatch.setattr(sys, "argv", ["x", *(["--debug"] if debug else [])])
    assert run_command(fail, Parser("x", usage="", description="", examples="")) == 2
    error = capsys.readouterr().err
    assert not STEERING.search(error)
    assert error.splitlines()[-1].startswith("error: no such file: ")
    monkeypatch.setattr(sys, "argv", ["x", f"--none={nasty}"])
    with pytest.raises(SystemExit):
        run_command(fail, Parser("x", usage="", description="", examples=""))
    assert not STEERING.search(capsys.readouterr().err)


@pytest.mark.parametrize("arguments", [[], ["--version"], ["train", "--help"], ["catalog"]])
def test_a_reader_that_has_gone_away_is_no_error(arguments: list[str]) -> None:
    end, start = os.pipe()
    os.close(end)
    command = [sys.executable, "-m", "keras_textcnn", *arguments]
    done = subprocess.run(command, stdout=start, stderr=subprocess.PIPE, check=False)
    os.close(start)
    assert (done.returncode, done.stderr) == (0, b"")
