"""Old texts that are mixed in when a run starts from another (`--rehearse`)."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from keras_textcnn import Predictor
from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.data.splits import split_corpus
from keras_textcnn.errors import InputError
from keras_textcnn.training.fine_tuning import rehearse
from tests.conftest import make_corpus, make_texts, write_table
from tests.runs import Cli, fine_tune, tiny_run

SMALL = ["--frozen-epochs", 1, "--unfrozen-epochs", 1, "--ngram-epochs", 2, "--batch-size", 16, "--inner-folds", 0]


def test_old_texts_that_are_mixed_in_are_remembered(
    finished_run: Path, other_texts: Path, corpus_file: Path, tmp_path: Path, cli: Cli
) -> None:
    options = ["--data", other_texts, "--from", finished_run, *SMALL, "--unfrozen-epochs", 12, "--learning-rate", 0.02]
    output = cli("train", *options, "--rehearse", corpus_file, "--output", tmp_path / "both")
    assert output.status == 0
    metrics = json.loads((tmp_path / "both" / "metrics.json").read_text())
    assert (tmp_path / "both" / "labels.txt").read_text().split() == ["fruit", "metal", "sea", "air", "fire"]
    assert metrics["old_texts"]["texts"] == 9
    assert metrics["old_texts"]["before"]["accuracy"] == 1
    assert metrics["old_texts"]["after"]["accuracy"] > 0.8
    said = "the old run's 9 test texts: 100.00% right before"
    assert said in output.out
    assert "no new text" not in output.err
    assert said in (tmp_path / "both" / "report.txt").read_text()
    assert "9 test texts: 100.00% right before" in (tmp_path / "both" / "report.html").read_text()


def test_old_texts_are_so_large_a_part_and_never_test_texts() -> None:
    pairs, others = make_texts(200, 1), make_texts(90, 2)
    old, new = (Corpus(*zip(*texts, strict=True)) for texts in (pairs, others))
    config = TrainConfig(from_run="x", rehearse="y", rehearse_fraction=0.25, seed=5).resolved()
    old_config = TrainConfig(seed=9).resolved()
    mixed, test = rehearse(new, old, config, old_config=old_config)
    expected = split_corpus(old, validation_fraction=0.1, test_fraction=0.1, seed=9)
    assert [record.text for record in test] == [r.text for r in expected.records() if r.split == "test"]
    training = [record.text for record in mixed.records() if record.split == "train"]
    from_old = [text for text in training if text in set(old.texts)]
    assert len(from_old) == pytest.approx(0.25 * len(training), abs=1)
    assert not set(from_old) & {record.text for record in test}
    assert {record.text for record in mixed.records() if record.split != "train"} <= set(new.texts)


@pytest.mark.usefixtures("without_learning", "without_reports")
@pytest.mark.parametrize("several", [False, True])
def test_a_label_that_is_lost_counts_as_wrong_and_both_runs_answer_the_same_texts(
    several: bool, tmp_path: Path, logged: list[str]
) -> None:
    old = make_corpus(several=several)
    new = Corpus([f"gnu {number % 2}" for number in range(40)], [["x", "y"][number % 2] for number in range(40)])
    if several:
        new = Corpus(new.texts, [(label,) for label in new.labels])
    run = tiny_run(tmp_path / "old", old, multi_label=";" if several else None, class_weight="balanced")
    after = fine_tune(run, new, tmp_path / "new", rehearsed=old, rehearse="old", rehearse_fraction=0.001)
    assert after.read_lines("labels.txt") == ["x", "y"]
    listed = "b, fruit, metal, sea" if several else "fruit, metal, sea"
    assert any(
        f"no new text has a label of {run.directory} ({listed}): the new run cannot predict" in it for it in logged
    )
    split = split_corpus(old, validation_fraction=0.1, test_fraction=0.1, seed=0)
    test = [record for record in split.records() if record.split == "test"]
    found = after.read_json("metrics.json")["old_texts"]
    assert found["texts"] == len(test) == run.read_json("metrics.json")["test"]["support"]
    for name, directory in (("before", run.directory), ("after", after.directory)):
        answers = Predictor(directory)([record.text for record in test])
        if several:
            names = ["b", "fruit", "metal", "sea", "x", "y"]
            targets, predicted = (
                np.array([[name in labels for name in names] for labels in side])
                for side in ([record.label for record in test], [answer["labels"] for answer in answers])
            )
            present = [names.index(name) for name in ("b", "fruit", "metal", "sea")]
        else:
            targets, predicted = [record.label for record in test], [answer["label"] for answer in answers]
            present = sorted(set(targets))
        f1 = metrics.f1_score(targets, predicted, labels=present, average="macro", zero_division=0)
        assert found[name]["macro_f1"] == pytest.approx(f1)
        assert found[name]["accuracy"] == pytest.approx(metrics.accuracy_score(targets, predicted))
    assert found["after"] == {"accuracy": 0.0, "macro_f1": 0.0}
    for name in ("accuracy", "macro_f1"):
        assert found["before"][name] == pytest.approx(run.read_json("metrics.json")["test"][name])


@pytest.mark.usefixtures("without_learning", "without_reports")
@pytest.mark.parametrize("kind", ["files", "streamed", "chain"])
def test_the_old_runs_split_is_rebuilt_and_another_corpus_refused(
    kind: str, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    test_file = tmp_path / "test.tsv"
    lines = ["body\tclass", *(f"{text}\t{label}" for text, label in make_texts(33, 9))]
    test_file.write_text("\n".join(lines) + "\n")
    other_file = tmp_path / "validation.tsv"
    lines = ["body\tclass", *(f"{text}\t{label}" for text, label in make_texts(20, 10))]
    other_file.write_text("\n".join(lines) + "\n")
    lines = ["body\tclass", *(f"{text}\t{label}" for text, label in make_texts(60, 8))]
    (tmp_path / "old.csv").write_text("\n".join(lines) + "\n")
    reading = ["--delimiter", "\\t", "--text-column", "body", "--label-column", "class"]
    options = ["--vectors", "none", "--dimensions", 4, "--windows", 2, "--filters", 2, "--ngrams", 0]
    options += ["--frozen-epochs", 0]
    options += ["--unfrozen-epochs", 1, "--inner-folds", 0, "--no-refit", "--seed", 5]
    given = {
        "files": [
            "--data",
            tmp_path / "old.csv",
            *reading,
            "--test-data",
            test_file,
            "--validation-data",
            other_file,
        ],
        "streamed": ["--data", corpus_file, "--memory", 256, "--folds", 3, "--fold", 2],
        "chain": ["--data", corpus_file, "--test-fraction", 0.3],
    }[kind]
    assert cli("train", *options, *given, "--output", tmp_path / "old").status == 0
    old, data = tmp_path / "old", given[1]
    new = write_table(tmp_path / "new.csv", make_texts(30, 4))
    small = ["--frozen-epochs", 1, "--unfrozen-epochs", 0, "--no-refit"]
    if kind == "chain":
        options = ["--data", new, "--from", old, "--rehearse", corpus_file, *small, "--test-fraction", 0.4]
        assert cli("train", *options, "--output", tmp_path / "second").status == 0
        old, data = tmp_path / "second", new
        new = write_table(tmp_path / "newest.csv", make_texts(30, 6))
    options = ["--data", new, "--from", old, *small, "--text-column", "text", "--label-column", "label"]
    options += ["--delimiter", ","]
    ended = cli("train", *options, "--rehearse", data, "--output", tmp_path / "new")
    assert ended.status == 0
    scores, before = (json.loads((path / "metrics.json").read_text()) for path in (tmp_path / "new", old))
    assert scores["old_texts"]["texts"] == before["test"]["support"] == {"files": 33, "streamed": 30, "chain": 12}[kind]
    assert scores["old_texts"]["before"]["accuracy"] == pytest.approx(before["test"]["accuracy"])
    assert scores["old_texts"]["before"]["macro_f1"] == pytest.approx(before["test"]["macro_f1"])
    other = tmp_path / "other.csv"
    other.write_text(Path(data).read_text().replace("iron", "gold", 1))
    ended = cli("train", *options, "--rehearse", other, "--output", tmp_path / "refused")
    assert ended.status == 2
    assert ended.error == f"error: not the corpus that {old} was trained on; give the one it was trained on"
    assert not (tmp_path / "refused").exists()


@pytest.mark.usefixtures("without_learning", "without_reports")
def test_texts_of_one_new_label_are_learnt_beside_old_ones(tmp_path: Path) -> None:
    old = make_corpus()
    run = tiny_run(tmp_path / "old", old)
    new = Corpus([f"gnu gnu {number}" for number in range(20)], ["animal"] * 20)
    with pytest.raises(
        InputError, match="only one label: 'animal'; .* mix in texts of the original run with --rehearse"
    ):
        fine_tune(run, new, tmp_path / "alone")
    both = fine_tune(
        run, new, tmp_path / "both", rehearsed=old, rehearse="old", rehearse_fraction=0.5, class_weight="balanced"
    )
    assert both.read_lines("labels.txt") == ["fruit", "metal", "sea", "animal"]
