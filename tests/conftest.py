"""A corpus of a few words, and settings that train on it in a second."""

import csv
import hashlib
import logging
import os
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.runs import Cli, Outcome, call, leave_out_exports, leave_out_fits, leave_out_learning, leave_out_reports

if TYPE_CHECKING:
    import keras

    from keras_textcnn import Predictor
    from keras_textcnn.data.batching import Examples
    from keras_textcnn.data.corpus import Corpus

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logging.getLogger("tensorflow").setLevel(logging.ERROR)  # as in a command's process

SUBJECTS = {"fruit": ["apple", "pear", "plum"], "metal": ["iron", "zinc", "lead"], "sea": ["wave", "reef", "tide"]}
WORDS = [word for words in SUBJECTS.values() for word in words]


# The block of `metrics.json` for a run whose validation texts chose its epochs and its temperature.
DECIDED = {
    "by": "validation",
    "folds": None,
    "texts": 9,
    "decided": ["epochs", "temperature"],
    "validation": "held out",
}


def pytest_make_parametrize_id(val: object) -> str | None:
    """Packed bytes get no name of their own: they may hold a time, and every worker must name the tests alike."""
    return "bytes" if isinstance(val, bytes) and not val.isascii() else None


def make_texts(count: int, seed: int) -> list[tuple[str, str]]:
    """Pairs of text and label: sentences of 3 to 30 words, some of which are subjects of the label."""
    random = np.random.default_rng(seed)
    pairs = []
    for number in range(count):
        label = list(SUBJECTS)[number % 3]
        words = ["the", "and", "of", "a", "it's", *SUBJECTS[label]]
        pairs.append((" ".join(random.choice(words, random.integers(3, 30))) + f" {SUBJECTS[label][0]}.", label))
    return pairs


def make_corpus(*, several: bool = False) -> "Corpus":
    """A corpus of 90 texts with a label each, or of 89 with one or two labels each."""
    from keras_textcnn.data.corpus import Corpus

    texts, labels = zip(*make_texts(90, 1), strict=True)
    if not several:
        return Corpus(texts, labels)
    pairs = zip(texts, (text for text, _ in make_texts(90, 2)[1:]), strict=False)
    sets = [(label, *(["b"] if number % 4 else [])) for number, label in enumerate(labels[:89])]
    return Corpus([f"{one} {two}" for one, two in pairs], sets)


def write_table(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_wheel(folder: Path, members: dict[str, str]) -> str:
    """Writes `tiny-corpus==1.0`, a wheel that pip accepts, and returns its SHA-256."""
    name = "tiny_corpus-1.0"
    information = {
        f"{name}.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny-corpus\nVersion: 1.0\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{name}.dist-info/RECORD": "",
    }
    wheel = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for member, text in {**members, **information}.items():
            archive.writestr(member, text)
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def make_ids(random: np.random.Generator, lengths: list[int], tokens: int) -> np.ndarray:
    """Random ids below 30 for texts of these lengths, padded to `tokens` tokens."""
    return np.array([[*random.integers(1, 30, length), *[0] * (tokens - length)] for length in lengths])


def randomize(model: "keras.Model", random: np.random.Generator, deviation: float = 0.5) -> None:
    """Sets random weights; variances are positive."""
    for variable in model.weights:
        values = random.normal(0, deviation, variable.shape)
        variable.assign(abs(values) + 0.1 if "variance" in variable.path else values)


def weights_of(model: "keras.Model") -> dict[str, np.ndarray]:
    """Weights by path, such as `conv_3/kernel`."""
    return {variable.path: variable.numpy() for variable in model.weights}


def normalize(x: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Ioffe and Szegedy's normalization (2015) of feature maps, on the last axis, with the statistics of training."""
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    gamma, beta, mean, variance = (weights[f"{name}/{part}"] for part in names)
    return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta


def make_examples(rows: list[list[int]], targets: np.ndarray) -> "Examples":
    """Examples of these ids, which are below 100, with a target each."""
    from keras_textcnn.data.batching import Examples
    from keras_textcnn.data.tokenized import ArrayIds

    lengths = np.array([len(row) for row in rows], np.int32)
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    ids = ArrayIds(np.array([id for row in rows for id in row], np.int32))
    return Examples(ids, starts, lengths, np.arange(100, dtype=np.int32), np.arange(len(rows)), targets)


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of 90 texts with 3 labels."""
    return write_table(tmp_path_factory.mktemp("corpus") / "things.csv", make_texts(90, seed=7))


@pytest.fixture(scope="session")
def other_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts with two new labels and an old one, and with words that the run does not know."""
    subjects = {"metal": ["iron", "zinc", "copper"], "air": ["wind", "storm"], "fire": ["flame", "smoke"]}
    random = np.random.default_rng(0)
    rows = [
        (
            " ".join(random.choice(["the", "of", *subjects[label]], random.integers(3, 9))) + f" {subjects[label][0]}",
            label,
        )
        for label in [*subjects] * 20
    ]
    return write_table(tmp_path_factory.mktemp("other") / "other.csv", rows)


@pytest.fixture(scope="session")
def vectors_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GloVe text file of 8 dimensions with most of the corpus's words."""
    random = np.random.default_rng(3)
    lines = (
        " ".join([word, *(f"{value:.5f}" for value in random.normal(size=8))]) for word in ["the", "of", *WORDS[:7]]
    )
    path = tmp_path_factory.mktemp("vectors") / "tiny.8d.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def small_options(corpus_file: Path, vectors_file: Path) -> list[str]:
    """Options of `train` for a run of seconds: two epochs per phase, none ended early, and validation texts decide."""
    options = {
        "data": corpus_file,
        "vectors": vectors_file,
        "vocabulary": "train",
        "dimensions": 8,
        "windows": "1,3",
        "filters": 6,
        "batch-size": 16,
        "embedding-dropout": 0,
    }
    options |= {
        "ngram-epochs": 2,
        "ngram-buckets": 4096,
        "frozen-epochs": 2,
        "unfrozen-epochs": 2,
        "learning-rate": 0.02,
        "unfrozen-learning-rate": 0.01,
        "minimum-steps": 1,
        "inner-folds": 0,
    }
    return [*(part for name, value in options.items() for part in (f"--{name}", str(value))), "--no-vector-mean"]


@pytest.fixture(scope="session")
def finished_run(small_options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished run."""
    directory = tmp_path_factory.mktemp("runs") / "finished"
    assert call("train", *small_options, "--output", directory) == 0
    return directory


@pytest.fixture(scope="session")
def predictor(finished_run: Path) -> "Predictor":
    """The finished run's predictor."""
    from keras_textcnn import Predictor

    return Predictor(finished_run)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command in this process; returns its exit status and what it has written."""

    def run(command: str, *arguments: object) -> Outcome:
        capsys.readouterr()
        status = call(command, *arguments)
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture
def without_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings write neither the SavedModel, nor pictures, nor the HTML report."""
    leave_out_exports(monkeypatch)


@pytest.fixture
def without_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings write neither pictures nor the HTML report."""
    leave_out_reports(monkeypatch)


@pytest.fixture
def without_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings end with the weights that they begin with: for tests of all else, in half the time."""
    leave_out_learning(monkeypatch)


@pytest.fixture
def without_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings end in `Killed` once the run directory has been started."""
    leave_out_fits(monkeypatch)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """The lines that the package logs during a test."""
    from keras_textcnn.utils.log import showing

    lines: list[str] = []
    with showing(lines.append):
        yield lines


@pytest.fixture
def default_signals() -> Iterator[None]:
    """SIGINT and SIGHUP as in a terminal, also for child processes: a shell starts `pytest &` with SIGINT ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
