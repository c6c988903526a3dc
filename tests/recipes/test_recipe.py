"""The recipes in the package, and what settings that are given make of a recipe."""

from typing import Any

import numpy as np
import pytest

from keras_textcnn.config import TrainConfig, without_effect
from keras_textcnn.data.datasets import CATALOG
from keras_textcnn.errors import InputError
from keras_textcnn.recipes.recipe import Deviation, Recipe, RecipeCorpus, describe_recipe
from keras_textcnn.recipes.recipe_file import DEFAULT, read_recipe, recipe_names

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


@pytest.mark.parametrize("name", [name for name in recipe_names() if name != DEFAULT])
def test_what_ships_states_what_defines_the_model_because_defaults_may_change(name: str) -> None:
    recipe = read_recipe(name)
    config = recipe.config()
    own = {
        "model",
        "optimizer",
        "monitor",
        "patience",
        "minimum_count",
        "class_weight",
        "sampling",
        *config.family.defaults,
    }
    own |= {"freeze"} if config.frozen_epochs and config.vectors != "none" else set()
    own |= {"missing_deviation"} if config.vectors != "none" else set()
    defines = {one for one in own if getattr(config, one) is not None and not without_effect(vars(config), one)}
    assert defines <= {*recipe.settings}
    assert recipe.settings["minimum_steps"] == 1  # no paper shows a small corpus several times an epoch


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


@pytest.mark.parametrize("config", [TrainConfig(model="charcnn"), TrainConfig(from_run="runs/a")])
def test_no_run_of_another_model_names_a_recipe(config: TrainConfig) -> None:
    with pytest.raises(InputError, match="the recipe keras-example (is for --model conv1d|does not apply with --from)"):
        read_recipe("keras-example").record(config)


def test_with_another_optimizer_the_rates_are_those_of_that_optimizer() -> None:
    recipe = read_recipe("kim2014-rand")
    config = recipe.config(optimizer="adam")
    assert (config.unfrozen_learning_rate, config.embedding_factor) == (
        TrainConfig().resolved().unfrozen_learning_rate,
        1,
    )
    assert recipe.record(config)["overridden"] == ["optimizer", "unfrozen_learning_rate"]
    assert recipe.config(optimizer="adam", unfrozen_learning_rate=0.3).unfrozen_learning_rate == 0.3
    assert recipe.config(optimizer="adadelta").unfrozen_learning_rate == 1
    lazy = Recipe(name="a", source="b", settings={"embedding_factor": 3.0, "learning_rate": 0.5})
    assert (lazy.config(optimizer="adamw").embedding_factor, lazy.config(optimizer="adamw").learning_rate) == (3, 0.002)
    assert lazy.config(optimizer="sgd").embedding_factor == 1  # the only one that it can have


@pytest.mark.parametrize(
    ("name", "given", "left"),
    [
        (
            "kim2014-multichannel",
            {"vectors": "none"},
            {"vocabulary": "train", "multichannel": False, "dimensions": 100},
        ),
        ("kim2014-rand", {"vectors": "v.txt"}, {"dimensions": None, "freeze": "embedding"}),
        ("kim2014-nonstatic", {"frozen_epochs": 3, "unfrozen_epochs": 0}, {"embedding_factor": None}),
        ("kim2014-rand", {"inner_folds": 3}, {"refit": None, "patience": 2}),
        ("keras-example", {"optimizer": "sgd"}, {"embedding_factor": 1, "unfrozen_learning_rate": 0.001}),
        ("tutorial-charcnn", {"embedding": "one-hot"}, {"dimensions": None}),
    ],
)
def test_what_a_given_setting_makes_idle_or_impossible_is_left_out(
    name: str, given: dict[str, Any], left: dict[str, Any]
) -> None:
    config = read_recipe(name).config(**given)
    assert {setting: getattr(config, setting) for setting in left} == left


@pytest.mark.parametrize(
    ("name", "given", "untrue"),
    [
        ("kim2014-static", {"vectors": "GoogleNews-vectors-negative300.bin"}, ["GloVe's 100 dimensions"]),
        ("kim2014-rand", {"inner_folds": 5}, ["the most validation texts right"]),
        ("keras-example", {"unfrozen_epochs": 1}, ["whether one or two epochs are better"]),
        ("tutorial-conv1d", {"maximum_tokens": 9, "optimizer": "adam"}, ["learns half as fast", "cut at 400 tokens"]),
        ("zhang2015-small", {"sampling": "natural", "unfrozen_epochs": 3}, ["each label as often"]),
        ("kim2014-rand", {"filters": 7, "seed": 3, "unfrozen_epochs": 2}, []),
    ],
)
def test_a_deviation_that_a_given_setting_makes_untrue_is_left_out(
    name: str, given: dict[str, Any], untrue: list[str]
) -> None:
    recipe = read_recipe(name)
    kept = recipe.record(recipe.config(**given))["deviations"]
    left_out = [one.line for one in recipe.deviations if one.line not in kept]
    assert len(left_out) == len(untrue)
    assert all(part in line for part, line in zip(untrue, left_out, strict=True))
    assert not [line for line in kept if "25 epochs" in line]


def test_a_deviation_is_left_out_on_a_corpus_with_another_value_of_the_recipes_own() -> None:
    corpora = {"trec": RecipeCorpus(settings={"filters": 3})}
    deviations = [Deviation(line="a hundred filters", settings=["filters"]), Deviation(line="our tokens")]
    recipe = Recipe(name="a", source="b", settings={"filters": 100}, deviations=deviations, corpora=corpora)
    for data, lines in (("trec", ["our tokens"]), (None, ["a hundred filters", "our tokens"])):
        record = recipe.record(recipe.config(data=data))
        assert (record["deviations"], record["overridden"]) == (lines, [])


def test_the_supposed_output_of_a_tutorial_is_no_published_figure() -> None:
    recipe = read_recipe("tutorial-conv2d")
    assert not recipe.corpora["imdb"].published
    assert any("68.96" in one.line for one in recipe.deviations)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "charcnn"}, "the recipe kim2014-rand is for --model conv1d; received: charcnn; leave it out"),
        ({"from_run": "runs/a"}, "the recipe kim2014-rand does not apply with --from"),
        ({"filters": 0}, "--filters must be at least 1; received: 0"),
    ],
)
def test_what_does_not_suit_a_recipe_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_recipe("kim2014-rand").config(**given)
