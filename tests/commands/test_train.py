import json
from pathlib import Path

import pytest

from keras_textcnn import train
from tests.conftest import make_texts, write_table
from tests.runs import Cli


@pytest.mark.usefixtures("without_learning")
def test_without_vectors_nothing_is_frozen(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--data", corpus_file, "--vectors", "none", "--frozen-epochs", 1, "--unfrozen-epochs", 1, "--filters", 4]
    options += ["--ngrams", 0, "--no-refit"]
    output = cli("train", *options)
    assert output.status == 0
    metrics = json.loads(Path("runs/things/metrics.json").read_text())
    assert [(phase["name"], phase["epochs"]) for phase in metrics["phases"]] == [("fast", 1), ("slow", 1)]
    assert metrics["coverage"] is None
    assert "test accuracy" in output.out
    assert "    python -m keras_textcnn.predict runs/things " in output.out
    assert "epoch  1 fast" in output.err


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([], [], "no texts in"),
        ([("a", "x")] * 9, [], "only one label: 'x'"),
        ([("a", "x")] * 2 + [("b", "y")], [], "every label has a single training text"),
        ([("", "x")] * 9 + [(" ", "y")] * 9, [], "the training texts have no tokens: all are empty"),
        (
            make_texts(30, 1),
            ["--maximum-tokens", "3000000000"],
            "--maximum-tokens must be at least 1 and at most 2147483647",
        ),
        (make_texts(30, 1), ["--label-column", "class"], "no column 'class' in"),
        (make_texts(30, 1), ["--vectors", "nowhere.txt"], "no such vectors file: nowhere.txt"),
        (make_texts(30, 1), ["--dimensions", "50"], "vectors of 100 dimensions for an embedding of 50"),
        (make_texts(30, 1), ["--filters", "0"], "--filters must be at least 1; received: 0"),
        (
            make_texts(30, 1),
            ["--windows", "a"],
            "argument --windows: must be numbers separated by commas, such as 1,2,3; received: a",
        ),
        (make_texts(30, 1), ["--colour", "red"], "unknown option --colour"),
        (make_texts(30, 1), ["--resume", "nowhere"], "--resume takes all settings from the run"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_is_written(
    rows: list[tuple[str, ...]],
    options: list[str],
    message: str,
    tmp_path: Path,
    cli: Cli,
) -> None:
    path = write_table(tmp_path / "texts.csv", rows)
    ended = cli("train", "--data", path, "--output", tmp_path / "run", *options)
    lines = ended.err.splitlines()
    assert ended.status == 2
    assert lines[-1].startswith("error: ")
    assert message in lines[-1]
    assert not [line for line in lines[:-1] if "error" in line.lower() or "Traceback" in line]
    assert [entry.name for entry in tmp_path.iterdir()] == ["texts.csv"]


def test_a_directory_with_a_run_is_left_as_it_is(finished_run: Path, small_options: list[str], cli: Cli) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished_run.rglob("*")}
    ended = cli("train", *small_options, "--output", finished_run)
    assert ended.status == 2
    assert "already holds a run" in ended.err
    ended = cli("train", "--resume", finished_run)
    assert ended.status == 2
    assert "is finished; there is nothing to resume" in ended.err
    assert before == {path: path.stat().st_mtime_ns for path in finished_run.rglob("*")}


def test_a_directory_that_is_taken_meanwhile_is_not_joined(
    finished_run: Path, small_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    directory = tmp_path / "run"
    (directory / "checkpoints").mkdir(parents=True)
    (directory / "config.json").write_bytes((finished_run / "config.json").read_bytes())
    monkeypatch.setattr(train, "check_free", lambda directory: None)  # as if another process came after the check
    ended = cli("train", *small_options, "--output", directory)
    assert ended.status == 2
    assert "already holds a run" in ended.err
    assert list((directory / "checkpoints").iterdir()) == []
