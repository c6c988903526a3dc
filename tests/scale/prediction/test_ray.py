"""One session of Ray for all of these tests: it starts in ten seconds."""

import csv
import datetime
import json
import os
import signal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.run import Run
from keras_textcnn.scale import predict_dataset
from keras_textcnn.scale.prediction import ray_job
from keras_textcnn.scale.prediction.answering import Choices
from keras_textcnn.scale.prediction.job import FINISHED, Done, FileEnd, Job
from keras_textcnn.scale.prediction.ray_job import predict_files
from tests.conftest import make_texts, write_table
from tests.runs import Cli

pytestmark = [
    pytest.mark.usefixtures("ray_here"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
TEXTS = [text for text, _ in make_texts(3000, 5)]


def write_parquet(path: Path, begin: int, end: int) -> Path:
    """Rows with columns that a careless reader would change; one of them has no text."""
    numbers = range(begin, end)
    columns = {
        "id": pyarrow.array([f"{number:05d}" for number in numbers]),
        "text": pyarrow.array([TEXTS[number] if number % 1000 else None for number in numbers]),
        "count": pyarrow.array([2**60 + number if number % 7 else None for number in numbers]),
        "day": pyarrow.array([datetime.date(2020, 1, 1)] * len(numbers)),
        "label": pyarrow.array([["x"]] * len(numbers)),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_parquet(folder / "a.parquet", 0, 2500)
    write_parquet(folder / "b.parquet", 2500, 3000)
    return folder


def test_the_same_answers_as_one_process_although_a_worker_is_killed(
    corpus: Path, finished_run: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_job, "_PartAnswers", _dying_once(tmp_path / "died"))
    pattern, answers = corpus / "*.parquet", tmp_path / "answers"
    ended = cli("predict", finished_run, pattern, "--output", answers, "--engine", "ray", "--workers", 2)
    assert (tmp_path / "died").exists()
    assert ended.status == 0
    assert "3,000 rows" in ended.error
    assert "2 of 2 files; none failed" in ended.error
    parts = sorted(path.name for path in answers.glob("part-*"))
    assert parts == [*(f"part-00000-0000{part}.parquet" for part in range(3)), "part-00001-00000.parquet"]
    one = [tmp_path / f"{name}.parquet" for name in "ab"]
    for path in one:
        assert cli("predict", finished_run, corpus / path.name, "--output", path).status == 0
    expected = pyarrow.concat_tables([pyarrow.parquet.read_table(path) for path in one])
    found = pyarrow.concat_tables([pyarrow.parquet.read_table(answers / part) for part in parts])
    assert found.column_names == [*expected.column_names, "error"]
    assert found.drop_columns(["probability", "error"]).equals(expected.drop_columns(["probability"]))
    assert found["probability"].to_pylist() == pytest.approx(expected["probability"].to_pylist(), abs=1e-6)
    assert found["error"].null_count == 3000


def _dying_once(mark: Path) -> type:
    """Workers, one of which is killed after it has written its part and before it has said so."""
    base: Any = ray_job._PartAnswers

    class Dying:
        def __init__(self, model: object, plan: object) -> None:
            self.inner = base(model, plan)

        def __call__(self, batch: Any) -> Any:
            report = self.inner(batch)
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return report

    return Dying


def test_tables_of_text_stay_as_they_are(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    rows = [(f"{number:03d}", text, " 1.50", "") for number, text in enumerate(TEXTS[:50])]
    path = write_table(tmp_path / "a.csv", rows, header=("id", "text", "price", "note"))
    assert cli("predict", finished_run, path, "--output", tmp_path / "one.csv", "--probabilities").status == 0
    options = ("--engine", "ray", "--probabilities")
    assert cli("predict", finished_run, path, "--output", tmp_path / "answers", *options).status == 0
    with (tmp_path / "one.csv").open(newline="") as file:
        expected = [{**row, "error": ""} for row in csv.DictReader(file)]
    with (tmp_path / "answers" / "part-00000-00000.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == expected
    assert expected[7]["id"] == "007"


def test_columns_with_one_name_stay(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    contents = {"a.csv": "text,,\nthe apple,1,2\n", "b.csv": "text,n,n\nof iron,3,4\n", "c.csv": "n,text\n5,wave\n"}
    for name, content in contents.items():
        (tmp_path / "corpus" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "corpus" / name).write_text(content)
    for name in contents:
        command = ("predict", finished_run, tmp_path / "corpus" / name, "--output")
        assert cli(*command, tmp_path / name).status == 0
        assert cli(*command, tmp_path / f"of-{name}", "--engine", "ray").status == 0
        with (tmp_path / name).open() as one, (tmp_path / f"of-{name}" / "part-00000-00000.csv").open() as other:
            header, row = csv.reader(one)
            assert list(csv.reader(other)) == [[*header, "error"], [*row, ""]]
            assert row[:-2] == contents[name].splitlines()[1].split(",")
    assert (
        cli("predict", finished_run, tmp_path / "corpus", "--output", tmp_path / "all", "--engine", "ray").status == 0
    )
    rows = [list(csv.reader(path.read_text().splitlines())) for path in sorted((tmp_path / "all").glob("part-*"))]
    assert [header for header, _ in rows] == [["text", "", "", "n", "n", "label", "probability", "error"]] * 3
    assert [row[:5] for _, row in rows] == [
        ["the apple", "1", "2", "", ""], ["of iron", "", "", "3", "4"], ["wave", "", "", "5", ""]
    ]  # fmt: skip
    options = ("--output", tmp_path / "no", "--engine", "ray", "--format", "jsonl")
    ended = cli("predict", finished_run, tmp_path / "corpus", *options)
    assert "two columns '', which a .jsonl file cannot have; rename one, or write CSV" in ended.error
    assert not (tmp_path / "no").exists()


def test_what_cannot_be_answered_stops_nothing_else(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    deep = {"text": ["pear"], "deep": {"x": [1]}}
    objects: list[dict[str, Any]] = [{"n": 7}, {"text": "apple"}, deep, {"text": "tide"}, {"n": 8}]
    (tmp_path / "corpus").mkdir()
    lines = [json.dumps(one) + "\n" for one in objects]
    good = lines[1]
    (tmp_path / "corpus" / "a.jsonl").write_text("".join(lines), "utf-8")
    (tmp_path / "corpus" / "b.jsonl").write_text(f"{good}[7]\n", "utf-8")
    ended = cli("predict", finished_run, tmp_path / "corpus", "--output", tmp_path / "answers", "--engine", "ray")
    assert ended.status == 2
    assert "not an object: " in ended.error
    assert "b.jsonl:2" in ended.error
    assert not list((tmp_path / "answers").glob("part-00001-*"))
    (tmp_path / "corpus" / "b.jsonl").write_text(good, "utf-8")
    ended = cli("predict", finished_run, tmp_path / "corpus", "--output", tmp_path / "answers", "--engine", "ray")
    assert ended.status == 0
    assert "6 rows" in ended.error
    assert "3 of them failed" in ended.error
    answers = [json.loads(line) for line in (tmp_path / "answers" / "part-00000-00000.jsonl").open()]
    assert [{name: row[name] for name in one} for row, one in zip(answers, objects, strict=True)] == objects
    assert [row["label"] is None for row in answers] == [True, False, True, False, True]
    for place, error in {1: "'text' is missing", 3: "'text' is not a string", 5: "'text' is missing"}.items():
        assert f"{error}: {tmp_path / 'corpus' / 'a.jsonl'}:{place}" in answers[place - 1]["error"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_that_are_damaged_from_the_beginning(kind: str, finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    corpus, answers = tmp_path / "corpus", tmp_path / "answers"
    corpus.mkdir()
    good = pyarrow.table({"id": ["a", "b"], "text": ["the apple", "of iron"]})
    if kind == "csv":
        (corpus / "a.csv").write_text("id,text\na,the apple\nb,of iron\n")
        damaged, empty = b"id;body\na;b\n", {"c.csv": b"id,text\n", "d.csv": b""}
    else:
        pyarrow.parquet.write_table(good, corpus / "a.parquet")
        damaged, empty = (corpus / "a.parquet").read_bytes()[:-20], {}
        pyarrow.parquet.write_table(good.slice(2), corpus / "c.parquet")
    for name, content in {f"b.{kind}": damaged, **empty}.items():
        (corpus / name).write_bytes(content)
    command = ("predict", finished_run, corpus, "--output", answers, "--engine", "ray")
    ended = cli(*command)
    assert ended.status == 2
    assert f"{corpus / f'b.{kind}'}" in ended.error
    assert ended.error.endswith(f"; the other files are answered in {answers}")
    assert [path.name for path in answers.glob("part-*")] == [f"part-00000-00000.{kind}"]
    (corpus / f"b.{kind}").write_bytes((corpus / f"a.{kind}").read_bytes())
    ended = cli(*command)
    assert ended.status == 0
    files = len(list(corpus.iterdir()))
    assert ended.error.startswith("4 rows, ")
    assert f"{files} of {files} files; none failed" in ended.error
    assert len(list(answers.glob("part-*"))) == 2


def test_paths_may_be_strings(finished_run: Path, tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", [("7", "apple")], header=("id", "text"))
    arguments = {"config": TrainConfig(), "choices": Choices()}
    count = predict_files(str(finished_run), str(path), str(tmp_path / "answers"), **arguments)
    assert (count.rows, count.failed) == (1, 0)
    assert predict_files(Run.open(finished_run), path, tmp_path / "answers", **arguments).kept == 1
    with pytest.raises(InputError, match="output must be a path; received: int 7"):
        predict_files(finished_run, path, 7, **arguments)


def test_a_job_goes_on_where_it_was_stopped(
    corpus: Path, finished_run: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("predict", finished_run, corpus, "--output", tmp_path / "answers", "--engine", "ray", "--workers", 2)
    add = Job.add

    def stop(self: Job, entry: Done | FileEnd) -> None:
        add(self, entry)
        if isinstance(entry, Done):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Job, "add", stop)
        ended = cli(*command)
    assert ended.status == 130
    assert f"rows are answered in {tmp_path / 'answers'}; the same command goes on" in ended.error
    [entry] = [json.loads(line) for line in (tmp_path / "answers" / FINISHED).read_text().splitlines() if line]
    kept = tmp_path / "answers" / entry["name"]
    before = kept.stat().st_ino
    assert cli(*command).status == 0
    assert kept.stat().st_ino == before
    answered = pyarrow.parquet.read_table(tmp_path / "answers")  # passes over what begins with an underscore
    assert sorted(answered["id"].to_pylist()) == [f"{number:05d}" for number in range(3000)]
    ended = cli(*command)  # nothing is left to do
    assert ended.status == 0
    assert ended.error.startswith("3,000 rows, all of them answered before, 2 of 2 files; none failed")
    changed = cli(*command, "--probabilities")
    assert changed.status == 2
    assert "another way to answer" in changed.error


@pytest.fixture
def dataset() -> Any:
    import ray.data

    numbers = range(1500)
    columns = {
        "id": pyarrow.array([number or None for number in numbers], "int64"),
        "body": pyarrow.array([TEXTS[number] if number != 7 else None for number in numbers]),
        "error": pyarrow.array([2**60] * 1500),
    }
    return ray.data.from_arrow(pyarrow.table(columns))


def test_a_dataset(dataset: Any, finished_run: Path, predictor: Any) -> None:
    answered = predict_dataset(finished_run, dataset, text_column="body", workers=2).materialize()
    assert answered.columns() == ["id", "body", "error", "label", "probability", "predicted_error"]
    assert answered.schema().types[2] == pyarrow.int64()
    rows = sorted(answered.take_all(), key=lambda row: row["id"] or 0)
    assert [row["id"] for row in rows] == [None, *range(1, 1500)]
    expected = predictor([row["body"] or "" for row in rows])
    assert [row["label"] for row in rows] == [one["label"] for one in expected]
    assert [row["probability"] for row in rows] == pytest.approx([one["probability"] for one in expected], abs=1e-6)
    assert {row["predicted_error"] for row in rows} == {None}
    assert {row["error"] for row in rows} == {2**60}


def test_workers_have_no_tensorflow(dataset: Any, finished_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from keras_textcnn.scale.prediction import ray_dataset

    base: Any = ray_dataset._DatasetAnswers

    class Watched:
        def __init__(self, *arguments: object) -> None:
            self.inner = base(*arguments)

        def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
            import sys

            self.inner(table)
            return pyarrow.table({"heavy": [[name for name in ("tensorflow", "keras") if name in sys.modules]]})

    monkeypatch.setattr(ray_dataset, "_DatasetAnswers", Watched)
    answered = predict_dataset(finished_run, dataset, text_column="body")
    assert [row["heavy"] for row in answered.take_all()] == [[], []]


def test_wrong_columns_and_choices_of_a_dataset(dataset: Any, finished_run: Path) -> None:
    with pytest.raises(ValueError, match="no column 'text' in the rows; found: 'id', 'body', 'error'; .* text_column"):
        predict_dataset(finished_run, dataset)
    with pytest.raises(ValueError, match="several labels per text"):
        predict_dataset(finished_run, dataset, text_column="body", threshold=0.5)
