"""The run directory: what it holds, when it is finished, and which versions can read it."""

import dataclasses
import os
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.errors import InputError
from keras_textcnn.io.integrity import PARTIAL, checksums, sha256_of
from keras_textcnn.own_functions import OPTIONS, own_options
from keras_textcnn.persistence.folder import MANIFEST, Folder
from keras_textcnn.persistence.learnt_texts import LearntTexts
from keras_textcnn.persistence.results import Results
from keras_textcnn.utils.inputs import as_path
from keras_textcnn.utils.locks import LOCK

SUMMARY = "repeats.json"  # in a directory of several runs
FORMAT = 7  # of the directory; it is increased when older versions cannot read newer directories
SEALED_SINCE = 5  # the first format with a manifest
SAVED_MODEL = "saved_model/1"
LEARNT, LARGEST_LEARNT = "learnt_texts.bin", 2**31  # the file, and its largest size in bytes
BEGUN = ("config.json", "vocabulary.txt", "labels.txt")  # needed to resume a run, besides its checkpoints
UNSEALED = (
    "checkpoints",
    "tensorboard",
    "evaluations",
    LOCK,
    MANIFEST,
)  # files that come, go or grow, and the manifest itself


def check_free(directory: str | Path) -> None:
    """Raises InputError if a directory is not free for a new run."""
    directory = as_path(directory)
    if (directory / "config.json").exists() or Repeats(directory).there:
        resume = f"--resume {shlex.quote(str(directory))}"
        raise InputError(f"{directory} already holds a run; choose another --output, or continue with {resume}")
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise InputError(f"{directory} is not an empty directory; choose another --output")


def check_single(directory: Path) -> None:
    """Raises InputError if a directory holds several runs."""
    if Repeats(directory).there:
        first = min((path.parent for path in directory.glob("*/config.json")), default=directory / "seed-0")
        raise InputError(f"{directory} holds several runs; give one of them, such as {first}")


def free_directory(parent: Path, name: str) -> Path:
    """`parent/name`, or `parent/name-2`, `parent/name-3` ... if that is taken."""
    directory, number = parent / name, 1
    while directory.exists():
        number += 1
        directory = parent / f"{name}-{number}"
    return directory


def find_saved_model(directory: str | Path) -> Path:
    """The SavedModel of a run, or the directory itself if it is one.

    Raises:
        InputError: There is no SavedModel, it is damaged, the run is unfinished, or the directory holds several runs.
    """
    check_single(directory := as_path(directory))
    if (directory / "saved_model.pb").is_file():
        return directory
    run = Run(directory)
    if (directory / "config.json").exists() and not run.finished:
        own = own_options({setting: getattr(run.config(), setting) for setting in OPTIONS})
        command = f"python -m keras_textcnn.train --resume {shlex.quote(str(directory))}{own}"
        raise InputError(f"{directory} is unfinished; finish it with {command}")
    if run.saved_model.is_dir():
        run.check(SAVED_MODEL)
        return run.saved_model
    raise InputError(f"no saved_model/1 in {directory}; give a run directory")


class Run(Results):
    """The directory of one run. The run is unfinished while it holds `checkpoints/`.

    Example:
        run = keras_textcnn.Run.open("runs/reuters-r8")
        print(run.metrics["test"]["accuracy"], run.history[-1])
    """

    @classmethod
    def create(
        cls,
        directory: str | Path,
        config: TrainConfig,
        facts: Mapping[str, Any],
        vocabulary: Sequence[str],
        labels: Sequence[str],
    ) -> "Run":
        """Makes the directory of a new run.

        Args:
            directory: Path of the directory, which must be missing or empty.
            config: The run's settings.
            facts: Further entries of `config.json`.
            vocabulary: Tokens by id.
            labels: Names by output.

        Raises:
            InputError: The directory is not free, or cannot be made.
        """

        def fill(run: Run) -> None:
            run.checkpoints.mkdir()
            run.write_json("config.json", {"format": FORMAT, "settings": dataclasses.asdict(config), **facts})
            run.write_lines("vocabulary.txt", vocabulary)
            run.write_lines("labels.txt", labels)
            run.seal(BEGUN)

        check_free(directory)
        return cls.make(directory, fill)

    @classmethod
    def open(cls, directory: str | os.PathLike[str]) -> "Run":
        """The run in a directory.

        Raises:
            InputError: There is no run, it is damaged, or a newer keras_textcnn wrote it.
        """
        check_single(directory := as_path(directory))
        if not any((directory / name).is_file() for name in ("config.json", MANIFEST)):
            raise InputError(f"no run in {directory}; give a run directory")
        run = cls(directory)
        written = run.read_json("config.json").get("format")
        if written not in range(1, FORMAT + 1):
            raise InputError(
                f"{directory} has format {written}, but this version reads 1 to {FORMAT}; use the version that wrote it"
            )
        if written in range(SEALED_SINCE, FORMAT + 1) and not (directory / MANIFEST).is_file():
            raise run.damaged(MANIFEST, "it is missing")
        run.check_links()
        return run

    @classmethod
    def open_unfinished(cls, directory: str | Path) -> "Run":
        """The unfinished run in a directory, to continue it.

        Raises:
            InputError: There is no run, it is finished, or it is damaged.
        """
        run = cls.open(directory)
        if run.finished:
            run._remove_left()
            raise InputError(f"{directory} is finished; there is nothing to resume")
        if not run.current:
            raise InputError(f"{directory} was started by another version, which trains differently; start again")
        run.check()
        return run

    @property
    def weights(self) -> Path:
        """The best epoch's weights."""
        return self.directory / "weights.weights.h5"

    @property
    def saved_model(self) -> Path:
        """The exported model, in TensorFlow Serving's layout."""
        return self.directory / SAVED_MODEL

    @property
    def current(self) -> bool:
        """Whether the run has this version's format, and so its layers and training."""
        return self.read_json("config.json").get("format") == FORMAT

    @property
    def identity(self) -> str:
        """The manifest's SHA-256; runs started with other settings, texts, tokens or labels have another one."""
        return sha256_of(self.directory / MANIFEST)

    def config(self) -> TrainConfig:
        """The settings the run was started with."""
        return _settings(self, "config.json")

    def write_saved_model(self, writer: Callable[[Path], Any]) -> None:
        """Calls `writer` to write the exported model among the checkpoints, and moves it into place once complete."""
        partial = self.checkpoints / "saved_model"
        for folder in (partial, self.saved_model):  # left by an interrupted attempt
            shutil.rmtree(folder, ignore_errors=True)
        writer(partial)
        self.saved_model.parent.mkdir(exist_ok=True)
        partial.rename(self.saved_model)

    def write_learnt(self, texts: LearntTexts) -> None:
        """Writes the number of fitted texts, their hashes and those of the chosen texts, as 64-bit little-endian."""
        numbers = np.concatenate([np.array([len(texts.fitted)], np.uint64), texts.fitted, texts.chosen])
        self.write(LEARNT, lambda path: path.write_bytes(numbers.astype("<u8").tobytes()))

    def learnt(self) -> LearntTexts | None:
        """The texts that the run was trained on; None if an older version did not record them.

        Raises:
            InputError: The file is damaged.
        """
        if not self.has(LEARNT):
            return None
        self.check(LEARNT)
        path = self.directory / LEARNT
        if path.stat().st_size > LARGEST_LEARNT or path.stat().st_size % 8:
            raise self.damaged(LEARNT, f"it has {path.stat().st_size:,} bytes")
        numbers = np.fromfile(path, "<u8")
        if not len(numbers) or numbers[0] >= len(numbers):
            raise self.damaged(LEARNT, "it is shorter than it declares")
        return LearntTexts(*np.split(numbers[1:], [int(numbers[0])]))

    def add(self, name: str, content: Mapping[str, Any]) -> None:
        """Adds a JSON file to a finished run."""
        self.write_json(name, content)
        self.write_json(MANIFEST, {**(self._manifest() or {}), **checksums(self.directory, [name])})

    def has(self, name: str) -> bool:
        """Whether a file belongs to the finished run."""
        return name in (self._manifest() or {})

    def finish(self) -> None:
        """Seals the run and marks it as finished by removing what `--resume` needs."""
        for left in self.directory.rglob(f"{PARTIAL}*"):  # by a killed attempt
            left.unlink()
        files = (path.relative_to(self.directory) for path in self.directory.rglob("*") if path.is_file())
        self.seal(file.as_posix() for file in files if file.parts[0] not in UNSEALED)
        self._remove_left()
        self.checkpoints.rename(self._going)  # so that a kill leaves all checkpoints or none
        self._remove_left()
        self.remove_lock()

    @property
    def _going(self) -> Path:
        return self.directory / ".checkpoints"

    def _remove_left(self) -> None:
        shutil.rmtree(self._going, ignore_errors=True)


class Repeats(Folder):
    """A directory of runs that differ only in the seed or the fold; unfinished until it has their scores."""

    @classmethod
    def create(cls, directory: str | Path, config: TrainConfig, facts: Mapping[str, Any] | None = None) -> "Repeats":
        """Makes the directory for the runs of a config; `facts` are further entries of `repeats.json`.

        Raises:
            InputError: The directory is not free, or cannot be made.
        """
        check_free(directory)
        content = {"format": FORMAT, "settings": dataclasses.asdict(config), **(facts or {})}
        return cls.make(directory, lambda folder: folder.write_json(SUMMARY, content))

    @classmethod
    def open_unfinished(cls, directory: str | Path) -> "Repeats":
        """The directory, to continue its runs.

        Raises:
            InputError: All runs are finished.
        """
        repeats = cls(as_path(directory))
        if repeats.finished:
            raise InputError(f"{directory} is finished; there is nothing to resume")
        return repeats

    @property
    def there(self) -> bool:
        """Whether the directory holds several runs."""
        return (self.directory / SUMMARY).is_file()

    @property
    def finished(self) -> bool:
        """Whether all runs are finished and summarized."""
        return self.there and "scores" in self.read_json(SUMMARY)

    def config(self) -> TrainConfig:
        """The settings of these runs."""
        return _settings(self, SUMMARY)

    def withdraw(self) -> None:
        """Removes the directory if no run was started in it."""
        if {path.name for path in self.directory.iterdir()} <= {SUMMARY, LOCK}:
            shutil.rmtree(self.directory)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Adds the summary of the runs."""
        self.write_json(SUMMARY, {**self.read_json(SUMMARY), **summary})
        self.remove_lock()


def _settings(folder: Folder, name: str) -> TrainConfig:
    """The settings in a JSON file."""
    try:
        return TrainConfig.of(folder.read_json(name).get("settings", {}))
    except (TypeError, AttributeError) as error:
        raise folder.damaged(name, error) from error
