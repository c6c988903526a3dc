"""The recipes in the package, those that a user writes, and what is wrong with a file."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_textcnn.config import GROUPS, TrainConfig
from keras_textcnn.data.datasets import CATALOG
from keras_textcnn.errors import InputError
from keras_textcnn.recipes.recipe import DEFAULT, SETTINGS, Recipe, describe_recipe, read_recipe, recipe_names

README = Path(__file__).parents[2] / "keras_textcnn" / "recipes" / "README.md"
# Figures of table 2 of Kim (2014): MR, Subj, TREC.
KIM = {
    "rand": [76.1, 89.6, 91.2],
    "static": [81.0, 93.0, 92.8],
    "nonstatic": [81.5, 93.4, 93.6],
    "multichannel": [81.1, 93.2, 92.2],
}
CORPORA = ["sentence_polarity", "subjectivity", "trec"]


@pytest.mark.parametrize("name", recipe_names())
def test_what_ships_names_its_source_and_gives_settings_on_each_corpus(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.name == name
    assert recipe.deviations or name == DEFAULT
    for corpus, its in recipe.corpora.items():
        assert corpus in CATALOG
        config = recipe.config(data=corpus, **its.repeats)
        assert len(config.repeats()) == (5 if "test" in CATALOG[corpus].texts else 10)
        assert bool(its.settings) == bool(its.differs)
        assert all(60 < figure["accuracy"] < 100 and figure["source"] for figure in its.published.values())
    assert recipe.record(recipe.config())["overridden"] == []


@pytest.mark.parametrize("name", recipe_names())
def test_what_ships_builds_its_model(name: str) -> None:
    from keras_textcnn.models.factory import build_model

    small = {} if "zhang" in name or "kim" in name else {"filters": 2}
    config = read_recipe(name).config(**small)
    if config.family.fixed_length:
        config = read_recipe(name).config(**small, maximum_tokens=130)
    model = build_model(config, vocabulary_size=71, num_classes=2)
    ids = np.ones((2, config.maximum_tokens if config.family.fixed_length else 9), np.int32)
    assert model(ids).shape == (2, 2)
    if name.startswith("kim"):
        dimensions, channels = (300, 1) if name.endswith("rand") else (100, 1 + name.endswith("multichannel"))
        filters = sum(100 * (window * dimensions * channels + 1) for window in (3, 4, 5))
        assert model.count_params() == channels * 71 * dimensions + filters + 2 * (300 + 1)


def test_kims_four_variants() -> None:
    from keras_textcnn.training.plans import plan_phases

    for variant, figures in KIM.items():
        recipe = read_recipe(f"kim2014-{variant}")
        assert [recipe.corpora[corpus].published["model"]["accuracy"] for corpus in CORPORA] == figures
        config = recipe.config().resolved(texts=500)
        assert (config.windows, config.filters, config.dropout, config.batch_size) == ((3, 4, 5), 100, 0.5, 50)
        # Keras's dropout makes the features 1 / 0.5 times as large, so its weights are half as large as the paper's.
        assert config.max_norm == 3 * (1 - config.dropout)
        assert (config.ngrams, config.vector_mean or False, config.refit, config.inner_folds) == (0, False, False, 0)
        [phase] = plan_phases(config)
        assert (phase.epochs, phase.optimizer, phase.learning_rate) == (25, "adadelta", 1.0)
        assert phase.frozen == (("embedding",) if variant == "static" else ())
        assert config.patience >= phase.epochs
        assert config.multichannel == (variant == "multichannel")


def test_given_settings_win_and_make_others_idle() -> None:
    recipe = read_recipe(DEFAULT)
    assert recipe.config(data="imdb").ngram_buckets == 4194304
    config = recipe.config(data="imdb", ngrams=0, seed=4)
    assert (config.ngrams, config.ngram_buckets, config.maximum_tokens, config.seed) == (0, None, 1000, 4)
    record = recipe.record(config)
    assert record["name"] == DEFAULT
    assert {"ngrams", "ngram_buckets"} <= {*record["overridden"]}
    assert not {"data", "seed", "maximum_tokens"} & {*record["overridden"]}
    assert describe_recipe(record)[0].startswith("recipe default: the defaults of keras_textcnn")
    with pytest.raises(InputError, match="--ngram-buckets does not apply with --ngrams 0; leave it out"):
        recipe.config(ngrams=0, ngram_buckets=9)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "charcnn"}, "the recipe kim2014-rand is for --model conv1d; received: charcnn; leave it out"),
        ({"from_run": "runs/a"}, "--recipe does not apply with --from"),
        ({"filters": 0}, "--filters must be at least 1; received: 0"),
    ],
)
def test_what_does_not_suit_a_recipe_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_recipe("kim2014-rand").config(**given)


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_a_file_of_the_users_own(tmp_path: Path) -> None:
    content = {
        "source": "somebody (2026)",
        "settings": {"windows": [2, 3], "dropout": 0.25, "validation_fraction": 0.2},
        "corpora": {"trec": {"settings": {"filters": 7}, "differs": "few questions", "repeats": {"seeds": 2}}},
    }
    recipe = read_recipe(write(tmp_path / "mine.json", content))
    assert isinstance(recipe, Recipe)
    assert (recipe.name, recipe.source, recipe.deviations) == ("mine", "somebody (2026)", ())
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
        ({**TREC, "deviations": "a"}, "mine.json: deviations must be a list"),
        ({**TREC, "deviations": ["a", 2]}, "mine.json: deviations, line 2: must be one line of text; received: 2"),
        ({**TREC, "settings": {"window": [3]}}, "mine.json: settings: 'window' is no setting .* did you mean windows?"),
        ({**TREC, "settings": {"seeds": 5}}, "mine.json: settings: 'seeds' is no setting of a recipe"),
        ({**TREC, "settings": {"windows": "3"}}, "mine.json: settings: --windows must be"),
        ({**TREC, "settings": {"windows": {}}}, "mine.json: settings: --windows must be"),
        ({**TREC, "settings": {"model": "lstm"}}, "mine.json: settings: --model must be one of"),
        ({**TREC, "settings": {"dropout": 2}}, "mine.json: settings: --dropout must be in"),
        (trec(settings={"dropout": 2}), "mine.json: corpora, trec, settings: --dropout must be in"),
        (trec(settings=[]), "mine.json: corpora, trec: settings must be an object; received"),
        (trec(repeats={"runs": 3}), 'corpora, trec, repeats: must be {"folds": N} or {"seeds": N}; received'),
        (trec(repeats={"seeds": 3, "folds": 3}), "corpora, trec, repeats: must be"),
        (trec(repeats={"seeds": "3"}), "corpora, trec, settings: --seeds must be"),
        (trec(minutes="3"), "corpora, trec: minutes must be a number or null; received: \"3\""),
        (trec(minutes=True), "corpora, trec: minutes must be a number or null; received: true"),
        (trec(published={"model": 3}), "corpora, trec, published, model: must be an object; received: 3"),
        (trec(published={"model": {"accuracy": 3}}), "corpora, trec, published, model: no source; add it"),
        (
            trec(published={"model": {"accuracy": 300, "source": "a"}}),
            "published, model, accuracy: must be in percent, from 0 to 100; received: 300",
        ),
        ({**TREC, "corpora": {"trec": 1}}, "mine.json: corpora, trec: must be an object; received: 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_one_line_with_the_key(content: Any, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.json", content)
    with pytest.raises(InputError, match=message) as raised:
        read_recipe(path)
    assert len(str(raised.value).splitlines()) == 1


def test_a_name_that_is_none_lists_those_that_are() -> None:
    with pytest.raises(InputError, match="no recipe 'kim'; choose from default, .*kim2014-rand, .*, or give a JSON"):
        read_recipe("kim")


def test_the_readme_has_a_recipe_that_is_one_and_lists_recipes_and_settings(tmp_path: Path) -> None:
    text = README.read_text("utf-8")
    recipe = read_recipe(write(tmp_path / "my-recipe.json", text.split("```json\n")[1].split("```")[0]))
    assert recipe.config(data="trec", **recipe.corpora["trec"].repeats).filters == 50
    assert all(f"`{name}`" in text for name in recipe_names())
    left_out = text.split("but for `from_run`")[1].split("no part of a recipe")[0] + "`from_run`"
    groups = (GROUPS[name] for name in ("text", "model", "training"))
    fields = {field.name for group in groups for field in dataclasses.fields(group)} | {"validation_fraction"}
    assert fields - {*SETTINGS} == {name for name in fields if f"`{name}`" in left_out}
