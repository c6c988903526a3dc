"""Inputs that are wrong in every way we could think of: one clear error line, exit status 2, nothing left behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from keras_textcnn.data.shards import open_shards
from keras_textcnn.io import files
from tests.runs import Cli
from tests.system.malformed_inputs import CORPORA, VECTOR_FILES


@pytest.fixture
def fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> Callable[..., str]:
    """Runs `train` with some options and returns its error line; it must leave nothing behind."""
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(files, "ALWAYS", 2**22)  # what unpacks to too much is noticed sooner

    def run(*options: object) -> str:
        before = sorted(tmp_path.rglob("*"))
        ended = cli("train", *options, "--output", tmp_path / "run")
        assert (ended.status, ended.out) == (2, "")
        *others, last = ended.err.splitlines()
        assert last.startswith("error: ")
        assert len(last) < 600
        assert not [line for line in others if "error" in line.lower() or "Traceback" in line]
        left = [path for path in sorted(tmp_path.rglob("*")) if path not in before]
        shards = {path.parent for path in left if path.name == "manifest.json"}  # complete: the next run will use them
        assert all(open_shards(folder) for folder in shards)
        assert [path for path in left if (path.is_file() and path.parent not in shards) or path.name == "run"] == []
        return last

    return run


# Shards are made by the same reader; every fourth is enough to see that an error leaves none.
CASES = [*((False, *case) for case in CORPORA), *((True, *case) for case in CORPORA[::4])]


@pytest.mark.parametrize(
    ("streamed", "name", "content", "message"), CASES, ids=[f"{s}-{name}-{m[:40]}" for s, name, _, m in CASES]
)
def test_corpus(
    streamed: bool, name: str, content: str | bytes, message: str, tmp_path: Path, fails: Callable[..., str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert message.replace("{}", str(path)) in fails("--data", path, *["--memory", "256"] * streamed)


@pytest.mark.parametrize(
    ("name", "content", "message"), VECTOR_FILES, ids=[f"{name}-{m[:40]}" for name, _, m in VECTOR_FILES]
)
def test_vectors(
    name: str, content: str | bytes, message: str, tmp_path: Path, corpus_file: Path, fails: Callable[..., str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert message.replace("{}", str(path)) in fails("--data", corpus_file, "--vectors", path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "nowhere.csv"], "no such file: nowhere.csv"),
        (
            ["--data", "reuters-r9"],
            "no such corpus: reuters-r9; give a file, a folder, or a name of the catalog: did you mean reuters-r8?",
        ),
        (["--data", "{corpus}", "--delimiter", "ab"], "--delimiter must be one character"),
        (["--data", "{corpus}", "--encoding", "klingon"], "unknown encoding 'klingon'"),
        (["--data", "{corpus}", "--encoding", "utf-16"], "not UTF-16: {corpus}: "),
        (["--data", "{corpus}", "--encoding", "rot13"], "unknown encoding 'rot13'"),
        (["--data", "{corpus}", "--multi-label", ""], "--multi-label must be at least one character"),
        (["--data", "{corpus}", "--text-column", "text,,x"], "no column '' in {corpus}"),
        (["--data", "{corpus}", "--text-column", "label"], "text and label are the same column, 'label'"),
        (["--data", "hub:"], "no name after hub:"),
        (["--data", "{corpus}", "--encoding", "idna"], "unknown encoding 'idna'"),
        (
            ["--data", "{corpus}", "--vectors", "none", "--missing-deviation", "1"],
            "--missing-deviation does not apply",
        ),
        (["--data", "{corpus}", "--memory", "1"], "--memory must be at least 256 MiB"),
        (["--data", "{corpus}", "--vectors", "none", "--vocabulary", "train+vectors"], "--vocabulary must be train"),
        (
            ["--data", "{corpus}", "--vectors", "glove.6B.300d"],
            "download it with ./glove_download.sh 6B --dimension 300",
        ),
        (["--data", "{corpus}", "--vectors", "glove.6B.60d"], "no such vectors file: glove.6B.60d"),
        (["--data", "{corpus}", "--dimensions", "50"], "vectors of 100 dimensions for an embedding of 50"),
        (
            ["--data", "{corpus}", "--test-data", "{other}"],
            "the test texts have labels that no training text has: moon",
        ),
    ],
)
def test_options(
    options: list[str], message: str, tmp_path: Path, corpus_file: Path, fails: Callable[..., str]
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("text,label\na,moon\n")
    assert message.format(corpus=corpus_file) in fails(
        *(option.format(corpus=corpus_file, other=other) for option in options)
    )
