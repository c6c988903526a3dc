from pathlib import Path

import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.columns import Columns
from keras_textcnn.data.loading import as_given, check_reading, make_reader
from keras_textcnn.errors import InputError


def test_a_path_goes_before_a_named_corpus_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert as_given("trec") == "trec"
    assert not logged
    (tmp_path / "trec").mkdir()
    assert as_given("trec") == str(tmp_path / "trec")
    assert "which exists, and not the named corpus trec" in logged.pop()
    assert as_given("nowhere.csv") == "nowhere.csv"
    assert as_given("a" * 5000) == "a" * 5000


@pytest.mark.parametrize(
    ("data", "given", "refused"),
    [
        ("trec", {"text_column"}, "--text-column does not apply to the named corpus trec"),
        ("trec", {"seed", "memory"}, None),
        ("a.csv", {"text_column", "delimiter", "quoting", "escape", "header", "encoding", "skip_unlabelled"}, None),
        ("a.tsv.gz", {"header"}, None),
        ("a.jsonl", {"delimiter"}, "--delimiter does not apply to a.jsonl"),
        ("a.json", {"header"}, "--header does not apply to a.json"),
        ("a.parquet", {"quoting"}, "--quoting does not apply to a.parquet"),
        ("a.jsonl", {"label_columns", "multi_label", "encoding"}, None),
        ("a.txt", {"text_column"}, "--text-column does not apply to a.txt"),
        ("a.txt", {"multi_label", "errors"}, None),
        ("a.zip", {"delimiter", "label_column"}, None),
        ("hub:x/y", {"text_column"}, None),
    ],
)
def test_settings_of_reading_that_a_corpus_has_no_use_for(data: str, given: set[str], refused: str | None) -> None:
    if refused:
        with pytest.raises(InputError, match=f"{refused}; leave it out"):
            check_reading(data, given)
    else:
        check_reading(data, given)


def test_a_named_corpus_is_read_as_it_is() -> None:
    config = TrainConfig(text_column=("body",), delimiter=";", header=False, errors="replace")
    reader = make_reader(config, "trec")
    assert (reader.columns, reader.decoder.replace) == (Columns(("text",), "label"), True)
    assert make_reader(config, "a.csv").columns == Columns(("body",), "label")
