"""Progress on standard error."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.progress import Progress, TextColumn, TimeElapsedColumn

from keras_textcnn.data.corpus import Record
from keras_textcnn.utils.terminal import Console

console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


@contextmanager
def counting(task: str) -> Iterator[Callable[[Iterable[Record]], Iterator[Record]]]:
    """Shows a count of the records if standard error is a terminal."""
    columns = TextColumn("{task.description}"), TextColumn("{task.completed:,.0f} texts"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield lambda records: iter(bar.track(records, description=task, total=None))
