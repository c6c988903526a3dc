import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from keras_textcnn import reproduce
from keras_textcnn.config import TrainConfig
from keras_textcnn.errors import FetchError
from keras_textcnn.evaluation.descriptions import brief_difference
from keras_textcnn.persistence.run import Repeats
from keras_textcnn.recipes import recipe_file
from tests.runs import Cli

SCORES = {"accuracy": {"mean": 0.9, "deviation": 0.01}}
PUBLISHED = {"cnn": {"accuracy": 81.5, "source": "Kim (2014)"}, "best": {"accuracy": 83.1, "source": "AdaSent"}}
MODEL = {"model": {"accuracy": 81.5, "source": "Kim (2014)"}}


def table_of(output: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in output.splitlines() if "|" in line]


def write_recipe(path: Path, settings: dict[str, Any], corpora: dict[str, Any]) -> None:
    deviations = [{"line": "fewer filters"}, {"line": "no vectors", "settings": ["vectors"]}]
    content = {"source": "somebody (2026)", "settings": settings, "deviations": deviations, "corpora": corpora}
    path.write_text(json.dumps(content))


def finish(config: TrainConfig, directory: Path, **more: object) -> None:
    """In place of the training of all runs."""
    scores = {"validation": SCORES, "test": SCORES}
    summary = {"runs": 3, "scores": scores, "baseline": {"name": "linear", **scores}, "seconds": 9.0}
    Repeats.create(directory, config).finish(summary)


@pytest.fixture
def recipes(tmp_path: Path, vectors_file: Path, corpus_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with our defaults on two corpora, a paper on one of them, and a recipe without corpora: in seconds."""
    settings = {"vectors": str(vectors_file), "frozen_epochs": 1, "unfrozen_epochs": 1}
    settings |= {"filters": 4, "ngram_epochs": 1, "ngram_buckets": 64, "inner_folds": 0}
    folder = tmp_path / "recipes"
    folder.mkdir()
    corpora = {}
    for minutes, (name, repeats) in enumerate({"slow.csv": {"seeds": 3}, "quick.csv": {"seeds": 2}}.items()):
        shutil.copy(corpus_file, tmp_path / name)
        corpora[f"../{name}"] = {"repeats": repeats, "minutes": 1 - minutes, "published": PUBLISHED}
    write_recipe(folder / "default.json", settings, corpora)
    paper = {"vectors": "none", "dimensions": 4, "filters": 4, "ngrams": 0, "unfrozen_epochs": 1, "inner_folds": 0}
    write_recipe(folder / "paper-b.json", paper, {})
    write_recipe(folder / "paper-a.json", paper, {"../quick.csv": {"repeats": {"folds": 3}, "published": MODEL}})
    monkeypatch.setattr(recipe_file, "FOLDER", folder)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.usefixtures("without_learning", "without_exports")
def test_the_table_has_what_was_measured_and_finished_rows_are_kept(
    recipes: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    ended = cli("reproduce", "quick.csv")
    assert ended.status == 0
    table = table_of(ended.out)
    assert [row[0].strip("-") for row in table] == ["corpus", ":", "quick.csv"]
    summary = json.loads(Path("runs/reproduce/default/quick.csv/repeats.json").read_text())
    accuracies = [block["test"]["accuracy"] for block in (summary["scores"], summary["baseline"])]
    shown = [f"{100 * accuracy['mean']:.2f} ± {100 * accuracy['deviation']:.2f}" for accuracy in accuracies]
    lead = f"{100 * accuracies[0]['mean'] - 83.1:+.2f}"
    compared = summary["significance"]
    assert compared["difference"] == pytest.approx(accuracies[0]["mean"] - accuracies[1]["mean"])
    shown.append(brief_difference(compared))
    assert table[-1] == ["quick.csv", "2", *shown, "81.5", "83.1", lead, f"{summary['seconds']:,.0f}"]

    monkeypatch.setattr(reproduce, "carry_out", lambda *arguments, **more: pytest.fail("trained again"))
    ended = cli("reproduce", "quick.csv")
    assert ended.status == 0
    assert table_of(ended.out)[-1] == table[-1]
    ended = cli("reproduce", "--vectors", "none")
    assert ended.status == 2
    assert "quick.csv holds runs with other settings; choose another --output" in ended.err


@pytest.mark.usefixtures("without_learning", "without_exports")
def test_recipes_by_pattern_have_a_table_next_to_their_papers(recipes: Path, cli: Cli) -> None:
    files = ["--markdown", "a.md", "--csv", "a.csv", "--latex", "a.tex"]
    ended = cli("reproduce", "--recipes", "paper-*", *files)
    assert ended.status == 0
    assert "warning: paper-b is left out, because it has no corpora; name one" in ended.err
    assert "recipe paper-a: somebody (2026)" in ended.err
    assert "differs from its source: fewer filters" in ended.err
    assert "paper-a on quick.csv: 3 runs" in ended.err
    directory = Path("runs/reproduce/paper-a/quick.csv")
    accuracy = json.loads((directory / "repeats.json").read_text())["scores"]["test"]["accuracy"]
    lead = 100 * accuracy["mean"] - 81.5
    deviation = (100**2 * accuracy["deviation"] ** 2 / 3 + 81.5 * 18.5 / 90) ** 0.5  # 90 texts in all folds
    row = table_of(ended.out)[-1]
    assert row[:3] == ["paper-a", "quick.csv", "3"]
    assert row[6:9] == ["81.5", f"{lead:+.2f}", "yes" if abs(lead) <= 2 * deviation else "no"]
    assert "within 2 deviations: the difference from the published accuracy is" in ended.out
    assert table_of(Path("a.md").read_text())[-1] == row
    [_, cells] = csv.reader(Path("a.csv").read_text("utf-8").splitlines())
    assert [cells[0], f"{cells[3]} ± {cells[4]}"] == ["paper-a", row[3]]
    assert "paper-a & quick.csv & 3 & " in Path("a.tex").read_text()
    for fold in (1, 3):
        begun = json.loads((directory / f"fold-{fold}" / "config.json").read_text())
        assert begun["recipe"]["name"] == "paper-a"


def test_a_corpus_that_cannot_be_fetched_is_left_out(recipes: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    def fetch(config: TrainConfig, directory: Path, **more: object) -> None:
        if config.seeds == 2:
            raise FetchError("no server")
        finish(config, directory)

    monkeypatch.setattr(reproduce, "carry_out", fetch)
    output = cli("reproduce")
    assert output.status == 1
    assert "warning: skipping quick.csv: no server" in output.err
    assert table_of(output.out)[-1] == [
        "slow.csv",
        "3",
        "90.00 ± 1.00",
        "90.00 ± 1.00",
        "–",
        "81.5",
        "83.1",
        "+6.90",
        "9",
    ]


def test_a_recipe_that_is_given_twice_is_trained_once(
    recipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setattr(reproduce, "carry_out", finish)
    write_recipe(Path("mine.json"), {"vectors": "none"}, {"quick.csv": {}})
    given = ["mine.json", "./mine.json", tmp_path / "mine.json", "default", "def*", recipes / "default.json"]
    ended = cli("reproduce", "quick.csv", "./quick.csv", "--recipes", *given)
    assert ended.status == 0
    assert [row[:2] for row in table_of(ended.out)[2:]] == [["mine", "quick.csv"], ["default", "quick.csv"]]


def test_files_in_a_recipe_are_relative_to_it(
    recipes: Path, tmp_path: Path, corpus_file: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setattr(reproduce, "carry_out", finish)
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(corpus_file, folder / "quick.csv")  # not the one above
    write_recipe(folder / "mine.json", {"vectors": "none"}, {"quick.csv": {"settings": {"filters": 3}}})
    ended = cli("reproduce", "--recipes", "mine/mine.json")
    assert ended.status == 0
    config = Repeats(Path("runs/reproduce/mine/quick.csv")).config()
    assert (config.data, config.filters) == (str(folder / "quick.csv"), 3)
    monkeypatch.chdir(folder)  # the same runs
    output = tmp_path / "runs" / "reproduce"
    for corpora in ([], ["quick.csv"], [folder / "quick.csv"]):
        again = cli("reproduce", *corpora, "--recipes", "mine.json", "--output", output)
        assert table_of(again.out)[2:] == table_of(ended.out)[2:]
    ended = cli("reproduce", "../quick.csv", "--recipes", "mine.json", "--output", output)
    assert ended.status == 2
    assert "no corpus '../quick.csv'; choose from quick.csv, " in ended.error


def test_a_row_with_other_vectors_says_so(
    recipes: Path, vectors_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setattr(reproduce, "carry_out", finish)
    shutil.copy(vectors_file, tmp_path / "other.txt")
    corpora = {"quick.csv": {"settings": {"vectors": str(vectors_file)}}, "slow.csv": {}}
    write_recipe(Path("mine.json"), {"vectors": "none", "ngrams": 0}, corpora)
    ended = cli("reproduce", "--recipes", "mine.json", "--vectors", "other.txt")
    assert [row[:2] for row in table_of(ended.out)[2:]] == [
        ["mine (vectors: other.txt)", "quick.csv"],
        ["mine", "slow.csv"],  # has no vectors
    ]
    assert "differs from its source: no vectors" in ended.err  # on the second
    vectors = [Repeats(Path("runs/reproduce/mine") / name).config().vectors for name in ("quick.csv", "slow.csv")]
    assert vectors == [str(tmp_path / "other.txt"), "none"]
    ended = cli("reproduce", "quick.csv", "--vectors", "other.txt")
    assert [row[0] for row in table_of(ended.out)[2:]] == ["quick.csv (vectors: other.txt)"]


def test_an_interruption_says_how_to_go_on(recipes: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    from keras_textcnn.training import cross_validation

    monkeypatch.setattr(
        cross_validation, "train", lambda *arguments, **settings: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    for _ in range(2):
        ended = cli("reproduce", "quick.csv", "--output", "runs/my own")
        assert ended.status == 130
        go_on = "continue with python -m keras_textcnn.reproduce quick.csv --output 'runs/my own'"
        assert go_on in ended.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["qick.csv"], "no corpus 'qick.csv'; choose from slow.csv, quick.csv, reuters-r8, "),
        (["quick.csv", "--vectors", "nowhere.txt"], "no such vectors file: nowhere.txt"),
        (["--recipes", "papers"], "no recipe 'papers'; choose from default, paper-a, paper-b, or give a JSON file"),
        (["--recipes", "paper-b"], "no corpora for paper-b; name one, such as reproduce imdb --recipes paper-b"),
        (["--recipes", "mine.json"], "recipe mine: no corpus gone.csv, neither in the catalog nor a file"),
        (["--recipes", "a/r.json", "b/r.json"], "two recipes are called r: a/r.json and b/r.json; rename one"),
        (["--recipes", "a/default.json"], "a/default.json: the package has a recipe of that name; rename the file"),
        (["--recipes", "same.json"], "two corpora are called quick.csv: {0}/a/quick.csv and {0}/quick.csv; rename one"),
        (["--recipes", ""], "no recipe ''; choose from default, "),
        (["quick.csv", "--vectors", ""], "no such vectors file: "),
        (["--latex", "no/table.tex"], "--latex must be a file in a folder that exists; received: no/table.tex"),
    ],
)
def test_says_what_is_wrong(options: list[str], message: str, recipes: Path, tmp_path: Path, cli: Cli) -> None:
    for name in ("a", "b"):
        Path(name).mkdir()
        shutil.copy("quick.csv", name)
        write_recipe(Path(name) / "r.json", {"vectors": "none"}, {"quick.csv": {}})
    write_recipe(Path("a/default.json"), {}, {"quick.csv": {}})
    write_recipe(Path("mine.json"), {}, {"gone.csv": {}})
    write_recipe(Path("same.json"), {}, {"a/quick.csv": {}, "quick.csv": {}})
    ended = cli("reproduce", *options)
    assert ended.status == 2
    assert message.format(tmp_path) in ended.error
    assert not Path("runs").exists()
