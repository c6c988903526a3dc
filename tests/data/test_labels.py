import ast
import json
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn.data.labels import LabelReader, parse_list
from keras_textcnn.data.readers import Reader
from keras_textcnn.errors import InputError
from tests.data.test_readers import pairs, write

LISTS = [["a"], ["a", "b"], ["it's", 'say "x"'], ["a, b", "c"], ["[x]", "(y)"], ["é\n"], ["1", "2"]]


@pytest.mark.parametrize("entries", LISTS)
def test_lists_in_cells_are_what_python_numpy_and_json_read(entries: list[str]) -> None:
    for cell in (
        repr(entries),
        json.dumps(entries),
        repr(tuple(entries)),
        str(np.array(entries)),
        repr(np.array(entries, object)),
    ):
        found = parse_list(cell)
        assert found == entries, cell
    assert parse_list(repr({entries[0]})) == [entries[0]]
    assert parse_list(repr(entries)) == ast.literal_eval(repr(entries))


@pytest.mark.parametrize("cell", ["[]", "[ ]"])
def test_an_empty_list(cell: str) -> None:
    assert parse_list(cell) == []


@pytest.mark.parametrize(
    "cell", ["a", "[spam]", "(x)", "f(x)", "['a'", "'a'", "C (programming)", "{x}", "", "['a'] b", "(3)x"]
)
def test_names_are_no_lists(cell: str) -> None:
    assert parse_list(cell) is None


def test_a_list_of_numbers() -> None:
    assert parse_list("[1, 2.5]") == ["1", "2.5"]


@pytest.mark.parametrize(("separator", "cells", "labels"), [
    (None, ["['a']", "[\"b\"]", "['a']"], ["a", "b", "a"]),
    (",", ["['a', 'b']", "[]", "a,b"], [("a", "b"), (), ("a", "b")]),
    (";", ["['a' 'b']", "c;d", "['a, c']"], [("a", "b"), ("c", "d"), ("a, c",)]),
])  # fmt: skip
def test_lists_that_pandas_wrote_are_read_as_lists(
    separator: str | None, cells: list[str], labels: list[object]
) -> None:
    reader = LabelReader(separator=separator)
    assert [reader.read(cell, "") for cell in cells] == labels


@pytest.mark.parametrize("one", ["caf\u00e9", "cafe\u0301", " caf\u00e9 ", "\uff43\uff41\uff46\u00e9"])
def test_a_label_is_the_same_however_it_is_spelt(one: str) -> None:
    assert LabelReader().read(one, "") == "caf\u00e9"


def codes(labels: int, texts: int) -> list[str]:
    return [f"{10 + i % labels}.{11 + i % labels}" for i in range(texts)]


@pytest.mark.parametrize("order", ["as they are", "sorted", "reversed", "rare first"])
def test_codes_are_labels_in_any_order_and_measurements_are_none(tmp_path: Path, order: str) -> None:
    def in_order(rows: list[str]) -> list[str]:
        if order == "rare first":
            return sorted(rows, key=rows.count)
        return sorted(rows, reverse=order == "reversed") if order != "as they are" else rows

    def read(rows: list[str], **options: object) -> int:
        path = write(tmp_path / "a.csv", "text,label\n" + "".join(f"a,{label}\n" for label in in_order(rows)))
        return len(pairs(path, **options))

    assert read(codes(30, 120)) == 120
    measured = [str(number) for number in np.random.default_rng(0).normal(size=100)]
    with pytest.raises(InputError, match=r"measurements, such as .*: 100 labels for 100 texts; .*--numeric-labels"):
        read(measured)
    assert read(measured, any_numbers=True) == 100


def test_texts_without_a_label_are_counted_or_left_out(tmp_path: Path) -> None:
    table = write(tmp_path / "a.csv", "text,label\na,x\nb,\nc, \nd,y\n")
    lines = write(
        tmp_path / "a.jsonl",
        '{"text": "a", "label": "x"}\n{"text": "b", "label": null}\n'
        '{"text": "c", "label": ""}\n{"text": "d", "label": "y"}',
    )
    for path, place in ((table, "a.csv:3"), (lines, "a.jsonl:2")):
        with pytest.raises(InputError, match=f"empty label: .*{place}: 2 of 4 texts have none; .* --skip-unlabelled"):
            pairs(path)
        reader = Reader(skip_unlabelled=True)
        assert [(record.text, record.label) for record in reader.records(path)] == [("a", "x"), ("d", "y")]
        assert reader.labels.skipped == 2
