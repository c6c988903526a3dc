"""Recipes in JSON files: the package's own and the user's, and what is wrong with a file."""

import difflib
import json
import math
import os
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.datasets import is_named
from keras_textcnn.errors import InputError
from keras_textcnn.own_functions import is_own
from keras_textcnn.recipes.recipe import SETTINGS, Deviation, Recipe, RecipeCorpus
from keras_textcnn.settings.fields import has_type
from keras_textcnn.text.pretrained_vectors import is_file_of_vectors
from keras_textcnn.utils.inputs import describe

DEFAULT = "default"  # our own
FOLDER = Path(__file__).parent
# The keys of each JSON object, with the types of their values.
_RECIPE = {"source": str, "settings": dict, "deviations": list, "corpora": dict}
_DEVIATION = {"line": str, "settings": list}
_CORPUS = {"settings": dict, "repeats": dict, "minutes": float | None, "published": dict, "differs": str}
_PUBLISHED = {"model": dict, "cnn": dict, "best": dict}
_FIGURE = {"accuracy": float, "source": str}
_TYPES = {str: "a string", dict: "an object", list: "a list", float: "a number", float | None: "a number or null"}
_NOT_IN_A_LINE = {"Cc", "Cs", "Zl", "Zp"}  # Unicode: controls, halves of pairs, separators of lines and paragraphs


def recipe_names() -> list[str]:
    """The names of the recipes in the package."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def find_recipe(source: str | Path) -> Path:
    """The file of a recipe.

    Args:
        source: A name from `recipe_names`, or a JSON file.

    Raises:
        InputError: There is no such recipe, or the file has the name of another one in the package.
    """
    if not isinstance(source, str | os.PathLike) or not isinstance(name := os.fspath(source), str):
        raise InputError(f"a recipe must be a name or a JSON file; received: {describe(source)}")
    names = recipe_names()
    path = FOLDER / f"{name}.json" if name in names else Path(name)
    if not _is_file(path):
        raise InputError(f"no recipe {name!r}; choose from {', '.join(names)}, or give a JSON file")
    if path.stem in names and path.parent.resolve() != FOLDER.resolve():
        raise InputError(f"{path}: the package has a recipe of that name; rename the file")
    if not _is_line(path.stem) or not path.stem.strip("."):
        raise InputError(f"{name!r}: a recipe cannot have that name; rename the file")
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # its name is too long
        return False


def read_recipe(source: str | Path) -> Recipe:
    """Reads a recipe.

    Args:
        source: A name from `recipe_names`, or a JSON file in the same format, in which paths are relative to its
            folder.

    Raises:
        InputError: There is no such recipe, or the file is not in that format.

    Example:
        print(read_recipe("keras-example").source)
    """
    path = find_recipe(source)
    try:
        content = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_without_repeats)
    except _RepeatedKeyError as error:
        raise InputError(f"{path}: an object has the key {error.args[0]!r} twice; remove one") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read {path}: {error}; a recipe is a JSON file") from error
    return _parse(content, path)


class _RepeatedKeyError(Exception):
    """A JSON object has a key twice."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise _RepeatedKeyError(key)
        content[key] = value
    return content


def _parse(content: Any, path: Path) -> Recipe:
    """The recipe in a file, checked key by key."""
    recipe, folder = _object(content, str(path), _RECIPE, required=("source", "settings")), path.parent.resolve()
    _check_line(recipe["source"], f"{path}: source")
    deviations = [
        _parse_deviation(its, f"{path}: deviations, number {number}")
        for number, its in enumerate(recipe.get("deviations", ()), 1)
    ]
    settings = _parse_settings(recipe["settings"], {}, folder, f"{path}: settings")
    corpora: dict[str, RecipeCorpus] = {}
    for name, its in recipe.get("corpora", {}).items():
        _check_line(name, f"{path}: corpora, name of a corpus")
        place, corpus = f"{path}: corpora, {name}", name if is_named(name) else _absolute(name, folder)
        if corpus in corpora:
            raise InputError(f"{place}: the same file is there twice; remove one")
        corpora[corpus] = _parse_corpus(its, settings, folder, place)
    return Recipe(name=path.stem, source=recipe["source"], settings=settings, deviations=deviations, corpora=corpora)


def _parse_deviation(content: Any, place: str) -> Deviation:
    if isinstance(content, str):
        raise InputError(f'{place}: must be {{"line": TEXT}}; received: {_short(content)}')
    its = _object(content, place, _DEVIATION, required=("line",))
    _check_line(its["line"], f"{place}, line")
    _check_names(its.get("settings", ()), f"{place}, settings")
    return Deviation(**its)


def _parse_corpus(content: Any, settings: Mapping[str, Any], folder: Path, place: str) -> RecipeCorpus:
    its = _object(content, place, _CORPUS)
    repeats, minutes = its.get("repeats", {}), its.get("minutes")
    _check_repeats(repeats, f"{place}, repeats")
    own = _parse_settings(its.get("settings", {}), {**settings, **repeats}, folder, f"{place}, settings")
    if minutes is not None and not 0 <= minutes < math.inf:
        raise InputError(f"{place}: minutes must be at least 0; received: {_short(minutes)}")
    if "differs" in its:
        _check_line(its["differs"], f"{place}, differs")
    for kind, figure in _object(its.get("published", {}), f"{place}, published", _PUBLISHED).items():
        _check_figure(figure, f"{place}, published, {kind}")
    return RecipeCorpus(**{**its, "settings": own})


def _check_repeats(repeats: Mapping[str, Any], place: str) -> None:
    if repeats and [*repeats] not in (["folds"], ["seeds"]):
        raise InputError(f'{place}: must be {{"folds": N}} or {{"seeds": N}}; received: {_short(repeats)}')
    for name, count in repeats.items():
        if not has_type(count, int):
            raise InputError(f"{place}: {name} must be a whole number; received: {_short(count)}")
    _check_together(repeats, place)


def _check_figure(content: Any, place: str) -> None:
    figure = _object(content, place, _FIGURE, required=_FIGURE)
    if not 0 <= figure["accuracy"] <= 100:
        accuracy = _short(figure["accuracy"])
        raise InputError(f"{place}, accuracy: must be in percent, from 0 to 100; received: {accuracy}")
    _check_line(figure["source"], f"{place}, source")


def _parse_settings(settings: Mapping[str, Any], others: Mapping[str, Any], folder: Path, place: str) -> dict[str, Any]:
    """Settings with absolute paths, if each has a value that suits it and the others."""
    _check_names(settings, place)
    for name, value in settings.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                _check_line(text, f"{place}, {name}")
        if name in ("model", "tokenizer") and isinstance(value, str) and is_own(value):
            raise InputError(f"{place}, {name}: a recipe cannot name a function of your own; received: {value}")
    parsed = dict(settings)
    if isinstance(vectors := parsed.get("vectors"), str) and is_file_of_vectors(vectors):
        parsed["vectors"] = _absolute(vectors, folder)
    _check_together({**others, **parsed}, place)
    return parsed


def _check_names(names: Iterable[Any], place: str) -> None:
    """Raises InputError if a name is not that of a setting."""
    for name in names:
        if name not in SETTINGS:
            near = difflib.get_close_matches(str(name), SETTINGS, 1)
            meant = f"did you mean {near[0]}?" if near else "see train --help-all, and write _ for -"
            raise InputError(f"{place}: {name!r} is no setting of a recipe; {meant}")


def _check_together(settings: Mapping[str, Any], place: str) -> None:
    try:
        TrainConfig(**settings)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def _absolute(name: str, folder: Path) -> str:
    return str((folder / name).resolve())


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


def _check_line(text: str, place: str) -> None:
    """Raises InputError if a text is blank, or is not one line without control characters."""
    if not text.strip() or not _is_line(text):
        raise InputError(f"{place}: must be one line of text; received: {_short(text)}")


def _is_line(text: str) -> bool:
    return not any(unicodedata.category(character) in _NOT_IN_A_LINE for character in text)


def _short(value: Any) -> str:
    """The beginning of a JSON value."""
    text = json.dumps(value, ensure_ascii=False)
    if not _is_line(text):
        text = json.dumps(value)  # spelled out
    return text if len(text) <= 60 else f"{text[:60]} ..."
