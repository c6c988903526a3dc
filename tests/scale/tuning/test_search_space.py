import dataclasses
from pathlib import Path

import numpy as np
import optuna
import pytest

from keras_textcnn.config import TrainConfig, without_effect
from keras_textcnn.presets import MODELS
from keras_textcnn.scale.tuning.search_space import SearchSpace, space_of
from keras_textcnn.settings.spaces import Choice, Interval

README = Path(__file__).parents[3] / "keras_textcnn" / "settings" / "README.md"
FEW, MANY = 300, 10_000  # texts: cross-validation decides, or validation texts


class RandomTrial:
    """Draws as a trial of Optuna does, but at once."""

    def __init__(self, seed: int) -> None:
        self._random, self.drawn = np.random.default_rng(seed), dict[str, object]()

    def suggest_categorical(self, name: str, choices: list[object]) -> object:
        assert all(isinstance(choice, str | int | float) for choice in choices)  # what a database keeps
        return self.drawn.setdefault(name, choices[self._random.integers(len(choices))])

    def suggest_int(self, name: str, low: int, high: int, *, log: bool) -> int:
        return self.drawn.setdefault(name, int(self._random.integers(low, high + 1)))

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        drawn = np.exp(self._random.uniform(np.log(low), np.log(high))) if log else self._random.uniform(low, high)
        return self.drawn.setdefault(name, float(drawn))


@pytest.mark.parametrize("model", MODELS)
def test_every_draw_is_a_valid_recipe_and_every_drawn_setting_has_an_effect(model: str) -> None:
    spaces = [SearchSpace({}, [model], texts) for texts in (FEW, MANY)]
    refused = {name for family in MODELS.values() for name in family.defaults} - {*MODELS[model].defaults}
    for seed in range(200):
        trial, space = RandomTrial(seed), spaces[seed % 2]
        config = TrainConfig(**space.suggest(trial)).resolved(texts=space.texts)
        assert trial.drawn
        assert not refused & trial.drawn.keys()
        assert not any(without_effect(vars(config), name) for name in trial.drawn)


@pytest.mark.parametrize("texts", [FEW, MANY])
@pytest.mark.parametrize("model", MODELS)
def test_the_default_recipe_is_a_draw(model: str, texts: int) -> None:
    space = SearchSpace({"seed": 3}, [model], texts)
    study = optuna.create_study()
    study.enqueue_trial(space.defaults())
    trial = study.ask()
    assert space.suggest(trial) == {"seed": 3, "model": model}
    assert trial.params == space.defaults()  # nothing was drawn in place of it


def test_with_several_models_each_has_its_own_parameters() -> None:
    space = SearchSpace({}, ["conv1d", "charcnn"], MANY)
    assert {name.split(".")[0] for name in space.defaults()} == {"model", "conv1d"}
    seen = set()
    for seed in range(20):
        trial = RandomTrial(seed)
        settings = space.suggest(trial)
        seen.add(settings["model"])
        assert {name.split(".")[0] for name in trial.drawn} == {"model", settings["model"]}
    assert seen == {"conv1d", "charcnn"}


@pytest.mark.parametrize(
    ("given", "left_out"),
    [
        ({"filters": 7}, {"filters"}),
        ({"optimizer": "sgd"}, {"embedding_factor", "weight_decay"}),
        ({"optimizer": "adam"}, {"weight_decay"}),
        (
            {"optimizer": "adadelta"},
            {"embedding_factor", "weight_decay", "learning_rate", "unfrozen_learning_rate"},
        ),
        ({"ngrams": 0}, {"ngrams", "ngram_learning_rate"}),
        ({"ngram_svm": True}, {"ngram_learning_rate"}),
        ({"vectors": "none"}, {"vector_mean"}),
        ({"unfrozen_epochs": 0}, {"unfrozen_epochs", "unfrozen_learning_rate", "embedding_factor"}),
        ({"frozen_epochs": 0}, {"learning_rate"}),
        ({"ngram_buckets": 4096}, {"ngrams"}),  # which single tokens do not need
    ],
)
def test_what_is_given_is_kept_and_what_it_makes_idle_is_not_tried(
    given: dict[str, object], left_out: set[str]
) -> None:
    space = SearchSpace(given, ["conv1d"], MANY)
    for seed in range(20):
        trial = RandomTrial(seed)
        settings = space.suggest(trial)
        TrainConfig(**settings).resolved(texts=MANY)
        assert given.items() <= settings.items()
        assert not left_out & trial.drawn.keys()


def test_with_few_texts_the_number_of_epochs_is_tried() -> None:
    tried = [SearchSpace({}, ["conv1d"], texts).defaults().keys() for texts in (FEW, MANY)]
    assert tried[0] - tried[1] == {"unfrozen_epochs"}
    assert tried[1] - tried[0] == {"ngram_learning_rate"}


def test_numbers_are_rounded_so_that_a_command_repeats_them() -> None:
    for seed in range(20):
        rate = SearchSpace({}, ["conv1d"], MANY).suggest(RandomTrial(seed))["learning_rate"]
        assert float(f"{rate:.3g}") == rate


def test_the_readme_lists_what_is_tried() -> None:
    text = README.read_text("utf-8")
    for field in dataclasses.fields(TrainConfig):
        for space in field.metadata["search"]:
            [*rows] = [line for line in text.splitlines() if line.startswith(f"| `{field.name}` | ")]
            assert any(line.endswith(f" | {space} |") and all(m in line for m in space.models) for line in rows)
    for model in MODELS:
        spaces = [space_of(field.name, model) for field in dataclasses.fields(TrainConfig)]
        assert all(isinstance(space, Choice | Interval) for space in spaces if space)
