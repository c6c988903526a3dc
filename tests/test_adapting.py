import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn import Run, load_model
from keras_textcnn.adapting import Start, rehearse
from keras_textcnn.building import build_model
from keras_textcnn.config import TrainConfig
from keras_textcnn.corpus import Corpus, split_corpus
from keras_textcnn.errors import InputError
from tests.conftest import make_texts, randomize, write_table
from tests.test_train import run_main, weights_of

SMALL = ["--frozen-epochs", 1, "--unfrozen-epochs", 1, "--ngram-epochs", 2, "--batch-size", 16]


@pytest.fixture(scope="module")
def other_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts of two new labels and an old one, with words that the run does not know."""
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
    options = ["--data", corpus_file, "--from", finished_run, "--tune", tune, "--seed", 3, "--learning-rate", 0.1]
    options += ["--unfrozen-learning-rate", 0.1, *SMALL, "--frozen-epochs", 0, "--output", tmp_path / "run"]
    assert run_main(monkeypatch, *options) == 0
    before = {variable.path: variable.numpy() for variable in load_model(Run.open(finished_run)).weights}
    after = {variable.path: variable.numpy() for variable in load_model(Run.open(tmp_path / "run")).weights}
    with (tmp_path / "run" / "history.csv").open() as file:
        phases = [{"all": "unfrozen"}.get(tune, tune), "n-grams"]
        phases += [f"refit {phase}" for phase in phases]
        assert [*dict.fromkeys(row["phase"] for row in csv.DictReader(file))] == phases
    found = {name for name in before if (before[name] != after[name]).any()}
    linear = {"ngrams/bias", "sum/scale"}  # of the n-grams, which have a phase of their own
    assert found == (moved | linear if moved else set(before))


def test_other_labels_new_words_and_old_texts(
    finished_run: Path, other_texts: Path, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    options = ["--data", other_texts, "--from", finished_run, *SMALL, "--unfrozen-epochs", 12, "--learning-rate", 0.02]
    assert run_main(monkeypatch, *options, "--output", tmp_path / "alone") == 0
    output = capsys.readouterr()
    assert "new tokens beside 18 known ones" in output.err
    assert (tmp_path / "alone" / "labels.txt").read_text().split() == ["air", "fire", "metal"]
    known = (finished_run / "vocabulary.txt").read_text().splitlines()
    vocabulary = (tmp_path / "alone" / "vocabulary.txt").read_text().splitlines()
    assert vocabulary[: len(known)] == known
    assert sorted(vocabulary[len(known) :]) == ["copper", "flame", "smoke", "storm", "wind"]
    assert run_main(monkeypatch, *options, "--rehearse", corpus_file, "--output", tmp_path / "both") == 0
    metrics = json.loads((tmp_path / "both" / "metrics.json").read_text())
    assert (tmp_path / "both" / "labels.txt").read_text().split() == ["air", "fire", "fruit", "metal", "sea"]
    assert metrics["old_texts"]["texts"] == 9
    assert metrics["old_texts"]["before"]["accuracy"] == 1
    assert metrics["old_texts"]["after"]["accuracy"] > 0.8
    said = "the old run's 9 test texts: 100.00% right before"
    assert said in capsys.readouterr().out
    assert said in (tmp_path / "both" / "report.txt").read_text()
    assert "9 test texts 100.00% right before" in (tmp_path / "both" / "report.html").read_text()


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
        if np.ndim(ours):  # not the scale of the n-grams, which the validation texts set
            np.testing.assert_allclose(ours[: len(theirs)], theirs, atol=1e-6)


def test_old_texts_are_so_large_a_part_and_never_test_texts() -> None:
    pairs, others = make_texts(200, 1), make_texts(90, 2)
    old, new = (Corpus(*zip(*texts, strict=True)) for texts in (pairs, others))
    config = TrainConfig(from_run="x", rehearse_fraction=0.25, seed=5).resolved()
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
        (["--from", "RUN", "--filters", "7"], "--filters is that of the run, 6; leave it out"),
        (["--from", "RUN", "--model", "charcnn"], "--model is that of the run, conv1d; leave it out"),
        (["--tune", "bias"], "--tune must be left out without --from; received: bias"),
        (["--rehearse", "trec"], "--rehearse must be left out without --from; received: trec"),
        (["--from", "RUN", "--rehearse", "CORPUS", "--memory", "512"], "--memory must be left out with --rehearse"),
        (["--from", "RUN", "--rehearse-fraction", "1"], "--rehearse-fraction must be in (0, 0.9]; received: 1.0"),
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


def test_an_unfinished_run_is_no_start(tmp_path: Path, finished_run: Path) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    (tmp_path / "run" / "checkpoints").mkdir()
    with pytest.raises(InputError, match="is unfinished; finish it with"):
        Start.of(tmp_path / "run")
