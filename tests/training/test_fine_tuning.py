"""Runs that start from another run (`--from`)."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn import Predictor, Run, load_model
from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Corpus, hash_text
from keras_textcnn.data.datasets import cache_folder
from keras_textcnn.errors import InputError
from keras_textcnn.models.factory import build_model
from keras_textcnn.training.fine_tuning import Start
from tests.conftest import make_corpus, make_texts, randomize, write_table
from tests.runs import Cli, Killed, fine_tune, run_weights, tiny_run

SMALL = ["--frozen-epochs", 1, "--unfrozen-epochs", 1, "--ngram-epochs", 2, "--batch-size", 16, "--inner-folds", 0]


def test_known_tokens_and_labels_keep_their_weights(finished_run: Path) -> None:
    start = Start.of(finished_run)
    vocabulary, labels = [*start.vocabulary, "copper", "wind"], ["air", "metal", "fruit"]
    model = build_model(start.run.config(), vocabulary_size=len(vocabulary), num_classes=3)
    randomize(model, np.random.default_rng(0))
    fresh = {variable.path: variable.numpy() for variable in model.weights}
    start.load_into(model, vocabulary, labels)
    trained = {variable.path: variable.numpy() for variable in load_model(start.run).weights}
    ours = {variable.path: variable.numpy() for variable in model.weights}
    by_token, by_label = {"embedding/embeddings", "ngrams/embeddings"}, {"logits/kernel", "logits/bias"}
    by_label |= {"ngrams/embeddings", "ngrams/hashed", "ngrams/bias"}
    for name in by_token:
        np.testing.assert_array_equal(ours[name][-2:], fresh[name][-2:])
    np.testing.assert_array_equal(ours["embedding/embeddings"][:-2], trained["embedding/embeddings"])
    for name in by_label:
        known = ours[name][: len(trained[name])] if name in by_token else ours[name]
        np.testing.assert_array_equal(known[..., [1, 2]], trained[name][..., [1, 0]])  # metal, fruit
        np.testing.assert_array_equal(ours[name][..., 0], fresh[name][..., 0])
    for name in set(ours) - by_token - by_label:
        np.testing.assert_array_equal(ours[name], trained[name])


@pytest.mark.usefixtures("without_exports")
@pytest.mark.parametrize(
    ("tune", "moved"),
    [
        ("head", {"logits/kernel", "logits/bias"}),
        ("bias", {"logits/kernel", "logits/bias", "conv_1/bias", "conv_3/bias"}),
        ("all", None),
    ],
)
def test_what_is_tuned_moves_and_nothing_else(
    tune: str, moved: set[str] | None, finished_run: Path, corpus_file: Path, tmp_path: Path, cli: Cli
) -> None:
    options = ["--data", corpus_file, "--from", finished_run, "--tune", tune, "--seed", 3]
    options += ["--unfrozen-learning-rate", 0.1, *SMALL, "--frozen-epochs", 0, "--output", tmp_path / "run"]
    assert cli("train", *options).status == 0
    before = {variable.path: variable.numpy() for variable in load_model(Run.open(finished_run)).weights}
    after = {variable.path: variable.numpy() for variable in load_model(Run.open(tmp_path / "run")).weights}
    with (tmp_path / "run" / "history.csv").open() as file:
        phases = [{"all": "unfrozen"}.get(tune, tune), "n-grams"]
        phases += [f"refit {phase}" for phase in phases]
        assert [*dict.fromkeys(row["phase"] for row in csv.DictReader(file))] == phases
    found = {name for name in before if (before[name] != after[name]).any()}
    linear = {"ngrams/bias", "sum/scales"}  # those of the n-grams, which have a phase of their own
    assert found == (moved | linear if moved else set(before))


@pytest.mark.usefixtures("without_fits")
def test_other_labels_and_new_words(
    finished_run: Path, other_texts: Path, tmp_path: Path, cli: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Killed):
        cli("train", "--data", other_texts, "--from", finished_run, "--output", tmp_path / "alone")
    output = capsys.readouterr()
    assert "new tokens in addition to 18 known ones" in output.err
    assert (tmp_path / "alone" / "labels.txt").read_text().split() == ["fruit", "metal", "sea", "air", "fire"]
    assert (
        "warning: no new texts for fruit, sea: the run keeps these labels, but may forget them; try --r" in output.err
    )
    known = (finished_run / "vocabulary.txt").read_text().splitlines()
    vocabulary = (tmp_path / "alone" / "vocabulary.txt").read_text().splitlines()
    assert vocabulary[: len(known)] == known
    assert sorted(vocabulary[len(known) :]) == ["copper", "flame", "smoke", "storm", "wind"]


@pytest.mark.usefixtures("without_exports")
def test_the_same_labels_or_some_of_them_keep_the_head(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    rows = [(text, label) for text, label in make_texts(60, 5) if label != "sea"]
    corpus = write_table(tmp_path / "some.csv", rows)
    options = [
        "--data",
        corpus,
        "--from",
        finished_run,
        *SMALL,
        "--learning-rate",
        1e-9,
        "--unfrozen-learning-rate",
        1e-9,
        "--ngram-learning-rate",
        1e-9,
    ]
    assert cli("train", *options, "--output", tmp_path / "run").status == 0
    assert (tmp_path / "run" / "labels.txt").read_text().split() == ["fruit", "metal", "sea"]
    for ours, theirs in zip(run_weights(tmp_path / "run"), run_weights(finished_run), strict=True):
        if ours.shape != (2,):  # all but the scales of convolution and n-grams, which the validation texts set
            np.testing.assert_allclose(ours[: len(theirs)], theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from", "RUN", "--filters", "7"], "--filters is taken from the run: 6; leave it out"),
        (["--from", "RUN", "--model", "charcnn"], "--model is taken from the run: conv1d; leave it out"),
        (["--tune", "bias"], "--tune does not apply without --from; leave it out"),
        (["--rehearse", "trec"], "--rehearse does not apply without --from; leave it out"),
        (["--from", "RUN", "--rehearse", "CORPUS", "--memory", "512"], "--memory must be left out with --rehearse"),
        (["--from", "RUN", "--rehearse-fraction", "1"], "--rehearse-fraction does not apply without --rehearse"),
        (["--from", "RUN", "--rehearse", "CORPUS", "--rehearse-fraction", "1"], "must be in (0, 0.9]; received: 1.0"),
        (["--from", "nowhere"], "no run in nowhere"),
    ],
)
def test_wrong_use_is_one_line(
    options: list[str], message: str, finished_run: Path, corpus_file: Path, cli: Cli
) -> None:
    names = {"RUN": str(finished_run), "CORPUS": str(corpus_file)}
    given = [names.get(option, option) for option in options]
    ended = cli("train", "--data", corpus_file, *given)
    assert ended.status == 2
    assert message in ended.err


@pytest.mark.usefixtures("without_learning", "without_exports")
@pytest.mark.parametrize("several", [False, True])
def test_labels_without_new_texts_stay_and_can_be_tested(several: bool, tmp_path: Path, logged: list[str]) -> None:
    old = make_corpus(several=several)
    multi_label = ";" if several else None
    run = tiny_run(tmp_path / "old", old, multi_label=multi_label, ngrams=2, ngram_buckets=16, ngram_epochs=1)
    kept = [number for number, label in enumerate(old.labels) if "sea" not in label]
    new = Corpus([old.texts[number] for number in kept], [old.labels[number] for number in kept])
    tested = Corpus(
        [*new.texts, "a reef"], [*new.labels, ("sea",) if several else "sea"], ["train"] * len(kept) + ["test"]
    )
    for name, corpus, settings in (
        ("none", new, {}),
        ("balanced", tested, {"class_weight": "balanced", "sampling": "balanced", "refit": True}),
    ):
        adapted = fine_tune(run, corpus, tmp_path / name, **settings, ngram_epochs=1)
        assert adapted.read_lines("labels.txt") == run.read_lines("labels.txt")
        scores = adapted.read_json("metrics.json")["test"]["per_label"]["sea"]
        assert scores["support"] == (0 if name == "none" else 1)
    assert sum("no new texts for sea: the run keeps these labels" in line for line in logged) == 2


@pytest.mark.usefixtures("without_learning", "without_exports")
def test_a_text_has_several_labels_in_both_runs_or_in_none(tmp_path: Path) -> None:
    one, several = make_corpus(), make_corpus(several=True)
    runs = {";": tiny_run(tmp_path / "several", several, multi_label=";"), None: tiny_run(tmp_path / "one", one)}
    for mine, corpus, other, message in (
        (
            ";",
            several,
            None,
            f"share labels with {tmp_path / 'one'}, where each text has one label; leave out --multi-label",
        ),
        (
            None,
            one,
            ";",
            f"share labels with {tmp_path / 'several'}, where a text may have several labels; set --multi-label",
        ),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            fine_tune(runs[other], corpus, tmp_path / "run", multi_label=mine)
        with pytest.raises(InputError, match="--rehearse needs the same --multi-label as the run"):
            fine_tune(
                runs[other], corpus, tmp_path / "run", multi_label=mine, rehearsed={None: one, ";": several}[other]
            )
        assert not (tmp_path / "run").exists()
    new = Corpus(["gnu", "yak"] * 20, ["x", "y"] * 20)  # another task
    assert fine_tune(runs[";"], new, tmp_path / "new", multi_label=None).read_lines("labels.txt") == ["x", "y"]


def test_what_an_adapted_run_has_from_the_old_one() -> None:
    settings = {
        "dropout": 0.25,
        "embedding_dropout": 0.125,
        "max_norm": 2.0,
        "precision": "bfloat16",
        "vectors": "none",
        "class_weight": "balanced",
        "sampling": "balanced",
        "focal_gamma": 1.5,
        "filters": 7,
        "text_column": ("body",),
        "label_column": "class",
        "multi_label": ";",
        "encoding": "latin-1",
        "errors": "replace",
        "delimiter": ";",
        "quoting": "none",
    }
    old = TrainConfig(**settings, seed=4, learning_rate=0.5, folds=3, fold=1).resolved()
    adapted = old.adapted(data="new.csv", from_run="old")
    assert {name: getattr(adapted, name) for name in settings} == settings
    fresh = TrainConfig(from_run="old", vectors="none").resolved()
    for name in ("seed", "test_fraction", "learning_rate", "folds", "fold", "batch_size", "frozen_epochs"):
        assert getattr(adapted, name) == getattr(fresh, name), name
    for name, value in (("dropout", 0.75), ("label_column", "y"), ("class_weight", "none"), ("max_norm", None)):
        assert getattr(old.adapted(from_run="old", **{name: value}), name) == value


@pytest.mark.usefixtures("without_learning", "without_exports")
def test_a_corpus_is_read_as_the_runs_was_but_not_one_of_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    folder = cache_folder("trec")
    folder.mkdir(parents=True)
    (folder / "train.tsv").write_text("label\ttext\n" + "".join(f"{y}\t{x}\n" for x, y in make_texts(30, 2)))
    for name, seed in (("old", 1), ("new", 3)):
        lines = ["body;class", *(f"{text};{label}" for text, label in make_texts(30, seed))]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", "latin-1")
    options = ["--vectors", "none", "--dimensions", 4, "--filters", 2, "--ngrams", 0, "--frozen-epochs", 0]
    options += ["--unfrozen-epochs", 1, "--inner-folds", 0, "--no-refit", "--delimiter", ";", "--text-column", "body"]
    options += ["--label-column", "class", "--encoding", "latin-1", "--data", tmp_path / "old.csv"]
    assert cli("train", *options, "--output", tmp_path / "run").status == 0
    more = ["--from", tmp_path / "run", "--frozen-epochs", 1, "--unfrozen-epochs", 0, "--no-refit"]
    assert cli("train", "--data", tmp_path / "new.csv", *more, "--output", tmp_path / "second").status == 0
    assert cli("train", "--data", "trec", *more, "--output", tmp_path / "third").status == 0
    assert Run.open(tmp_path / "third").config().text_column == ("text",)
    ended = cli("train", "--data", tmp_path / "new.csv", *more, "--text-column", "text")
    assert ended.status == 2
    assert "no column 'text' in" in ended.err


def test_an_unfinished_run_is_no_start(tmp_path: Path, finished_run: Path) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    (tmp_path / "run" / "checkpoints").mkdir()
    with pytest.raises(InputError, match="is unfinished; finish it with"):
        Start.of(tmp_path / "run")


@pytest.mark.usefixtures("without_learning")
@pytest.mark.parametrize(("known", "left"), [(0, 12), (5, 7), (12, 0)])
def test_test_texts_that_the_old_run_has_learnt_from_are_told_and_left_out(
    known: int, left: int, finished_run: Path, corpus_file: Path, tmp_path: Path, cli: Cli
) -> None:
    with corpus_file.open() as file:
        old = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    learnt = Run(finished_run).learnt()
    hashes = np.array([hash_text(text) for text, _ in old], np.uint64)
    old = [pair for pair, seen in zip(old, learnt.find(hashes)[0], strict=True) if seen]
    new = make_texts(80, 31)
    paths = {
        "--data": write_table(tmp_path / "train.csv", new[:60]),
        "--validation-data": write_table(tmp_path / "validation.csv", new[60:68]),
        "--test-data": write_table(tmp_path / "test.csv", [*old[:known], *new[68 : 68 + left]]),
    }
    options = [part for pair in paths.items() for part in pair]
    run = tmp_path / "run"
    output = cli("train", *options, "--from", finished_run, *SMALL, "--output", run)
    assert output.status == 0
    assert (f"warning: {known} of 12 test texts are among those" in output.err) == bool(known)
    metrics = json.loads((run / "metrics.json").read_text())
    assert "without_learnt" not in metrics["validation"]
    assert metrics["warnings"] == [line for line in output.err.splitlines() if line.startswith("warning: ")]
    assert all(line in (run / "report.txt").read_text("utf-8") for line in metrics["warnings"])
    row = "without texts seen before"
    if not known:
        assert "without_learnt" not in metrics["test"]
    elif left:
        answers = Predictor(run)([text for text, _ in new[68 : 68 + left]])
        right = [answer["label"] == label for answer, (_, label) in zip(answers, new[68:], strict=False)]
        assert metrics["test"]["without_learnt"]["accuracy"] == pytest.approx(np.mean(right))
        assert metrics["test"]["without_learnt"]["support"] == left
    else:
        assert metrics["test"]["without_learnt"] is None
        assert "–" in (run / "report.txt").read_text("utf-8")
    for name in ("report.txt", "report.html"):
        assert (row in (run / name).read_text("utf-8")) == bool(known)
    predictions = Run.open(run).predictions
    assert predictions.reported.learnt.tolist() == [True] * known + [False] * left
    assert not predictions.learnt[predictions.split == "validation"].any()
    compared = metrics["significance"]
    assert (compared and (compared["texts"], compared["left_out"])) == ((left, known) if left else None)
    line = f"left out: {known} of 12 texts, which were used to train this run ({known})"
    assert (line in output.out) == (line in (run / "report.txt").read_text("utf-8")) == bool(known and left)
    both = Run(run).learnt()
    assert all(both.find(hashes[learnt.find(hashes)[0]])[0])
    assert all(both.find(np.array([hash_text(text) for text, _ in new[:60]], np.uint64))[0])
    assert all(both.find(np.array([hash_text(text) for text, _ in new[60:68]], np.uint64))[1])
    assert not any(both.find(np.array([hash_text(text) for text, _ in new[68:]], np.uint64))[0])
