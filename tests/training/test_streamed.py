"""Runs whose texts are streamed from shards (`--memory`)."""

import csv
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import make_texts, write_table
from tests.runs import Cli, Killed, assert_same_weights


@pytest.fixture
def json_lines(corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same corpus as compressed JSON lines; shards go to a separate folder."""
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    path = tmp_path / "things.jsonl.gz"
    with corpus_file.open(encoding="utf-8") as file, gzip.open(path, "wt", encoding="utf-8") as packed:
        packed.writelines(json.dumps(row) + "\n" for row in csv.DictReader(file))
    return path


@pytest.mark.usefixtures("without_exports")
def test_streamed_from_shards_the_weights_are_the_same(
    small_options: list[str], finished_run: Path, json_lines: Path, tmp_path: Path, cli: Cli
) -> None:
    options = [*small_options, "--data", str(json_lines), "--memory", "256"]
    ended = cli("train", *options, "--output", tmp_path / "run")
    assert ended.status == 0
    assert "tokenizing into" in ended.err
    assert_same_weights(tmp_path / "run", finished_run)
    ours, theirs = (json.loads((path / "metrics.json").read_text()) for path in (tmp_path / "run", finished_run))
    assert (ours["validation"], ours["test"]) == (theirs["validation"], theirs["test"])
    assert ours["baseline"] is None


@pytest.mark.usefixtures("without_fits")
def test_shards_are_kept_for_the_next_run_and_written_again_if_they_are_damaged(
    small_options: list[str], json_lines: Path, tmp_path: Path, cli: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*small_options, "--data", str(json_lines), "--memory", "256"]
    home = tmp_path / "home" / "tokenized"
    contents = []
    for name, said in (
        ("first", "tokenizing into"),
        ("second", "the tokens of an earlier run"),
        ("third", "damaged; "),
    ):
        if name == "third":
            shard = next(home.rglob("ids-*"))
            shard.write_bytes(shard.read_bytes()[:-1] + b"x")
        with pytest.raises(Killed):
            cli("train", *options, "--output", tmp_path / name)
        assert said in capsys.readouterr().err
        contents.append({path.name: path.read_bytes() for path in home.rglob("*") if path.is_file()})
    assert contents[0] == contents[1] == contents[2]
    assert len(list(home.iterdir())) == 1


@pytest.mark.usefixtures("without_learning", "without_exports")
def test_what_was_replaced_or_left_out_is_said_again_of_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    for number, (text, label) in enumerate(make_texts(30, 5)):
        (tmp_path / "texts" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "texts" / label / f"{number}.txt").write_bytes(text.encode() + b" \xff" * (number == 7))
    (tmp_path / "texts" / "sea" / "notes.pdf").write_bytes(b"")
    options = [
        "--data",
        tmp_path / "texts",
        "--errors",
        "replace",
        "--memory",
        256,
        "--vectors",
        "none",
        "--filters",
        2,
    ]
    options += ["--frozen-epochs", 0, "--unfrozen-epochs", 1, "--ngrams", 0, "--inner-folds", 0, "--no-refit"]
    for name, said in (("first", "tokenizing into"), ("second", "the tokens of an earlier run")):
        ended = cli("train", *options, "--output", tmp_path / name)
        assert ended.status == 0
        output = ended.err
        assert said in output
        assert "warning: 1 places could not be decoded and were replaced with U+FFFD" in output
        assert "left out 1 files that are not LABEL/*.txt, or have no label" in output


@pytest.mark.usefixtures("without_learning")
def test_a_streamed_run_explains_the_texts_own_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    rows = [(f"{text} unseen{number} ({label}-ish)", label) for number, (text, label) in enumerate(make_texts(90, 5))]
    random = np.random.default_rng(0)
    rows = [
        (text, str(random.choice(["a", "b"])) if number % 2 else label) for number, (text, label) in enumerate(rows)
    ]
    options = ["--data", write_table(tmp_path / "texts.csv", rows), "--vocabulary-size", 12, "--filters", 4]
    options += [
        "--vectors",
        "none",
        "--dimensions",
        4,
        "--windows",
        "1,2",
        "--frozen-epochs",
        0,
        "--unfrozen-epochs",
        1,
    ]
    options += ["--ngram-epochs", 2, "--unfrozen-learning-rate", 0.05, "--inner-folds", 0]
    explained = {}
    for name, memory in (("whole", []), ("streamed", ["--memory", 256])):
        assert cli("train", *options, *memory, "--output", tmp_path / name).status == 0
        page = (tmp_path / name / "report.html").read_text()
        explained[name] = page[page.index("What spoke for each label") :]
        assert ('class="written"' in explained[name]) == (name == "whole")  # a streamed run has only the tokens
        explained[name] = re.sub(r'<p class="written".*?</p>\n', "", explained[name], flags=re.DOTALL)
    assert explained["streamed"] == explained["whole"]
    assert re.search(r"<span[^>]*>unseen\d+</span>", explained["whole"])
    assert "UNK" not in explained["whole"]


def test_a_corpus_that_needs_more_memory_than_it_may_have_is_refused(
    json_lines: Path, small_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    from keras_textcnn.training import memory_budget

    options = [*small_options, "--data", str(json_lines), "--memory", "256", "--output", str(tmp_path / "run")]
    monkeypatch.setattr(memory_budget, "TEXT_BYTES", 2 * 2**20)
    ended = cli("train", *options)
    assert ended.status == 2
    needed = re.search(
        r"90 texts, 18 tokens and 3 labels need about (\d+) MiB, \d+ of them for the layers of a batch; raise",
        ended.err,
    )
    assert int(needed[1]) >= 120 + 2 * 90
    assert not (tmp_path / "run").exists()


def test_only_scores_that_are_kept_count(
    json_lines: Path, small_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    from keras_textcnn.training import memory_budget

    options = [*small_options, "--data", str(json_lines), "--memory", "256", "--output", str(tmp_path / "run")]
    monkeypatch.setattr(memory_budget, "SCORE_BYTES", (50 * 2**20, 0))
    needed = []
    for most in (10**9, 10):
        monkeypatch.setattr(memory_budget, "MOST_DECIDING", most)
        needed.append(int(re.search(r"need about ([\d,]+) MiB", cli("train", *options).err)[1].replace(",", "")))
    assert needed[0] - needed[1] == 50 * (15 * 3 - 10)  # 15 validation and test texts, 3 labels
