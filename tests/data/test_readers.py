import bz2
import gzip
import io
import json
import lzma
import os
import resource
import tarfile
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from keras_textcnn.data.corpus import Corpus, Record
from keras_textcnn.data.readers import Reader
from keras_textcnn.errors import InputError
from keras_textcnn.io.files import fingerprint

TEXTS = {"train/x/1.txt": "a", "train/y/1.txt": "b", "train/y/2.txt": "ü", "test/x/1.txt": "c"}
RECORDS = [
    Record("train", "a", "x"),
    Record("train", "b", "y"),
    Record("train", "ü", "y"),
    Record("test", "c", "x"),
]


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pairs(path: Path, **options: object) -> list[tuple[str, object]]:
    records = list(Reader(**options).records(path))
    assert {record.split for record in records} == {"train"}
    return [(record.text, record.label) for record in records]


def test_csv_with_quoted_line_ends_a_bom_and_other_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", '\ufeffid,text,label\r\n1,"two\nlines, ""quoted""",x\r\n2,é,y\r\n\r\n')
    assert pairs(path) == [('two\nlines, "quoted"', "x"), ("é", "y")]


def test_tsv_and_named_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.TSV", "stars\treview\n5\tgood, really\n1\tbad\n")
    assert pairs(path, text_columns=["review"], label_column="stars") == [("good, really", "5"), ("bad", "1")]


def test_another_delimiter(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'label;text\nx;one, two\ny;"three; four"\n')
    assert pairs(path, delimiter=";") == [("one, two", "x"), ("three; four", "y")]


def test_several_text_columns_are_joined(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "title,body,label\nA,b,x\n")
    assert pairs(path, text_columns=["body", "title"]) == [("b\nA", "x")]


def test_json_lines(tmp_path: Path) -> None:
    rows = [{"text": "a\nb", "label": "x", "more": [1]}, {"label": 2, "text": "é"}, {"text": "", "label": True}]
    lines = [json.dumps(rows[0]), "", json.dumps(rows[1], ensure_ascii=False), json.dumps(rows[2])]
    assert pairs(write(tmp_path / "a.jsonl", "\n".join(lines))) == [("a\nb", "x"), ("é", "2"), ("", "true")]


def test_fasttext_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "__label__x the text\n\n__label__y __label__x other , text\n")
    assert pairs(path, separator=",") == [("the text", ("x",)), ("other , text", ("x", "y"))]
    assert pairs(write(path, "__label__x the text\ntail __label__y\n")) == [("the text", "x"), ("tail", "y")]


def test_pipes_and_links_in_a_circle_end(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text(name)
    os.mkfifo(tmp_path / "x" / "2.txt")
    os.mkfifo(tmp_path / "train.csv")
    reader = Reader()
    assert [record.text for record in reader.records(tmp_path)] == ["x", "y"]
    assert reader.left_out == 1
    before = fingerprint(tmp_path)
    (tmp_path / "x" / "again").symlink_to(tmp_path)
    (tmp_path / "y" / "again").symlink_to(tmp_path)
    assert fingerprint(tmp_path) == before


def test_a_page_of_parquet_takes_no_more_memory_than_the_file_has(tmp_path: Path) -> None:
    """One byte has been changed, so that the page claims to hold 1.4 GB."""
    found = Path(__file__).parents[1] / "fuzzing" / "findings" / "corpus" / "parquet-page-of-a-gigabyte"
    (tmp_path / "a.parquet").write_bytes(found.read_bytes()[2:])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="cannot read .*Page was smaller"):
        pairs(tmp_path / "a.parquet")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 2**10  # KiB


def test_parquet(tmp_path: Path) -> None:
    table = pyarrow.table({"text": ["a", "b"], "label": pyarrow.array(["x", "y"]).dictionary_encode(), "n": [1, 2]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert pairs(tmp_path / "a.parquet") == [("a", "x"), ("b", "y")]


def test_lists_of_labels_in_parquet(tmp_path: Path) -> None:
    table = pyarrow.table({"text": ["a", "b"], "label": [["y", "x"], ["z"]]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert pairs(tmp_path / "a.parquet", separator=",") == [("a", ("x", "y")), ("b", ("z",))]


@pytest.mark.parametrize(
    ("cell", "labels"), [("x, y", ("x", "y")), ("y,x,y", ("x", "y")), ("", ()), ("z", ("z",)), (" , ", ())]
)
def test_several_labels_come_sorted_and_once(tmp_path: Path, cell: str, labels: tuple[str, ...]) -> None:
    assert pairs(write(tmp_path / "a.csv", f'text,label\na,"{cell}"\n'), separator=",") == [("a", labels)]
    line = json.dumps({"text": "a", "label": [label.strip() for label in cell.split(",")]})
    assert pairs(write(tmp_path / "a.jsonl", line), separator=",") == [("a", labels)]


@pytest.mark.parametrize(("suffix", "compress"), [("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)])
def test_compressed_files_are_read_in_place(tmp_path: Path, suffix: str, compress: object) -> None:
    path = write(tmp_path / f"a.csv.{suffix}", compress("text,label\né,x\n".encode()))
    assert pairs(path) == [("é", "x")]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_folder_of_labels(tmp_path: Path) -> None:
    for name, content in {"pos/2.txt": "b", "pos/10.txt": "a", "neg/1.txt": "c", "neg/notes.md": "x"}.items():
        write(tmp_path / name, content)
    assert pairs(tmp_path) == [("c", "neg"), ("a", "pos"), ("b", "pos")]


def test_folder_of_splits_as_folders_or_files(tmp_path: Path) -> None:
    for name in ("train/x/1.txt", "train/y/1.txt", "train/y/2.txt"):
        write(tmp_path / name, TEXTS[name])
    write(tmp_path / "test.csv.gz", gzip.compress(b"text,label\nc,x\n"))
    assert list(Reader().records(tmp_path)) == RECORDS


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in TEXTS.items():
            archive.writestr(f"top/{name}", text)
        archive.writestr("top/train/notes.txt", "beside the labels")
        archive.writestr("top/train/unsup/1.txt", "without a label")
        archive.writestr("__MACOSX/top/train/x/._1.txt", "x")


def write_tar(path: Path) -> None:
    with tarfile.open(path, "w:" + path.suffix.replace("tgz", "gz").strip(".").replace("tar", "")) as archive:
        for name, text in {**TEXTS, "train/notes.txt": "beside", "README": "x"}.items():
            member = tarfile.TarInfo(f"top/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.xz"])
def test_archives_are_read_in_place(tmp_path: Path, name: str) -> None:
    (write_zip if name == "a.zip" else write_tar)(tmp_path / name)
    assert list(Reader().records(tmp_path / name)) == RECORDS
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "shift_jis", "cp1252"])
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    text = "日本語" if encoding == "shift_jis" else "naïve café"
    path = write(tmp_path / "a.csv", f"text,label\n{text},x\n".encode(encoding))
    assert pairs(path, encoding=encoding) == [(text, "x")]


def test_bytes_that_do_not_decode_can_be_replaced_and_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"text,label\na\xffb,x\n\xe2\x82,y\nc\xff\xfe,z\n" + "€\ufffd,x\n".encode())
    reader = Reader(replace=True)
    texts = [record.text for record in reader.records(path)]
    # Python's own replacement is the reference.
    assert texts == [line.split(",")[0] for line in path.read_text("utf-8", "replace").splitlines()[1:]]
    assert reader.decoder.replaced == 4


def test_a_character_across_two_chunks_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keras_textcnn.io.files.CHUNK", 3)
    path = write(tmp_path / "a.csv", "text,label\n€uro 日本語,x\nb,y\n")
    assert pairs(path) == [("€uro 日本語", "x"), ("b", "y")]


def test_a_corpus_keeps_what_was_read(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.zip")
    corpus = Corpus.of(Reader().records(tmp_path / "a.zip"))
    assert corpus.texts == ("a", "b", "ü", "c")
    assert list(corpus.records()) == RECORDS
    assert [record.split for record in Corpus(["a"], ["x"]).records()] == ["train"]


def test_an_archive_in_a_folder_of_files_keeps_its_split(tmp_path: Path) -> None:
    for split in ("train", "test"):
        with zipfile.ZipFile(tmp_path / f"{split}.zip", "w") as archive:
            archive.writestr("x/1.txt", split)
    assert [record[:3] for record in Reader().records(tmp_path)] == [("train", "train", "x"), ("test", "test", "x")]
    write_zip(tmp_path / "test.zip")
    with pytest.raises(InputError, match="splits inside a file that is named as the test split: .*test.zip"):
        list(Reader().records(tmp_path))


@pytest.mark.parametrize(("train", "validation", "test"), [("Train", "dev", "TEST"), ("training", "val", "testing")])
def test_splits_have_other_names_too(tmp_path: Path, train: str, validation: str, test: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in (train, validation, test):
            archive.writestr(f"{name}/x/1.txt", name)
            write(tmp_path / "folder" / name / "x" / "1.txt", name)
            write(tmp_path / "files" / f"{name}.csv", f"text,label\n{name},x\n")
    for source in ("a.zip", "folder", "files"):
        records = [(record.split, record.text) for record in Reader().records(tmp_path / source)]
        assert records == [("train", train), ("validation", validation), ("test", test)]
    write(tmp_path / "files" / "test.tsv", "text\tlabel\na\tx\n")
    with pytest.raises(InputError, match="two sources of test texts"):
        list(Reader().records(tmp_path / "files"))


def test_a_label_may_not_be_called_like_a_split(tmp_path: Path) -> None:
    for name in ("car", "train"):
        write(tmp_path / name / "1.txt", name)
    with pytest.raises(InputError, match="a split without labels: .*train; put its texts into LABEL folders inside it"):
        list(Reader().records(tmp_path))


def test_counts_the_files_of_a_folder_that_are_left_out(tmp_path: Path) -> None:
    for name in ("x/1.TXT", "x/2.txt", "x/3.txt.gz", "x/.hidden.txt", "unsup/1.txt", ".git/a.txt", "y/1.txt"):
        write(tmp_path / name, name)
    reader = Reader()
    assert [record.text for record in reader.records(tmp_path)] == ["x/1.TXT", "x/2.txt", "y/1.txt"]
    assert reader.left_out == 3


def test_splits_that_are_not_wanted_are_not_read(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", "text,label\na,x\n")
    write(tmp_path / "test.csv", "text,label\na,\n")  # without labels
    with pytest.raises(InputError, match="empty label"):
        list(Reader().records(tmp_path))
    assert [record.split for record in Reader().records(tmp_path, without={"test"})] == ["train"]


def test_a_table_without_quoting(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", 'text\tlabel\n"Hello," he said\tx\n"open\ty\n')
    assert pairs(path, quoting=False) == [('"Hello," he said', "x"), ('"open', "y")]
    with pytest.raises(InputError, match="set --quoting none"):
        pairs(path)


def test_section_numbers_are_labels(tmp_path: Path) -> None:
    rows = [f"text,{number}.1" for number in range(1, 31)] * 5
    path = write(tmp_path / "a.csv", "\n".join(["text,label", *rows[:10] * 20, *rows]))
    assert len({label for _, label in pairs(path)}) == 30


@pytest.mark.parametrize(
    ("value", "labels"), [("null", ()), ("true", ("true",)), ("3", ("3",)), ('["b", "a"]', ("a", "b"))]
)
def test_several_labels_in_json(tmp_path: Path, value: str, labels: tuple[str, ...]) -> None:
    path = write(tmp_path / "a.jsonl", f'{{"text": "a", "label": {value}}}')
    assert pairs(path, separator=",") == [("a", labels)]
