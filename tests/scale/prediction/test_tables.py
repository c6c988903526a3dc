import gzip
import json
import logging
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.errors import InputError
from keras_textcnn.io.parquet import Cells, table_of
from keras_textcnn.scale.prediction.tables import (
    LARGEST_PART,
    PART_ROWS,
    SMALLEST_PART,
    End,
    Part,
    columns_of,
    columns_of_readable,
    common_layout,
    find_tables,
    part_bytes,
    read_parts,
    unpack,
)
from tests.conftest import write_table

ROWS = [(f"{number:03d}", f"the text {number}") for number in range(2500)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path / "a.csv", ROWS, header=("id", "text"))


def split(path: Path, *, size: int = 1, without: tuple[int, ...] = (), **settings: object) -> tuple[list[Part], End]:
    *parts, end = read_parts(path, TrainConfig(**settings), size=size, without=without)
    assert isinstance(end, End)
    return [part for part in parts if isinstance(part, Part)], end


def texts_of(parts: list[Part]) -> list[object]:
    return [text for part in parts for group in part.groups for text, _ in unpack(group)]


def test_parts_hold_every_row_in_order(table: Path) -> None:
    parts, end = split(table)
    assert [(part.number, part.rows) for part in parts] == [(0, 1024), (1, 1024), (2, 452)]
    assert end == End(3, 2500, [])
    assert texts_of(parts) == [text for _, text in ROWS]
    rows = [row for part in parts for group in part.groups for _, row in unpack(group)]
    assert [tuple(row.cells) for row in rows] == ROWS
    assert list(rows[0].names) == ["id", "text"]


def test_finished_parts_are_left_out_and_still_counted(table: Path) -> None:
    parts, end = split(table, without=(0, 2))
    assert [part.number for part in parts] == [1]
    assert texts_of(parts) == [text for _, text in ROWS[1024:2048]]
    assert end == End(3, 2500, [])


def test_a_row_without_a_string_is_kept_with_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "n": 7}\n{"text": 7}\n{"text": null}\n', "utf-8")
    [part], end = split(path)
    one, wrong, missing = texts_of([part])
    assert (one, missing, end.rows) == ("a", "", 3)
    assert "'text' is not a string" in str(wrong)
    assert "a.jsonl:2" in str(wrong)


def test_a_damaged_file_ends_with_the_problem(tmp_path: Path) -> None:
    lines = ["id,text", *(f"{number},a" for number in range(1500)), "1,2,3"]
    (tmp_path / "a.csv").write_text("\n".join(lines), "utf-8")
    parts, end = split(tmp_path / "a.csv")
    assert [part.rows for part in parts] == [1024]
    assert "3 fields where the first row has 2" in end.problem
    assert "a.csv:1502" in end.problem


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", b""), ("a.csv", b"text,n\n"), ("a.csv.gz", gzip.compress(b"")), ("a.jsonl", b"")]
)
def test_a_table_of_no_rows_is_not_damaged(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert split(tmp_path / name) == ([], End(0, 0, []))
    assert columns_of(tmp_path / name, TrainConfig()) == []


def test_files_that_cannot_be_read_leave_the_others_alone(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv", "d.csv")]
    for file, content in zip(files, ("body\na\n", "text,n\na\n", "n,text\n1,a\n", ""), strict=True):
        file.write_text(content, "utf-8")
    assert columns_of_readable(files, TrainConfig()) == {files[2]: ["n", "text"], files[3]: []}
    with pytest.raises(InputError, match="no column 'text' in .*a.csv"):
        columns_of_readable(files[:2], TrainConfig())


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_objects_without_the_text_are_rows_with_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text('{"n": 1}\n{"text": "a", "n": 2}\n{"n": 3}\n', "utf-8")
    assert columns_of(tmp_path / name, TrainConfig()) == ["n", "text"]
    [part], end = split(tmp_path / name)
    first, text, last = texts_of([part])
    assert (text, end) == ("a", End(1, 3, []))
    assert f"'text' is missing: {tmp_path / name}:1; found: 'n'; choose another with --text-column" in str(first)
    assert f"'text' is missing: {tmp_path / name}:3" in str(last)
    _, end = split(tmp_path / name, text_column=("body",))
    assert f"no column 'body' in {tmp_path / name}:1" in end.problem


def test_what_was_replaced_is_said_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text\na\xff\n")
    assert "replaced" in split(tmp_path / "a.csv", errors="replace")[1].lines[0]


def test_parquet_of_no_rows(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"text": pyarrow.array([], "string")}), tmp_path / "a.parquet")
    assert split(tmp_path / "a.parquet") == ([], End(0, 0, []))
    assert columns_of(tmp_path / "a.parquet", TrainConfig()) == ["text"]


@pytest.mark.parametrize("column", ["text", "category"])
def test_parts_of_parquet_hold_no_more_than_their_rows(column: str, tmp_path: Path) -> None:
    """A batch of Parquet brings along the dictionary of all texts before it."""
    values = [f"{number:0100d}" for number in range(8192)]
    columns = {"text": pyarrow.array(values), "category": pyarrow.array(values).dictionary_encode()}
    table = pyarrow.table({"text": pyarrow.array(["a"] * 8192), column: columns[column]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    parts, _ = split(tmp_path / "a.parquet")
    groups = [group for part in parts for group in part.groups]
    assert sum(map(len, groups)) < 4 * sum(map(len, values))
    cells = [list(row.cells) for group in groups for _, row in unpack(group)]
    assert cells == [list(row.values()) for row in table.to_pylist()]


def test_categories_in_an_order_stay(tmp_path: Path) -> None:
    values = pyarrow.array([f"{number:04d}" for number in range(2000)][::-1])
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array(range(1500), "int32"), values, ordered=True)
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"] * 1500, "n": column}), tmp_path / "a.parquet")
    schema = common_layout({tmp_path / "a.parquet": ["text", "n"]}).schema
    rows = [row for part in split(tmp_path / "a.parquet")[0] for group in part.groups for _, row in unpack(group)]
    written = table_of([row.cells for row in rows if isinstance(row.cells, Cells)], schema)
    assert written["n"].chunk(0).dictionary.equals(values)
    assert written["n"].to_pylist() == column.to_pylist()


def test_files_folders_and_patterns(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv.gz", "deep/c.csv", "_finished.jsonl", "notes.md", ".hidden/d.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(gzip.compress(b"text\na\n") if name.endswith(".gz") else b"text\na\n")

    def found(name: str) -> list[str]:
        return [path.relative_to(tmp_path.resolve()).as_posix() for path in find_tables(name)]

    assert found(str(tmp_path / "b.csv")) == ["b.csv"]
    assert found(str(tmp_path)) == ["a.csv.gz", "b.csv", "deep/c.csv"]
    assert found(str(tmp_path / "*.csv*")) == ["a.csv.gz", "b.csv"]
    assert found(str(tmp_path / "**" / "*.csv")) == ["b.csv", "deep/c.csv"]


def test_links_are_read_by_their_names_and_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for folder in ("blobs", "corpus/deep"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "blobs" / "abc123").write_text("text\na\n", "utf-8")
    (tmp_path / "corpus" / "2024.csv").write_text("text\nb\n", "utf-8")
    links = {"train.csv": "../blobs/abc123", "1.csv": "2024.csv", "latest.csv": "2024.csv", "deep/x.csv": "../1.csv"}
    for link, target in links.items():
        (tmp_path / "corpus" / link).symlink_to(target)
    corpus = tmp_path.resolve() / "corpus"
    for name in ("corpus", "corpus/**/*.csv"):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            assert find_tables(str(tmp_path / name)) == [corpus / "2024.csv", corpus / "train.csv"]
        assert len(caplog.messages) == 3
        assert f"latest.csv, which is the same file as {tmp_path / 'corpus' / '2024.csv'}" in caplog.text
    assert texts_of(split(corpus / "train.csv")[0]) == ["a"]
    (tmp_path / "here").symlink_to("corpus")
    assert find_tables(str(tmp_path / "here" / "2024.csv")) == [corpus / "2024.csv"]
    with pytest.raises(InputError, match="the texts are read from there"):
        find_tables(str(tmp_path / "here" / "train.csv"), output=tmp_path / "blobs")
    (tmp_path / "blobs" / "abc123").unlink()
    with pytest.raises(InputError, match="a link to a file that is missing: .*train.csv; restore the file"):
        find_tables(str(tmp_path / "corpus"))


def test_answers_inside_the_folder_are_no_texts(tmp_path: Path) -> None:
    (tmp_path / "answers").mkdir()
    for name in ("a.csv", "answers/part-00000-00000.jsonl"):
        (tmp_path / name).write_text("text\na\n", "utf-8")
    assert find_tables(str(tmp_path), output=tmp_path / "answers") == [tmp_path.resolve() / "a.csv"]
    with pytest.raises(InputError, match="the texts are read from there: --output .*answers; choose another folder"):
        find_tables(str(tmp_path / "answers"), output=tmp_path / "answers")


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    for name in ("a.csv", "b.jsonl", "c.txt"):
        (tmp_path / name).write_text("text\na\n", "utf-8")
    (tmp_path / "empty").mkdir()
    for name, message in {
        "x*.csv": "no such file: .*x\\*.csv; give a table",
        "c.txt": "no tables in .*c.txt",
        "empty": "no tables in .*empty",
        ".": "files of different formats",
    }.items():
        with pytest.raises(InputError, match=message):
            find_tables(str(tmp_path / name))


def test_columns_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "x": 1}\n{"text": "b", "y": 1}\n', "utf-8")
    (tmp_path / "b.jsonl").write_text(json.dumps({"z": 1, "text": "c"}), "utf-8")
    files = find_tables(str(tmp_path))
    columns = {file: columns_of(file, TrainConfig()) for file in files}
    assert list(columns.values()) == [["text", "x", "y"], ["z", "text"]]
    assert common_layout(columns).names == ["text", "x", "y", "z"]
    with pytest.raises(InputError, match="no column 'body' in .*a.jsonl"):
        columns_of(files[0], TrainConfig(text_column=("body",)))


def test_parts_are_small_enough_for_every_worker(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x" * 2**24)
    (tmp_path / "b.parquet").write_bytes(b"x" * 2**24)
    assert part_bytes([tmp_path / "a.csv"], 2) == 2**20
    assert part_bytes([tmp_path / "b.parquet"], 2) == 2**22
    assert part_bytes([tmp_path / "a.csv"], 1000) == SMALLEST_PART
    assert part_bytes([tmp_path / "a.csv"] * 100, 1) == LARGEST_PART
    assert PART_ROWS % 1024 == 0
