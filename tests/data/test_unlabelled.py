"""Texts to predict are read as the training texts were, or as options say."""

import dataclasses
import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.unlabelled import Texts
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.run import Run
from tests.conftest import make_texts
from tests.data.test_readers import write
from tests.runs import Cli

TEXTS = ["the apple", "", 'he said "no', "of iron, and tide"]
UMLAUTS = ["die Rechnung zurück", "verspätet"]


def texts_of(path: Path, *, input_format: str | None = None, **settings: object) -> list[str]:
    batches = Texts(str(path), TrainConfig(**settings), input_format=input_format).batches()
    return [text for batch in batches for text in batch]


@pytest.mark.parametrize(
    ("name", "content", "settings", "texts"),
    [
        ("a.txt", "\n".join(TEXTS), {}, TEXTS),
        ("a.txt", "\r\n".join(TEXTS) + "\r\n", {}, TEXTS),
        ("a", "\ufeff" + "\n".join(TEXTS), {}, TEXTS),
        ("a.log", "\n".join(UMLAUTS).encode("cp1252"), {"encoding": "cp1252"}, UMLAUTS),
        ("a.txt", "\n".join(UMLAUTS).encode("utf-16"), {"encoding": "utf-16"}, UMLAUTS),
        ("a.csv", "Nr;Frage\n1;die Rechnung zurück\n2;verspätet\n".encode("cp1252"),
         {"encoding": "cp1252", "delimiter": ";", "text_column": ("Frage",)}, UMLAUTS),
        ("a.tsv", 'text\tn\n"a\t1\nb"\t2\n', {"quoting": "none"}, ['"a', 'b"']),
        ("a.csv", '1,"a\\"b"\n2,c\n', {"escape": "\\", "header": False, "text_column": ("2",)}, ['a"b', "c"]),
        ("a.csv", "text,label\na,\n,\n,x\nb,\n", {}, ["a", "", "", "b"]),
        ("a.json", '[{"text": "a"}, {"text": null}]', {}, ["a", ""]),
        ("a.jsonl", '{"title": "a", "text": "b", "label": ["c"]}', {"text_column": ("title,text",)}, ["a\nb"]),
        ("a.txt", "__label__x  the apple\nof iron\n__label__y __label__z tide\n__label__x\n", {},
         ["the apple", "of iron", "tide", ""]),
    ],
)  # fmt: skip
def test_files_are_read_as_the_settings_say(
    tmp_path: Path, name: str, content: str | bytes, settings: dict[str, object], texts: list[str]
) -> None:
    assert texts_of(write(tmp_path / name, content), **settings) == texts


def test_folders_and_archives(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.md"):
        write(tmp_path / "flat" / name, name)
    assert texts_of(tmp_path / "flat") == ["a.txt", "b.txt"]
    for name in ("y/1.txt", "x/2.txt"):
        write(tmp_path / "labels" / name, name)
    assert texts_of(tmp_path / "labels") == ["x/2.txt", "y/1.txt"]
    write(tmp_path / "splits" / "test.csv", "text,label\nb,x\n")
    write(tmp_path / "splits" / "train.csv", "text,label\na,x\n")
    assert texts_of(tmp_path / "splits") == ["a", "b"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("1.txt", "a")
        archive.writestr("x/2.txt", "b")
    assert texts_of(tmp_path / "a.zip") == ["a", "b"]


XLSX = io.BytesIO()
with zipfile.ZipFile(XLSX, "w") as workbook:
    workbook.writestr("xl/worksheets/sheet1.xml", "<worksheet/>")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", XLSX.getvalue(), "a.xlsx"),
        ("a.txt", XLSX.getvalue(), "not text but an Excel file"),
        ("a.pdf", b"%PDF-1.7\n...", "not text but a PDF"),
        ("a.txt", "a\nb".encode("utf-16"), "UTF-16 by its byte order mark: .*a.txt; set --encoding utf-16"),
        ("a.txt", "a\nb".encode("utf-16-be"), "a NUL byte: .*a.txt:1"),
        ("a.txt", b"\0" * 100, "a NUL byte"),
        ("a.txt", "é".encode("latin-1"), "byte 0xe9; name the encoding with --encoding"),
        ("a.txt", '{"text": "a"}\n', "JSON, not one text per line: .*a.txt:1; set --input-format jsonl"),
        ("a.txt", '[\n{"text": "a"}\n]\n', "JSON, not one text per line"),
        ("a.csv", "body\na\n", "no column 'text' in .*; choose one with --text-column"),
        ("a.jsonl", '{"n": 1}', "'text' is missing: .*a.jsonl:1; found: 'n'; choose another with --text-column"),
        ("a.json", '[{"text": "a"}, {"n": 1}]', "'text' is missing: .*a.json:1; found: 'n'"),
        ("a.gz", b"text", "Not a gzipped file"),
    ],
)
def test_what_cannot_be_texts_is_named(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        texts_of(write(tmp_path / name, content))


def test_json_lines_are_read_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    end, start = os.pipe()
    with os.fdopen(end, "rb") as read, os.fdopen(start, "wb", buffering=0) as write:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(read))
        batches = Texts("-", TrainConfig(), input_format="jsonl").batches()
        for text in ("the apple", "of iron"):
            write.write(json.dumps({"text": text}).encode() + b"\n")
            assert next(batches) == [text]  # standard input is still open


def test_json_may_be_taken_for_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", '{"text": "a"}\n')
    assert texts_of(path, input_format="lines") == ['{"text": "a"}']
    assert texts_of(path, input_format="jsonl") == ["a"]


def test_bytes_that_do_not_decode_are_counted(tmp_path: Path) -> None:
    texts = Texts(str(write(tmp_path / "a.txt", b"a\xff\nb\n")), TrainConfig(errors="replace"))
    assert list(texts.batches()) == [["a\ufffd", "b"]]
    assert texts.reader.decoder.replaced == 1


@pytest.mark.usefixtures("without_learning", "without_reports")
def test_predict_reads_as_the_run_was_trained(small_options: list[str], tmp_path: Path, cli: Cli) -> None:
    """A dialect that uses every setting of the reader: one answer per row, each to the row's own text."""
    pairs = make_texts(60, 3)
    rows = [f'"ü{number}; {text};{label}' for number, (text, label) in enumerate(pairs)]
    fields = [row.replace("; ", "\\; ") for row in rows]
    path = write(tmp_path / "a.tsv", "\n".join(fields).encode("cp1252"))
    options = ["--delimiter", ";", "--quoting", "none", "--encoding", "cp1252", "--escape", "\\", "--no-header"]
    columns = ["--text-column", "1", "--label-column", "2"]
    base = small_options[2:]
    assert cli("train", "--data", path, *options, *columns, *base, "--output", tmp_path / "r").status == 0
    config = Run.open(tmp_path / "r").config()
    assert dataclasses.asdict(config)["header"] is False
    ended = cli("predict", tmp_path / "r", path)
    assert (ended.status, ended.err, len(ended.lines)) == (0, "", 60)
    plain = write(tmp_path / "plain.txt", "\n".join(row.rsplit(";", 1)[0] for row in rows))
    assert cli("predict", tmp_path / "r", plain, "--encoding", "utf-8") == ended
    again = write(tmp_path / "again.csv", json.dumps("x") + "\n" + "\n".join(json.dumps(text) for text, _ in pairs))
    other = ["--delimiter", ",", "--quoting", "standard", "--encoding", "utf-8", "--header", "--text-column", "x"]
    assert cli("predict", tmp_path / "r", again, *other).status == 0
