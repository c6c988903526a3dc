import json
from pathlib import Path

import pytest

from keras_textcnn import reproduce
from keras_textcnn.config import TrainConfig
from keras_textcnn.data.datasets import CATALOG
from keras_textcnn.errors import FetchError
from keras_textcnn.persistence.run import Repeats
from tests.runs import Cli

SCORES = {"accuracy": {"mean": 0.9, "deviation": 0.01}}
PUBLISHED = {"cnn": {"accuracy": 81.5, "source": "Kim (2014)"}, "best": {"accuracy": 83.1, "source": "AdaSent"}}


def table_of(output: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in output.splitlines() if "|" in line]


@pytest.fixture
def recipes(
    small_options: list[str], tmp_path: Path, vectors_file: Path, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with two recipes that take seconds."""
    settings = {"data": str(corpus_file), "vectors": str(vectors_file), "frozen_epochs": 1, "unfrozen_epochs": 1}
    settings |= {"filters": 4, "ngram_epochs": 1, "ngram_buckets": 64, "inner_folds": 0}
    folder = tmp_path / "recipes"
    folder.mkdir()
    for minutes, (name, repeats) in enumerate({"quick": {"seeds": 2}, "slow": {"seeds": 3}}.items()):
        recipe = {"settings": {**settings, **repeats}, "minutes": minutes, "published": PUBLISHED}
        (folder / f"{name}.json").write_text(json.dumps(recipe))
    monkeypatch.setattr(reproduce, "RECIPES", folder)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.usefixtures("without_learning", "without_exports")
def test_the_table_has_what_was_measured_and_finished_rows_are_kept(
    recipes: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    ended = cli("reproduce", "quick")
    assert ended.status == 0
    table = table_of(ended.out)
    assert [row[0].strip("-") for row in table] == ["corpus", "", "quick"]
    summary = json.loads(Path("runs/reproduce/quick/repeats.json").read_text())
    accuracies = [block["test"]["accuracy"] for block in (summary["scores"], summary["baseline"])]
    shown = [f"{100 * accuracy['mean']:.2f} ± {100 * accuracy['deviation']:.2f}" for accuracy in accuracies]
    lead = f"{100 * accuracies[0]['mean'] - 83.1:+.2f}"
    assert table[-1] == ["quick", "2", *shown, "81.5", "83.1", lead, f"{summary['seconds']:,.0f}"]

    monkeypatch.setattr(reproduce, "carry_out", lambda *arguments, **more: pytest.fail("trained again"))
    ended = cli("reproduce", "quick")
    assert ended.status == 0
    assert table_of(ended.out)[-1] == table[-1]
    ended = cli("reproduce", "--vectors", "none")
    assert ended.status == 2
    assert "quick holds runs with other settings; choose another --output" in ended.err


def test_a_corpus_that_cannot_be_fetched_is_left_out(recipes: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    def fetch(config: TrainConfig, directory: Path, **more: object) -> None:
        if config.seeds == 2:
            raise FetchError("no server")
        scores = {"validation": SCORES, "test": SCORES}
        summary = {"runs": 3, "scores": scores, "baseline": {"name": "linear", **scores}, "seconds": 9.0}
        Repeats.create(directory, config).finish(summary)

    monkeypatch.setattr(reproduce, "carry_out", fetch)
    output = cli("reproduce")
    assert output.status == 1
    assert "warning: skipping quick: no server" in output.err
    assert table_of(output.out)[-1] == ["slow", "3", "90.00 ± 1.00", "90.00 ± 1.00", "81.5", "83.1", "+6.90", "9"]


def test_an_interruption_says_how_to_go_on(recipes: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    from keras_textcnn.training import cross_validation

    monkeypatch.setattr(
        cross_validation, "train", lambda *arguments, **settings: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    for _ in range(2):
        ended = cli("reproduce", "quick", "--output", "runs/my own")
        assert ended.status == 130
        go_on = "continue with python -m keras_textcnn.reproduce quick --output 'runs/my own'"
        assert go_on in ended.err


def test_says_what_is_wrong(recipes: Path, cli: Cli) -> None:
    ended = cli("reproduce", "qick")
    assert ended.status == 2
    assert "no recipe 'qick'; choose from quick, slow" in ended.err
    assert cli("reproduce", "quick", "--vectors", "nowhere.txt").status == 2
    assert not Path("runs").exists()


@pytest.mark.parametrize("name", reproduce.read_recipes())
def test_what_ships_is_the_default_recipe_or_says_why_not(name: str) -> None:
    recipe = reproduce.read_recipes()[name]
    assert name in CATALOG
    assert len(recipe.config().repeats()) == (5 if "test" in CATALOG[name].texts else 10)
    assert recipe.settings["data"] == name
    assert recipe.settings["vectors"] == "glove.6B.100d"
    own = {*recipe.settings} - {"data", "vectors", "folds", "seeds"}
    assert bool(own) == bool(recipe.differs)
    assert all(60 < recipe.published[kind]["accuracy"] < 100 for kind in ("cnn", "best"))
    assert all(recipe.published[kind]["source"] for kind in ("cnn", "best"))
    assert recipe.published["cnn"]["accuracy"] <= recipe.published["best"]["accuracy"]
