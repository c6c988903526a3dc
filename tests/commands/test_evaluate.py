import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from keras_textcnn import Predictor, evaluate
from keras_textcnn.data.corpus import hash_text
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.learnt_texts import LearntTexts
from keras_textcnn.persistence.run import Run
from tests.conftest import make_texts, write_table
from tests.runs import Cli


@pytest.fixture
def own_run(finished_run: Path, tmp_path: Path) -> Path:
    """A copy, because the tests write to it."""
    return Path(shutil.copytree(finished_run, tmp_path / "own"))


def test_a_report_of_a_corpus_with_labels_that_the_run_does_not_know(own_run: Path, tmp_path: Path, cli: Cli) -> None:
    rows = [*make_texts(60, 11), ("the apple and apple", "metal"), ("of fire", "flame"), ("smoke", "flame"), ("x", "y")]
    corpus = write_table(tmp_path / "later.csv", rows)
    ended = cli("evaluate", own_run, "--data", corpus)
    assert ended.status == 0
    output = ended.out
    assert "left out: 3 labels that the run does not know: flame 2, y 1" in output
    folder = own_run / "evaluations"
    assert (folder / "later.txt").read_text() in output
    assert (folder / "later.png").read_bytes()[:4] == b"\x89PNG"
    scores = json.loads((folder / "later.json").read_text())
    known = [(text, label) for text, label in rows if label in scores["labels"]]
    answers = [answer["label"] for answer in Predictor(own_run)([text for text, _ in known])]
    targets = [label for _, label in known]
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(targets, answers))
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(targets, answers, average="macro"))
    assert scores["confusions"] == metrics.confusion_matrix(targets, answers, labels=scores["labels"]).tolist()
    assert scores["unknown"] == {"flame": 2, "y": 1}
    worst = scores["worst"][0]
    assert (worst["text"], worst["truth"], worst["predicted"]) == ("the apple and apple", "metal", "fruit")
    assert [line.split()[:2] for line in output.splitlines() if "the apple and apple" in line] == [["metal", "fruit"]]


def test_of_a_corpus_with_splits_the_test_texts_are_taken(own_run: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "texts").mkdir()
    write_table(tmp_path / "texts" / "train.csv", make_texts(30, 1), header=("body", "kind"))
    write_table(tmp_path / "texts" / "test.csv", make_texts(9, 2), header=("body", "kind"))
    options = ["--data", tmp_path / "texts", "--text-column", "body", "--label-column", "kind", "--name", "splits"]
    assert cli("evaluate", own_run, *options).status == 0
    assert json.loads((own_run / "evaluations" / "splits.json").read_text())["support"] == 9


def test_of_a_table_of_probabilities_the_most_probable_label_counts(own_run: Path, tmp_path: Path, cli: Cli) -> None:
    names = ("sea", "fruit", "metal")
    rows = make_texts(12, 2)
    hard = write_table(tmp_path / "hard.csv", rows)
    soft = [(text, *(("0.6" if name == label else "0.2") for name in names)) for text, label in rows]
    soft_table = write_table(tmp_path / "soft.csv", soft, header=("text", *names))
    assert cli("evaluate", own_run, hard).status == 0
    assert cli("evaluate", own_run, soft_table, "--label-columns", ",".join(names), "--soft-labels").status == 0
    ours, theirs = (json.loads((own_run / "evaluations" / f"{name}.json").read_text()) for name in ("soft", "hard"))
    assert {**ours, "data": ""} == {**theirs, "data": ""}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "--data", "CORPUS"], "no run in nowhere"),
        (["RUN", "--data", "nothing.csv"], "no such file: nothing.csv"),
        (["RUN", "--data", "CORPUS", "--accuracy", "0"], "--accuracy must be in (0, 1]; received: 0.0"),
        (["RUN", "--data", "CORPUS", "--name", "../x"], "--name must consist of letters"),
        (["RUN", "--data", "CORPUS", "--label-column", "kind"], "no column 'kind'"),
    ],
)
def test_wrong_use_is_one_line(arguments: list[str], message: str, own_run: Path, corpus_file: Path, cli: Cli) -> None:
    names = {"RUN": str(own_run), "CORPUS": str(corpus_file)}
    output = cli("evaluate", *(names.get(argument, argument) for argument in arguments))
    assert output.status == 2
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert message in output.err


LEARNT, CHOSEN, NEW = [make_texts(9, seed) for seed in (21, 22, 23)]


def forget(run: Path) -> None:
    """Makes the run look as if an older version had written it."""
    (run / "learnt_texts.bin").unlink()
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["learnt_texts.bin"]
    (run / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("rows", "said", "left"),
    [
        ([*NEW], None, 9),
        ([*LEARNT, *NEW], "warning: 9 of 18 texts were used to train the run; without them", 9),
        (
            [*LEARNT, *CHOSEN[:2], *NEW, ("new", "none such"), (f"  {LEARNT[0][0]}\t", LEARNT[0][1])],
            "warning: 12 of 21 texts were used to train the run; without them",
            9,
        ),
        ([*LEARNT], "warning: 9 of 9 texts were used to train the run; there are no others", 0),
        (None, "warning: the run has no learnt_texts.bin", None),
    ],
)
def test_texts_that_the_run_has_learnt_from_are_no_praise(
    rows: list[tuple[str, str]] | None, said: str | None, left: int | None, own_run: Path, tmp_path: Path, cli: Cli
) -> None:
    if rows is None:
        forget(own_run)
    else:
        hashes = [np.array([hash_text(text) for text, _ in texts], np.uint64) for texts in (LEARNT, CHOSEN)]
        Run(own_run).write_learnt(LearntTexts.of(*hashes))
        Run(own_run).seal(json.loads((own_run / "manifest.json").read_text()))
    corpus = write_table(tmp_path / "later.csv", rows or NEW)
    output = cli("evaluate", own_run, "--data", corpus)
    assert output.status == 0
    found = json.loads((own_run / "evaluations" / "later.json").read_text())["learnt"]
    text = " ".join(output.out.split())
    assert (said in text) if said else ("to train the run" not in text)
    if left is None:
        assert found is None
        return
    answers = [answer["label"] for answer in Predictor(own_run)([text for text, _ in NEW])]
    accuracy = np.mean([answer == label for answer, (_, label) in zip(answers, NEW, strict=True)])
    known = [row for row in rows or [] if row[1] != "none such"]
    assert found["texts"] == len(known) - left
    assert found["chosen"] == sum(row in CHOSEN for row in known)
    if left:
        assert found["without"]["accuracy"] == pytest.approx(accuracy)
        assert found["without"]["support"] == left
    else:
        assert found["without"] is None
    assert (f"without them, accuracy is {accuracy:.2%}" in output.out) == bool(left and said)
    assert ("9 unseen" in output.out) == bool(left and said)


def test_a_run_knows_its_own_corpus(own_run: Path, corpus_file: Path, cli: Cli) -> None:
    sizes = Run(own_run).read_json("config.json")["corpus"]
    with corpus_file.open() as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    learnt = Run(own_run).learnt()
    fitted, chosen = learnt.find(np.array([hash_text(text) for text in texts], np.uint64))
    assert fitted.sum() == sizes["train"] + sizes["validation"]  # the run was refit with both
    assert not chosen.any()
    ended = cli("evaluate", own_run, "--data", corpus_file)
    assert ended.status == 0
    assert f"warning: {fitted.sum()} of 90 texts were used" in ended.out


@pytest.mark.parametrize("content", [b"", b"1234567", (9).to_bytes(8, "little"), (2**63).to_bytes(8, "little") * 3])
def test_a_list_of_learnt_texts_that_cannot_be_is_refused(content: bytes, own_run: Path) -> None:
    (own_run / "learnt_texts.bin").write_bytes(content)
    with pytest.raises(InputError, match=r"damaged run: .*learnt_texts.bin"):
        Run(own_run).learnt()
    Run(own_run).seal(["learnt_texts.bin"])  # as a stranger would
    with pytest.raises(InputError, match=r"damaged run: .*learnt_texts.bin"):
        Run(own_run).learnt()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("reviews (1).csv", "reviews-1"),
        ("later.csv", "later"),
        ("-later-.tar.gz", "later"),
        ("\x1b[31mred\n.csv", "31mred"),
        ("评论 二月.csv", "评论-二月"),
        ("समीक्षा.csv", "समीक्षा"),
        ("überblick_2.v3.csv", "überblick_2"),
        ("...csv", "csv"),
        ("(?).csv", "corpus"),
        ("\udcff.csv", "corpus"),
        (f"{'长' * 80}.csv", "长" * 50),
    ],
)
def test_files_of_an_evaluation_have_a_safe_name(file: str, name: str, tmp_path: Path) -> None:
    assert evaluate.free_name(Run(tmp_path), f"/somewhere/{file}") == name


def test_evaluations_of_different_data_do_not_overwrite_each_other(
    own_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    rows = make_texts(6, 3)
    monkeypatch.setattr(
        evaluate, "_write", lambda run, name, data, found: run.write_json(f"evaluations/{name}.json", {"data": data})
    )
    lines = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    paths = [tmp_path / name for name in ("x/a.csv", "y/a.csv", "x/a.jsonl", "a (1).csv")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(lines) if path.suffix == ".jsonl" else write_table(path, rows)
    names = ["a", "a-2", "a-3", "a-1"]
    for _ in range(2):  # the same data replaces its own files
        for path, name in zip(paths, names, strict=True):
            ended = cli("evaluate", own_run, "--data", path)
            assert ended.status == 0
            assert f"{name}.txt, {name}.json" in ended.out
            assert json.loads((own_run / "evaluations" / f"{name}.json").read_text())["data"] == str(path)
    assert len([*(own_run / "evaluations").iterdir()]) == 4


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
