import csv
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn.data.readers import Reader
from keras_textcnn.errors import InputError
from keras_textcnn.io.files import Source
from tests.conftest import make_texts
from tests.data.test_readers import pairs, write
from tests.runs import Cli

PAIRS = [("apple, red", "x"), ("iron", "y"), ("", "x"), ('he said "no"', "y")]


def in_csv(rows: list[tuple[str, ...]], **dialect: object) -> str:
    """The rows as Python's own writer writes them."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n", **dialect).writerows(rows)
    return file.getvalue()


WITHOUT_NAMES = in_csv(PAIRS)
ESCAPED = in_csv([("text", "label"), *PAIRS], escapechar="\\", doublequote=False)
SPREADSHEET = in_csv([("text", "label"), *PAIRS, ("", ""), (" ", "")]) + "\n,\n\n"
SPACED = 'text , "label"\n"apple, red", x\niron, y\n, x\n"he said ""no""", "y"\n'

# Content, options, and the places of text and label if there are no column names.
DIALECTS = {
    "plain": (in_csv([("text", "label"), *PAIRS]), {}),
    "without names": (WITHOUT_NAMES, {"header": False, "text_columns": ["1"], "label_column": "2"}),
    "escaped": (ESCAPED, {"escape": "\\"}),
    "rows of a spreadsheet that are empty": (SPREADSHEET, {}),
    "spaces around names and fields": (SPACED, {}),
    "a line for Excel": ("sep=;\n" + in_csv([("text", "label"), *PAIRS], delimiter=";"), {}),
    "another line for Excel": ('"SEP=\t"\r\n' + in_csv([("text", "label"), *PAIRS], delimiter="\t"), {}),
    "blank lines first": ("\n\n" + in_csv([("text", "label"), *PAIRS]), {}),
    "a name with a comma": (in_csv([("a, b", "label"), *PAIRS]), {"text_columns": ["a, b"]}),
    "a name with quotation marks": (in_csv([('"a"', "label"), *PAIRS]), {"text_columns": ['"a"']}),
    "a name of a number": (in_csv([("0", "label"), *PAIRS]), {"text_columns": ["0"]}),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_a_table_is_read_however_it_is_written(tmp_path: Path, name: str) -> None:
    content, options = DIALECTS[name]
    assert pairs(write(tmp_path / "a.csv", content), **options) == PAIRS


def test_columns_given_with_commas_are_several_unless_one_is_called_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'a,b,"c, d",label\n1,2,3,x\n')
    assert pairs(path, text_columns=["b,a"]) == [("2\n1", "x")]
    assert pairs(path, text_columns=["a, b"]) == [("1\n2", "x")]
    assert pairs(path, text_columns=["c, d"]) == [("3", "x")]
    assert pairs(path, text_columns=['a,"c, d"']) == [("1\n3", "x")]
    line = write(tmp_path / "a.jsonl", '{"a": "1", "c, d": "3", "label": "x"}')
    assert pairs(line, text_columns=['"c, d",a']) == [("3\n1", "x")]


def test_a_column_is_the_same_however_its_name_is_spelt(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "te\u0301xte,e\u0301tiquette\na,x\n")
    names = {"text_columns": ["t\u00e9xte"], "label_column": "\u00e9tiquette"}
    assert pairs(path, **names) == [("a", "x")]
    lines = write(tmp_path / "a.jsonl", '{"t\u00e9xte": "a", "\u00e9tiquette": "x"}')
    assert pairs(lines, text_columns=["te\u0301xte"], label_column="e\u0301tiquette") == [("a", "x")]


def test_line_numbers_count_what_stands_above(tmp_path: Path) -> None:
    for above, line in (("", 3), ("sep=,\n", 4), ("\n", 4)):
        path = write(tmp_path / "a.csv", f"{above}text,label\na,x\nb\n")
        with pytest.raises(InputError, match=f"1 fields where the first row has 2: .*a.csv:{line};"):
            pairs(path)


@pytest.mark.parametrize(
    ("content", "warned"),
    [
        # two marks that were not meant to quote: rows 2 to 4 and their neighbours become one
        ('text\tlabel\na\tx\n"b\ty\nc\tx\nd\ty\ne"\tx\nf\ty\n', "lines 3 to 6"),
        ('text\tlabel\na\tx\n"b\ty\nc"\tx\nf\ty\n', "lines 3 to 4"),
        ('label,text\nx,a\ny,"b\nx,c\ny,d"\nx,e\ny,f\n', "lines 3 to 5"),
        ('id,text,label\n1,a,x\n2,"b,y\n3,c,x\n4,d",y\n5,e,x\n', "lines 3 to 5"),
        ('text,label\na,x\n"two lines,\nthe second, of prose",y\n', ""),
        ('text,label\na,x\n"Dear all,\nyours, Y\n",y\n', ""),
        ('text,label\na,x\n"one\ntwo\nthree",y\n', ""),
        ('text\na\n"b\nc"\n', ""),
    ],
)
def test_quotation_marks_that_swallow_rows_are_noticed(tmp_path: Path, content: str, warned: str) -> None:
    path = write(tmp_path / ("a.tsv" if "\t" in content else "a.csv"), content)
    has_labels = "label" in content
    reader = Reader() if has_labels else Reader(label_column=None)
    list(reader.records(path))
    assert len(reader.warnings) == bool(warned)
    assert warned in "".join(reader.warnings)


@pytest.mark.usefixtures("without_learning", "without_exports")
def test_what_a_reader_warns_of_stands_in_the_report(small_options: list[str], tmp_path: Path, cli: Cli) -> None:
    rows = [f"{text}\t{label}" for text, label in make_texts(60, 5)]
    rows[10], rows[14] = f'"{rows[10]}', rows[14].replace("\t", '"\t')
    path = write(tmp_path / "a.tsv", "\n".join(["text\tlabel", *rows]))
    options = ["--data", str(path), *small_options[2:], "--output", str(tmp_path / "run")]
    assert cli("train", *options).status == 0
    warnings = json.loads((tmp_path / "run" / "metrics.json").read_text())["warnings"]
    assert [line for line in warnings if "lines 12 to 16" in line]
    assert "lines 12 to 16" in (tmp_path / "run" / "report.txt").read_text()


def test_rows_that_are_swallowed_are_noticed_without_labels_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", 'text\tid\na\t1\n"b\t2\nc\t3\nd"\t4\n')
    reader = Reader(label_column=None)
    assert len(list(reader.rows(Source.of(path)))) == 2
    assert "lines 3 to 5" in reader.warnings[0]


@pytest.mark.parametrize(("line", "cells"), [
    ("a, b ,  c", ["a", " b ", "  c"]),
    (' a,b, "c"', [" a", "b", "c"]),
    ('a, "b, c", d', ["a", "b, c", "d"]),  # as with spaces skipped: otherwise there would be four
    ('a, "b\nc", d', ["a", "b\nc", "d"]),
    ('a, "b\rc", d', ["a", "b\rc", "d"]),
    ("a,b,", ["a", "b", ""]),
])  # fmt: skip
def test_whole_rows_keep_their_spaces(tmp_path: Path, line: str, cells: list[str]) -> None:
    path = write(tmp_path / "a.csv", f"text, n,m \n{line}\n")
    rows = list(Reader(label_column=None, whole=True).rows_of(path))
    assert [(list(row.names), row.cells, row.text) for row in rows] == [(["text", " n", "m "], cells, cells[0].strip())]


def test_a_missing_value_of_parquet_is_empty(tmp_path: Path) -> None:
    import pyarrow.parquet

    table = pyarrow.table({"text": ["a", None], "more": [None, "b"], "label": ["x", "y"]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert pairs(tmp_path / "a.parquet") == [("a", "x"), ("", "y")]
    assert pairs(tmp_path / "a.parquet", text_columns=["text,more"]) == [("a\n", "x"), ("\nb", "y")]


@pytest.mark.parametrize("packed", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize(
    ("members", "records"),
    [
        ({"any.csv": "text,label\na,x\n"}, [("train", "a", "x")]),
        ({"top/any.tsv": "text\tlabel\na\tx\n", "top/read.me": "x"}, [("train", "a", "x")]),
        (
            {"c/test.csv": "text,label\nb,y\n", "c/train.csv": "text,label\na,x\n", "c/classes.txt": "x\ny\n"},
            [("test", "b", "y"), ("train", "a", "x")],
        ),
        ({"train.json": '[{"text": "a", "label": "x"}]', "__MACOSX/train.csv": "?"}, [("train", "a", "x")]),
        ({"train.txt": "__label__x a\n"}, [("train", "a", "x")]),
        ({"x/1.txt": "a", "y/2.txt": "b", "index.csv": "?"}, [("train", "a", "x"), ("train", "b", "y")]),
    ],
)
def test_archives_of_tables(tmp_path: Path, packed: str, members: dict[str, str], records: list[tuple[str]]) -> None:
    path = tmp_path / f"a.{packed}"
    if packed == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in members.items():
                archive.writestr(name, text)
    else:
        with tarfile.open(path, "w:gz" if packed == "tar.gz" else "w") as archive:
            for name, text in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
    assert [record[:3] for record in Reader().records(path)] == records
    texts = [text for _, text, _ in records]
    assert list(Reader(label_column=None).texts_of(path)) == texts


def test_a_zip_of_a_table_is_a_split_by_its_own_name(tmp_path: Path) -> None:
    for split in ("train", "test"):
        with zipfile.ZipFile(tmp_path / f"{split}.csv.zip", "w") as archive:
            archive.writestr("data.csv", f"text,label\n{split},x\n")
    assert [record[:3] for record in Reader().records(tmp_path)] == [("train", "train", "x"), ("test", "test", "x")]


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("1.0", "0.0"), ("True", "False"), ("yes", ""), (1, 0), (1, None)])
def test_a_column_for_each_label(tmp_path: Path, yes: object, no: object) -> None:
    random = np.random.default_rng(0)
    having = random.integers(0, 2, (20, 3)).astype(bool)
    names = ["a", "b c", "d, e"]
    cells = [[yes if it else no for it in row] for row in having.tolist()]
    wanted = [(str(i), tuple(np.array(names)[row])) for i, row in enumerate(having)]
    if isinstance(yes, str):
        rows = [(*names, "text"), *((*row, str(i)) for i, row in enumerate(cells))]
        path = write(tmp_path / "a.csv", in_csv(rows))
    else:
        lines = [json.dumps({"text": str(i), **dict(zip(names, row, strict=True))}) for i, row in enumerate(cells)]
        path = write(tmp_path / "a.jsonl", "\n".join(lines))
    assert pairs(path, label_columns=['a, "d, e","b c"']) == wanted
    some = [labels for _, labels in wanted if labels]
    assert [labels for _, labels in pairs(path, label_columns=names, skip_unlabelled=True)] == some


def test_a_column_for_a_label_holds_0_or_1(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,x,y\na,1,0\nb,2,0\n")
    with pytest.raises(InputError, match="'x' must be 0 or 1; received: '2': .*a.csv:3"):
        pairs(path, label_columns=["x,y"])
