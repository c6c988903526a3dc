"""Functions of the user's own among the settings."""

import copy
import dataclasses
import functools
import json
import pickle

import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.errors import InputError
from keras_textcnn.own_functions import OwnFunction, give_functions, same_function

NAME = "tests.test_own_functions:build"


def build(vocabulary_size: int, num_classes: int, filters: int = 3) -> None:
    pass


def test_settings_hold_the_function_and_are_written_read_and_compared_by_its_name() -> None:
    config = TrainConfig(model=build).resolved()
    assert config.model == NAME
    assert config.family.load_builder() is build
    read = TrainConfig.of(json.loads(json.dumps(dataclasses.asdict(config))))
    assert read == config
    assert type(read.model) is str
    with pytest.raises(InputError, match=f"{NAME} is only the name of a function; give the function with --builder"):
        read.family.load_builder()
    for copied in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert copied == config
        assert copied.family.load_builder() is build


def test_a_run_s_functions_are_given_again() -> None:
    read = TrainConfig.of(dataclasses.asdict(TrainConfig(model=build, filters=9).resolved()) | {"model": "my.py:build"})
    with pytest.raises(
        InputError,
        match=r"of runs/a was built by my.py:build; give it again with --builder my.py:build \(in Python: model=bu",
    ):
        give_functions(read, "runs/a", {})
    given = give_functions(read, "runs/a", {"model": OwnFunction("my:build", build)})
    assert given == read
    assert given.family.load_builder() is build
    with pytest.raises(InputError, match="runs/a was trained with --builder my.py:build, not with other.py:build"):
        give_functions(read, "runs/a", {"model": OwnFunction("other.py:build", build)})
    with pytest.raises(InputError, match="runs/a was trained with --model conv1d, not with my.py:build; leave it out"):
        give_functions(TrainConfig(), "runs/a", {"model": OwnFunction("my.py:build", build)})
    tokens = TrainConfig(tokenizer="my.py:split", vectors="none")
    with pytest.raises(InputError, match="the tokens of runs/a were made by my.py:split; .* --tokenizer-function my"):
        give_functions(tokens, "runs/a", {})
    assert give_functions(tokens, "runs/a", {}, needed=("model",)) == tokens


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("my.py:build", "my:build", True),
        ("my.py:build", "package.my:build", True),
        ("__main__:build", "my:build", True),
        ("my.py:build", "my.py:make", False),
        ("my.py:build", "your.py:build", False),
    ],
)
def test_a_file_and_its_module_are_the_same(one: str, other: str, same: bool) -> None:
    assert same_function(one, other) is same


def takes(**arguments: object) -> object:
    """A function with this signature; an argument with the value `...` has no default."""
    parts = [name if value is ... else f"{name}={value!r}" for name, value in arguments.items()]
    namespace: dict[str, object] = {"__name__": "m"}
    exec(f"def build(*, {', '.join(parts)}): pass", namespace)
    return namespace["build"]


SIZES = {"vocabulary_size": ..., "num_classes": ...}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"model": takes(words=..., labels=...)},
            "m:build must take vocabulary_size and num_classes; it takes words",
        ),
        (
            {"model": takes(**SIZES, heads=...)},
            "m:build takes heads, which is no setting of a model; give it a",
        ),
        ({"model": takes(**SIZES, ngrams=...)}, "m:build takes ngrams, which is no setting of a model"),
        ({"model": takes(**SIZES, filters=...)}, "--filters must be given: m:build has no default for it"),
        ({"model": takes(**SIZES, windows=0.5)}, r"--windows must be tuple\[int, ...\] \| None; received: 0.5"),
        ({"model": takes(**SIZES), "filters": 3}, "--filters does not apply to --builder m:build; leave it out"),
        ({"model": takes(**SIZES), "dropout": 0.3}, "--dropout does not apply to --builder m:build; leave it out"),
        ({"model": takes(**SIZES), "ngrams": 2}, "--ngrams does not apply to --builder m:build; leave it out"),
        ({"model": functools.partial(build)}, "`model` must be a name or a function; received: partial"),
        ({"tokenizer": str.split}, "`tokenizer` must be a name or a function; received: method_descriptor"),
        ({"model": int.from_bytes}, "must take vocabulary_size and num_classes"),
        ({"tokenizer": functools.partial(build)}, "`tokenizer` must be a name or a function; received: partial"),
    ],
)
def test_what_is_wrong_with_a_builder_is_said_before_it_is_called(given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrainConfig(**given)


def test_a_builder_may_have_arguments_of_its_own() -> None:
    config = TrainConfig(model=takes(**SIZES, heads=4, windows=(2, 3), dropout=0.1, dimensions=...), vectors="none")
    resolved = config.resolved()
    assert (resolved.windows, resolved.dropout, resolved.dimensions, resolved.filters) == ((2, 3), 0.1, 100, None)
    assert resolved.resolved() is resolved
