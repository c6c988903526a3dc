"""Interrupted runs resume to the same weights, and only with the same corpus, vectors and version."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn.persistence.run import Run
from keras_textcnn.utils.log import showing
from tests.conftest import make_texts, write_table
from tests.runs import Cli, Killed, assert_same_weights, killed_at, leave_out_fits

pytestmark = pytest.mark.usefixtures("without_exports")


@pytest.mark.parametrize(
    ("moment", "number"),
    [("epoch  3 unfrozen", signal.SIGKILL), ("epoch  7 refit", None)],
)
def test_a_killed_run_resumes_to_the_same_weights(
    moment: str, number: int | None, small_options: list[str], finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    """One is really killed; the others end in an exception, which leaves the same files and takes a tenth as long."""
    directory = tmp_path / "killed"
    if number:
        command = [sys.executable, "-m", "keras_textcnn.train", *small_options, "--output", str(directory)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            for line in process.stderr:
                if line.startswith(moment):
                    process.send_signal(number)
                    break
    else:
        with killed_at(moment):
            cli("train", *small_options, "--output", directory)
    assert not Run.open(directory).finished
    assert cli("train", "--resume", directory).status == 0
    assert_same_weights(directory, finished_run)
    ours, theirs = (json.loads((path / "metrics.json").read_text()) for path in (directory, finished_run))
    assert (ours["validation"], ours["test"]) == (theirs["validation"], theirs["test"])
    predictions = [(path / "predictions.csv").read_bytes() for path in (directory, finished_run)]
    assert predictions[0] == predictions[1]


def test_a_run_with_weights_and_soft_targets_resumes_to_the_same_weights(
    small_options: list[str], tmp_path: Path, cli: Cli
) -> None:
    random, names = np.random.default_rng(2), ["fruit", "metal", "sea"]
    rows = []
    for text, label in make_texts(90, seed=7):
        soft = 0.5 * random.dirichlet(np.ones(3)) + 0.5 * np.eye(3)[names.index(label)]
        rows.append((text, *soft.round(4).astype(str), str(random.uniform(0, 3))))
    table = write_table(tmp_path / "soft.csv", rows, header=("text", *names, "weight"))
    options = [*small_options, "--data", table, "--label-columns", ",".join(names), "--soft-labels"]
    options += ["--weight-column", "weight"]
    assert cli("train", *options, "--output", tmp_path / "whole").status == 0
    with killed_at("epoch  6 n-grams"):
        cli("train", *options, "--output", tmp_path / "killed")
    assert cli("train", "--resume", tmp_path / "killed").status == 0
    assert_same_weights(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_asked_to_end_saves_and_says_how_to_go_on(
    number: int, status: int, small_options: list[str], finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    directory = tmp_path / "asked"

    def ask(line: str) -> None:
        if line.startswith("epoch  1 frozen"):
            os.kill(os.getpid(), number)

    with showing(ask):
        ended = cli("train", *small_options, "--output", directory)
    assert ended.status == status
    assert "stopping after at most 16 batches; interrupt again to stop at once\n" in ended.err
    assert ended.error == f"interrupted; continue with python -m keras_textcnn.train --resume {directory}"
    if number == signal.SIGINT:
        assert cli("train", "--resume", directory).status == 0
        assert_same_weights(directory, finished_run)


def test_a_run_from_python_is_resumed_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    from keras_textcnn import Corpus, TrainConfig
    from keras_textcnn.training.trainer import train as train_corpus

    texts, labels = zip(*make_texts(60, 4), strict=True)
    corpus = Corpus(texts, labels)
    config = TrainConfig(filters=2, vectors="none", dimensions=4, frozen_epochs=0, unfrozen_epochs=1, inner_folds=0)
    with monkeypatch.context() as patch:
        leave_out_fits(patch)
        with pytest.raises(Killed):
            train_corpus(config, corpus, tmp_path / "run")
    assert Run.open(tmp_path / "run").read_json("config.json")["settings"]["data"] is None
    ended = cli("train", "--resume", tmp_path / "run")
    assert ended.status == 2
    assert "was started from Python with its own texts" in ended.err
    assert train_corpus(config, corpus, tmp_path / "run", resumed=True).finished


@pytest.mark.usefixtures("without_fits")
def test_vectors_that_changed_are_not_resumed(
    small_options: list[str], vectors_file: Path, tmp_path: Path, cli: Cli
) -> None:
    more = tmp_path / "more.txt"
    more.write_text(vectors_file.read_text() + f"gnu{' 0.5' * 8}\n")
    options = [*small_options, "--vectors", str(more), "--vocabulary", "train+vectors"]
    with pytest.raises(Killed):
        cli("train", *options, "--output", tmp_path / "run")
    more.write_text(more.read_text().replace("gnu", "yak"))
    ended = cli("train", "--resume", tmp_path / "run")
    assert ended.status == 2
    assert "the vectors are not those that" in ended.err


@pytest.mark.usefixtures("without_fits")
def test_a_corpus_that_changed_is_not_resumed(small_options: list[str], tmp_path: Path, cli: Cli) -> None:
    path = write_table(tmp_path / "texts.csv", make_texts(60, 1))
    options = [*small_options, "--data", str(path), "--output", str(tmp_path / "run")]
    with pytest.raises(Killed):
        cli("train", *options)
    write_table(path, make_texts(60, 2))
    ended = cli("train", "--resume", tmp_path / "run")
    assert ended.status == 2
    assert "the corpus is not the one" in ended.err


def test_a_run_that_an_older_version_began_is_not_resumed(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    shutil.copytree(finished_run, tmp_path / "old")
    (tmp_path / "old" / "checkpoints").mkdir()
    path = tmp_path / "old" / "config.json"
    content = json.loads(path.read_text())
    new = {"optimizer", "freeze", "poolings", "hidden", "multichannel", "max_norm", "alphabet", "embedding", "pooling"}
    content["settings"] = {name: value for name, value in content["settings"].items() if name not in new}
    path.write_text(json.dumps({**content, "format": 1}))
    (tmp_path / "old" / "manifest.json").unlink()  # that version wrote none
    from keras_textcnn.errors import InputError
    from keras_textcnn.persistence.loading import load_model

    assert Run.open(tmp_path / "old").config() == Run.open(finished_run).config()  # it can still be read
    with pytest.raises(InputError, match="whose models have other layers; use its SavedModel, or train again"):
        load_model(Run.open(tmp_path / "old"))
    ended = cli("train", "--resume", tmp_path / "old")
    assert ended.status == 2
    assert "was started by another version, which trains differently; start again" in ended.err
