"""Functions that a command line names."""

import sys
from pathlib import Path

import pytest

from keras_textcnn.cli.arguments import Parser
from keras_textcnn.cli.own_files import add_own_options, repeat_own_options
from tests.runs import Cli

BUILD, SPLIT = ["--builder", "my.py:build"], ["--tokenizer-function", "my.py:split"]
ZERO = "ZeroDivisionError: division by zero (my.py:"
SIZES = "vocabulary_size, num_classes"


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", ["--builder", "my.py"], "--builder must be FILE.py:FUNCTION or MODULE:FUNCTION; received: my.py"),
        ("", ["--builder", "no.py:build"], "no such file: no.py; --builder takes FILE.py:FUNCTION"),
        ("", BUILD, "no function build in my.py; give one that is there"),
        ("build = 3", BUILD, "no function build in my.py; give one that is there"),
        ("x = 1\ny = x / 0", BUILD, f"cannot import my.py: {ZERO}2)"),
        ("def build(:", BUILD, "cannot import my.py: SyntaxError: invalid syntax (my.py, line 1)"),
        ("import sys; sys.exit(3)", BUILD, "cannot import my.py: SystemExit: 3 (my.py:1)"),
        (
            "",
            ["--builder", "nowhere.at.all:build"],
            "cannot import nowhere.at.all: ModuleNotFoundError: No module named",
        ),
        ("def build(words): ...", BUILD, "my.py:build must take vocabulary_size and num_classes"),
        (f"def build({SIZES}, heads): ...", BUILD, "my.py:build takes heads, which is no setting"),
        (f"def build({SIZES}): ...", [*BUILD, "--model", "conv2d"], "--model conv2d and --builder my.py:build: g"),
        (f"def build({SIZES}): ...", [*BUILD, "--filters", "3"], "--filters does not apply to --builder my.py:build"),
        (f"def build({SIZES}): ...", BUILD, "my.py:build must return a functional model"),
        (f"def build({SIZES}): return 1 / 0", BUILD, f"my.py:build failed: {ZERO}1)"),
        ("def split(texts): return texts", SPLIT, "my.py:split must return a row of tokens"),
        ("def split(texts): return 1 / 0", SPLIT, f"my.py:split failed: {ZERO}1)"),
        ("", [*SPLIT, "--tokenizer", "spaces"], "--tokenizer spaces and --tokenizer-function my"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    content: str,
    options: list[str],
    message: str,
    corpus_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cli: Cli,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    Path("my.py").write_text(content, "utf-8")
    ended = cli("train", corpus_file, *options, "--output", "run")
    assert ended.status == 2
    assert ended.error.startswith("error: ")
    assert message in ended.error
    assert not Path("run").exists()


def test_the_advice_to_continue_repeats_the_options() -> None:
    parser = Parser("train", usage="", description="", examples="", all_options=True)
    add_own_options(parser)
    assert repeat_own_options(parser.parse_args([])) == ""
    given = parser.parse_args(["--builder", "my files/a.py:build", "--tokenizer-function", "b.py:split"])
    assert repeat_own_options(given) == " --builder 'my files/a.py:build' --tokenizer-function b.py:split"


@pytest.mark.usefixtures("without_exports", "without_learning")
def test_a_module_in_the_working_directory_is_found(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_module_of_networks.py").write_text("from tests.benchmarks.attention import build\n", "utf-8")
    options = ["--builder", "my_module_of_networks:build", "--vectors", "none", "--dimensions", 4, "--inner-folds", 0]
    ended = cli("train", corpus_file, *options, "--output", "run")
    assert ended.status == 0, ended.err
    assert '"model": "my_module_of_networks:build"' in Path("run/config.json").read_text("utf-8")
