"""A run with a network and a tokenizer of the user's own, from the command line and from Python."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_textcnn import Corpus, Predictor, Run, TrainConfig, load_model
from keras_textcnn.errors import InputError
from keras_textcnn.training.trainer import train
from tests.benchmarks import attention
from tests.conftest import make_texts, write_table
from tests.runs import Cli, Killed, killed_at, leave_out_fits

TOKENIZER = """
import helper  # beside this file
import tensorflow as tf


def split(texts):
    return tf.strings.split(tf.strings.lower(texts), helper.COMMA)
"""
TEXTS = ["Apple,pear", "iron,the,ZINC,tide", "", "unheard-of"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the user's files, and a corpus of words between commas."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(attention.__file__, folder / "my_model.py")
    (folder / "my_tokens.py").write_text(TOKENIZER, "utf-8")
    (folder / "helper.py").write_text("COMMA = ','\n", "utf-8")
    write_table(folder / "things.csv", [(text.replace(" ", ","), label) for text, label in make_texts(90, 7)])
    return folder


@pytest.fixture(scope="module")
def own_options(folder: Path) -> list[str]:
    return ["--builder", str(folder / "my_model.py:build"), "--tokenizer-function", str(folder / "my_tokens.py:split")]


@pytest.fixture(scope="module")
def options(folder: Path, vectors_file: Path, own_options: list[str]) -> list[str]:
    """Options of `train` for a run of seconds."""
    sizes = ["--vectors", str(vectors_file), "--batch-size", "16", "--minimum-steps", "1", "--learning-rate", "0.02"]
    epochs = ["--frozen-epochs", "2", "--unfrozen-epochs", "2", "--inner-folds", "0"]
    return [str(folder / "things.csv"), *own_options, *sizes, *epochs]


@pytest.fixture(scope="module")
def own_run(options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished run with its report and SavedModel."""
    from tests.runs import call

    directory = tmp_path_factory.mktemp("runs") / "own"
    assert call("train", *options, "--output", directory) == 0
    return directory


def test_the_run_names_the_functions_and_has_all_that_a_run_has(own_run: Path) -> None:
    settings = json.loads((own_run / "config.json").read_text())["settings"]
    assert (settings["model"], settings["tokenizer"]) == ("my_model.py:build", "my_tokens.py:split")
    assert (settings["dimensions"], settings["dropout"], settings["freeze"]) == (8, 0.5, "embedding")
    metrics = json.loads((own_run / "metrics.json").read_text())
    assert metrics["baseline"]["name"] == "TF-IDF + LinearSVC, 1-2 words"
    assert metrics["calibration"]["temperature"] > 0
    assert [phase["name"] for phase in metrics["phases"]] == ["frozen", "unfrozen"]
    assert all((own_run / name).exists() for name in ("report.html", "saved_model/1/saved_model.pb", "history.csv"))


def test_the_savedmodel_answers_as_the_model_does_and_without_the_files(own_run: Path) -> None:
    model = load_model(Run.open(own_run), model=attention.build)
    vocabulary = (own_run / "vocabulary.txt").read_text().splitlines()
    temperature = json.loads((own_run / "metrics.json").read_text())["calibration"]["temperature"]
    expected = []
    for text in TEXTS:
        tokens = [token for token in text.lower().split(",") if token]
        ids = [vocabulary.index(token) if token in vocabulary else 1 for token in tokens]
        logits = np.asarray(model(np.array([[*ids, 0, 0]], np.int32)))[0] / temperature
        expected.append(np.exp(logits) / np.exp(logits).sum())
    np.testing.assert_allclose(Predictor(own_run).probabilities(TEXTS), expected, atol=1e-6)
    code = f"from keras_textcnn import Predictor; print(Predictor({str(own_run)!r}).explain(['Iron,,tide'])[0].tokens)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=own_run, timeout=120
    )
    assert done.stdout == "['iron', 'tide']\n", done.stderr


def test_loading_asks_for_the_builder(own_run: Path, cli: Cli, folder: Path, tmp_path: Path) -> None:
    message = f"the model of {own_run} was built by my_model.py:build; give it again with --builder my_model.py:build"
    with pytest.raises(InputError, match=message):
        load_model(Run.open(own_run))
    ended = cli("train", folder / "things.csv", "--from", own_run, "--output", tmp_path / "run")
    assert (ended.status, ended.error) == (2, f"error: {message} (in Python: model=build)")
    started = Run.open(own_run).config().adapted(from_run=str(own_run), model=attention.build, tokenizer=other)
    assert started.family.load_builder() is attention.build
    with pytest.raises(InputError, match="the weights of .* do not fit the model of my_model.py:build; give"):
        load_model(Run.open(own_run), model=other)


def other(vocabulary_size: int, num_classes: int, dimensions: int, dropout: float) -> keras.Model:
    """Another network than that of the run."""
    ids = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Embedding(vocabulary_size, dimensions)(ids)
    return keras.Model(ids, keras.layers.Dense(num_classes)(keras.layers.GlobalMaxPooling1D()(vectors)))


@pytest.mark.usefixtures("without_exports")
def test_an_interrupted_run_resumes_to_the_same_bits(
    options: list[str], own_options: list[str], own_run: Path, tmp_path: Path, cli: Cli
) -> None:
    directory = tmp_path / "killed"
    with killed_at("epoch  3 unfrozen"):
        cli("train", *options, "--output", directory)
    ended = cli("train", "--resume", directory)
    assert ended.status == 2
    assert ended.error.startswith(f"error: the model of {directory} was built by my_model.py:build; give it again with")
    command = f"--resume {directory} --builder my_model.py:build --tokenizer-function my_tokens.py:split"
    assert command in cli("predict", directory, "a text").error
    builder, tokenizer = own_options[:2], own_options[2:]
    assert "the tokens of" in cli("train", "--resume", directory, *builder).error
    wrong = cli("train", "--resume", directory, *tokenizer, "--builder", tokenizer[1])
    assert "was trained with --builder my_model.py:build, not with my_tokens.py:split" in wrong.error
    assert "--resume takes all settings" in cli("train", "--resume", directory, *builder, "--seed", 1).error
    assert cli("train", "--resume", directory, *own_options).status == 0
    ours, theirs = (load_model(Run.open(path), model=attention.build) for path in (directory, own_run))
    for one, its in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, its)


@pytest.mark.usefixtures("without_exports", "without_learning")
def test_folds_are_trained_and_the_rest_is_resumed_with_the_functions(
    options: list[str], own_options: list[str], tmp_path: Path, cli: Cli
) -> None:
    directory = tmp_path / "folds"
    with killed_at("run 2 of 3"):
        cli("train", *options, "--folds", 3, "--output", directory)
    assert "was built by my_model.py:build; give it again" in cli("train", "--resume", directory).error
    ended = cli("train", "--resume", directory, *own_options)
    assert ended.status == 0
    assert json.loads((directory / "repeats.json").read_text())["runs"] == 3


@pytest.mark.usefixtures("without_exports", "without_learning")
def test_a_run_that_starts_from_one_has_its_functions_and_keeps_its_labels(
    own_run: Path, own_options: list[str], other_texts: Path, tmp_path: Path, cli: Cli
) -> None:
    rows = [("iron,wind", "metal"), ("storm,iron", "air"), ("tide,reef", "sea")] * 20
    corpus = write_table(tmp_path / "more.csv", rows)
    ended = cli("train", corpus, "--from", own_run, *own_options, "--inner-folds", 0, "--output", tmp_path / "run")
    assert ended.status == 0, ended.err
    before = load_model(Run.open(own_run), model=attention.build).get_weights()
    after = load_model(Run.open(tmp_path / "run"), model=attention.build).get_weights()
    labels = [Run.open(path).read_lines("labels.txt") for path in (own_run, tmp_path / "run")]
    for label in ("metal", "sea"):
        places = [names.index(label) for names in labels]
        np.testing.assert_array_equal(before[-2][:, places[0]], after[-2][:, places[1]])
    np.testing.assert_array_equal(before[0], after[0][: len(before[0])])
    wrong = cli("train", corpus, "--from", tmp_path / "run", *own_options, "--builder", own_options[3])
    assert "was trained with --builder my_model.py:build, not with my_tokens.py:split" in wrong.error


@pytest.mark.usefixtures("without_reports")
def test_in_python_it_is_given_as_a_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, labels = zip(*make_texts(60, 4), strict=True)
    config = TrainConfig(
        model=attention.build, vectors="none", dimensions=4, frozen_epochs=0, unfrozen_epochs=1, inner_folds=2
    )
    with monkeypatch.context() as patch:
        leave_out_fits(patch)
        with pytest.raises(Killed):
            train(config, Corpus(texts, labels), tmp_path / "run")
    read = Run.open(tmp_path / "run").config()
    with pytest.raises(InputError, match="tests.benchmarks.attention:build is only the name of a function; give the"):
        train(read, Corpus(texts, labels), tmp_path / "other")
    assert train(config, Corpus(texts, labels), tmp_path / "run", resumed=True).finished
    assert Predictor(tmp_path / "run")(["apple"])[0]["label"] in labels


@pytest.mark.usefixtures("without_exports", "without_learning")
def test_with_a_memory_limit_a_tokenizer_that_changed_reads_the_texts_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    path = tmp_path / "tokens.py"
    for number, separator in enumerate([",", "e", "e"]):
        path.write_text(f"import tensorflow as tf\ndef split(texts): return tf.strings.split(texts, '{separator}')\n")
        sizes = ["--filters", 2, "--ngrams", 0, "--vectors", "none", "--inner-folds", 0, "--memory", 4096]
        own = ["--tokenizer-function", f"{path}:split"]
        ended = cli("train", folder / "things.csv", *own, *sizes, "--output", tmp_path / f"run-{number}")
        assert ended.status == 0, ended.err
        assert ("using the tokens of an earlier run" in ended.err) is (number == 2)
