"""Progress of a job: a bar on a terminal, otherwise a line now and then."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from keras_textcnn.scale.prediction.job import Done
from keras_textcnn.utils.log import logger, shown_on

if TYPE_CHECKING:
    from keras_textcnn.utils.terminal import Console

SECONDS = 10  # between two lines


@dataclasses.dataclass
class Count:
    """What is finished of a job.

    Attributes:
        of_files: How many files it has.
        files: How many of them are finished.
        rows, failed: How many rows are finished, and how many of them were not answered.
        kept: How many of the rows were finished before.
        seconds: How long the others took.
    """

    of_files: int
    files: int = 0
    rows: int = 0
    failed: int = 0
    kept: int = 0
    seconds: float = 0.0

    def keep(self, part: Done) -> None:
        """Counts a part that was finished before."""
        self.add(part)
        self.kept += part.rows

    def add(self, part: Done) -> None:
        """Counts a finished part."""
        self.rows += part.rows
        self.failed += part.failed

    @property
    def rate(self) -> float:
        """Rows per second."""
        return (self.rows - self.kept) / max(self.seconds, 1e-3)

    def __str__(self) -> str:
        """Such as `120,000 rows, 24,000 a second, 3 of 10 files`."""
        rate = f"{self.rate:,.0f} a second" if self.rows > self.kept or not self.rows else "all of them answered before"
        return f"{self.rows:,} rows, {rate}, {self.files:,} of {self.of_files:,} files"


Show = Callable[[Count], None]


@contextlib.contextmanager
def counting(count: Count) -> Iterator[Callable[[], None]]:
    """Measures the time of the block, and shows the count on a terminal or in lines of progress.

    Yields:
        A function to call whenever the count has changed.
    """
    started = time.monotonic()
    console = shown_on()
    with _on_terminal(console) if console is not None and console.is_terminal else _in_lines() as show:

        def changed() -> None:
            count.seconds = time.monotonic() - started
            show(count)

        changed()
        yield changed


@contextlib.contextmanager
def _on_terminal(console: "Console") -> Iterator[Show]:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("")
        yield lambda count: bar.update(task, description=str(count))


@contextlib.contextmanager
def _in_lines() -> Iterator[Show]:
    said = time.monotonic()

    def show(count: Count) -> None:
        nonlocal said
        if time.monotonic() >= said + SECONDS:
            said = time.monotonic()
            logger.info(count)

    yield show
