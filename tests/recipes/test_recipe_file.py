"""Recipes that a user writes, and what is wrong with a file."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from keras_textcnn.config import GROUPS, TrainConfig
from keras_textcnn.errors import InputError
from keras_textcnn.recipes.recipe import SETTINGS, Deviation, Recipe
from keras_textcnn.recipes.recipe_file import FOLDER, find_recipe, read_recipe, recipe_names

README = Path(__file__).parents[2] / "keras_textcnn" / "recipes" / "README.md"


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_a_file_of_the_users_own(tmp_path: Path) -> None:
    content = {
        "source": "somebody (2026)",
        "settings": {"windows": [2, 3], "dropout": 0.25, "validation_fraction": 0.2},
        "deviations": [{"line": "smaller", "settings": ["windows"]}, {"line": "quicker"}],
        "corpora": {"trec": {"settings": {"filters": 7}, "differs": "few questions", "repeats": {"seeds": 2}}},
    }
    recipe = read_recipe(write(tmp_path / "mine.json", content))
    assert isinstance(recipe, Recipe)
    assert (recipe.name, recipe.source) == ("mine", "somebody (2026)")
    assert recipe.deviations == [Deviation(line="smaller", settings=["windows"]), Deviation(line="quicker")]
    assert recipe.config(dropout=0.5) == TrainConfig(windows=(2, 3), dropout=0.5, validation_fraction=0.2).resolved()
    assert recipe.config(data="trec").filters == 7
    assert recipe.corpora["trec"].minutes is None


TREC: dict[str, Any] = {"source": "a", "settings": {}, "corpora": {"trec": {}}}


def trec(**its: Any) -> dict[str, Any]:
    return {**TREC, "corpora": {"trec": its}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot read .*mine.json: Expecting property name .* line 1 column 2 .*; a recipe is a JSON file"),
        ("[" * 100_000, "cannot read .*mine.json"),
        ([], r"mine.json: must be an object; received: \[\]"),
        ({"settings": {}}, "mine.json: no source; add it"),
        ({"source": "a"}, "mine.json: no settings; add it"),
        ({**TREC, "sources": "a"}, "mine.json: unknown key 'sources'; the keys are source, settings, .*corpora"),
        ({**TREC, "source": 1}, "mine.json: source must be a string; received: 1"),
        ({**TREC, "source": "a\nb"}, "mine.json: source: must be one line of text"),
        ({**TREC, "source": " "}, 'mine.json: source: must be one line of text; received: " "'),
        ({**TREC, "source": "a\x1b[1mb"}, "mine.json: source: must be one line of text"),
        ('{"source": "a", "settings": {}, "source": "b"}', "mine.json: an object has the key 'source' twice; remove"),
        (
            '{"source": "a", "settings": {}, "corpora": {"trec": {}, "trec": {}}}',
            "mine.json: an object has the key 'trec' twice",
        ),
        ({**TREC, "deviations": "a"}, "mine.json: deviations must be a list"),
        ({**TREC, "deviations": ["a"]}, "mine.json: deviations, number 1: must be {\"line\": TEXT}; received: \"a\""),
        ({**TREC, "deviations": [{"settings": []}]}, "mine.json: deviations, number 1: no line; add it"),
        ({**TREC, "deviations": [{"line": "a"}, {"line": " "}]}, "deviations, number 2, line: must be one line of"),
        (
            {**TREC, "deviations": [{"line": "a", "settings": ["vector"]}]},
            "mine.json: deviations, number 1, settings: 'vector' is no setting of a recipe; did you mean vectors?",
        ),
        ({**TREC, "deviations": [{"line": "a", "settings": [1]}]}, "number 1, settings: 1 is no setting of a recipe"),
        ({**TREC, "settings": {"window": [3]}}, "mine.json: settings: 'window' is no setting .* did you mean windows?"),
        ({**TREC, "settings": {"seeds": 5}}, "mine.json: settings: 'seeds' is no setting of a recipe"),
        ({**TREC, "settings": {"windows": "3"}}, "mine.json: settings: --windows must be"),
        ({**TREC, "settings": {"windows": {}}}, "mine.json: settings: --windows must be"),
        ({**TREC, "settings": {"model": "lstm"}}, "mine.json: settings: --model must be one of"),
        ({**TREC, "settings": {"dropout": 2}}, "mine.json: settings: --dropout must be in"),
        ({**TREC, "settings": {"vectors": ""}}, "mine.json: settings, vectors: must be one line of text"),
        ({**TREC, "settings": {"model": "my.py:f"}}, "settings, model: a recipe cannot name a function of your own"),
        (trec(settings={"tokenizer": "my.py:f"}), "trec, settings, tokenizer: a recipe cannot name a function of your"),
        (trec(settings={"dropout": 2}), "mine.json: corpora, trec, settings: --dropout must be in"),
        (trec(settings=[]), "mine.json: corpora, trec: settings must be an object; received"),
        (trec(repeats={"runs": 3}), 'corpora, trec, repeats: must be {"folds": N} or {"seeds": N}; received'),
        (trec(repeats={"seeds": 3, "folds": 3}), "corpora, trec, repeats: must be"),
        (trec(repeats={"seeds": "3"}), 'corpora, trec, repeats: seeds must be a whole number; received: "3"'),
        (trec(repeats={"seeds": None}), "corpora, trec, repeats: seeds must be a whole number; received: null"),
        (trec(repeats={"folds": None}), "corpora, trec, repeats: folds must be a whole number; received: null"),
        (trec(repeats={"seeds": 1}), "corpora, trec, repeats: --seeds must be at least 2 and at most 1000"),
        (trec(repeats={"folds": 2}), "corpora, trec, repeats: --folds must be at least 3"),
        (trec(minutes="3"), "corpora, trec: minutes must be a number or null; received: \"3\""),
        (trec(minutes=True), "corpora, trec: minutes must be a number or null; received: true"),
        (trec(minutes=float("nan")), "corpora, trec: minutes must be at least 0; received: NaN"),
        (trec(minutes=float("inf")), "corpora, trec: minutes must be at least 0; received: Infinity"),
        (trec(minutes=-1), "corpora, trec: minutes must be at least 0; received: -1"),
        (trec(differs="a\u2028b"), r'corpora, trec, differs: must be one line of text; received: "a\\u2028b"'),
        (trec(settings={"dropout": float("nan")}), "corpora, trec, settings: --dropout must be in"),
        (trec(published={"modle": {"accuracy": 3, "source": "a"}}), "trec, published: unknown key 'modle'; the keys"),
        (trec(published={"cnn": {"accuracy": 3, "source": ""}}), "trec, published, cnn, source: must be one line of"),
        (trec(published={"cnn": {"accuracy": 3, "source": "a\nb"}}), "published, cnn, source: must be one line of"),
        (trec(published={"cnn": {"accuracy": float("nan"), "source": "a"}}), "cnn, accuracy: must be in percent"),
        (trec(published={"model": 3}), "corpora, trec, published: model must be an object; received: 3"),
        (trec(published={"model": {"accuracy": 3}}), "corpora, trec, published, model: no source; add it"),
        (
            trec(published={"model": {"accuracy": 300, "source": "a"}}),
            "published, model, accuracy: must be in percent, from 0 to 100; received: 300",
        ),
        ({**TREC, "corpora": {"trec": 1}}, "mine.json: corpora, trec: must be an object; received: 1"),
        ({**TREC, "corpora": {"": {}}}, "mine.json: corpora, name of a corpus: must be one line of text"),
        ({**TREC, "corpora": {"a.csv": {}, "./a.csv": {}}}, "corpora, ./a.csv: the same file is there twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_one_line_with_the_key(content: Any, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.json", content)
    with pytest.raises(InputError, match=message) as raised:
        read_recipe(path)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["kim", "", "a" * 300, "kim2014-*", ".", "no\0where"])
def test_a_name_that_is_none_lists_those_that_are(name: str) -> None:
    with pytest.raises(InputError, match="^no recipe '.*'; choose from default, .*, or give a JSON file") as raised:
        read_recipe(name)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("source", [None, 5, b"default", ["default"]])
def test_what_is_no_name_is_said_in_one_line(source: Any) -> None:
    with pytest.raises(InputError, match="^a recipe must be a name or a JSON file; received: ") as raised:
        read_recipe(source)
    assert len(str(raised.value).splitlines()) == 1


def test_a_file_cannot_take_the_name_of_a_recipe_in_the_package(tmp_path: Path) -> None:
    for name in ("default", "kim2014-rand"):
        path = write(tmp_path / f"{name}.json", TREC)
        with pytest.raises(InputError, match=f"{name}.json: the package has a recipe of that name; rename the file"):
            read_recipe(path)
    assert read_recipe(FOLDER / "default.json") == read_recipe("default")


@pytest.mark.parametrize("name", ["a\nb.json", "...json"])
def test_a_file_whose_name_cannot_stand_in_a_line_or_a_path_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a recipe cannot have that name; rename the file") as raised:
        find_recipe(write(tmp_path / name, TREC))
    assert len(str(raised.value).splitlines()) == 1


def test_paths_are_relative_to_the_file_and_names_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trec").mkdir()  # a folder next to the file is not the corpus of that name
    corpora: dict[str, Any] = {
        "sub/a.csv": {"settings": {"vectors": "../v.txt"}},
        "trec": {"settings": {"vectors": "glove.6B.100d", "filters": 3}},
        str(tmp_path / "b.csv"): {"settings": {"vectors": "none"}},
    }
    path = write(tmp_path / "mine.json", {"source": "a", "settings": {"vectors": "v.txt"}, "corpora": corpora})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    recipe = read_recipe(os.path.relpath(path))
    assert [*recipe.corpora] == [str(tmp_path / "sub" / "a.csv"), "trec", str(tmp_path / "b.csv")]
    assert recipe.config().vectors == str(tmp_path / "v.txt")
    assert recipe.config(data="../sub/a.csv").vectors == str(tmp_path.parent / "v.txt")
    assert recipe.config(data=str(tmp_path / "sub" / "a.csv")).vectors == str(tmp_path.parent / "v.txt")
    assert recipe.config(data="sub/a.csv").vectors == str(tmp_path / "v.txt")  # another file
    assert (recipe.config(data="trec").vectors, recipe.config(data="trec").filters) == ("glove.6B.100d", 3)
    assert recipe.config(data="../trec").filters == 100
    assert recipe.config(data="../b.csv").vectors == "none"


def test_the_readme_has_a_recipe_that_is_one_and_lists_recipes_and_settings(tmp_path: Path) -> None:
    text = README.read_text("utf-8")
    recipe = read_recipe(write(tmp_path / "my-recipe.json", text.split("```json\n")[1].split("```")[0]))
    assert recipe.config(data="trec", **recipe.corpora["trec"].repeats).filters == 50
    assert all(f"`{name}`" in text for name in recipe_names())
    left_out = text.split("but for `from_run`")[1].split("no part of a recipe")[0] + "`from_run`"
    groups = (GROUPS[name] for name in ("text", "model", "training"))
    fields = {field.name for group in groups for field in dataclasses.fields(group)} | {"validation_fraction"}
    assert fields - {*SETTINGS} == {name for name in fields if f"`{name}`" in left_out}
