"""The runs that are served: opened, watched, and replaced when another run takes their place."""

import contextlib
import dataclasses
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_textcnn.errors import InputError
from keras_textcnn.inference.answers import Answers
from keras_textcnn.inference.server.refused import RefusedError
from keras_textcnn.utils.log import logger

WATCHED = ("manifest.json", "model.textcnn", "saved_model.pb", "saved_model", "variables")  # of a run, or a SavedModel
State = tuple[tuple[str, int, int, int], ...]  # name, time, size and inode of each file


@dataclasses.dataclass(frozen=True)
class Model:
    """A run that answers.

    Attributes:
        name: Its name in paths.
        version: 1 at first; each attempt to replace it takes the next number.
        predictor: Answers for it.
    """

    name: str
    version: int
    predictor: Answers


@dataclasses.dataclass
class _Place:
    """A directory, the run that was opened in it, and what became of the last attempt to replace that."""

    directory: Path
    model: Model
    opened: State
    seen: State
    attempts: int = 1
    refused: tuple[int, str] | None = None


class Models:
    """The runs that are served, by name.

    Args:
        directories: Directory of each run, by name.
        opener: Opens a directory, such as `open_predictor`.
        on_change: Called with each model that is opened, and with a name and None for each that is refused.

    Raises:
        InputError: A run cannot be opened.

    Example:
        models = Models({"topics": Path("runs/reuters-r8")}, open_predictor)
        with models.watched(every=1.0):
            print(models.find("topics").predictor("a text"))
    """

    def __init__(
        self,
        directories: Mapping[str, Path],
        opener: Callable[[Path], Answers],
        on_change: Callable[[str, Model | None], None] = lambda name, model: None,
    ) -> None:
        self._open, self._on_change = opener, on_change
        self._places: dict[str, _Place] = {}
        for name, directory in directories.items():
            state = _state(directory)  # before it is read: what changes meanwhile is read again
            model = self._opened(name, 1, directory)
            self._places[name] = _Place(directory, model, state, state)

    def __iter__(self) -> Iterator[Model]:
        return (place.model for place in self._places.values())

    def find(self, name: str, version: int | None = None) -> Model:
        """The model of this name.

        Raises:
            RefusedError: There is none, or the version is not the one that is served.
        """
        if name not in self._places:
            raise RefusedError(404, f"no model {name!r}; served: {', '.join(self._places)}")
        model = self._places[name].model
        if version not in (None, model.version):
            raise RefusedError(404, f"no version {version} of model {name!r}; served: {model.version}")
        return model

    def status(self, name: str, version: int | None = None) -> dict[str, Any]:
        """TensorFlow Serving's `model_version_status` of a model; a run that was refused is in state END.

        Raises:
            RefusedError: There is no such model or version.
        """
        place = self._places.get(name)
        statuses = [(self.find(name).version, "AVAILABLE", "OK", "")]
        if place and place.refused:
            statuses.insert(0, (place.refused[0], "END", "INVALID_ARGUMENT", place.refused[1]))
        chosen = [status for status in statuses if version in (None, status[0])]
        if not chosen:
            self.find(name, version)
        described = [
            {"version": str(number), "state": state, "status": {"error_code": code, "error_message": message}}
            for number, state, code, message in chosen
        ]
        return {"model_version_status": described}

    @contextlib.contextmanager
    def watched(self, *, every: float) -> Iterator[None]:
        """Looks at the directories every so many seconds until the block ends, in a thread of its own."""
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(every):
                self.look()

        thread = threading.Thread(target=watch, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(every + 1)

    def look(self) -> None:
        """Opens what has changed since it was opened, once it is the same in two looks: it may be half copied."""
        for place in self._places.values():
            try:
                state = _state(place.directory)
            except OSError:  # it may not be read at the moment
                continue
            if state == place.seen and state != place.opened:
                self._replace(place, state)
            place.seen = state

    def _replace(self, place: _Place, state: State) -> None:
        name = place.model.name
        place.opened, place.attempts = state, place.attempts + 1
        try:
            place.model, place.refused = self._opened(name, place.attempts, place.directory), None
            logger.info("model %s: version %d answers from now on", name, place.attempts)
        except Exception as error:
            place.refused = place.attempts, str(error) or type(error).__name__
            self._on_change(name, None)
            going_on = f"version {place.model.version} goes on answering"
            logger.warning("model %s: version %d is refused: %s; %s", name, place.attempts, place.refused[1], going_on)

    def _opened(self, name: str, version: int, directory: Path) -> Model:
        predictor = self._open(directory)
        predictor.explain(["the first call prepares the ones after it"])
        if not predictor([""])[0]["probabilities"]:
            raise InputError(f"{directory} has no labels; train again")
        model = Model(name, version, predictor)
        self._on_change(name, model)
        return model


def named(arguments: Sequence[str]) -> dict[str, Path]:
    """Directories by name, from `RUN` (its name is the directory's) or `NAME=RUN`.

    Raises:
        InputError: Two have the same name, or a name cannot stand in a path.
    """
    found: dict[str, Path] = {}
    for argument in arguments:
        name, equals, directory = argument.partition("=")
        if not equals or Path(argument).exists():
            name, directory = _name_of(Path(argument)), argument
        if not name or any(sign in "/:" or not sign.isprintable() for sign in name) or name in (".", ".."):
            raise InputError(f"{name!r} cannot be a model's name; give NAME={directory}")
        if name in found:
            raise InputError(f"two runs are named {name}: {found[name]} and {directory}; give NAME={directory}")
        found[name] = Path(directory)
    return found


def _name_of(path: Path) -> str:
    return path.stem if path.is_file() else path.absolute().name


def _state(directory: Path) -> State:
    """The time, size and inode of each file that a model is read from."""
    files = []
    for path in [directory] if directory.is_file() else [directory / name for name in WATCHED]:
        inside = (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
        for file in (path, *inside):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                is_now = file.stat()
                files.append((str(file), is_now.st_mtime_ns, is_now.st_size, is_now.st_ino))
    return tuple(sorted(files))
