"""Finds and reads the corpora that a user names."""

import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS, Record
from keras_textcnn.data.datasets import CATALOG, fetch, is_named
from keras_textcnn.data.formats import DELIMITERS, TABLES
from keras_textcnn.data.readers import CORPUS_KINDS, Reader
from keras_textcnn.errors import InputError
from keras_textcnn.io.files import is_there, kind_of
from keras_textcnn.settings.data import CORPUS_SETTINGS
from keras_textcnn.utils.log import logger

OF_COLUMNS = {"text_column", "label_column", "label_columns", "soft_labels", "weight_column"}
OF_LABELS = {"multi_label", "numeric_labels"}
OF_CSV = {"delimiter", "quoting", "escape", "header"}
OF_BYTES = {"encoding", "errors"}


def as_given(data: str) -> str:
    """Makes a path absolute; a path takes precedence over a named corpus, and a message says so."""
    there = is_there(data)
    if there and is_named(data):
        logger.info(f"using {Path(data).resolve()}, which exists, and not the named corpus {data}")
    return str(Path(data).resolve()) if there else data


def locate(data: str) -> Path:
    """The file or folder that the user means; a named corpus is fetched if it is not in the cache.

    Raises:
        InputError: There is no such file or corpus.
    """
    if is_named(data):
        return fetch(data)
    if Path(data).exists():
        return Path(data)
    if Path(data).suffix or len(Path(data).parts) > 1:
        raise InputError(f"no such file: {data}; give {CORPUS_KINDS}, or a name that the catalog command lists")
    close = difflib.get_close_matches(data, CATALOG, n=1)
    meant = f"did you mean {close[0]}?" if close else f"the names are {', '.join(CATALOG)}"
    raise InputError(f"no such corpus: {data}; give a file, a folder, or a name of the catalog: {meant}")


def check_reading(data: str, given: Iterable[str]) -> None:
    """Raises InputError if a given setting of how corpora are read has no effect on this kind of corpus.

    Args:
        data: A path, or the name of a corpus.
        given: Names of the settings that the user gave.
    """
    useful = _useful(data)
    for name in given:
        if name in CORPUS_SETTINGS and name not in useful:
            what = f"the named corpus {data}" if data in CATALOG else data
            raise InputError(f"--{name.replace('_', '-')} does not apply to {what}; leave it out")


def _useful(data: str) -> set[str]:
    path, everything = Path(data), set(CORPUS_SETTINGS)
    if data in CATALOG:
        return set()
    if path.is_dir() or not (kind := kind_of(path)):
        return everything
    if kind in DELIMITERS:
        return everything
    if kind == ".txt":
        return OF_LABELS | OF_BYTES | {"skip_unlabelled"}
    return everything - OF_CSV if kind in TABLES else everything


def read_records(sources: Mapping[str, Path], reader: Reader) -> Iterator[Record]:
    """The texts of all sources, one by one; a corpus that is given for a split is searched for that split first."""
    yield from reader.records(sources["train"], without=set(sources) - {"train"})
    for split in sorted(set(sources) - {"train"}):
        records = reader.records(sources[split], without=set(SPLITS) - {split})
        first = next(records, None)
        if first is None:
            records = reader.records(sources[split], without=set(SPLITS) - {"train"})
            first = next(records, None)
        if first is None:
            raise InputError(
                f"no {split} texts in {sources[split]}; give a corpus without splits, or one that has this split"
            )
        yield from (record._replace(split=split) for record in itertools.chain([first], records))


def make_reader(
    config: TrainConfig,
    data: str | None = None,
    *,
    labels: bool = True,
    any_numbers: bool = False,
    whole: bool = False,
) -> Reader:
    """The reader that the settings of a run describe.

    Args:
        config: The settings.
        data: The corpus, if it is not that of the settings; a named corpus is read with the default settings.
        labels: Whether the texts have labels.
        any_numbers: Whether labels that look like measurements are accepted, whatever the settings say.
        whole: Whether the rows of texts without labels have all of their columns.
    """
    if data in CATALOG:
        config = TrainConfig(errors=config.errors)
    return Reader(
        text_columns=config.text_column,
        label_column=config.label_column if labels else None,
        label_columns=config.label_columns if labels else (),
        soft_labels=config.soft_labels and labels,
        weight_column=config.weight_column if labels else None,
        separator="," if config.label_columns and not config.soft_labels else config.multi_label,
        encoding=config.encoding,
        replace=config.errors == "replace",
        delimiter="\t" if config.delimiter == r"\t" else config.delimiter,
        quoting=config.quoting == "standard",
        escape=config.escape,
        header=config.header,
        skip_unlabelled=config.skip_unlabelled,
        any_numbers=any_numbers or config.numeric_labels,
        whole=whole,
    )


def describe_reading(reader: Reader) -> list[str]:
    """One line for each thing that a reader replaced, left out or warned about."""
    lines = [f"warning: {line}" for line in reader.warnings]
    if reader.decoder.replaced:
        lines.append(f"warning: {reader.decoder.replaced:,} places could not be decoded and were replaced with U+FFFD")
    if reader.left_out:
        lines.append(f"left out {reader.left_out:,} files that are not LABEL/*.txt, or have no label")
    if reader.labels.skipped:
        lines.append(f"left out {reader.labels.skipped:,} texts without a label")
    return lines
