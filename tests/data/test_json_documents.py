"""JSON files, lines and documents."""

import json
from pathlib import Path

import pytest

from keras_textcnn.data.json_documents import json_elements
from tests.data.test_readers import pairs, write

OBJECTS = [{"text": "a\n]", "label": "x"}, {"text": 'b", {', "label": "y"}, {"text": "ü", "label": "x"}]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(OBJECTS),
        json.dumps(OBJECTS, indent=1, ensure_ascii=False),
        "\n".join(map(json.dumps, OBJECTS)),
        "\n\n".join(json.dumps(row, indent=2) for row in OBJECTS) + "\n",
        "\ufeff" + json.dumps(OBJECTS, separators=(",", ":")) + "\n",
    ],
)
def test_json_files_hold_an_array_or_objects(tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [(row["text"], row["label"]) for row in OBJECTS]
    assert pairs(write(tmp_path / "a.json", content)) == wanted
    monkeypatch.setattr("keras_textcnn.io.files.CHUNK", 3)  # blocks end anywhere
    assert pairs(tmp_path / "a.json") == wanted


def test_lines_of_json_elements_are_counted() -> None:
    text = json.dumps(OBJECTS, indent=1)
    lines = [line for line, _ in json_elements(iter(text), "a.json")]
    assert lines == [i + 1 for i, line in enumerate(text.split("\n")) if line == " {"]


@pytest.mark.parametrize("value", ["null", "NaN"])
def test_a_text_that_is_null_is_empty(tmp_path: Path, value: str) -> None:
    rows = f'{{"text": {value}, "label": "x"}}\n{{"text": "a", "label": "y"}}\n'
    for name in ("a.jsonl", "a.json"):
        assert pairs(write(tmp_path / name, rows)) == [("", "x"), ("a", "y")]
