import json
import shutil
from pathlib import Path

import pytest

from keras_textcnn import train
from keras_textcnn.config import TrainConfig
from keras_textcnn.recipes.recipe_file import read_recipe
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
        (make_texts(30, 1), ["--recipe", "kim"], "no recipe 'kim'; choose from default, "),
        (make_texts(30, 1), ["--recipe", ""], "no recipe ''; choose from default, "),
        (make_texts(30, 1), ["--recipe", "a" * 300], "; choose from default, "),
        (
            make_texts(30, 1),
            ["--recipe", "kim2014-rand", "--model", "charcnn"],
            "is for --model conv1d; received: charcnn",
        ),
        (make_texts(30, 1), ["--resume", "nowhere", "--recipe", "default"], "--resume takes all settings from the run"),
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


def test_a_recipe_is_trained_and_named_with_its_source(
    corpus_file: Path, vectors_file: Path, tmp_path: Path, cli: Cli
) -> None:
    recipe = read_recipe("kim2014-nonstatic")
    options = ["--vectors", vectors_file, "--unfrozen-epochs", 1, "--filters", 2, "--output", tmp_path / "run"]
    ended = cli("train", corpus_file, "--recipe", recipe.name, *options)
    assert ended.status == 0
    assert f"recipe {recipe.name}: {recipe.source}; not the recipe's: vectors, filters, unfrozen_epochs" in ended.err
    logged = [one.line for one in recipe.deviations if f"differs from its source: {one.line}\n" in ended.err]
    assert logged == [one.line for one in recipe.deviations if "vectors" not in one.settings]
    begun = json.loads((tmp_path / "run" / "config.json").read_text())
    assert begun["recipe"] == recipe.record(TrainConfig.of(begun["settings"] | {"dimensions": None}))
    assert (begun["settings"]["optimizer"], begun["settings"]["filters"]) == ("adadelta", 2)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert [phase["learning_rate"] for phase in metrics["phases"]] == [1.0]
    card, page = ((tmp_path / "run" / name).read_text() for name in ("README.md", "report.html"))
    assert "https://arxiv.org/abs/1408.5882" in card
    assert "https://arxiv.org/abs/1408.5882" in page
    assert "<td>vectors, filters, unfrozen_epochs</td>" in page
    assert "| recipe | kim2014-nonstatic |" in card


@pytest.mark.usefixtures("without_learning", "without_exports")
def test_a_recipe_of_the_users_own_has_paths_relative_to_it(
    corpus_file: Path, vectors_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    for file in (corpus_file, vectors_file):
        shutil.copy(file, tmp_path)
    settings = {"vectors": vectors_file.name, "ngrams": 0, "filters": 2, "frozen_epochs": 1, "unfrozen_epochs": 1}
    corpora = {corpus_file.name: {"settings": {"filters": 3}}}
    content = {"source": "I (2026)", "settings": settings, "corpora": corpora}
    (tmp_path / "mine.json").write_text(json.dumps(content))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    ended = cli("train", Path("..") / corpus_file.name, "--recipe", "../mine.json", "--output", "run")
    assert ended.status == 0
    begun = json.loads(Path("run/config.json").read_text())
    assert (begun["settings"]["filters"], begun["settings"]["vectors"]) == (3, str(tmp_path / vectors_file.name))
    assert begun["recipe"]["overridden"] == []


@pytest.mark.usefixtures("without_learning", "without_exports")
def test_several_runs_of_a_recipe_all_name_it(corpus_file: Path, tmp_path: Path, cli: Cli) -> None:
    path, directory = tmp_path / "mine.json", tmp_path / "runs"
    path.write_text(json.dumps({"source": "I (2026)", "settings": {"vectors": "none", "ngrams": 0, "filters": 2}}))
    assert cli("train", corpus_file, "--recipe", path, "--seeds", 2, "--output", directory).status == 0
    shutil.rmtree(directory / "seed-1")
    summary = json.loads((directory / "repeats.json").read_text())
    (directory / "repeats.json").write_text(json.dumps({key: summary[key] for key in ("format", "settings", "recipe")}))
    path.unlink()  # the runs know what they need
    assert cli("train", "--resume", directory).status == 0
    recipe = {"name": "mine", "source": "I (2026)", "deviations": [], "overridden": []}
    assert all(json.loads(path.read_text())["recipe"] == recipe for path in directory.glob("*/config.json"))
    assert len([*directory.glob("*/config.json")]) == 2


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
