import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from tests.conftest import write_table
from tests.runs import Cli


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path / "a.csv", [("7", "apple")], header=("id", "text"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "ray"], "--engine writes a folder; name it with --output"),
        (["--output", "out", "--engine", "ray", "--explain"], "--explain does not apply to --engine; leave it out"),
        (["--output", "out", "--engine", "ray", "--runtime", "light"], "--runtime does not apply to --engine"),
        (["--output", "out", "--engine", "ray", "--top", "2"], "--top does not apply to --engine"),
        (["--output", "out", "--engine", "ray", "--workers", "0"], "--workers must be at least 1; received: 0"),
        (["--output", "out.csv", "--workers", "2"], "--workers is for --engine ray; leave it out"),
        (["--output", "out.csv", "--address", "auto"], "--address is for --engine ray; leave it out"),
        (["--format", "parquet"], "--format parquet is for --engine ray"),
        (["--output", "out", "--engine", "ray", "--text-column", "body"], "no column 'body' in "),
        (["--output", "out", "--engine", "ray", "--threshold", "0.5"], "a threshold is for runs with several labels"),
        (["--output", ".", "--engine", "ray"], "the texts are read from there: --output .; choose another folder"),
        (["--output", "out", "--engine", "ray", "--address", "127.0.0.1:1"], "no Ray cluster at 127.0.0.1:1 ("),
    ],
)
def test_what_does_not_apply_is_refused_in_one_line(
    options: list[str], message: str, table: Path, finished_run: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(table.parent)
    ended = cli("predict", finished_run, table.name, *options)
    assert (ended.status, ended.out) == (2, "")
    assert ended.error.startswith(f"error: {message}")


def test_standard_input_and_missing_files(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    options = ("--output", tmp_path / "out", "--engine", "ray")
    assert "does not read standard input" in cli("predict", finished_run, *options).error
    assert "no such file: no*.csv; give a table" in cli("predict", finished_run, "no*.csv", *options).error
    assert not (tmp_path / "out").exists()
    inside = ("--output", finished_run / "answers", "--engine", "ray")
    table = write_table(tmp_path / "a.csv", [("7", "apple")], header=("id", "text"))
    assert "a folder of the run" in cli("predict", finished_run, table, *inside).error


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [("parquet", "--delimiter", ";"), ("parquet", "--quoting", "none"), ("jsonl", "--escape", "\\")],
)
def test_options_of_another_format_are_refused_as_in_one_process(
    kind: str, option: str, value: str, finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"text": ["apple"]}), path)
    else:
        path.write_text('{"text": "apple"}\n', "utf-8")
    ended = cli("predict", finished_run, path, "--output", tmp_path / "out", "--engine", "ray", option, value)
    assert (ended.status, (tmp_path / "out").exists()) == (2, False)
    assert ended.error == f"error: {option} does not apply to '{path}' in this format; leave it out"
    alone = cli("predict", finished_run, path, "--output", tmp_path / "out.csv", option, value)
    assert alone.error == f"{ended.error}, or set --input-format"


def test_without_ray_one_line_says_what_to_install(
    table: Path, finished_run: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    ended = cli("predict", finished_run, table, "--output", table.parent / "out", "--engine", "ray")
    assert ended.status == 2
    assert ended.error.endswith(": pip install 'keras_textcnn[ray]'")
