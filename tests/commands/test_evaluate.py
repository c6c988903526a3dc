import csv
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from keras_textcnn import Predictor, evaluate
from keras_textcnn.data.corpus import hash_text
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.learnt_texts import LearntTexts
from keras_textcnn.persistence.run import Run
from tests.conftest import make_texts, write_table
from tests.runs import Cli


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
