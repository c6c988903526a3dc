import dataclasses
import inspect
import json
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.errors import InputError
from keras_textcnn.presets import GLOVE_TABLE, MODELS
from keras_textcnn.settings.fields import POSITIVE, SET


def test_is_read_only() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().seed = 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filters": 0}, "--filters must be at least 1; received: 0"),
        ({"dropout": 1.0}, r"--dropout must be in \[0, 1\); received: 1.0"),
        ({"dropout": float("nan")}, "--dropout must be"),
        ({"validation_fraction": 0.6}, r"--validation-fraction must be in \(0, 0.5\]; received: 0.6"),
        ({"windows": ()}, "--windows must be"),
        ({"windows": (2, 0)}, "--windows must be numbers of at least 1"),
        ({"windows": (2, 2)}, "--windows must be different numbers"),
        ({"learning_rate": -1.0}, "--learning-rate must be a positive number; received: -1.0"),
        ({"frozen_epochs": 0, "unfrozen_epochs": 0}, "--unfrozen-epochs must be"),
        ({"seed": 2**32}, r"--seed must be at least 0 and below 2\*\*32; received: 4294967296"),
        ({"seed": 2**32 - 1, "seeds": 2}, r"--seed must be at least 0 and below 2\*\*32"),
        ({"seeds": 1}, "--seeds must be at least 2 and at most 1000; received: 1"),
        ({"seeds": 3, "folds": 3}, "--seeds must be left out with --folds"),
        ({"folds": 2}, "--folds must be at least 3 and at most 1000; received: 2"),
        ({"folds": 3, "test_data": "a.csv"}, "--folds must be left out with --test-data"),
        ({"folds": 3, "fold": 4}, "--fold must be one of --folds, from 1; received: 4"),
        ({"fold": 1}, "--fold does not apply without --folds; leave it out"),
        ({"vocabulary_size": 2}, "--vocabulary-size must be at least 3"),
        ({"model": "lstm"}, "--model must be one of conv1d,.*; received: lstm"),
        ({"freeze": "everything"}, "--freeze must be one of embedding,trunk,.*; received: everything"),
        ({"optimizer": "lion"}, "--optimizer must be one of adam,adamw,rmsprop,sgd,adadelta; received: lion"),
        ({"windows": 0.5}, r"--windows must be tuple\[int, ...\] \| None; received: 0.5"),
        ({"model": "conv2d", "poolings": ("max",)}, "--poolings does not apply to --model conv2d; leave it out"),
        ({"model": "charcnn-zhang-small", "filters": 9}, "--filters does not apply to --model charcnn-zhang-small"),
        ({"poolings": ("max", "min")}, "--poolings must be max, average or max,average; received: max,min"),
        ({"poolings": ("max", "max")}, "--poolings must be max, average or max,average; received: max,max"),
        ({"poolings": ()}, "--poolings must be max, average or max,average; received: none"),
        ({"hidden": (3, 0)}, "--hidden must be numbers of at least 1"),
        ({"max_norm": 0.0}, "--max-norm must be a positive number; received: 0.0"),
        ({"multichannel": True, "vectors": "none"}, "--multichannel must be left out without vectors"),
        ({"weight_decay": 0.1}, "--weight-decay does not apply with --optimizer adam; leave it out"),
        ({"optimizer": "sgd", "embedding_factor": 5.0}, "--embedding-factor must be 1 with --optimizer sgd"),
        ({"model": "charcnn", "vectors": "a.txt"}, "--vectors must be none for a character model; received: a.txt"),
        ({"model": "charcnn", "tokenizer": "words"}, "--tokenizer must be characters for charcnn; received: words"),
        ({"model": "charcnn-zhang-small", "tokenizer": "spaces"}, "--tokenizer must be characters"),
        ({"tokenizer": "bytes"}, "--tokenizer must be one of words,characters,spaces; received: bytes"),
        ({"model": "charcnn", "alphabet": "zhang", "vocabulary_size": 70}, "--vocabulary-size must be at least 71"),
        ({"model": "charcnn", "alphabet": "zhang", "minimum_count": 2}, "--minimum-count must be left out"),
        ({"model": "charcnn", "embedding": "one-hot", "dimensions": 9}, "--dimensions must be left out with one-hot"),
    ],
)
def test_refuses_a_setting_out_of_range(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrainConfig(**settings)


VALUES = {  # a value of the field that is not its default
    "label_column": "a",
    "soft_labels": True,
    "memory": 256,
    "class_weight": "balanced",
    "multi_label": ";",
    "numeric_labels": True,
    "fold": 1,
    "rehearse": "a.csv",
    "tune": "bias",
    "refit": True,
    "patience": 3,
    "inner_folds": 3,
    "ngram_svm": True,
    "vector_mean": True,
    "subwords": True,
    "missing_deviation": 1.0,
    "ngram_buckets": 8,
    "ngram_words": 9,
    "ngram_epochs": 3,
    "monitor": "val_accuracy",
}
TOGETHER = {  # other settings that a setting needs
    "folds": {"folds": 3},
    "rehearse": {"from_run": "a"},
    "validation_data": {"validation_data": "a.csv"},
    "test_data": {"test_data": "a.csv"},
    "label_columns": {"label_columns": ("a",)},
    "soft_labels": {"label_columns": ("a", "b")},
    "weight_column": {"weight_column": "w"},
    "from_run": {"from_run": "a"},
}
IDLE = [
    (field.name, number) for field in dataclasses.fields(TrainConfig) for number in range(len(field.metadata["unless"]))
]


@pytest.mark.parametrize(("name", "number"), IDLE)
def test_a_setting_without_effect_is_refused(name: str, number: int) -> None:
    """The definition of each field lists what leaves it without effect."""
    unless = TrainConfig.__dataclass_fields__[name].metadata["unless"][number]
    others: dict[str, object] = {"model": "charcnn"} if "embedding" in unless else {}
    for other, value in unless.items():
        if value is SET:
            others |= {"rehearse": "a.csv"} if other == "rehearse" else {}
            others |= TOGETHER[other]
        elif value is POSITIVE:
            others[other] = 3
        elif value != TrainConfig.__dataclass_fields__[other].default:
            others |= {**TOGETHER.get(other, {}), other: value}
    given = {name: VALUES.get(name, 0.25), **others}
    if name in ("rehearse_fraction", "tune") and unless != {"from_run": None}:
        given = {"from_run": "a", **given}
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} does not apply with"):
        TrainConfig(**given)
    before = TrainConfig(**{other: value for other, value in given.items() if other != name})
    assert before.resolved().resolved() == before.resolved()
    assert TrainConfig.of(dataclasses.asdict(before.resolved()) | {name: given[name]}) == before.resolved()


def test_every_condition_that_was_thought_of_is_tried() -> None:
    assert len(IDLE) >= 25
    assert {"ngram_epochs", "rehearse_fraction", "validation_fraction", "learning_rate"} <= {name for name, _ in IDLE}


@pytest.mark.parametrize("model", MODELS)
def test_settings_of_a_model_are_arguments_of_its_builder(model: str) -> None:
    from keras_textcnn.presets import MODELS

    arguments = {*inspect.signature(MODELS[model].load_builder()).parameters} - {"num_classes", "tokens", "size"}
    fit = {
        "tokenizer",
        "vectors",
        "vocabulary",
        "maximum_tokens",
        "alphabet",
        "frozen_epochs",
        "unfrozen_epochs",
        "learning_rate",
    }
    fit |= {"unfrozen_learning_rate", "embedding_factor", "batch_size", "refit", "ngram_epochs", "ngram_learning_rate"}
    fit |= {"subwords"}
    assert {*MODELS[model].defaults} - fit == arguments


def test_what_a_model_has_no_use_for_is_none() -> None:
    config = TrainConfig(model="charcnn-zhang-large").resolved()
    assert (config.filters, config.windows, config.vectors, config.alphabet) == (None, None, "none", "zhang")
    assert config.resolved() is config


@pytest.mark.parametrize(
    ("settings", "tokenizer", "vectors"),
    [
        ({}, "words", GLOVE_TABLE),
        ({"model": "conv2d"}, "words", GLOVE_TABLE),
        ({"model": "charcnn"}, "characters", "none"),
        ({"model": "charcnn-zhang-large", "tokenizer": "characters"}, "characters", "none"),
        ({"tokenizer": "spaces"}, "spaces", GLOVE_TABLE),
        ({"tokenizer": "characters"}, "characters", "none"),
        ({"model": "conv2d-windows", "tokenizer": "characters", "vectors": "a.vec"}, "characters", "a.vec"),
    ],
)
def test_tokenizer_and_the_vectors_that_go_with_it(settings: dict[str, str], tokenizer: str, vectors: str) -> None:
    config = TrainConfig(**settings).resolved()
    assert (config.tokenizer, config.vectors) == (tokenizer, vectors)


def test_a_run_that_starts_from_another_has_its_tokenizer() -> None:
    config = TrainConfig(tokenizer="spaces", vectors="none").resolved()
    assert config.adapted(data="b.csv", from_run="runs/a").tokenizer == "spaces"
    with pytest.raises(InputError, match="--tokenizer is taken from the run: spaces; leave it out"):
        config.adapted(tokenizer="words", from_run="runs/a")


def test_words_of_the_vectors_file_are_conv1ds_default() -> None:
    assert TrainConfig().resolved().vocabulary == "train+vectors"
    for settings in ({"vectors": "none"}, {"from_run": "runs/old"}, {"model": "conv2d"}, {"model": "charcnn"}):
        assert TrainConfig(**settings).resolved().vocabulary == "train"


def test_a_default_follows_the_settings_that_are_replaced() -> None:
    replaced = dataclasses.replace(TrainConfig(), vectors="none", optimizer="sgd").resolved()
    assert (replaced.freeze, replaced.embedding_factor, replaced.dimensions) == ("nothing", 1, 100)
    other = dataclasses.replace(TrainConfig(model="conv1d-stack"), model="conv2d").resolved()
    assert other == TrainConfig(model="conv2d").resolved()
    assert other.windows == (3,)


def test_the_learning_rates_follow_the_optimizer_unless_they_are_given() -> None:
    config = TrainConfig(optimizer="adadelta", unfrozen_learning_rate=0.5).resolved()
    assert (config.learning_rate, config.unfrozen_learning_rate, config.embedding_factor) == (1.0, 0.5, 1.0)
    assert TrainConfig(optimizer="adadelta", frozen_epochs=0).resolved().learning_rate is None
    assert TrainConfig(optimizer="sgd").resolved().learning_rate == TrainConfig().resolved().learning_rate


def test_a_frozen_embedding_needs_no_factor_with_any_optimizer() -> None:
    assert TrainConfig(optimizer="sgd", unfrozen_epochs=0).resolved().embedding_factor is None


def test_settings_that_mean_several_runs() -> None:
    assert TrainConfig().repeats() == {}
    repeats = TrainConfig(seed=3, seeds=2).repeats()
    assert repeats == {"seed-3": TrainConfig(seed=3), "seed-4": TrainConfig(seed=4)}
    repeats = TrainConfig(folds=3, seed=7).repeats()
    assert [*repeats] == ["fold-1", "fold-2", "fold-3"]
    assert repeats["fold-2"] == TrainConfig(folds=3, fold=2, seed=7)
    assert repeats["fold-2"].repeats() == {}


def test_lists_are_tuples() -> None:
    assert TrainConfig(windows=[1, 2]) == TrainConfig(windows=(1, 2))


@pytest.mark.parametrize("model", MODELS)
def test_second_phase_has_the_lower_learning_rate(model: str) -> None:
    config = TrainConfig(model=model).resolved()
    assert config.unfrozen_learning_rate < config.learning_rate


@pytest.mark.parametrize(
    ("texts", "validation_texts", "given", "expected"),
    [
        (1_999, 0, {}, {"inner_folds": 5, "unfrozen_epochs": 6, "ngram_svm": True, "vector_mean": True, "refit": None}),
        (2_000, 0, {}, {"inner_folds": 0, "unfrozen_epochs": 24, "ngram_svm": False, "vector_mean": False}),
        (50, 199, {}, {"inner_folds": 5, "unfrozen_epochs": 6}),
        (50, 200, {}, {"inner_folds": 0, "unfrozen_epochs": 24, "ngram_svm": True, "ngram_epochs": None}),
        (50, 0, {"inner_folds": 0}, {"inner_folds": 0, "unfrozen_epochs": 24, "refit": True, "vector_mean": True}),
        (50, 0, {"patience": 3}, {"inner_folds": 0, "patience": 3}),
        (50, 0, {"refit": False}, {"inner_folds": 0, "refit": False}),
        (50, 0, {"validation_fraction": 0.2}, {"inner_folds": 0}),
        (50, 0, {"unfrozen_epochs": 9}, {"inner_folds": 5, "unfrozen_epochs": 9}),
        (50, 0, {"ngram_epochs": 9}, {"inner_folds": 5, "ngram_svm": False, "ngram_learning_rate": 0.01}),
        (50, 0, {"ngrams": 0, "vectors": "none"}, {"inner_folds": 5, "ngram_svm": None, "vector_mean": None}),
        (50, 0, {"from_run": "a"}, {"inner_folds": None, "ngram_svm": False, "ngram_epochs": 20}),
        (50, 0, {"model": "charcnn"}, {"inner_folds": 5, "unfrozen_epochs": 3, "ngram_svm": None}),
        (9_000, 0, {"inner_folds": 3}, {"inner_folds": 3, "ngram_svm": False, "unfrozen_epochs": 6}),
    ],
)
def test_defaults_follow_from_the_number_of_texts(
    texts: int, validation_texts: int, given: dict[str, object], expected: dict[str, object]
) -> None:
    config = TrainConfig(**given).resolved(texts=texts, validation_texts=validation_texts)
    assert {name: getattr(config, name) for name in expected} == expected
    assert config.resolved(texts=texts, validation_texts=validation_texts) == config
    assert TrainConfig.of(dataclasses.asdict(config)) == config


def test_the_docstring_lists_every_setting_with_its_default() -> None:
    text = inspect.getdoc(TrainConfig)
    for field in dataclasses.fields(TrainConfig):
        assert f"\n    {field.name} = {field.default!r}: " in text
    assert "batch_size = None: texts per step" in text
    assert "vocabulary = None" in text
    assert "one of 'words', 'characters', 'spaces'" in " ".join(text.split())
    assert [line for line in text.splitlines() if line.startswith("Settings of ")] == [
        f"Settings of {name}:" for name in ("data", "text", "model", "training")
    ]
    assert max(map(len, text.splitlines())) <= 120
    assert text.index("Settings of training:") < text.index("Raises:") < text.index("Example:")


def test_settings_that_name_files_may_be_paths() -> None:
    assert TrainConfig(data=Path("a.csv")).data == "a.csv"


def test_a_run_of_soft_targets_reads_and_starts_from_hard_labels_too() -> None:
    run = TrainConfig(label_columns=("a", "b"), soft_labels=True, weight_column="w")
    assert not run.task.several
    assert TrainConfig(label_columns=("a", "b")).task.several
    assert run.read_as() == run
    new = [run.read_as(weight_column=None, label_column="y"), run.adapted(from_run="run", label_column="y")]
    for config in new:
        found = config.label_column, config.label_columns, config.soft_labels, config.weight_column
        assert found == ("y", (), False, None)
    started = run.adapted(from_run="run")
    assert (started.label_columns, started.soft_labels, started.weight_column) == (("a", "b"), True, None)


def test_numbers_of_numpy_are_numbers() -> None:
    """A randomized search draws them, and JSON does not know them."""
    settings = {"batch_size": np.int64(8), "dropout": np.float32(0.5), "windows": np.array([3, 4])}
    config = TrainConfig(**settings, ngrams=np.int64(0), maximum_tokens=np.int64(50))
    assert config == TrainConfig(batch_size=8, dropout=0.5, windows=(3, 4), ngrams=0, maximum_tokens=50)
    assert json.loads(json.dumps(dataclasses.asdict(config)))["windows"] == [3, 4]
    assert TrainConfig(windows=[np.int64(3), 4]).windows == (3, 4)


def test_a_lone_value_is_a_tuple_of_one() -> None:
    config = TrainConfig(windows=3, poolings="average", text_column="title")
    assert (config.windows, config.poolings, config.text_column) == ((3,), ("average",), ("title",))
    with pytest.raises(InputError, match="--windows must be"):
        TrainConfig(windows="3")
