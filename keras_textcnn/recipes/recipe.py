"""A recipe: the settings of a paper or a tutorial with their source, and what it is known to reach on which corpus."""

import dataclasses
import difflib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_textcnn.config import GROUPS, TrainConfig, effective
from keras_textcnn.errors import InputError
from keras_textcnn.settings.fields import has_type

DEFAULT = "default"  # our own
FOLDER = Path(__file__).parent
# What the machine, the corpus or another run decides is no part of a recipe.
_ELSEWHERE = {
    *("from_run", "tune", "rehearse", "rehearse_fraction", "weights"),
    *("seed", "histograms", "deterministic", "devices"),
}
SETTINGS = [
    field.name
    for group in ("text", "model", "training")
    for field in dataclasses.fields(GROUPS[group])
    if field.name not in _ELSEWHERE
] + ["validation_fraction"]
# The keys of each JSON object, with the types of their values.
_RECIPE = {"source": str, "settings": dict, "deviations": list, "corpora": dict}
_CORPUS = {"settings": dict, "repeats": dict, "minutes": float | None, "published": dict, "differs": str}
_FIGURE = {"accuracy": float, "source": str}
_TYPES = {str: "a string", dict: "an object", list: "a list", float: "a number", float | None: "a number or null"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecipeCorpus:
    """A corpus that a recipe is trained on.

    Attributes:
        settings: Further settings on this corpus.
        repeats: `{"folds": N}` or `{"seeds": N}`: the runs of `reproduce`; empty: five seeds, or ten folds for a corpus
            without test texts.
        minutes: The time that all runs together took on two cores; None if it was not measured.
        published: Figures, each with its accuracy in percent and its source: of the same model ("model"), of another
            convolutional network ("cnn"), and of the best model that we found among those without a pretrained
            language model ("best"). They are those of the papers, whose splits, vectors and tokens may differ from
            ours.
        differs: Why there are further settings, in one line; empty if there are none.
    """

    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    repeats: Mapping[str, int] = dataclasses.field(default_factory=dict)
    minutes: float | None = None
    published: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    differs: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings with the source that they come from.

    Attributes:
        name: Its name, which is that of its file.
        source: Who described it, when and where, in one line.
        settings: The settings of `TrainConfig` that it states; all others have their defaults.
        deviations: Each way in which it is not what the source describes, in one line each.
        corpora: What is known of it on corpora, by the name in the catalogue.

    Example:
        recipe = read_recipe("kim2014-static")
        config = recipe.config(vectors="GoogleNews-vectors-negative300.bin")
    """

    name: str
    source: str
    settings: Mapping[str, Any]
    deviations: Sequence[str] = ()
    corpora: Mapping[str, RecipeCorpus] = dataclasses.field(default_factory=dict)

    def combine(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The recipe's settings, also those on the corpus `data`, and the given ones, which win.

        Settings of the recipe that the given ones make idle are left out.

        Raises:
            InputError: The given settings name another model, or a run to start from.
        """
        if given.get("from_run"):
            raise InputError("--recipe does not apply with --from, which takes the model from a run; leave one out")
        own = self._settings_on(given.get("data"))
        model = own.get("model")
        if model and given.get("model") not in (None, model):
            raise InputError(f"the recipe {self.name} is for --model {model}; received: {given['model']}; leave it out")
        return effective({**own, **given}, kept=given)

    def config(self, **given: Any) -> TrainConfig:
        """The settings of a training: the recipe's, overridden by the given ones.

        Raises:
            InputError: As for `combine`, or a setting is out of its range.
        """
        return TrainConfig(**self.combine(given)).resolved()

    def record(self, config: TrainConfig) -> dict[str, Any]:
        """What a run keeps of its recipe: name, source, deviations, and the settings that are not the recipe's.

        Args:
            config: The settings of the run, before a corpus completes them.
        """
        config, own = config.resolved(), self.config(data=config.data)
        overridden = [name for name in SETTINGS if getattr(config, name) != getattr(own, name)]
        lines = {"source": self.source, "deviations": list(self.deviations), "overridden": overridden}
        return {"name": self.name, **lines}

    def _settings_on(self, corpus: str | None) -> dict[str, Any]:
        its = self.corpora.get(corpus or "", RecipeCorpus())
        return {**self.settings, **its.settings}


def describe_recipe(record: Mapping[str, Any]) -> list[str]:
    """Lines about the recipe of a run: its source, and one for each deviation.

    Args:
        record: From `Recipe.record`.
    """
    others = f"; not the recipe's: {', '.join(record['overridden'])}" if record["overridden"] else ""
    head = f"recipe {record['name']}: {record['source']}{others}"
    return [head, *(f"differs from its source: {line}" for line in record["deviations"])]


def recipe_names() -> list[str]:
    """The names of the recipes in the package."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read_recipe(source: str | Path) -> Recipe:
    """Reads a recipe.

    Args:
        source: A name from `recipe_names`, or a JSON file in the same format.

    Raises:
        InputError: There is no such recipe, or the file is not in that format.

    Example:
        print(read_recipe("keras-example").deviations)
    """
    name, names = os.fspath(source), recipe_names()
    path = FOLDER / f"{name}.json" if name in names else Path(name)
    if not path.is_file():
        raise InputError(f"no recipe {name!r}; choose from {', '.join(names)}, or give a JSON file")
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read {path}: {error}; a recipe is a JSON file") from error
    return _parse(content, path.stem, str(path))


def _parse(content: Any, name: str, file: str) -> Recipe:
    """The recipe in a file, checked key by key."""
    recipe = _object(content, file, _RECIPE, required=("source", "settings"))
    _line(recipe["source"], f"{file}: source")
    for number, line in enumerate(recipe.get("deviations", ()), 1):
        _line(line, f"{file}: deviations, line {number}")
    settings = recipe["settings"]
    _check_settings(settings, settings, f"{file}: settings")
    corpora = {
        corpus: _parse_corpus(its, settings, f"{file}: corpora, {corpus}")
        for corpus, its in recipe.get("corpora", {}).items()
    }
    return Recipe(name=name, **{**recipe, "corpora": corpora})


def _parse_corpus(content: Any, settings: Mapping[str, Any], place: str) -> RecipeCorpus:
    its = _object(content, place, _CORPUS)
    own, repeats = its.get("settings", {}), its.get("repeats", {})
    if repeats and [*repeats] not in (["folds"], ["seeds"]):
        raise InputError(f'{place}, repeats: must be {{"folds": N}} or {{"seeds": N}}; received: {repeats}')
    _check_settings(own, {**settings, **own, **repeats}, f"{place}, settings")
    for kind, figure in its.get("published", {}).items():
        where = f"{place}, published, {kind}"
        accuracy = _object(figure, where, _FIGURE, required=_FIGURE)["accuracy"]
        if not 0 <= accuracy <= 100:
            raise InputError(f"{where}, accuracy: must be in percent, from 0 to 100; received: {accuracy}")
    return RecipeCorpus(**its)


def _check_settings(names: Mapping[str, Any], together: Mapping[str, Any], place: str) -> None:
    """Raises InputError if a name is not that of a setting, or a value does not suit it or the others."""
    for name in names:
        if name not in SETTINGS:
            near = difflib.get_close_matches(name, SETTINGS, 1)
            meant = f"did you mean {near[0]}?" if near else "see train --help-all, and write _ for -"
            raise InputError(f"{place}: {name!r} is no setting of a recipe; {meant}")
    try:
        TrainConfig(**together)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def _object(content: Any, place: str, keys: Mapping[str, Any], *, required: Any = ()) -> dict[str, Any]:
    """A JSON object, if it has no other than these keys, with values of these types, and the required ones."""
    if not isinstance(content, dict):
        raise InputError(f"{place}: must be an object; received: {_short(content)}")
    for key, value in content.items():
        if key not in keys:
            raise InputError(f"{place}: unknown key {key!r}; the keys are {', '.join(keys)}")
        if not has_type(value, keys[key]):
            raise InputError(f"{place}: {key} must be {_TYPES[keys[key]]}; received: {_short(value)}")
    if missing := [key for key in required if key not in content]:
        raise InputError(f"{place}: no {missing[0]}; add it")
    return content


def _line(text: Any, place: str) -> None:
    """Raises InputError if a value is not one line of text."""
    if not isinstance(text, str) or not text or len(text.splitlines()) != 1:
        raise InputError(f"{place}: must be one line of text; received: {_short(text)}")


def _short(value: Any) -> str:
    """The beginning of a JSON value."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]} ..."
