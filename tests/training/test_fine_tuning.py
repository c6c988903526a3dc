import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from keras_textcnn import Predictor, Run, load_model
from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.data.datasets import cache_folder
from keras_textcnn.data.numbering import hash_text
from keras_textcnn.data.splits import split_corpus
from keras_textcnn.errors import InputError
from keras_textcnn.models.factory import build_model
from keras_textcnn.training.fine_tuning import Start, rehearse
from keras_textcnn.training.trainer import train
from tests.commands.test_train import run_main, weights_of
from tests.conftest import make_texts, randomize, write_table

SMALL = ["--frozen-epochs", 1, "--unfrozen-epochs", 1, "--ngram-epochs", 2, "--batch-size", 16]


@pytest.fixture(scope="module")
def other_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts with two new labels and an old one, and with words that the run does not know."""
    subjects = {"metal": ["iron", "zinc", "copper"], "air": ["wind", "storm"], "fire": ["flame", "smoke"]}
    random = np.random.default_rng(0)
    rows = [
        (
            " ".join(random.choice(["the", "of", *subjects[label]], random.integers(3, 9))) + f" {subjects[label][0]}",
            label,
        )
        for label in [*subjects] * 20
    ]
    return write_table(tmp_path_factory.mktemp("other") / "other.csv", rows)


def test_known_tokens_and_labels_keep_their_weights(finished_run: Path) -> None:
    start = Start.of(finished_run)
    vocabulary, labels = [*start.vocabulary, "copper", "wind"], ["air", "metal", "fruit"]
    model = build_model(start.run.config(), vocabulary_size=len(vocabulary), labels=3)
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


@pytest.mark.parametrize(
    ("tune", "moved"),
    [
        ("head", {"logits/kernel", "logits/bias"}),
        ("bias", {"logits/kernel", "logits/bias", "conv_1/bias", "conv_2/bias", "conv_3/bias"}),
        ("all", None),
    ],
)
def test_what_is_tuned_moves_and_nothing_else(
    tune: str, moved: set[str] | None, finished_run: Path, corpus_file: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    options = ["--data", corpus_file, "--from", finished_run, "--tune", tune, "--seed", 3]
    options += ["--unfrozen-learning-rate", 0.1, *SMALL, "--frozen-epochs", 0, "--output", tmp_path / "run"]
    assert run_main(monkeypatch, *options) == 0
    before = {variable.path: variable.numpy() for variable in load_model(Run.open(finished_run)).weights}
    after = {variable.path: variable.numpy() for variable in load_model(Run.open(tmp_path / "run")).weights}
    with (tmp_path / "run" / "history.csv").open() as file:
        phases = [{"all": "unfrozen"}.get(tune, tune), "n-grams"]
        phases += [f"refit {phase}" for phase in phases]
        assert [*dict.fromkeys(row["phase"] for row in csv.DictReader(file))] == phases
    found = {name for name in before if (before[name] != after[name]).any()}
    linear = {"ngrams/bias", "sum/scales"}  # those of the n-grams, which have a phase of their own
    assert found == (moved | linear if moved else set(before))


def test_other_labels_new_words_and_old_texts(
    finished_run: Path, other_texts: Path, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    options = ["--data", other_texts, "--from", finished_run, *SMALL, "--unfrozen-epochs", 12, "--learning-rate", 0.02]
    assert run_main(monkeypatch, *options, "--output", tmp_path / "alone") == 0
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
    assert run_main(monkeypatch, *options, "--rehearse", corpus_file, "--output", tmp_path / "both") == 0
    metrics = json.loads((tmp_path / "both" / "metrics.json").read_text())
    assert (tmp_path / "both" / "labels.txt").read_text().split() == ["fruit", "metal", "sea", "air", "fire"]
    assert metrics["old_texts"]["texts"] == 9
    assert metrics["old_texts"]["before"]["accuracy"] == 1
    assert metrics["old_texts"]["after"]["accuracy"] > 0.8
    said = "the old run's 9 test texts: 100.00% right before"
    output = capsys.readouterr()
    assert said in output.out
    assert "no new text" not in output.err
    assert said in (tmp_path / "both" / "report.txt").read_text()
    assert "9 test texts: 100.00% right before" in (tmp_path / "both" / "report.html").read_text()


def test_the_same_labels_or_some_of_them_keep_the_head(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert run_main(monkeypatch, *options, "--output", tmp_path / "run") == 0
    assert (tmp_path / "run" / "labels.txt").read_text().split() == ["fruit", "metal", "sea"]
    for ours, theirs in zip(weights_of(tmp_path / "run"), weights_of(finished_run), strict=True):
        if ours.shape != (2,):  # all but the scales of convolution and n-grams, which the validation texts set
            np.testing.assert_allclose(ours[: len(theirs)], theirs, atol=1e-6)


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
    options: list[str], message: str, finished_run: Path, corpus_file: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    names = {"RUN": str(finished_run), "CORPUS": str(corpus_file)}
    given = [names.get(option, option) for option in options]
    assert run_main(monkeypatch, "--data", corpus_file, *given) == 2
    assert message in capsys.readouterr().err


def make_run(directory: Path, corpus: Corpus, **settings: object) -> Run:
    """A run that takes a second and leaves nearly random weights."""
    sizes = {"filters": 2, "vectors": "none", "dimensions": 4, "frozen_epochs": 0, "unfrozen_epochs": 1, "refit": False}
    return train(TrainConfig(**{"ngrams": 0, **sizes, **settings}), corpus, directory)


def adapt(run: Run, corpus: Corpus, directory: Path, **given: object) -> Run:
    rehearsed = given.pop("rehearsed", None)
    settings = {"frozen_epochs": 1, "unfrozen_epochs": 0, "refit": False, "from_run": str(run.directory), **given}
    return train(run.config().adapted(**settings), corpus, directory, rehearsed=rehearsed)


SEVERAL = Corpus(
    [f"{one} {two}" for (one, _), (two, _) in zip(make_texts(90, 1), make_texts(90, 2)[1:], strict=False)],
    [(first, *(["b"] if number % 4 else [])) for number, (_, first) in enumerate(make_texts(89, 1))],
)


@pytest.mark.parametrize("several", [False, True])
def test_a_label_that_is_lost_counts_as_wrong_and_both_runs_answer_the_same_texts(
    several: bool, tmp_path: Path, logged: list[str]
) -> None:
    old = SEVERAL if several else Corpus(*zip(*make_texts(90, 1), strict=True))
    new = Corpus([f"gnu {number % 2}" for number in range(40)], [["x", "y"][number % 2] for number in range(40)])
    if several:
        new = Corpus(new.texts, [(label,) for label in new.labels])
    run = make_run(tmp_path / "old", old, multi_label=";" if several else None, class_weight="balanced")
    after = adapt(run, new, tmp_path / "new", rehearsed=old, rehearse="old", rehearse_fraction=0.001)
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


@pytest.mark.parametrize("kind", ["fold", "files", "streamed", "chain"])
def test_the_old_runs_split_is_rebuilt_and_another_corpus_refused(
    kind: str, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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
    options = ["--vectors", "none", "--dimensions", 4, "--filters", 2, "--ngrams", 0, "--frozen-epochs", 0]
    options += ["--unfrozen-epochs", 1, "--no-refit", "--seed", 5]
    given = {
        "fold": ["--data", corpus_file, "--folds", 3, "--fold", 2],
        "files": [
            "--data",
            tmp_path / "old.csv",
            *reading,
            "--test-data",
            test_file,
            "--validation-data",
            other_file,
        ],
        "streamed": ["--data", corpus_file, "--memory", 256, "--test-fraction", 0.3],
        "chain": ["--data", corpus_file, "--test-fraction", 0.3],
    }[kind]
    assert run_main(monkeypatch, *options, *given, "--output", tmp_path / "old") == 0
    old, data = tmp_path / "old", given[1]
    new = write_table(tmp_path / "new.csv", make_texts(30, 4))
    small = ["--frozen-epochs", 1, "--unfrozen-epochs", 0, "--no-refit"]
    if kind == "chain":
        options = ["--data", new, "--from", old, "--rehearse", corpus_file, *small, "--test-fraction", 0.4]
        assert run_main(monkeypatch, *options, "--output", tmp_path / "second") == 0
        old, data = tmp_path / "second", new
        new = write_table(tmp_path / "newest.csv", make_texts(30, 6))
    options = ["--data", new, "--from", old, *small, "--text-column", "text", "--label-column", "label"]
    options += ["--delimiter", ","]
    assert run_main(monkeypatch, *options, "--rehearse", data, "--output", tmp_path / "new") == 0
    scores, before = (json.loads((path / "metrics.json").read_text()) for path in (tmp_path / "new", old))
    assert (
        scores["old_texts"]["texts"]
        == before["test"]["support"]
        == {"fold": 30, "files": 33, "streamed": 27, "chain": 12}[kind]
    )
    assert scores["old_texts"]["before"]["accuracy"] == pytest.approx(before["test"]["accuracy"])
    assert scores["old_texts"]["before"]["macro_f1"] == pytest.approx(before["test"]["macro_f1"])
    capsys.readouterr()
    other = tmp_path / "other.csv"
    other.write_text(Path(data).read_text().replace("iron", "gold", 1))
    assert run_main(monkeypatch, *options, "--rehearse", other, "--output", tmp_path / "refused") == 2
    message = f"error: not the corpus that {old} was trained on; give the one it was trained on"
    assert capsys.readouterr().err.splitlines()[-1] == message
    assert not (tmp_path / "refused").exists()


def test_texts_of_one_new_label_are_learnt_beside_old_ones(tmp_path: Path) -> None:
    old = Corpus(*zip(*make_texts(90, 1), strict=True))
    run = make_run(tmp_path / "old", old)
    new = Corpus([f"gnu gnu {number}" for number in range(20)], ["animal"] * 20)
    with pytest.raises(
        InputError, match="only one label: 'animal'; .* mix in texts of the original run with --rehearse"
    ):
        adapt(run, new, tmp_path / "alone")
    both = adapt(
        run, new, tmp_path / "both", rehearsed=old, rehearse="old", rehearse_fraction=0.5, class_weight="balanced"
    )
    assert both.read_lines("labels.txt") == ["fruit", "metal", "sea", "animal"]


@pytest.mark.parametrize("several", [False, True])
def test_labels_without_new_texts_stay_and_can_be_tested(several: bool, tmp_path: Path, logged: list[str]) -> None:
    old = SEVERAL if several else Corpus(*zip(*make_texts(90, 1), strict=True))
    multi_label = ";" if several else None
    run = make_run(tmp_path / "old", old, multi_label=multi_label, ngrams=2, ngram_buckets=16, ngram_epochs=1)
    kept = [number for number, label in enumerate(old.labels) if "sea" not in label]
    new = Corpus([old.texts[number] for number in kept], [old.labels[number] for number in kept])
    tested = Corpus(
        [*new.texts, "a reef"], [*new.labels, ("sea",) if several else "sea"], ["train"] * len(kept) + ["test"]
    )
    for name, corpus, settings in (
        ("none", new, {}),
        ("balanced", tested, {"class_weight": "balanced", "sampling": "balanced", "refit": True}),
    ):
        adapted = adapt(run, corpus, tmp_path / name, **settings, ngram_epochs=1)
        assert adapted.read_lines("labels.txt") == run.read_lines("labels.txt")
        scores = adapted.read_json("metrics.json")["test"]["per_label"]["sea"]
        assert scores["support"] == (0 if name == "none" else 1)
    assert sum("no new texts for sea: the run keeps these labels" in line for line in logged) == 2


def test_a_text_has_several_labels_in_both_runs_or_in_none(tmp_path: Path) -> None:
    one, several = Corpus(*zip(*make_texts(90, 1), strict=True)), SEVERAL
    runs = {";": make_run(tmp_path / "several", several, multi_label=";"), None: make_run(tmp_path / "one", one)}
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
            adapt(runs[other], corpus, tmp_path / "run", multi_label=mine)
        with pytest.raises(InputError, match="--rehearse needs the same --multi-label as the run"):
            adapt(runs[other], corpus, tmp_path / "run", multi_label=mine, rehearsed={None: one, ";": several}[other])
        assert not (tmp_path / "run").exists()
    new = Corpus(["gnu", "yak"] * 20, ["x", "y"] * 20)  # another task
    assert adapt(runs[";"], new, tmp_path / "new", multi_label=None).read_lines("labels.txt") == ["x", "y"]


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


def test_a_corpus_is_read_as_the_runs_was_but_not_one_of_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    folder = cache_folder("trec")
    folder.mkdir(parents=True)
    (folder / "train.tsv").write_text("label\ttext\n" + "".join(f"{y}\t{x}\n" for x, y in make_texts(30, 2)))
    for name, seed in (("old", 1), ("new", 3)):
        lines = ["body;class", *(f"{text};{label}" for text, label in make_texts(30, seed))]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", "latin-1")
    options = ["--vectors", "none", "--dimensions", 4, "--filters", 2, "--ngrams", 0, "--frozen-epochs", 0]
    options += ["--unfrozen-epochs", 1, "--no-refit", "--delimiter", ";", "--text-column", "body"]
    options += ["--label-column", "class", "--encoding", "latin-1", "--data", tmp_path / "old.csv"]
    assert run_main(monkeypatch, *options, "--output", tmp_path / "run") == 0
    more = ["--from", tmp_path / "run", "--frozen-epochs", 1, "--unfrozen-epochs", 0, "--no-refit"]
    assert run_main(monkeypatch, "--data", tmp_path / "new.csv", *more, "--output", tmp_path / "second") == 0
    assert run_main(monkeypatch, "--data", "trec", *more, "--output", tmp_path / "third") == 0
    assert Run.open(tmp_path / "third").config().text_column == ("text",)
    assert run_main(monkeypatch, "--data", tmp_path / "new.csv", *more, "--text-column", "text") == 2
    assert "no column 'text' in" in capsys.readouterr().err


def test_an_unfinished_run_is_no_start(tmp_path: Path, finished_run: Path) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    (tmp_path / "run" / "checkpoints").mkdir()
    with pytest.raises(InputError, match="is unfinished; finish it with"):
        Start.of(tmp_path / "run")


@pytest.mark.parametrize(("known", "left"), [(0, 12), (5, 7), (12, 0)])
def test_test_texts_that_the_old_run_has_learnt_from_are_told_and_left_out(
    known: int, left: int, finished_run: Path, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
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
    assert run_main(monkeypatch, *options, "--from", finished_run, *SMALL, "--output", run) == 0
    output = capsys.readouterr()
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
    both = Run(run).learnt()
    assert all(both.find(hashes[learnt.find(hashes)[0]])[0])
    assert all(both.find(np.array([hash_text(text) for text, _ in new[:60]], np.uint64))[0])
    assert all(both.find(np.array([hash_text(text) for text, _ in new[60:68]], np.uint64))[1])
    assert not any(both.find(np.array([hash_text(text) for text, _ in new[68:]], np.uint64))[0])
