"""Builders and tokenizers of the user's own: a run names them, and never imports them by that name."""

import dataclasses
import inspect
import re
import shlex
import traceback
from collections.abc import Callable, Collection, Container, Mapping
from pathlib import Path
from typing import Any, TypeVar

from keras_textcnn.errors import InputError

OPTIONS = {"model": "--builder", "tokenizer": "--tokenizer-function"}  # by setting
MADE = {"model": "the model of {} was built by", "tokenizer": "the tokens of {} were made by"}
SIZES = ("vocabulary_size", "num_classes")  # which every builder takes
Settings = TypeVar("Settings", bound=Any)
NOISE = re.compile(r"\x1b\[\d+m|\s+")  # bold type and line ends, in Keras's messages


class OwnFunction(str):
    """A user's function by its name, such as `my_model.py:build` or `my_module:build`.

    It equals its name, so settings are written, read and compared by name. What is read from a file is a plain string:
    the name without the function.

    Attributes:
        function: The function.
    """

    function: Callable[..., Any]

    def __new__(cls, name: str, function: Callable[..., Any]) -> "OwnFunction":
        own = super().__new__(cls, name)
        own.function = function
        return own

    def __reduce__(self) -> Any:
        return OwnFunction, (str(self), self.function)

    @classmethod
    def of(cls, function: Callable[..., Any], *, setting: str) -> "OwnFunction":
        """The function under the name of its module and its own.

        Raises:
            InputError: It is something else that can be called, such as a model.
        """
        if not (hasattr(function, "__qualname__") and hasattr(function, "__module__")):
            raise InputError(f"`{setting}` must be a name or a function; received: {type(function).__name__}")
        return cls(f"{function.__module__}:{function.__qualname__}", function)


def is_own(name: str | None) -> bool:
    """Whether a setting names a function of the user's own."""
    return ":" in (name or "")  # the default is still open in settings that are not resolved


def is_function(value: object) -> bool:
    """Whether the value of a setting is a function, and not only a name."""
    return callable(value) or isinstance(value, OwnFunction)


def own_function(name: str) -> Callable[..., Any] | None:
    """The function, if a setting holds one and not only a name."""
    return name.function if isinstance(name, OwnFunction) else None


def require_function(name: str, *, setting: str, run: object = None) -> Callable[..., Any]:
    """The function that a setting names.

    Args:
        name: The value of the setting.
        setting: "model" or "tokenizer".
        run: The directory of the run with these settings, if there is one.

    Raises:
        InputError: There is only the name.
    """
    if (function := own_function(name)) is not None:
        return function
    what = f"{MADE[setting].format(run)} {name}" if run else f"{name} is only the name of a function"
    how = f"{OPTIONS[setting]} {name} (in Python: {setting}={name.rpartition(':')[2]})"
    raise InputError(f"{what}; give {'it again' if run else 'the function'} with {how}")


def give_functions(
    config: Settings,
    directory: object,
    functions: Mapping[str, Callable[..., Any] | OwnFunction],
    *,
    needed: Container[str] = OPTIONS,
) -> Settings:
    """The settings of a run with the functions of the user's own, which the run only names.

    Args:
        config: The settings, a `TrainConfig`.
        directory: The run's directory.
        functions: The functions, by setting: "model", "tokenizer". One that has a name must have the run's; others are
            taken for the one that the run names.
        needed: The settings whose function is needed.

    Raises:
        InputError: One is missing, or is not the one that the run names.
    """
    known = {}
    for setting, option in OPTIONS.items():
        name, given = getattr(config, setting), functions.get(setting)
        if given is not None:
            own = given if isinstance(given, OwnFunction) else OwnFunction.of(given, setting=setting)
            if not is_own(name) or (own is given and not same_function(name, own)):
                named = f"{option} {name}" if is_own(name) else f"--{setting} {name}"
                advice = "give that one" if is_own(name) else "leave it out"
                raise InputError(f"{directory} was trained with {named}, not with {own}; {advice}")
            known[setting] = OwnFunction(name, own.function)
        elif is_own(name) and setting in needed:
            require_function(name, setting=setting, run=directory)
    return dataclasses.replace(config, **known)


def own_options(values: Mapping[str, str | None]) -> str:
    """The options for functions of the user's own, each after a space; `values` are by setting."""
    given = [(OPTIONS[setting], value) for setting, value in values.items() if value and is_own(value)]
    return "".join(f" {option} {shlex.quote(value)}" for option, value in given)


def same_function(one: str, other: str) -> bool:
    """Whether two names are of the same function: a file and its module are the same, and so is a notebook."""
    modules, names = zip(*(name.split(":", 1) for name in (one, other)), strict=True)
    stems = {module.removesuffix(".py").rpartition(".")[2] for module in modules} - {"__main__"}
    return names[0] == names[1] and len(stems) <= 1


def read_signature(builder: OwnFunction, settings: Collection[str]) -> dict[str, Any]:
    """The settings that a builder takes, with its defaults; `inspect.Parameter.empty` where it has none.

    Args:
        builder: The builder.
        settings: The settings that a builder may take.

    Raises:
        InputError: It does not take the sizes that it needs, or cannot be called without something else.
    """
    try:
        parameters = inspect.signature(builder.function).parameters
    except (TypeError, ValueError) as error:
        raise InputError(f"{builder} has no signature ({error}); give a Python function") from error
    named = {
        name: one.default
        for name, one in parameters.items()
        if one.kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    }
    anything = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    if not anything and not set(SIZES) <= set(named):
        raise InputError(f"{builder} must take {' and '.join(SIZES)}; it takes {', '.join(parameters) or 'nothing'}")
    for name, default in named.items():
        if default is inspect.Parameter.empty and name not in {*settings, *SIZES, "tokens"}:
            raise InputError(
                f"{builder} takes {name}, which is no setting of a model; give it a default, or take one of "
                f"{', '.join(settings)}"
            )
    return {name: default for name, default in named.items() if name in {*settings, "tokens"}}


def describe_failure(error: BaseException, file: str | None) -> str:
    """An exception in one line, with the last line of the user's file that led to it.

    Args:
        error: The exception.
        file: The path of the file.
    """
    message = NOISE.sub(" ", str(error).split("Arguments received by")[0]).strip()
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    place = f" ({Path(str(file)).name}:{lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {message}{place}"


def file_of(function: Callable[..., Any]) -> str | None:
    """The file that a function was defined in, as in tracebacks."""
    return getattr(getattr(function, "__code__", None), "co_filename", None)
