"""What a search was asked for, and the directory that keeps it."""

import dataclasses
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_textcnn.config import TrainConfig
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.folder import Folder
from keras_textcnn.scale.tuning.study import absolute, without_password
from keras_textcnn.utils.inputs import as_path
from keras_textcnn.utils.locks import LOCK

PLAN = "tune.json"
FORMAT = 1  # of the directory
# Settings that describe several runs, start from another run, keep the corpus out of memory, or use several devices.
NOT_SEARCHED = {"folds", "fold", "seeds", "from_run", "rehearse", "rehearse_fraction", "tune", "memory", "devices"}


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a search was asked for.

    Attributes:
        given: Settings of `TrainConfig` that are not searched, such as those of how the corpus is read.
        minutes: The budget, of all processes that work on the directory, for everything.
        models: The models to try; the first one's default recipe is trial 0.
        objective: "log_loss", "accuracy" or "macro_f1" of the held-out texts.
        storage: A URL of a database that several processes share; None: a file in the directory.
    """

    given: Mapping[str, Any]
    minutes: float
    models: Sequence[str] = ("conv1d",)
    objective: str = "log_loss"
    storage: str | None = None

    def __post_init__(self) -> None:
        if self.storage:  # which must be found from any folder
            object.__setattr__(self, "storage", absolute(self.storage))

    @property
    def seed(self) -> int:
        """The seed of the split, of the trials and of what they draw."""
        return int(self.given.get("seed", 0))


def check_free(directory: str | Path) -> Path:
    """A directory's path. Raises InputError if it is not free for a new search."""
    directory = as_path(directory)
    if (directory / PLAN).exists():
        raise InputError(f"{directory} holds a search; choose another --output, or continue it with --resume")
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise InputError(f"{directory} is not an empty directory; choose another --output")
    return directory


class SearchFolder(Folder):
    """The directory of a search."""

    @classmethod
    def create(cls, directory: str | Path, plan: Plan) -> "SearchFolder":
        """Makes the directory of a new search.

        Raises:
            InputError: The directory is not free, or cannot be made.
        """
        directory = check_free(directory)
        shown = dataclasses.asdict(plan)
        if plan.storage:
            shown["storage"] = without_password(plan.storage)
        state = {"format": FORMAT, "plan": shown, "owner": uuid.uuid4().hex, "spent": 0.0, "chosen": None}
        return cls.make(directory, lambda folder: folder.write_json(PLAN, {**state, "repeats": {}, "finished": False}))

    @classmethod
    def open_unfinished(cls, directory: str | Path) -> "SearchFolder":
        """The directory of an unfinished search.

        Raises:
            InputError: There is no search, it is finished, or another version wrote it.
        """
        folder = cls(as_path(directory))
        if not (folder.directory / PLAN).is_file():
            raise InputError(f"no search in {directory}; give the --output of an earlier tune")
        state = folder.state
        if state.get("format") != FORMAT:
            raise InputError(f"{directory} was written by another version; start again")
        if state.get("finished"):
            raise InputError(f"{directory} is finished; there is nothing to resume")
        return folder

    def withdraw(self, *others: str) -> None:
        """Removes the directory, with these other files, if nothing else is in it."""
        if {path.name for path in self.directory.iterdir()} <= {PLAN, LOCK, *others}:
            shutil.rmtree(self.directory)

    @property
    def state(self) -> dict[str, Any]:
        """What `tune.json` holds."""
        return self.read_json(PLAN)

    def update(self, **changed: Any) -> None:
        """Replaces entries of `tune.json`."""
        self.write_json(PLAN, {**self.state, **changed})

    def plan(self, *, storage: str | None = None) -> Plan:
        """What was asked for.

        Args:
            storage: The URL with its password, which the directory does not keep.
        """
        try:
            plan = Plan(**self.state["plan"])
            TrainConfig(**plan.given)
        except (KeyError, TypeError) as error:
            raise self.damaged(PLAN, error) from error
        return dataclasses.replace(plan, storage=storage) if storage else plan
