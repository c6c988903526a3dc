import csv
import gzip
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from keras_textcnn import predict
from keras_textcnn.inference.answers import Answers
from tests.runs import Cli

TEXTS = "the apple\n\nof iron\r\nno known word here\nreef and wave"


def test_one_json_line_for_each_text(finished_run: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXTS.encode())))
    ended = cli("predict", finished_run)
    assert (ended.status, ended.err) == (0, "")
    answers = [json.loads(line) for line in ended.lines]
    assert [answer["label"] for answer in answers[:1] + answers[2:3] + answers[4:]] == ["fruit", "metal", "sea"]
    assert len(answers) == 5
    for answer in answers:
        assert list(answer) == ["label", "probability", "probabilities"]
        assert list(answer["probabilities"]) == ["fruit", "metal", "sea"]
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert answer["probability"] == max(answer["probabilities"].values())


@pytest.fixture
def texts_file(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_bytes(TEXTS.encode() + b"\n\x1b[31m apple")
    return path


def test_csv(finished_run: Path, texts_file: Path, cli: Cli) -> None:
    ended = cli("predict", finished_run, texts_file, "--format", "csv")
    rows = list(csv.DictReader(ended.lines))
    assert ended.status == 0
    assert [row["label"] for row in rows if row["label"]][:1] == ["fruit"]
    assert len(rows) == 6
    assert json.loads(rows[0]["probabilities"])["fruit"] == float(rows[0]["probability"])


def test_top_and_reject(finished_run: Path, texts_file: Path, cli: Cli) -> None:
    every = cli("predict", finished_run, texts_file).lines
    threshold = sorted(json.loads(line)["probability"] for line in every)[3]
    lines = cli("predict", finished_run, texts_file, "--top", 2, "--reject-below", threshold).lines
    for line, whole in zip(map(json.loads, lines), map(json.loads, every), strict=True):
        ranked = sorted(whole["probabilities"].values(), reverse=True)
        assert list(line["probabilities"].values()) == ranked[:2]
        assert line["label"] == (whole["label"] if whole["probability"] >= threshold else None)
    assert [json.loads(line)["label"] for line in lines].count(None) == 3


@pytest.mark.parametrize("text", ["the apple and the pear", "apple", "apple.csv is a file; the pear none", "é" * 3000])
def test_a_text_itself_is_answered_as_a_line_of_it(text: str, finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "text.txt"
    path.write_text(text, "utf-8")
    ended = cli("predict", finished_run, text)
    assert (ended.status, ended.out) == (0, cli("predict", finished_run, path).out)
    assert len(ended.lines) == 1


def test_an_empty_text_is_a_text_and_no_folder(finished_run: Path, cli: Cli) -> None:
    ended = cli("predict", finished_run, "")
    assert (ended.status, len(ended.lines)) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no saved_model/1 in nowhere"),
        (["RUN", "nowhere.txt"], "cannot read nowhere.txt: No such file"),
        (["RUN", "CORPUS", "--delimiter", ";"], "no column 'text' in"),
        (["RUN", "CORPUS", "--input-format", "lines", "--delimiter", ";"], "--delimiter does not apply to"),
        (["RUN", "--text-column", "text"], "--text-column does not apply to standard input in this format"),
        (["RUN", "FOLDER", "--input-format", "csv"], "--input-format does not apply to"),
        (["RUN", "--top", "0"], "--top must be at least 1; received: 0"),
        (["RUN", "--reject-below", "1.5"], "--reject-below must be in [0, 1]; received: 1.5"),
        (["RUN", "--threshold", "-1"], "--threshold must be in [0, 1]; received: -1"),
        (["RUN", "--threshold", "0.5"], "--threshold is for runs with several labels per text"),
        (["RUN", "--explain", "html", "--format", "csv"], "--explain html writes a page; leave --format out"),
        (["RUN", "--explain", "html", "--reject-below", "0.5"], "writes a page; leave --reject-below out"),
        (["RUN", "nowhere.csv"], "cannot read nowhere.csv: No such file"),
        (["RUN", "no/where"], "cannot read no/where: No such file or directory; give a file of texts, a folder, or"),
        (["RUN", "a text", "--encoding", "latin-1"], "--encoding does not apply to 'a text' in this format"),
        (
            ["RUN", "a text", "--input-format", "csv"],
            "--input-format does not apply to a text given directly: 'a text'",
        ),
        (["RUN", "CORPUS", "--text-column", "body"], "no column 'body' in"),
    ],
)
def test_wrong_use_is_one_line(
    arguments: list[str], message: str, finished_run: Path, corpus_file: Path, cli: Cli,
) -> None:  # fmt: skip
    names = {"RUN": str(finished_run), "CORPUS": str(corpus_file), "FOLDER": str(corpus_file.parent)}
    given = [names.get(argument, argument) for argument in arguments]
    ended = cli("predict", *given)
    assert (ended.status, ended.lines, len(ended.err.splitlines())) == (2, [], 1)
    assert ended.error.startswith("error: ")
    assert message in ended.error


def test_output_is_utf8_whatever_the_locale(
    finished_run: Path, texts_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = {"label": "日本", "probability": 1.0, "probabilities": {"日本": 1.0}}
    monkeypatch.setattr(Answers, "__call__", lambda self, texts: [answer] * len(texts))
    monkeypatch.setattr("sys.argv", ["predict", str(finished_run), str(texts_file)])
    with (tmp_path / "out").open("w", encoding="latin-1") as output:
        monkeypatch.setattr("sys.stdout", output)
        assert predict.main() == 0
    assert json.loads((tmp_path / "out").read_bytes().splitlines()[0]) == answer


def test_an_unfinished_run_says_how_to_finish_it(tmp_path: Path, cli: Cli) -> None:
    directory = tmp_path / "my run"
    (directory / "checkpoints").mkdir(parents=True)
    (directory / "config.json").write_text("{}")
    ended = cli("predict", directory)
    assert ended.status == 2
    assert f"is unfinished; finish it with python -m keras_textcnn.train --resume '{directory}'" in ended.error


def test_a_damaged_saved_model_is_one_line(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "saved_model" / "1").mkdir(parents=True)
    (tmp_path / "saved_model" / "1" / "saved_model.pb").write_bytes(b"\xff\x00 not a model")
    ended = cli("predict", tmp_path)
    assert ended.status == 2
    assert "damaged SavedModel: " in ended.error


def test_reads_nothing_but_the_saved_model(
    finished_run: Path, tmp_path: Path, texts_file: Path, cli: Cli,
) -> None:  # fmt: skip
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "saved_model").symlink_to(finished_run / "saved_model")
    answers = cli("predict", finished_run, texts_file, "--runtime", "tensorflow")
    assert cli("predict", tmp_path / "bare", texts_file) == answers


def test_reads_nothing_but_the_light_model(finished_run: Path, tmp_path: Path, texts_file: Path, cli: Cli) -> None:
    answers = cli("predict", finished_run, texts_file)
    (tmp_path / "bare").mkdir()
    copied = shutil.copy(finished_run / "model.textcnn", tmp_path / "bare")
    assert cli("predict", tmp_path / "bare", texts_file) == cli("predict", copied, texts_file) == answers


def test_a_column_of_a_table_has_the_answers_of_its_texts(
    finished_run: Path, corpus_file: Path, tmp_path: Path, cli: Cli,
) -> None:  # fmt: skip
    ended = cli("predict", finished_run, corpus_file, "--text-column", "text")
    with corpus_file.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(ended.lines) == len(rows) == 90
    assert [json.loads(line)["label"] for line in ended.lines] == [row["label"] for row in rows]
    (tmp_path / "texts.txt").write_text("".join(row["text"] + "\n" for row in rows))
    assert cli("predict", finished_run, tmp_path / "texts.txt").out == ended.out
    (tmp_path / "texts.txt.gz").write_bytes(gzip.compress((tmp_path / "texts.txt").read_bytes()))
    assert cli("predict", finished_run, tmp_path / "texts.txt.gz").out == ended.out
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": row["text"], "n": 1}) + "\n" for row in rows))
    assert cli("predict", finished_run, tmp_path / "texts.jsonl").out == ended.out


def test_lines_are_answered_as_they_come_and_a_reader_that_leaves_is_no_error(finished_run: Path) -> None:
    command = [sys.executable, "-m", "keras_textcnn.predict", str(finished_run)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, **pipes) as process:
        for text, label in (("the apple", "fruit"), ("of iron", "metal")):
            process.stdin.write(text.encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["label"] == label  # standard input is still open
        process.stdout.close()
        process.stdin.write(b"apple\n" * 20_000)
        process.stdin.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize(("input_format", "lines"), [
    ("jsonl", ['{"text": "the apple"}', '{"n": 1, "text": "of iron"}']),
    ("csv", ["text,n", "the apple,1", '"of\niron",2']),
    ("tsv", ["text", "the apple", "of iron"]),
    ("json", ['[{"text": "the apple"},', '{"text":', '"of iron"}]']),
    ("lines", ['{"text": "the apple"}', '["of iron"]']),
])  # fmt: skip
def test_a_pipe_may_be_declared(
    input_format: str, lines: list[str], finished_run: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli,
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines).encode())))
    ended = cli("predict", finished_run, "--input-format", input_format)
    assert (ended.status, ended.err) == (0, "")
    assert [json.loads(answer)["label"] for answer in ended.lines] == ["fruit", "metal"]


def test_reasons_add_up_to_the_logit(finished_run: Path, texts_file: Path, cli: Cli) -> None:
    ended = cli("predict", finished_run, texts_file, "--explain")
    for answer in map(json.loads, ended.lines):
        added = sum(reason["added"] for reason in answer["reasons"])
        assert added + answer["others"] + answer["bias"] == pytest.approx(answer["logit"], abs=1e-3)
    assert json.loads(ended.lines[0])["reasons"][0]["ngram"] == "the apple"


def test_a_page_of_reasons(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "texts.txt").write_text("the <b>apple\nof iron\n")
    ended = cli("predict", finished_run, "--explain", "html", tmp_path / "texts.txt")
    page = ended.out
    assert ended.status == 0
    assert page.count("class='explanation'") == 2
    assert "&lt;" in page
    assert "<b>apple" not in page


def test_an_option_with_a_choice_leaves_the_argument_behind_it(finished_run: Path, texts_file: Path, cli: Cli) -> None:
    ended = cli("predict", finished_run, "--explain", texts_file)
    assert ended.out == cli("predict", finished_run, texts_file, "--explain").out


def test_a_damaged_file_is_one_line(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "texts.txt.gz").write_bytes(gzip.compress(b"the apple\n" * 9999)[:-20])
    ended = cli("predict", finished_run, tmp_path / "texts.txt.gz")
    assert (ended.status, len(ended.err.splitlines())) == (2, 1)
    assert "damaged file: " in ended.error
