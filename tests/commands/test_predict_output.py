"""`predict --output`: the table that comes out is the one that went in, and the answers; pandas reads both."""

import csv
import datetime
import gzip
import json
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from keras_textcnn.data.formats import TextRow
from keras_textcnn.data.table_writers import Layout, writing_table
from keras_textcnn.inference.light import LightPredictor
from tests.conftest import write_table
from tests.runs import Cli

ODD = [
    'he said "no"',
    "the apple, red",
    "of\niron",
    "of\r\niron",
    "a\rwave",
    "",
    " reef",
    "tide ",
    "NA",
    "1.50",
    "\ufefféü",
    "\t",
    "日本",
]
TABLE = pd.DataFrame({
    "id": [str(number) for number in range(len(ODD))],
    "text": ODD[::-1],
    " notes": ODD,
    "007": ["007", "1e5", "TRUE", "null", "-", "=1+1", "'", *["x"] * (len(ODD) - 7)],
})  # fmt: skip


def read(path: Path, **how: object) -> pd.DataFrame:
    """A CSV or TSV file with every cell as it is written."""
    separator = "\t" if ".tsv" in path.name else ","
    return pd.read_csv(path, dtype=str, keep_default_na=False, sep=separator, **how)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def answers_of(cli: Cli, run: Path, path: Path, *options: object) -> list[dict[str, object]]:
    """What `predict` answers on standard output."""
    return [json.loads(line) for line in cli("predict", run, path, *options).lines]


def fill(cli: Cli, run: Path, path: Path, output: Path, *options: object) -> Path:
    """Calls `predict --output`, which must succeed and be quiet."""
    ended = cli("predict", run, path, *options, "--output", output)
    assert (ended.status, ended.out) == (0, ""), ended.err
    assert f" answered in {output}\n" in ended.err
    assert not list(output.parent.glob("partial.*"))
    return output


@pytest.mark.parametrize("kind", ["csv", "tsv", "csv.gz"])
def test_every_cell_stays_as_it_is(kind: str, finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    WRITERS["csv"](TABLE, tmp_path / "in.csv")
    written = read(fill(cli, finished_run, tmp_path / "in.csv", tmp_path / f"out.{kind}"))
    assert list(written) == [*TABLE, "label", "probability"]
    pd.testing.assert_frame_equal(written[list(TABLE)], read(tmp_path / "in.csv"))
    pd.testing.assert_frame_equal(written[list(TABLE)], TABLE.astype(str))
    expected = answers_of(cli, finished_run, tmp_path / "in.csv")
    assert written["label"].tolist() == [answer["label"] for answer in expected]
    assert written["probability"].astype(float).tolist() == [answer["probability"] for answer in expected]


def as_objects(table: pd.DataFrame) -> list[dict[str, object]]:
    return json.loads(table.to_json(orient="records"))


WRITERS = {
    "csv": lambda table, path: table.to_csv(path, index=False, quoting=csv.QUOTE_ALL),
    "tsv": lambda table, path: table.to_csv(path, index=False, sep="\t", quoting=csv.QUOTE_ALL),
    "jsonl": lambda table, path: table.to_json(path, orient="records", lines=True, force_ascii=False),
    "json": lambda table, path: table.to_json(path, orient="records"),
    "parquet": lambda table, path: table.to_parquet(path),
    "csv.xz": lambda table, path: table.to_csv(path, index=False, quoting=csv.QUOTE_ALL),
}
READERS = {
    "csv": read,
    "tsv.gz": read,
    "jsonl": lambda path: pd.DataFrame(map(json.loads, path.read_text("utf-8").splitlines())),
    "jsonl.gz": lambda path: pd.DataFrame(map(json.loads, gzip.decompress(path.read_bytes()).decode().splitlines())),
    "parquet": pd.read_parquet,
}


@pytest.mark.parametrize("given", WRITERS)
@pytest.mark.parametrize("wanted", READERS)
def test_any_format_in_and_any_out(given: str, wanted: str, finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    WRITERS[given](TABLE, tmp_path / f"in.{given}")
    written = READERS[wanted](fill(cli, finished_run, tmp_path / f"in.{given}", tmp_path / f"out.{wanted}"))
    assert written[list(TABLE)].to_dict("list") == TABLE.to_dict("list")
    assert list(written) == [*TABLE, "label", "probability"]
    assert written["label"].isin(["fruit", "metal", "sea"]).all()


def test_a_label_has_a_column_of_probabilities(finished_run: Path, corpus_file: Path, tmp_path: Path, cli: Cli) -> None:
    fill(cli, finished_run, corpus_file, tmp_path / "out.csv", "--probabilities")
    written = pd.read_csv(tmp_path / "out.csv")
    names = [f"probability_{label}" for label in ("fruit", "metal", "sea")]
    assert list(written) == ["text", "label", "predicted_label", "probability", *names]
    expected = [answer["probabilities"] for answer in answers_of(cli, finished_run, corpus_file)]
    np.testing.assert_array_equal(written[names], pd.DataFrame(expected))
    assert (written["label"] == written["predicted_label"]).all()
    assert (written[names].max(axis=1) == written["probability"]).all()


def test_columns_that_are_there_keep_their_names(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    header = ("probability", "text", "Label ", "predicted_label", "Probability_SEA", "x", "x")
    path = write_table(tmp_path / "in.csv", [tuple("abcdefg")], header)
    written = fill(cli, finished_run, path, tmp_path / "out.csv", "--probabilities").read_text().splitlines()
    added = ["predicted_label_2", "predicted_probability", "probability_fruit", "probability_metal"]
    assert written[0].split(",") == [*header, *added, "predicted_probability_sea"]
    assert written[1].split(",")[:7] == list("abcdefg")
    ended = cli("predict", finished_run, path, "--output", tmp_path / "out.jsonl")
    assert (ended.status, (tmp_path / "out.jsonl").exists()) == (2, False)
    assert "two columns 'x', which a .jsonl file cannot have; rename one, or write CSV" in ended.error


def test_columns_with_one_name_stay(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "train.csv").write_text("text,,\nthe apple,1,2\n")
    (tmp_path / "in" / "test.csv").write_text("x,text,x\n3,iron,4\n")
    for given, names in {"in/train.csv": ["text", "", ""], "in": ["text", "", "", "x", "x"]}.items():
        with fill(cli, finished_run, tmp_path / given, tmp_path / "out.csv").open() as file:
            header, *rows = csv.reader(file)
        assert header == [*names, "label", "probability"]
        assert rows[0][:3] == ["the apple", "1", "2"]
    assert rows[1][:5] == ["iron", "", "", "3", "4"]
    ended = cli("predict", finished_run, tmp_path / "in" / "train.csv", "--output", tmp_path / "out.jsonl")
    assert "two columns '', which a .jsonl file cannot have" in ended.error


def test_several_labels_are_a_list(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli,
) -> None:  # fmt: skip
    light = LightPredictor(finished_run)
    light.thresholds = np.full(3, 0.9, np.float32)
    monkeypatch.setattr("keras_textcnn.predict.open_predictor", lambda directory, runtime: light)
    (tmp_path / "in.txt").write_text("the apple\n\niron and wave\n")
    for threshold in (0, 0.25, 1):
        options = ("--threshold", threshold)
        expected = [one["labels"] for one in answers_of(cli, finished_run, tmp_path / "in.txt", *options)]
        written = pd.read_csv(fill(cli, finished_run, tmp_path / "in.txt", tmp_path / "out.csv", *options))
        assert list(written) == ["text", "labels"]
        assert [json.loads(cell) for cell in written["labels"]] == expected
        written = pd.read_parquet(fill(cli, finished_run, tmp_path / "in.txt", tmp_path / "out.parquet", *options))
        assert [list(cell) for cell in written["labels"]] == expected
        fill(cli, finished_run, tmp_path / "in.txt", tmp_path / "out.jsonl", *options, "--probabilities")
        lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
        assert [line["labels"] for line in lines] == expected
        assert list(lines[0]) == ["text", "labels", "probability_fruit", "probability_metal", "probability_sea"]


def test_a_doubtful_text_has_no_label(finished_run: Path, corpus_file: Path, tmp_path: Path, cli: Cli) -> None:
    limit = sorted(answer["probability"] for answer in answers_of(cli, finished_run, corpus_file))[40]
    for kind in ("csv", "parquet", "jsonl"):
        path = fill(cli, finished_run, corpus_file, tmp_path / f"out.{kind}", "--reject-below", limit)
        written = pd.read_csv(path) if kind == "csv" else READERS[kind](path)
        assert (written["predicted_label"].isna() == (written["probability"] < limit)).all()
        assert written["predicted_label"].isna().sum() == 40


def test_reasons_are_in_words(finished_run: Path, corpus_file: Path, tmp_path: Path, cli: Cli) -> None:
    options = ("--explain", "--reject-below", 0.9, "--text-column", "text")
    written = pd.read_csv(fill(cli, finished_run, corpus_file, tmp_path / "out.csv", *options))
    assert list(written) == ["text", "label", "predicted_label", "probability", "reasons"]
    expected = answers_of(cli, finished_run, corpus_file, "--explain")
    for words, answer in zip(written["reasons"], expected, strict=True):
        label, reasons = words.split(": ")
        assert label == answer["label"]
        pairs = [reason.rsplit(" ", 1) for reason in reasons.split("; ")]
        assert [ngram for ngram, _ in pairs] == [reason["ngram"] for reason in answer["reasons"]]
        added = [reason["added"] for reason in answer["reasons"]]
        assert [float(amount) for _, amount in pairs] == pytest.approx(added, abs=0.0051)


def test_types_of_parquet_stay(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    table = pyarrow.table({
        "text": pyarrow.array(["the apple", None, "iron"], pyarrow.large_string()),
        "nanoseconds": pyarrow.array([1, 1_700_000_000_000_000_001, None], pyarrow.timestamp("ns", "UTC")),
        "decimal": pyarrow.array([Decimal("1.10"), None, Decimal(2)], pyarrow.decimal128(10, 2)),
        "list": [["a"], None, []],
        "struct": [{"a": 1}, None, {"a": None}],
        "map": pyarrow.array([[("a", 1)], None, []], pyarrow.map_(pyarrow.string(), pyarrow.int8())),
        "category": pyarrow.array(["x", "y", None]).dictionary_encode(),
        "bytes": [b"\xff", None, b""],
        "float": [float("nan"), 1.5, None],
        "nothing": pyarrow.nulls(3),
        "day": [datetime.date(2024, 2, 29), None, None],
    })  # fmt: skip
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    path = fill(cli, finished_run, tmp_path / "in.parquet", tmp_path / "out.parquet")
    written = pyarrow.parquet.read_table(path)
    given = pyarrow.parquet.read_table(tmp_path / "in.parquet")
    assert written.schema.names == [*given.schema.names, "label", "probability"]
    assert [*written.schema][: len(given.schema)] == [*given.schema]
    assert str(written.select(given.schema.names).to_pylist()) == str(given.to_pylist())  # NaN differs from itself
    objects = READERS["jsonl"](fill(cli, finished_run, tmp_path / "in.parquet", tmp_path / "out.jsonl"))
    assert objects["list"].tolist() == [["a"], None, []]
    assert objects["decimal"].fillna("").tolist() == ["1.10", "", "2.00"]
    cells = read(fill(cli, finished_run, tmp_path / "in.parquet", tmp_path / "out.csv"))
    assert cells["nanoseconds"][1].startswith("2023-11-14 22:13:20.000000001")
    assert cells["day"].tolist() == ["2024-02-29", "", ""]
    assert cells["list"].tolist() == ['["a"]', "", "[]"]
    assert cells["float"].tolist() == ["", "1.5", ""]
    assert cells["bytes"].tolist() == ["\\xff", "", ""]


def test_what_pandas_noted_in_parquet_stays(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    texts = pd.Categorical(["the apple", "of iron"] * 700, ["the apple", "none", "of iron"], ordered=True)
    index = pd.Index(np.arange(1400) * 3, name="row")
    frame = pd.DataFrame({"text": texts, "n": np.arange(1400, dtype=np.int16)}, index)
    frame.to_parquet(tmp_path / "in.parquet")
    written = pd.read_parquet(fill(cli, finished_run, tmp_path / "in.parquet", tmp_path / "out.parquet"))
    pd.testing.assert_frame_equal(written[["text", "n"]], frame)


def test_a_folder_of_parquet(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "in").mkdir()
    pd.DataFrame({"text": ["iron"], "n": [1]}).to_parquet(tmp_path / "in" / "train.parquet")
    pd.DataFrame({"text": ["wave"], "m": [0.5]}).to_parquet(tmp_path / "in" / "test.parquet")
    written = pyarrow.parquet.read_table(fill(cli, finished_run, tmp_path / "in", tmp_path / "out.parquet"))
    assert written.select(["text", "n", "m"]).to_pylist() == [
        {"text": "iron", "n": 1, "m": None}, {"text": "wave", "n": None, "m": 0.5}
    ]  # fmt: skip
    pd.DataFrame({"text": ["wave"], "n": ["a"]}).to_parquet(tmp_path / "in" / "test.parquet")
    ended = cli("predict", finished_run, tmp_path / "in", "--output", tmp_path / "out.parquet")
    assert (ended.status, len(ended.err.splitlines())) == (2, 1)
    assert "different types: " in ended.error


OBJECTS = [
    {"text": "the apple", "n": 1, "deep": {"a": [1, None]}},
    {"more": 1.0, "text": None, "n": float("nan")},
    {"text": "of iron", "n": 2**70, "deep": None, "half": "\ud800"},
]


def test_objects_keep_their_keys_and_values(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, OBJECTS)))
    lines = fill(cli, finished_run, tmp_path / "in.jsonl", tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    for line, given in zip(map(json.loads, lines), OBJECTS, strict=True):
        assert list(line) == [*given, "label", "probability"]
        assert str({name: line[name] for name in given}) == str(given)


def test_objects_with_different_keys_make_one_table(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    objects = [{**one, "half": "x"} for one in OBJECTS]
    (tmp_path / "in.json").write_text(json.dumps(objects))
    for kind in ("csv", "parquet"):
        written = READERS[kind](fill(cli, finished_run, tmp_path / "in.json", tmp_path / f"out.{kind}"))
        assert list(written) == ["text", "n", "deep", "half", "more", "label", "probability"]
        assert written["deep"].tolist()[0] == '{"a": [1, null]}'
        assert written["n"].fillna("").tolist() == ["1", "", str(2**70)]
        assert written["more"].fillna("").tolist() == ["", "1.0", ""]


@pytest.mark.parametrize(("lines", "message"), [
    (['{"text": "a"}', '{"text": "b", "n": 1}'], "a column 'n' that the first row lacks: standard input:2; give the"),
    (['{"text": "a"}', '{"text": "b", "label": 1}'], "a column 'label' that the first row lacks: standard input:2"),
])  # fmt: skip
def test_a_pipe_must_have_the_columns_of_its_first_row(
    lines: list[str], message: str, finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli,
) -> None:  # fmt: skip
    with (tmp_path / "in").open("w+") as file:
        file.write("\n".join(lines))
        file.seek(0)
        monkeypatch.setattr("sys.stdin", file)
        kind = "csv" if "'n'" in message else "jsonl"
        ended = cli("predict", finished_run, "--input-format", "jsonl", "--output", tmp_path / f"out.{kind}")
    assert (ended.status, len(ended.err.splitlines())) == (2, 1)
    assert message in ended.error
    assert names_in(tmp_path) == ["in"]


def test_lines_and_a_text_have_one_column(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "in.txt").write_bytes(b'the "apple"\r\n\n__label__x of iron\n"quoted, line"')
    written = read(fill(cli, finished_run, tmp_path / "in.txt", tmp_path / "out.csv"))
    assert written["text"].tolist() == ['the "apple"', "", "of iron", '"quoted, line"']
    written = read(fill(cli, finished_run, "the apple", tmp_path / "out.csv"))
    assert written[["text", "label"]].to_dict("records") == [{"text": "the apple", "label": "fruit"}]


def test_an_empty_file_has_a_header(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "in.txt").touch()
    written = read(fill(cli, finished_run, tmp_path / "in.txt", tmp_path / "out.csv"))
    assert (list(written), len(written)) == (["text", "label", "probability"], 0)
    pyarrow.parquet.write_table(pyarrow.table({"text": [""], "n": [1]}).slice(1), tmp_path / "in.parquet")
    written = pd.read_parquet(fill(cli, finished_run, tmp_path / "in.parquet", tmp_path / "out.parquet"))
    assert (list(written), len(written)) == (["text", "n", "label", "probability"], 0)


def test_files_are_named(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    for name, text in {"b/1.txt": "of iron", "a/2.txt": "the apple"}.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        (tmp_path / "in" / name).write_text(text)
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name in ("a/2.txt", "b/1.txt"):
            archive.write(tmp_path / "in" / name, name)
    with tarfile.open(tmp_path / "table.tar.gz", "w:gz") as tar:
        tar.add(write_table(tmp_path / "any.csv", [("1", "iron")], ("id", "text")), "any.csv")
    for given in ("in", "in.zip"):
        written = read(fill(cli, finished_run, tmp_path / given, tmp_path / "out.csv"))
        assert written.iloc[:, :3].to_numpy().tolist() == [
            ["a/2.txt", "the apple", "fruit"], ["b/1.txt", "of iron", "metal"]
        ]  # fmt: skip
    written = read(fill(cli, finished_run, tmp_path / "table.tar.gz", tmp_path / "out.csv"))
    assert written.iloc[:, :3].to_numpy().tolist() == [["1", "iron", "metal"]]


def test_however_a_table_is_written(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    """The options that read it are those of `predict` without `--output`; what comes out is plain CSV in UTF-8."""
    path = tmp_path / "in.csv"
    path.write_bytes('1; "ü; apple";x\n2;iron\\; b; y\n'.encode("cp1252"))
    options = ("--delimiter", ";", "--escape", "\\", "--no-header", "--text-column", "2", "--encoding", "cp1252")
    written = read(fill(cli, finished_run, path, tmp_path / "out.csv", *options))
    assert list(written) == ["1", "2", "3", "label", "probability"]
    assert written.iloc[:, :3].to_numpy().tolist() == [["1", "ü; apple", "x"], ["2", "iron; b", " y"]]
    path.write_bytes(b"text,n\na\xff\xe9b,\xff\n")
    assert cli("predict", finished_run, path, "--output", tmp_path / "no.csv").status == 2
    assert not (tmp_path / "no.csv").exists()
    written = read(fill(cli, finished_run, path, tmp_path / "out.csv", "--errors", "replace"))
    pd.testing.assert_frame_equal(written[["text", "n"]], read(path, encoding_errors="replace"))


@pytest.mark.parametrize(("arguments", "message"), [
    (["--output", "FOLDER/out.xlsx"], "--output must end in .csv, .tsv, .jsonl or .parquet"),
    (["--output", "FOLDER/out.json"], "--output must end in .csv"),
    (["--output", "-"], "--output must end in .csv"),
    (["--output", "FOLDER/out.parquet.gz"], "--output must end in .csv"),
    (["--output", "FOLDER/out.csv.xz"], "--output must end in .csv"),
    (["--output", "FOLDER/no/out.csv"], "no such folder: "),
    (["--output", "FOLDER/folder.csv"], "not a file: "),
    (["--output", "FOLDER/in.csv"], "the texts are read from there: --output "),
    (["--output", "FOLDER/link.csv"], "the texts are read from there: --output "),
    (["--output", "FOLDER/hard.csv"], "the texts are read from there: --output "),
    (["--output", "RUN/history.csv"], "a file of the run: --output "),
    (["--output", "FOLDER/out.csv", "--top", "2"], "--top does not apply to --output; leave it out"),
    (["--output", "FOLDER/out.csv", "--format", "csv"], "--format does not apply to --output; leave it out"),
    (["--output", "FOLDER/out.csv", "--explain", "html"], "--explain html writes a page; leave --output out"),
    (["--output", "FOLDER/out.csv", "--threshold", "0.5"], "--threshold is for runs with several labels per text"),
    (["--output", "FOLDER/out.csv", "--text-column", "n"], "no column 'n' in"),
    (["--probabilities"], "--probabilities is for --output"),
])  # fmt: skip
def test_wrong_use_is_one_line_and_changes_nothing(
    arguments: list[str], message: str, finished_run: Path, tmp_path: Path, cli: Cli,
) -> None:  # fmt: skip
    path = write_table(tmp_path / "in.csv", [("a", "b")])
    (tmp_path / "link.csv").symlink_to(path)
    (tmp_path / "hard.csv").hardlink_to(path)
    (tmp_path / "folder.csv").mkdir()
    before = names_in(tmp_path), path.read_bytes()
    given = [word.replace("FOLDER", str(tmp_path)).replace("RUN", str(finished_run)) for word in arguments]
    ended = cli("predict", finished_run, path, *given)
    assert (ended.status, ended.lines, len(ended.err.splitlines())) == (2, [], 1)
    assert message in ended.error
    assert (names_in(tmp_path), path.read_bytes()) == before


def test_what_is_read_is_never_overwritten(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli,
) -> None:  # fmt: skip
    path = write_table(tmp_path / "in.csv", [("a", "b")])
    ended = cli("predict", finished_run, tmp_path, "--output", tmp_path / "out.csv")
    assert "the texts are read from there" in ended.error
    with path.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        ended = cli("predict", finished_run, "--input-format", "csv", "--output", path)
    assert "the texts are read from there" in ended.error


def test_another_file_is_replaced_through_a_link(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    path = write_table(tmp_path / "in.csv", [("the apple", "b")])
    (tmp_path / "old.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("old.csv")
    fill(cli, finished_run, path, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert read(tmp_path / "old.csv")["predicted_label"].tolist() == ["fruit"]


def test_an_error_leaves_the_old_file(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "in.csv").write_text("text,n\n" + "apple,1\n" * 3000 + "apple\n")
    (tmp_path / "out.csv").write_text("old")
    ended = cli("predict", finished_run, tmp_path / "in.csv", "--output", tmp_path / "out.csv")
    assert (ended.status, len(ended.err.splitlines())) == (2, 1)
    assert "1 fields where the first row has 2: " in ended.error
    assert names_in(tmp_path) == ["in.csv", "out.csv"]
    assert (tmp_path / "out.csv").read_text() == "old"


def test_a_full_disk_is_one_line(
    finished_run: Path, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli,
) -> None:  # fmt: skip
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    ended = cli("predict", finished_run, corpus_file, "--output", tmp_path / "out.csv")
    assert (ended.status, len(ended.err.splitlines()), names_in(tmp_path)) == (2, 1, [])
    assert "cannot write " in ended.error
    assert "No space left on device; choose another --output" in ended.error


@pytest.mark.usefixtures("default_signals")
def test_nothing_is_left_when_it_is_terminated(finished_run: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "keras_textcnn.predict", str(finished_run), "--output", str(tmp_path / "out.csv")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(b"the apple\n" * 5000)
        process.stdin.flush()
        while process.poll() is None and not names_in(tmp_path):
            time.sleep(0.1)
        assert [name.split(".")[0] for name in names_in(tmp_path)] == ["partial"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
        assert len(process.stderr.read().splitlines()) == 1
    assert names_in(tmp_path) == []


def test_nothing_is_left_after_ctrl_c(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli,
) -> None:  # fmt: skip
    def interrupt(self: LightPredictor, texts: list[str]) -> None:
        assert [name.split(".")[0] for name in names_in(tmp_path)] == ["partial"]
        raise KeyboardInterrupt

    monkeypatch.setattr(LightPredictor, "__call__", interrupt)
    for kind in ("csv", "jsonl.gz", "parquet"):
        ended = cli("predict", finished_run, "the apple", "--output", tmp_path / f"out.{kind}")
        assert (ended.status, ended.err, names_in(tmp_path)) == (130, "interrupted\n", [])


def test_a_pipe_of_single_rows_makes_one_row_group(tmp_path: Path) -> None:
    """Tables of one row, as they come through a pipe, are joined before they are many."""
    layout = Layout(["text"], {"label": "string"})
    with writing_table(tmp_path / "out.parquet", layout) as write:
        for number in range(1000):
            write([TextRow("", "", ["text"], [str(number)])], [["x"]])
    file = pyarrow.parquet.ParquetFile(tmp_path / "out.parquet")
    assert (file.num_row_groups, file.read()["text"].to_pylist()) == (1, [str(number) for number in range(1000)])


def test_the_same_answers_whatever_the_batches(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    """More rows than a batch, of which each is written once and in order; gzip has no time or name in it."""
    rows = [(str(number), f"{word} {number}") for number, word in enumerate(["apple", "iron", "wave"] * 900)]
    path = write_table(tmp_path / "in.csv", rows, ("id", "text"))
    first = fill(cli, finished_run, path, tmp_path / "1.csv.gz").read_bytes()
    assert fill(cli, finished_run, path, tmp_path / "2.csv.gz").read_bytes() == first
    with gzip.open(tmp_path / "1.csv.gz", "rt", encoding="utf-8", newline="") as file:
        written = list(csv.reader(file))
    assert [tuple(row[:2]) for row in written[1:]] == rows
    assert [row[2] for row in written[1:]] == ["fruit", "metal", "sea"] * 900
    assert "2,700 texts answered in" in cli("predict", finished_run, path, "--output", tmp_path / "3.csv").err
