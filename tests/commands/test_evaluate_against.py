"""The command `evaluate` with two runs."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from keras_textcnn.data.corpus import hash_text
from keras_textcnn.persistence.learnt_texts import LearntTexts
from keras_textcnn.persistence.run import Run
from tests.conftest import make_texts, write_table
from tests.runs import Cli


@pytest.fixture
def other_run(finished_run: Path, tmp_path: Path) -> Path:
    """The same run, which has predicted `sea` for every text."""
    run = Run(shutil.copytree(finished_run, tmp_path / "other"))
    rewrite(run, lambda row: row | {"predicted": "sea"})
    return run.directory


def rewrite(run: Run, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Changes the rows of a run's predictions."""
    path = run.directory / "predictions.csv"
    with path.open(newline="") as file:
        rows = [change(row) for row in csv.DictReader(file)]
    run.write_rows("predictions.csv", rows)
    run.seal(json.loads((run.directory / "manifest.json").read_text()))


def test_a_run_against_another(own_run: Path, other_run: Path, cli: Cli) -> None:
    ended = cli("evaluate", own_run, "--against", other_run)
    assert ended.status == 0
    assert f"Saved in {own_run / 'evaluations'}: against-other.txt and against-other.json." in ended.out
    found = json.loads((own_run / "evaluations" / "against-other.json").read_text())
    tested = Run.open(own_run).predictions.reported
    right, sea = tested.predicted == tested.label, tested.label == "sea"
    assert found["accuracies"] == pytest.approx([right.mean(), sea.mean()])
    assert found["alone"] == [int((right & ~sea).sum()), int((sea & ~right).sum())]
    assert found["p"] == pytest.approx(stats.binomtest(found["alone"][0], sum(found["alone"])).pvalue)
    text = (own_run / "evaluations" / "against-other.txt").read_text()
    assert text in ended.out
    difference = f"{100 * found['difference']:+.2f} points of accuracy on {len(tested)} test texts"
    line = f"{own_run} against {other_run}: {difference}"
    assert line in " ".join(text.split())
    assert cli("evaluate", own_run, "--against", other_run, "--name", "mine").status == 0
    assert (own_run / "evaluations" / "mine.json").exists()


def test_texts_that_either_run_has_learnt_from_are_not_compared(own_run: Path, other_run: Path, cli: Cli) -> None:
    rows = Run.open(own_run).predictions.reported.row
    first, rest = str(rows[0]), {str(row) for row in rows[1:]}
    rewrite(Run(other_run), lambda row: row | {"learnt": "1" if row["row"] == first else row["learnt"]})
    ended = cli("evaluate", own_run, "--against", other_run)
    line = f"left out: 1 of {len(rows)} texts, which were used to train {other_run} (1)"
    assert line in " ".join(ended.out.split())
    found = json.loads((own_run / "evaluations" / "against-other.json").read_text())
    assert (found["texts"], found["left_out"], found["learnt"], found["kind"]) == (len(rows) - 1, 1, [0, 1], "test")
    rewrite(Run(own_run), lambda row: row | {"learnt": "1" if row["row"] in rest else row["learnt"]})
    ended = cli("evaluate", own_run, "--against", other_run)
    assert (ended.status, ended.out) == (2, "")
    assert f"all {len(rows)} texts were used to train one of the runs ({own_run} {len(rows) - 1} and " in ended.error


def learn(run: Path, texts: list[str]) -> None:
    """Makes a run one that has learnt from these texts and from no others."""
    Run(run).write_learnt(
        LearntTexts.of(np.array([hash_text(text) for text in texts], np.uint64), np.array([], np.uint64))
    )
    Run(run).seal(json.loads((run / "manifest.json").read_text()))


def test_texts_of_a_corpus_that_the_other_run_has_learnt_from_are_not_compared(
    own_run: Path, other_run: Path, tmp_path: Path, cli: Cli
) -> None:
    rows = make_texts(30, 11)
    corpus = write_table(tmp_path / "later.csv", rows)
    learn(own_run, [])
    learn(other_run, [text for text, _ in rows[:25]])
    ended = cli("evaluate", own_run, corpus, "--against", other_run)
    assert f"left out: 25 of 30 texts, which were used to train {other_run} (25)" in " ".join(ended.out.split())
    found = json.loads((own_run / "evaluations" / "against-other.json").read_text())
    assert (found["texts"], found["left_out"], found["learnt"]) == (5, 25, [0, 25])
    learn(other_run, [text for text, _ in rows])
    shutil.rmtree(own_run / "evaluations")
    ended = cli("evaluate", own_run, corpus, "--against", other_run)
    assert (ended.status, ended.out) == (2, "")
    assert f"all 30 texts were used to train one of the runs ({other_run} 30); choose other texts" in ended.error
    assert not (own_run / "evaluations").exists()


def change_json(run: Path, name: str, **content: object) -> None:
    """Changes a JSON file of a run."""
    Run(run).write_json(name, Run(run).read_json(name) | content)
    Run(run).seal(json.loads((run / "manifest.json").read_text()))


def test_runs_of_other_corpora_or_on_texts_of_another_kind_are_not_compared(
    own_run: Path, other_run: Path, cli: Cli
) -> None:
    change_json(other_run, "metrics.json", test=None)
    ended = cli("evaluate", own_run, "--against", other_run)
    assert (ended.status, ended.out) == (2, "")
    assert f"{own_run} was tested on test texts and {other_run} on validation texts; compare runs" in ended.error
    change_json(other_run, "config.json", corpus={"fingerprint": "another"})
    ended = cli("evaluate", own_run, "--against", other_run)
    assert (ended.status, ended.out) == (2, "")
    assert f"{own_run} and {other_run} have different corpora (the fingerprints" in ended.error


def test_held_out_texts_are_marked(own_run: Path, other_run: Path, cli: Cli) -> None:
    for run in (own_run, other_run):
        change_json(run, "metrics.json", test=None)
    text = cli("evaluate", own_run, "--against", other_run).out
    assert "validation texts* (95% interval" in " ".join(text.split())
    for run in (own_run, other_run):
        assert f"* {run}: chosen on these texts: epochs, scales, temperature" in " ".join(text.split())


@pytest.mark.parametrize("on_corpus", [False, True])
def test_the_other_run_is_looked_at_before_anything_is_saved(
    on_corpus: bool, own_run: Path, other_run: Path, tmp_path: Path, cli: Cli
) -> None:
    corpus = [write_table(tmp_path / "later.csv", make_texts(9, 11))] if on_corpus else []
    settings = Run(other_run).read_json("config.json")["settings"]
    change_json(other_run, "config.json", settings=settings | {"multi_label": ";"})
    ended = cli("evaluate", own_run, *corpus, "--against", other_run)
    assert (ended.status, ended.out) == (2, "")
    assert f"{other_run} gives several labels to a text and {own_run} gives one, so they cannot be" in ended.error
    assert not (own_run / "evaluations").exists()


def test_what_the_other_run_cannot_read_names_it(own_run: Path, other_run: Path, tmp_path: Path, cli: Cli) -> None:
    corpus = write_table(tmp_path / "later.csv", make_texts(9, 11))
    settings = Run(other_run).read_json("config.json")["settings"]
    change_json(other_run, "config.json", settings=settings | {"label_column": "kind"})
    ended = cli("evaluate", own_run, corpus, "--against", other_run)
    assert (ended.status, ended.out) == (2, "")
    assert f"error: {other_run} cannot be evaluated: no column 'kind'" in ended.error
    ended = cli("evaluate", own_run, tmp_path / "none.csv", "--against", other_run)
    assert str(other_run) not in ended.error
    assert not (own_run / "evaluations").exists()


def test_a_comparison_with_the_name_of_an_evaluation_replaces_all_of_it(
    own_run: Path, other_run: Path, tmp_path: Path, cli: Cli
) -> None:
    corpus = write_table(tmp_path / "later.csv", make_texts(9, 11))
    assert cli("evaluate", own_run, corpus, "--name", "t").status == 0
    assert cli("evaluate", own_run, "--against", other_run, "--name", "t").status == 0
    assert sorted(path.name for path in (own_run / "evaluations").iterdir()) == ["t.json", "t.txt"]


def test_a_run_against_another_on_a_corpus(own_run: Path, other_run: Path, tmp_path: Path, cli: Cli) -> None:
    rows = [*make_texts(30, 11), ("of fire", "flame")]
    corpus = write_table(tmp_path / "later.csv", rows)
    (other_run / "predictions.csv").unlink()  # it is not needed
    ended = cli("evaluate", own_run, corpus, "--against", other_run)
    assert ended.status == 0
    found = json.loads((own_run / "evaluations" / "against-other.json").read_text())
    accuracy = json.loads((own_run / "evaluations" / "later.json").read_text())["accuracy"]
    assert (found["accuracies"], found["texts"], found["p"]) == ([accuracy, accuracy], 30, 1.0)
    assert "label   " in ended.out
    ended = cli("evaluate", own_run, "--against", other_run)
    assert ended.status == 2
    assert f"no predictions.csv in {other_run}, which an older version wrote; train again, or" in ended.error


def test_runs_that_cannot_be_compared(own_run: Path, other_run: Path, cli: Cli) -> None:
    for arguments, message in (
        ([own_run], "--against needs another run; received the same one"),
        ([other_run, "--accuracy", "0.9"], "--accuracy is for a corpus to evaluate on; leave it out, or give one"),
        ([other_run, "--label-column", "x"], "--label-column is for a corpus to evaluate on"),
        (["nowhere"], "no run in nowhere; give a run directory"),
    ):
        ended = cli("evaluate", own_run, "--against", *arguments)
        assert (ended.status, ended.out) == (2, "")
        assert message in ended.error
    tested = Run.open(own_run).predictions.reported
    rewrite(Run(other_run), lambda row: row | {"label": "sea"})
    ended = cli("evaluate", own_run, "--against", other_run)
    first = tested.row[tested.label != "sea"][0]
    assert f"row {first} has the label {tested.label[tested.row == first][0]!r} in {own_run} and 'sea'" in ended.error
    rewrite(Run(other_run), lambda row: row | {"row": "1000"} if row["row"] == str(first) else row)
    assert f"other test texts: 1 of the {len(tested)} of" in cli("evaluate", own_run, "--against", other_run).error
