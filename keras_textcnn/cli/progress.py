"""Progress on standard error."""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from keras_textcnn.data.corpus import Record
from keras_textcnn.utils.visible import visible

if TYPE_CHECKING:
    from keras_textcnn.utils.terminal import Console


@functools.cache
def console() -> "Console":
    """The console on standard error. A short command needs none, so Rich is imported only here."""
    from keras_textcnn.utils.terminal import Console

    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def print_line(line: str) -> None:
    """Prints a line on standard error, above a bar if one is shown there."""
    if console.cache_info().currsize:
        console().print(line)
    else:
        print(visible(line), file=sys.stderr)


@contextmanager
def counting(task: str) -> Iterator[Callable[[Iterable[Record]], Iterator[Record]]]:
    """Shows a count of the records if standard error is a terminal."""
    if not sys.stderr.isatty():
        yield iter
        return
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), TextColumn("{task.completed:,.0f} texts"), TimeElapsedColumn()
    with Progress(*columns, console=console(), transient=True) as bar:
        yield lambda records: iter(bar.track(records, description=task, total=None))
