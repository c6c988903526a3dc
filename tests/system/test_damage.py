"""A run directory is damaged, file by file: its readers answer as before, or refuse and name the file."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from keras_textcnn import Predictor, Run, load_model
from keras_textcnn.errors import InputError
from keras_textcnn.inference.runtime import open_predictor
from keras_textcnn.persistence.folder import MANIFEST
from keras_textcnn.persistence.run import BEGUN
from keras_textcnn.training.fine_tuning import Start
from keras_textcnn.utils.locks import LOCK
from tests.conftest import make_texts, write_table
from tests.runs import Cli, call, killed_at, leave_out_learning

TEXTS = ["the apple and the plum", "zinc", "", "of a reef"]
Damage = Callable[[Path, Path, np.random.Generator], None]


def truncate(path: Path, other: Path, random: np.random.Generator) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: random.integers(len(content))])


def empty(path: Path, other: Path, random: np.random.Generator) -> None:
    path.write_bytes(b"")


def swap(path: Path, other: Path, random: np.random.Generator) -> None:
    shutil.copyfile(other, path)


def flip(path: Path, other: Path, random: np.random.Generator) -> None:
    content = bytearray(path.read_bytes())
    content[random.integers(len(content))] ^= 1 << random.integers(8)
    path.write_bytes(content)


def remove(path: Path, other: Path, random: np.random.Generator) -> None:
    path.unlink()


DAMAGES: list[Damage] = [truncate, empty, swap, flip, remove]


@pytest.fixture(scope="module")
def other_run(small_options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with other texts, labels and words."""
    directory = tmp_path_factory.mktemp("runs") / "other"
    rows = [(text.replace("apple", "grape"), f"a {label}") for text, label in make_texts(60, seed=5)]
    corpus = write_table(tmp_path_factory.mktemp("corpus") / "other.csv", rows)
    with pytest.MonkeyPatch.context() as patch:
        leave_out_learning(patch)
        assert call("train", *small_options, "--data", corpus, "--seed", 1, "--output", directory) == 0
    return directory


class Answers(NamedTuple):
    """What an undamaged run says."""

    probabilities: np.ndarray
    weights: list[np.ndarray]
    vocabulary: list[str]
    labels: list[str]


@pytest.fixture(scope="module")
def answers(finished_run: Path) -> Answers:
    start = Start.of(finished_run)
    probabilities, weights = Predictor(finished_run).probabilities(TEXTS), load_model(start.run).get_weights()
    return Answers(probabilities, weights, start.vocabulary, start.labels)


def refusals(run: Path, answers: Answers, *, ask: bool = True) -> dict[str, str]:
    """The readers that refuse the run, and their messages; the others must answer as before.

    Args:
        run: The damaged run.
        answers: What it said before.
        ask: Whether to load the SavedModel and ask it, too.
    """
    refused = {}
    try:
        if ask:
            np.testing.assert_array_equal(Predictor(run).probabilities(TEXTS), answers.probabilities)
    except InputError as error:
        refused["predict"] = str(error)
    try:
        start = Start.of(run)
        assert (start.vocabulary, start.labels) == (answers.vocabulary, answers.labels)
        for ours, theirs in zip(load_model(start.run).get_weights(), answers.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    except InputError as error:
        refused["from"] = str(error)
    return refused


def files_of(run: Path) -> list[str]:
    return sorted(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file())


def counterpart(other_run: Path, file: str) -> Path:
    """The same file of another run; any of TensorBoard's files, since their names contain the time."""
    path = other_run / file
    return path if path.exists() else next(path.parent.glob("events*"))


# Which readers read which file.
READERS = {"config.json": {"from"}, "vocabulary.txt": {"from"}, "labels.txt": {"from"}, "weights.weights.h5": {"from"}}


@pytest.mark.parametrize("damage", [truncate, swap, flip, remove])
def test_what_is_damaged_is_refused_by_its_name_or_not_read(
    damage: Damage, finished_run: Path, other_run: Path, tmp_path: Path,
    answers: Answers,
) -> None:  # fmt: skip
    random = np.random.default_rng(0)
    for file in [*READERS, "saved_model/1/saved_model.pb", "saved_model/1/variables/variables.index", "metrics.json"]:
        run = tmp_path / "run"
        shutil.copytree(finished_run, run)
        damage(run / file, counterpart(other_run, file), random)
        refused = refusals(run, answers, ask=damage is flip or file.startswith("saved_model"))
        assert set(refused) == READERS.get(file, {"predict"} if file.startswith("saved_model") else set())
        assert all(str(run / file) in message for message in refused.values())
        shutil.rmtree(run)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_light_model_is_refused_by_its_name(
    damage: Damage, finished_run: Path, other_run: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    damage(run / "model.textcnn", other_run / "model.textcnn", np.random.default_rng(0))
    with pytest.raises(InputError, match=f"^damaged run: {re.escape(str(run / 'model.textcnn'))}"):
        open_predictor(run)


def test_evaluate_refuses_what_it_reads(finished_run: Path, corpus_file: Path, tmp_path: Path, cli: Cli) -> None:
    for file in ("config.json", "model.textcnn", "manifest.json"):
        run = tmp_path / Path(file).stem
        shutil.copytree(finished_run, run)
        flip(run / file, run, np.random.default_rng(1)) if file != "manifest.json" else (run / file).write_text("[]")
        ended = cli("evaluate", run, "--data", corpus_file)
        assert ended.status == 2
        assert f"damaged run: {run / file}" in ended.err
        assert not (run / "evaluations").exists()


@pytest.fixture(scope="module")
def killed_runs(small_options: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two unfinished runs, of seeds 0 and 1, each with the checkpoint of an epoch."""
    runs = []
    for seed in (0, 1):
        runs.append(tmp_path_factory.mktemp("killed") / f"seed-{seed}")
        with killed_at("epoch  3"):
            call("train", *small_options, "--seed", seed, "--output", runs[-1])
    return runs


def resume(run: Path, expected: list[np.ndarray], cli: Cli) -> str | None:
    """Resumes a run; returns its error, or None if it ended with these weights."""
    ended = cli("train", "--resume", run)
    if ended.status == 2:
        return ended.error
    for ours, theirs in zip(load_model(Run.open(run)).get_weights(), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    return None


@pytest.mark.usefixtures("without_exports")
def test_resume_refuses_what_is_damaged(killed_runs: list[Path], answers: Answers, tmp_path: Path, cli: Cli) -> None:
    run, other = killed_runs
    files = [name for name in files_of(run) if not name.startswith(("tensorboard", LOCK))]
    assert files == sorted(["checkpoints/logits.npz", "checkpoints/seconds.npz", *BEGUN, MANIFEST])
    for file, damage in [
        *((file, flip) for file in files),
        (files[0], swap),
        (files[0], truncate),
        ("labels.txt", swap),
    ]:
        damaged = shutil.copytree(run, tmp_path / f"{Path(file).stem}-{damage.__name__}")
        damage(damaged / file, other / file, np.random.default_rng(3))
        if file == "labels.txt" and damage is swap:  # both runs have the same
            (damaged / file).write_text("other\n")
        message = resume(damaged, answers.weights, cli)
        assert message is not None, (file, damage)
        assert file == MANIFEST or str(damaged / file) in message
    whole = shutil.copytree(run, tmp_path / "whole")
    assert resume(whole, answers.weights, cli) is None


@pytest.mark.stress
def test_a_hundred_mutations_of_unfinished_runs(
    killed_runs: list[Path], answers: Answers, tmp_path: Path, cli: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    run, other = killed_runs
    files = [name for name in files_of(run) if not name.startswith(("tensorboard", LOCK))]
    refused = 0
    for seed, damage, file in mutations(files, 100):
        damaged = shutil.copytree(run, tmp_path / "run")
        damage(damaged / file, other / file, np.random.default_rng(seed))
        refused += resume(damaged, answers.weights, cli) is not None
        shutil.rmtree(damaged)
    with capsys.disabled():
        print(f"100 mutations of unfinished runs: {refused} refused, the others ended with the same weights")


@pytest.mark.stress
def test_forty_mutations_evaluated(
    finished_run: Path, other_run: Path, corpus_file: Path, tmp_path: Path, cli: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    def report(run: Path) -> str | None:
        ended = cli("evaluate", run, "--data", corpus_file)
        return None if ended.status == 2 else (run / "evaluations" / "things.json").read_text()

    expected = report(shutil.copytree(finished_run, tmp_path / "whole"))
    refused = 0
    files = [name for name in files_of(finished_run) if name.startswith(("model", "config", "manifest", "labels"))]
    for seed, damage, file in mutations(files, 40):
        run = shutil.copytree(finished_run, tmp_path / "run")
        damage(run / file, counterpart(other_run, file), np.random.default_rng(seed))
        answer = report(run)
        assert answer in (None, expected)
        refused += answer is None
        shutil.rmtree(run)
    with capsys.disabled():
        print(f"40 mutations evaluated: {refused} refused, the others read nothing that was damaged")


def mutations(files: list[str], number: int) -> Iterator[tuple[int, Damage, str]]:
    """Seeded mutations: every file with every damage, and then more flips and cuts."""
    pairs = [(damage, file) for file in files for damage in DAMAGES]
    for seed in range(number):
        random = np.random.default_rng(seed)
        if seed < len(pairs):
            yield (seed, *pairs[seed])
        else:
            yield seed, (flip, truncate)[seed % 2], files[random.integers(len(files))]


@pytest.mark.stress
def test_five_hundred_mutations(
    finished_run: Path, other_run: Path, tmp_path: Path,
    answers: Answers,
) -> None:  # fmt: skip
    refused = 0
    for seed, damage, file in mutations(files_of(finished_run), 500):
        run = tmp_path / "run"
        shutil.copytree(finished_run, run)
        damage(run / file, counterpart(other_run, file), np.random.default_rng(seed))
        messages = refusals(run, answers).values()
        if file != "manifest.json":  # a damaged manifest may look like damage to any other file
            assert all(str(run / file) in message for message in messages)
        refused += bool(messages)
        shutil.rmtree(run)
    print(f"500 mutations: {refused} refused, the others read nothing that was damaged")
