"""The folder of a job: what it answers, which parts are finished, and where the next ones go.

`_job.json` says what the job is. `_finished.jsonl` has a line for each finished part and for each file that was read to
its end; only the driver writes it. Readers of Parquet, CSV and JSON pass over names that begin with `_`.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_textcnn.data.table_writers import ANOTHER, Layout, writing_table
from keras_textcnn.errors import InputError
from keras_textcnn.io.files import reading
from keras_textcnn.persistence.folder import Folder
from keras_textcnn.scale.prediction.answering import RowAnswers
from keras_textcnn.scale.prediction.tables import Part, unpack
from keras_textcnn.utils.locks import LOCK

DESCRIPTION, FINISHED, WORK = "_job.json", "_finished.jsonl", "_work"
COLUMNS, PART_SIZE = "columns", "part bytes"  # in the description
VERSION = "version"  # of the job's folder, and of how rows are split into parts
ROOM = "free space or make it writable, and repeat the same command"


@dataclasses.dataclass(frozen=True)
class Done:
    """A finished part.

    Attributes:
        name: Its file of answers.
        rows, failed: How many rows it has, and how many of them were not answered.
        size: Bytes of the file.
    """

    name: str
    rows: int
    failed: int
    size: int


@dataclasses.dataclass(frozen=True)
class FileEnd:
    """A file that was read to its end, or to where it is damaged.

    Attributes:
        file: Its number among those of the job.
        parts, rows: How many it has.
        problem: Why it could not be read on; empty if it is whole.
    """

    file: int
    parts: int
    rows: int
    problem: str = ""


def part_name(file: int, part: int, kind: str) -> str:
    """The name of a file of answers; sorted by name, the answers are in the order of the rows."""
    return f"{_start(file)}{part:05d}{kind}"


def _start(file: int) -> str:
    return f"part-{file:05d}-"


class Job(Folder):
    """The folder of a job, made or found.

    Attributes:
        done: The finished parts by name.
        ends: The last readings of files, by number.
    """

    @classmethod
    @contextlib.contextmanager
    def begin(cls, directory: Path, description: Mapping[str, Any]) -> Iterator["Job"]:
        """Makes the folder, or goes on with what is there; other processes are kept out until the block ends.

        Args:
            directory: The folder.
            description: What decides the answers.

        Raises:
            InputError: The folder holds something else, or a job that differs in its description, or it cannot be
                written.
        """
        job = cls(directory)
        with contextlib.ExitStack() as stack:
            with _using(directory, f"{ROOM}, or {ANOTHER}"):
                _check_free(directory)
                directory.mkdir(parents=True, exist_ok=True)
                stack.enter_context(job.locked())
                job._read_finished()
                job._check_same(json.loads(json.dumps({VERSION: 2, **description})))
                shutil.rmtree(directory / WORK, ignore_errors=True)
                (directory / WORK).mkdir()
            try:
                yield job
            finally:
                shutil.rmtree(directory / WORK, ignore_errors=True)
            job.remove_lock()  # while the job still has it: afterwards, it may be that of another process

    def damaged(self, name: str, reason: object) -> InputError:
        """The error for a damaged file."""
        return InputError(f"damaged job: {self.directory / name} ({reason}); restore it, or {ANOTHER}")

    def _check_same(self, description: dict[str, Any]) -> None:
        if not (self.directory / DESCRIPTION).exists():
            self.write_json(DESCRIPTION, description)
        begun = self.read_json(DESCRIPTION)
        if not _are_files(begun.get("files")):
            raise self.damaged(DESCRIPTION, "it does not name the files")
        repaired = self._repaired(begun["files"], description["files"])
        for name, value in description.items():
            if begun.get(name) != value and not (repaired and name == "files"):
                raise InputError(f"{self.directory} holds a job with {_difference(name, begun.get(name), value)}")
        for number in repaired:
            for part in self.directory.glob(f"{_start(number)}*"):
                part.unlink()
                self.done.pop(part.name, None)
        if repaired:
            self.write_json(DESCRIPTION, {**begun, "files": description["files"]})

    def _repaired(self, begun: list[Any], given: list[Any]) -> list[int]:
        """The numbers of the files that have changed, if all of these were damaged; their parts are answered again."""
        if [path for path, *_ in begun] != [path for path, *_ in given]:
            return []
        changed = [number for number, pair in enumerate(zip(begun, given, strict=True)) if pair[0] != pair[1]]
        damaged = [number for number, end in self.ends.items() if end.problem]
        return changed if set(changed) <= set(damaged) else []

    def part_size(self, wanted: int) -> int:
        """The size of a part, which stays as it was when the job began."""
        begun = self.read_json(DESCRIPTION)
        if PART_SIZE not in begun:
            with _using(self.directory, ROOM):
                self.write_json(DESCRIPTION, {**begun, PART_SIZE: wanted})
        return int(begun.get(PART_SIZE, wanted))

    def _read_finished(self) -> None:
        self.done: dict[str, Done] = {}
        self.ends: dict[int, FileEnd] = {}
        path = self.directory / FINISHED
        for line in path.read_text("utf-8", "replace").splitlines() if path.exists() else []:
            with contextlib.suppress(ValueError, TypeError):  # a line that was being written when the job was killed
                entry = json.loads(line)
                self._keep(FileEnd(**entry) if "file" in entry else Done(**entry))

    def _keep(self, entry: Done | FileEnd) -> None:
        if isinstance(entry, FileEnd):
            self.ends[entry.file] = entry
        elif _size(self.directory / entry.name) == entry.size:
            self.done[entry.name] = entry

    def add(self, entry: Done | FileEnd) -> None:
        """Records what is finished.

        Raises:
            InputError: It cannot be written.
        """
        with _using(self.directory, ROOM), (self.directory / FINISHED).open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(dataclasses.asdict(entry))}")  # after what may be half a line
            file.flush()
            os.fsync(file.fileno())
        self._keep(entry)

    def is_finished(self, file: int, kind: str) -> bool:
        """Whether all rows of a file are answered."""
        end = self.ends.get(file)
        return (
            end is not None
            and not end.problem
            and all(part_name(file, part, kind) in self.done for part in range(end.parts))
        )

    def parts_of(self, file: int, kind: str) -> frozenset[int]:
        """The numbers of the finished parts of a file."""
        start = _start(file)
        return frozenset(int(name[len(start) : -len(kind)]) for name in self.done if name.startswith(start))


def write_part(directory: Path, name: str, part: Part, answers: RowAnswers, layout: Layout) -> Done:
    """Answers a part, and puts its file into the folder of the job once it is complete.

    Raises:
        InputError: It cannot be written.
    """
    partial, failed = directory / WORK / f"{uuid.uuid4().hex}-{name}", 0
    with writing_table(partial, layout, advice=ROOM) as write:
        for group in part.groups:
            rows = unpack(group)
            values = answers.values([text for text, _ in rows])
            write([row for _, row in rows], values)
            failed += sum(value[-1] is not None for value in values)
    with _using(directory, ROOM):
        size = partial.stat().st_size
        partial.replace(directory / name)
    return Done(name, part.rows, failed, size)


@contextlib.contextmanager
def _using(directory: Path, advice: str) -> Iterator[None]:
    """Turns an `OSError` into an `InputError` that names the folder."""
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot use {directory}: {error.strerror or error}; {advice}") from error


def _size(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return None


def _check_free(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise InputError(f"not a folder: {directory}; {ANOTHER}")
    if directory.is_dir() and not (directory / DESCRIPTION).exists():
        found = [one.name for one in directory.iterdir() if one.name != LOCK]
        if found:
            raise InputError(f"not empty, and no job to go on with: {directory}; {ANOTHER}")


def _are_files(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, list) and len(one) == 3 for one in value)


def _difference(name: str, begun: Any, given: Any) -> str:
    if name == "files":
        before, now = ({path: rest for path, *rest in files} for files in (begun or [], given))
        changed = next((path for path in [*now, *before] if before.get(path) != now.get(path)), "the files")
        return f"other texts: {changed} is new, missing or changed; give the same files, or {ANOTHER}"
    if name == COLUMNS:
        new = [column for column in given if column not in (begun or [])]
        return (
            f"other columns: {', '.join(map(repr, new)) or 'one is missing'}; give the files as they were, or {ANOTHER}"
        )
    if name == VERSION:
        return f"parts of another version of keras_textcnn; go on with that one, or {ANOTHER}"
    return f"another {name}: {begun}, not {given}; repeat the command as it was, or {ANOTHER}"


def describe_files(files: Sequence[Path]) -> list[tuple[str, int, int]]:
    """Path, size and time of change of files, which tell whether they are the same as before.

    Raises:
        InputError: One is no longer there.
    """
    described = []
    for path in files:
        with reading(path):
            described.append((str(path), path.stat().st_size, path.stat().st_mtime_ns))
    return described
