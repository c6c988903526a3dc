"""The run directory: what it holds, when it is finished, and who may read it."""

import dataclasses
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.errors import InputError
from keras_textcnn.io.integrity import PARTIAL, sha256_of
from keras_textcnn.persistence.folder import MANIFEST, Folder
from keras_textcnn.persistence.learnt_texts import LearntTexts
from keras_textcnn.utils.locks import LOCK

SUMMARY = "repeats.json"  # of a directory of several runs
FORMAT = 7  # of the directory; it grows when an older reader could no longer understand a newer directory
SEALED_SINCE = 5  # the first format that has a manifest
SAVED_MODEL = "saved_model/1"
LEARNT, LARGEST_LEARNT = "learnt_texts.bin", 2**31  # the file, and the bytes that are read of it at most
BEGUN = ("config.json", "vocabulary.txt", "labels.txt")  # what an unfinished run is resumed by, beside the checkpoints
UNSEALED = (
    "checkpoints",
    "tensorboard",
    "evaluations",
    LOCK,
    MANIFEST,
)  # what comes, goes or grows, and the manifest itself


def check_free(directory: Path) -> None:
    """Raises InputError if a run cannot be written to a directory because something is there."""
    if (directory / "config.json").exists() or Repeats(directory).there:
        resume = f"--resume {shlex.quote(str(directory))}"
        raise InputError(f"{directory} already holds a run; choose another --output, or go on with {resume}")
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise InputError(f"{directory} is not an empty directory; choose another --output")


def check_single(directory: Path) -> None:
    """Raises InputError if a directory is one of several runs."""
    if Repeats(directory).there:
        first = min((path.parent for path in directory.glob("*/config.json")), default=directory / "seed-0")
        raise InputError(f"{directory} holds several runs; give one of them, such as {first}")


def free_directory(parent: Path, name: str) -> Path:
    """`parent/name`, or `parent/name-2`, `parent/name-3` ... where that is taken."""
    directory, number = parent / name, 1
    while directory.exists():
        number += 1
        directory = parent / f"{name}-{number}"
    return directory


def find_saved_model(directory: Path) -> Path:
    """The SavedModel of a run, or the directory itself if it is one.

    Raises:
        InputError: There is none, or it is damaged, or the run is unfinished, or one of several in the directory.
    """
    check_single(directory)
    if (directory / "saved_model.pb").is_file():
        return directory
    run = Run(directory)
    if (directory / "config.json").exists() and not run.finished:
        command = f"python -m keras_textcnn.train --resume {shlex.quote(str(directory))}"
        raise InputError(f"{directory} is unfinished; finish it with {command}")
    if run.saved_model.is_dir():
        run.check(SAVED_MODEL)
        return run.saved_model
    raise InputError(f"no saved_model/1 in {directory}; give a run's directory")


class Run(Folder):
    """One training's directory. It is unfinished while it holds `checkpoints/`."""

    @classmethod
    def create(
        cls,
        directory: Path,
        config: TrainConfig,
        facts: Mapping[str, Any],
        vocabulary: Sequence[str],
        labels: Sequence[str],
    ) -> "Run":
        """Makes the directory of a run that begins.

        Args:
            directory: Where; missing or empty.
            config: The run's settings.
            facts: What else `config.json` is to say.
            vocabulary: Tokens by id.
            labels: Names by output.

        Raises:
            InputError: Something is there, or the directory cannot be made.
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
    def open(cls, directory: Path) -> "Run":
        """The run in a directory.

        Raises:
            InputError: There is none, it is damaged, or a newer keras_textcnn wrote it.
        """
        check_single(directory)
        if not any((directory / name).is_file() for name in ("config.json", MANIFEST)):
            raise InputError(f"no run in {directory}; give a run's directory")
        run = cls(directory)
        written = run.read_json("config.json").get("format")
        if written not in range(1, FORMAT + 1):
            raise InputError(
                f"{directory} has format {written}, this version reads 1 to {FORMAT}; use the version that wrote it"
            )
        if written in range(SEALED_SINCE, FORMAT + 1) and not (directory / MANIFEST).is_file():
            raise run.damaged(MANIFEST, "it is missing")
        run.check_links()
        return run

    @classmethod
    def open_unfinished(cls, directory: Path) -> "Run":
        """The run in a directory, to go on with it.

        Raises:
            InputError: There is none, it has ended, or it is damaged.
        """
        run = cls.open(directory)
        if run.finished:
            run._remove_left()
            raise InputError(f"{directory} is finished; there is nothing to resume")
        if not run.current:
            raise InputError(f"{directory} was begun by another version, which trains otherwise; start anew")
        run.check()
        return run

    @property
    def checkpoints(self) -> Path:
        """The folder of what `--resume` goes on from."""
        return self.directory / "checkpoints"

    @property
    def weights(self) -> Path:
        """The best epoch's weights."""
        return self.directory / "weights.weights.h5"

    @property
    def saved_model(self) -> Path:
        """The exported model, in TensorFlow Serving's layout."""
        return self.directory / SAVED_MODEL

    @property
    def finished(self) -> bool:
        """Whether the training and the export have ended."""
        return not self.checkpoints.exists()

    @property
    def current(self) -> bool:
        """Whether this version wrote it, with the layers and the training that it has now."""
        return self.read_json("config.json").get("format") == FORMAT

    @property
    def identity(self) -> str:
        """What a run that is begun with other settings, texts, tokens or labels has not: its manifest's SHA-256."""
        return sha256_of(self.directory / MANIFEST)

    def config(self) -> TrainConfig:
        """The settings the run was started with."""
        return _settings(self, "config.json")

    def write_saved_model(self, writer: Callable[[Path], Any]) -> None:
        """Has the exported model written among the checkpoints and moves it to its place once it is whole."""
        partial = self.checkpoints / "saved_model"
        for folder in (partial, self.saved_model):  # of an attempt that was interrupted
            shutil.rmtree(folder, ignore_errors=True)
        writer(partial)
        self.saved_model.parent.mkdir(exist_ok=True)
        partial.rename(self.saved_model)

    def write_learnt(self, texts: LearntTexts) -> None:
        """Writes the hashes: how many are fitted, those, and the chosen ones; numbers of 64 bits, the lowest first."""
        numbers = np.concatenate([np.array([len(texts.fitted)], np.uint64), texts.fitted, texts.chosen])
        self.write(LEARNT, lambda path: path.write_bytes(numbers.astype("<u8").tobytes()))

    def learnt(self) -> LearntTexts | None:
        """Which texts the run has learnt from; None where an older version did not write that down.

        Raises:
            InputError: The file is damaged.
        """
        if LEARNT not in (self._manifest() or {}):
            return None
        self.check(LEARNT)
        path = self.directory / LEARNT
        if path.stat().st_size > LARGEST_LEARNT or path.stat().st_size % 8:
            raise self.damaged(LEARNT, f"it has {path.stat().st_size:,} bytes")
        numbers = np.fromfile(path, "<u8")
        if not len(numbers) or numbers[0] >= len(numbers):
            raise self.damaged(LEARNT, "it is shorter than it says")
        return LearntTexts(*np.split(numbers[1:], [int(numbers[0])]))

    def finish(self) -> None:
        """Seals the run and marks it as finished: what `--resume` needs goes."""
        for left in self.directory.rglob(f"{PARTIAL}*"):  # by an attempt that was killed
            left.unlink()
        files = (path.relative_to(self.directory) for path in self.directory.rglob("*") if path.is_file())
        self.seal(file.as_posix() for file in files if file.parts[0] not in UNSEALED)
        self._remove_left()
        self.checkpoints.rename(self._going)  # so that a kill leaves all of them or none
        self._remove_left()
        self.remove_lock()

    @property
    def _going(self) -> Path:
        return self.directory / ".checkpoints"

    def _remove_left(self) -> None:
        shutil.rmtree(self._going, ignore_errors=True)


class Repeats(Folder):
    """A directory of runs with the same settings but for the seed or the fold; unfinished until it has their scores."""

    @classmethod
    def create(cls, directory: Path, config: TrainConfig) -> "Repeats":
        """Makes the directory for the runs that a config means.

        Raises:
            InputError: Something is there, or the directory cannot be made.
        """
        check_free(directory)
        settings = dataclasses.asdict(config)
        return cls.make(directory, lambda folder: folder.write_json(SUMMARY, {"format": FORMAT, "settings": settings}))

    @classmethod
    def open_unfinished(cls, directory: Path) -> "Repeats":
        """The directory, to go on with its runs.

        Raises:
            InputError: All have ended.
        """
        repeats = cls(directory)
        if repeats.finished:
            raise InputError(f"{directory} is finished; there is nothing to resume")
        return repeats

    @property
    def there(self) -> bool:
        """Whether the directory is one of runs."""
        return (self.directory / SUMMARY).is_file()

    @property
    def finished(self) -> bool:
        """Whether all runs have ended and are summed up."""
        return self.there and "scores" in self.read_json(SUMMARY)

    def config(self) -> TrainConfig:
        """The settings that mean these runs."""
        return _settings(self, SUMMARY)

    def withdraw(self) -> None:
        """Removes the directory if no run was begun in it."""
        if {path.name for path in self.directory.iterdir()} <= {SUMMARY, LOCK}:
            shutil.rmtree(self.directory)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Adds what the runs have in common."""
        self.write_json(SUMMARY, {**self.read_json(SUMMARY), **summary})
        self.remove_lock()


def _settings(folder: Folder, name: str) -> TrainConfig:
    """The settings that a file of JSON holds."""
    try:
        return TrainConfig.of(folder.read_json(name).get("settings", {}))
    except (TypeError, AttributeError) as error:
        raise folder.damaged(name, error) from error
