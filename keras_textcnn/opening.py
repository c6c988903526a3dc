"""What the commands share about corpora: from what a user names to texts, with progress on standard error."""

import difflib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.progress import Progress, TextColumn, TimeElapsedColumn

from keras_textcnn.catalog import CATALOG, fetch, is_named
from keras_textcnn.config import TrainConfig
from keras_textcnn.corpus import SPLITS, Record
from keras_textcnn.errors import InputError
from keras_textcnn.readers import CORPUS_KINDS, Reader
from keras_textcnn.terminal import Console

console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def locate(data: str) -> Path:
    """The file or folder that a user's words mean; a named corpus is fetched if it is not here.

    Raises:
        InputError: There is none.
    """
    if is_named(data):
        return fetch(data, say=console.print)
    if Path(data).exists():
        return Path(data)
    if Path(data).suffix or len(Path(data).parts) > 1:
        raise InputError(f"no such file: {data}; give {CORPUS_KINDS}, or a name from keras_textcnn.catalog")
    meant = difflib.get_close_matches(data, CATALOG, n=1) or CATALOG
    raise InputError(f"no such corpus: {data}; give a file, a folder, or a name: {', '.join(meant)}")


def read_records(sources: Mapping[str, Path], reader: Reader) -> Iterator[Record]:
    """The texts of all sources, one by one; a corpus given for one split is asked for this split first."""
    yield from reader.records(sources["train"], without=set(sources) - {"train"})
    for split in sorted(set(sources) - {"train"}):
        records = reader.records(sources[split], without=set(SPLITS) - {split})
        first = next(records, None)
        if first is None:
            records = reader.records(sources[split], without=set(SPLITS) - {"train"})
            first = next(records, None)
        if first is None:
            raise InputError(f"no {split} texts in {sources[split]}; give a corpus without splits, or with this one")
        yield from (record._replace(split=split) for record in itertools.chain([first], records))


def make_reader(config: TrainConfig) -> Reader:
    """The reader that the settings of a run describe."""
    return Reader(
        text_columns=config.text_column,
        label_column=config.label_column,
        separator=config.multi_label,
        encoding=config.encoding,
        replace=config.errors == "replace",
        delimiter="\t" if config.delimiter == r"\t" else config.delimiter,
        quoting=config.quoting == "standard",
    )


def say_what_is_missing(reader: Reader) -> None:
    """Says what a reader replaced or left out."""
    if reader.decoder.replaced:
        console.print(f"warning: {reader.decoder.replaced:,} places did not decode and are U+FFFD now")
    if reader.left_out:
        console.print(f"left out {reader.left_out:,} files that are not LABEL/*.txt, or have no label")


@contextmanager
def counting(task: str) -> Iterator[Callable[[Iterable[Record]], Iterator[Record]]]:
    """Counts records as they pass, while standard error is a terminal."""
    columns = TextColumn("{task.description}"), TextColumn("{task.completed:,.0f} texts"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield lambda records: iter(bar.track(records, description=task, total=None))
