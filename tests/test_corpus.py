from collections import Counter
from pathlib import Path

import pytest

from keras_textcnn.corpus import Corpus, complete_splits, fingerprint, read_corpus, read_splits
from keras_textcnn.errors import InputError


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_csv_with_quoted_line_ends_a_bom_and_other_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", '\ufeffid,text,label\r\n1,"two\nlines, ""quoted""",x\r\n2,é,y\r\n\r\n')
    assert read_corpus(path) == Corpus(('two\nlines, "quoted"', "é"), ("x", "y"))


def test_tsv_and_named_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.TSV", "stars\treview\n5\tgood, really\n1\tbad\n")
    corpus = read_corpus(path, text_column="review", label_column="stars")
    assert corpus == Corpus(("good, really", "bad"), ("5", "1"))


def test_folder_of_labels(tmp_path: Path) -> None:
    for name, content in {"pos/2.txt": "b", "pos/10.txt": "a", "neg/1.txt": "c", "neg/notes.md": "x"}.items():
        write(tmp_path / name, content)
    assert read_corpus(tmp_path) == Corpus(("c", "a", "b"), ("neg", "pos", "pos"))
    assert list(read_splits(tmp_path)) == ["train"]


def test_folder_of_splits_as_folders_or_files(tmp_path: Path) -> None:
    write(tmp_path / "train" / "x" / "1.txt", "a")
    write(tmp_path / "train" / "y" / "1.txt", "b")
    write(tmp_path / "test.csv", "text,label\nc,x\n")
    assert read_splits(tmp_path) == {"train": Corpus(("a", "b"), ("x", "y")), "test": Corpus(("c",), ("x",))}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "empty file: .*a.csv; the first line must name the columns"),
        ("a.csv", "text,label\n", "no texts in .*a.csv"),
        (
            "a.csv",
            "body,class\na,b\n",
            "no column 'text' in .*a.csv; there are: 'body', 'class'; choose one with --text-column",
        ),
        (
            "a.csv",
            "text,class\na,b\n",
            "no column 'label' in .*; there are: 'text', 'class'; choose one with --label-column",
        ),
        ("a.csv", "text,label,text\na,x,b\n", "two columns 'text' in .*a.csv; there are: 'text', 'label', 'text'"),
        ("a.csv", 'text,label\na,x\n"b,y\nc,x\n', "not a table: .*a.csv:4: unexpected end of data"),
        ("a.csv", 'text,label\n"a\nb",x\nc\n', "1 fields where the header has 2: .*a.csv:4"),
        ("a.csv", "text,label\na,x\nb, \n", "empty label: .*a.csv:3"),
        ("a.csv", b"text,label\na,x\n\xff,y\n", "not UTF-8: .*a.csv:3: byte 0xff"),
        ("a.doc", "x", "unknown kind of corpus: .*a.doc"),
    ],
)
def test_says_what_is_wrong_with_a_file(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_corpus(write(tmp_path / name, content))


def test_text_and_label_must_be_two_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="text and label are the same column, 'label'"):
        read_corpus(write(tmp_path / "a.csv", "text,label\na,x\n"), text_column="label")


def test_says_that_nothing_is_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such corpus: .*nowhere"):
        read_splits(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no texts in"):
        read_splits(tmp_path)


def make_corpus(counts: dict[str, int]) -> Corpus:
    labels = [label for label, count in counts.items() for _ in range(count)]
    return Corpus([f"text {number}" for number in range(len(labels))], labels)


def test_splits_off_what_is_missing_by_label() -> None:
    corpus = make_corpus({"a": 200, "b": 100, "c": 3})
    splits = complete_splits({"train": corpus}, validation_fraction=0.1, test_fraction=0.2, seed=0)
    assert Counter(splits["test"].labels) == {"a": 40, "b": 20, "c": 1}
    assert Counter(splits["validation"].labels) == {"a": 16, "b": 8, "c": 1}
    texts = [text for part in splits.values() for text in part.texts]
    assert sorted(texts) == sorted(corpus.texts)
    truth = dict(zip(corpus.texts, corpus.labels, strict=True))
    for part in splits.values():
        assert all(truth[text] == label for text, label in zip(part.texts, part.labels, strict=True))


def test_seed_fixes_the_split() -> None:
    corpus = make_corpus({"a": 50, "b": 50})
    again = [
        complete_splits({"train": corpus}, validation_fraction=0.1, test_fraction=0.1, seed=seed) for seed in (1, 1, 2)
    ]
    assert again[0] == again[1] != again[2]
    assert fingerprint(again[0]) == fingerprint(again[1]) != fingerprint(again[2])


def test_parts_that_are_given_stay_as_they_are() -> None:
    given = {"train": make_corpus({"a": 2, "b": 2}), "test": make_corpus({"a": 1}), "validation": make_corpus({"b": 1})}
    assert complete_splits(given, validation_fraction=0.1, test_fraction=0.1, seed=0) == given


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"a": 9}, "one label only: 'a'"),
        ({"a": 9, "b": 1}, r"too few texts to split: 'b' \(1\); each needs at least 3"),
        ({"a": 9, **{f"b{i}": 2 for i in range(7)}}, r"'b0' \(2\), .*'b4' \(2\) \.\.\.; each needs at least 3"),
    ],
)
def test_refuses_labels_that_cannot_be_split(counts: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        complete_splits({"train": make_corpus(counts)}, validation_fraction=0.1, test_fraction=0.1, seed=0)


def test_refuses_test_labels_that_no_training_text_has() -> None:
    splits = {"train": make_corpus({"a": 9, "b": 9}), "test": make_corpus({"a": 1, "z": 1})}
    with pytest.raises(InputError, match="the test texts have labels that no training text has: z"):
        complete_splits(splits, validation_fraction=0.1, test_fraction=0.1, seed=0)
