"""Functions of the user's own that a command line names, imported from their file or module."""

import argparse
import importlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from keras_textcnn.cli.arguments import Parser
from keras_textcnn.errors import InputError
from keras_textcnn.own_functions import OPTIONS, OwnFunction, describe_failure, own_options
from keras_textcnn.utils.tensorflow import import_tensorflow

HELP = {
    "model": ("model", "your own function that builds the model, such as my_model.py:build"),
    "tokenizer": ("text", "your own function from texts to tokens, in TensorFlow string operations"),
}


def add_own_options(parser: Parser) -> None:
    """Adds the options that name functions of the user's own."""
    for setting, (group, help) in HELP.items():
        parser.add_rare(group, OPTIONS[setting], dest=_place(setting), metavar="FILE:NAME", help=help)


def read_own_options(arguments: argparse.Namespace, given: Mapping[str, Any]) -> dict[str, OwnFunction]:
    """The functions that the options name, each by the setting that it is the value of.

    Raises:
        InputError: One cannot be imported, or its setting is also given.
    """
    sources = {setting: getattr(arguments, _place(setting)) for setting in HELP}
    for setting, source in sources.items():
        if source and setting in given:
            raise InputError(f"--{setting} {given[setting]} and {OPTIONS[setting]} {source}: give only one")
    return {setting: import_function(it, option=OPTIONS[setting]) for setting, it in sources.items() if it}


def repeat_own_options(arguments: argparse.Namespace) -> str:
    """The options as they were given, each after a space, for a command that continues."""
    return own_options({setting: getattr(arguments, _place(setting)) for setting in HELP})


def _place(setting: str) -> str:
    return f"own_{setting}"


def import_function(source: str, *, option: str) -> OwnFunction:
    """The function that an option names.

    Args:
        source: `FILE.py:FUNCTION`, or `MODULE:FUNCTION`, which is looked for in the working directory, too. The folder
            of the file, or the working directory, comes first where Python looks for modules.
        option: The option, for messages.

    Raises:
        InputError: There is no such file, module or function, or the import fails.
    """
    module, colon, function = source.rpartition(":")
    path = Path(module)
    if not colon or not module or not function.isidentifier():
        raise InputError(f"{option} must be FILE.py:FUNCTION or MODULE:FUNCTION; received: {source}")
    if path.suffix == ".py" and not path.is_file():
        raise InputError(f"no such file: {module}; {option} takes FILE.py:FUNCTION")
    import_tensorflow()  # quietly, which the file would not
    imported = _import_file(path) if path.suffix == ".py" else _import_module(module, option)
    found = getattr(imported, function, None)
    if not callable(found):
        raise InputError(f"no function {function} in {module}; give one that is there")
    return OwnFunction(f"{path.name}:{function}", found)


def _import_file(path: Path) -> ModuleType:
    name = f"own_{path.stem}"  # a file may have the name of a package
    loader = importlib.machinery.SourceFileLoader(name, str(path.resolve()))
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(name, loader, origin=str(path)))
    sys.modules[name] = module  # where dataclasses look for it
    _look_in(path.resolve().parent)
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"cannot import {path}: {describe_failure(error, str(path.resolve()))}") from error
    return module


def _import_module(name: str, option: str) -> ModuleType:
    _look_in(Path.cwd())
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise InputError(f"{option}: cannot import {name}: {describe_failure(error, None)}") from error


def _look_in(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
