"""Training on few texts, without validation texts: solved parts, inner folds, steps."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from keras_textcnn import Corpus, Run, TrainConfig, load_model
from keras_textcnn.data.batching import length_boundaries, plan_batches, plan_epoch
from keras_textcnn.data.splits import deal_folds
from keras_textcnn.errors import InputError
from keras_textcnn.training.trainer import train
from tests.conftest import make_texts
from tests.runs import assert_same_weights, leave_out_exports

pytestmark = pytest.mark.usefixtures("without_exports")
UNTRAINED = pytest.mark.usefixtures("without_learning")


@pytest.mark.parametrize("several", [False, True])
def test_folds_are_even_by_label_and_leave_every_label_a_text(several: bool) -> None:
    random = np.random.default_rng(7)
    if several:
        dense = (random.random((103, 4)) < [0.5, 0.3, 0.03, 0.02]).astype(np.float32)
        dense[:, 3] = 0
        dense[0, 3] = 1  # a single text
        targets: np.ndarray | sparse.csr_array = sparse.csr_array(dense)
        columns = dense.T
    else:
        targets = np.array([0] * 70 + [1] * 30 + [2] * 2 + [3])
        columns = np.array([targets == label for label in range(4)])
    hashes = np.arange(targets.shape[0], dtype=np.uint64)
    folds = deal_folds(targets, hashes, folds=5, seed=3)
    for having in columns.astype(bool):
        counts = np.bincount(folds[having], minlength=6)[1:]
        assert counts.max() < having.sum()  # another fold has one too
        assert having.sum() == 1 or counts.max() - counts.min() <= (3 if several else 1)
    alone = np.flatnonzero(columns[3])
    assert len(alone) == 1
    assert folds[alone[0]] == 0
    assert (folds == 0).sum() == 1
    np.testing.assert_array_equal(folds, deal_folds(targets, hashes, folds=5, seed=3))
    assert (folds != deal_folds(targets, hashes, folds=5, seed=4)).any()


@pytest.mark.parametrize("several", [False, True])
def test_equal_texts_share_a_fold_and_no_fold_is_empty(several: bool) -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2])
    hashes = np.array([1, 1, 2, 3, 4, 5, 5, 6, 6], np.uint64)  # label 2 has one text, twice
    targets = sparse.csr_array(np.eye(3, dtype=np.float32)[labels]) if several else labels
    folds = deal_folds(targets, hashes, folds=50, seed=0)
    assert (folds[0], folds[5]) == (folds[1], folds[6])
    assert folds[7:].tolist() == [0, 0]
    assert np.unique(folds).tolist() == [*range(folds.max() + 1)]
    assert folds.max() >= 2
    for label in (0, 1):
        assert len(np.unique(folds[labels == label])) > 1


@UNTRAINED
@pytest.mark.parametrize("texts", [[3, 3], [2, 1], [2, 2, 1]])
def test_a_handful_of_texts_is_trained_on(texts: list[int], settings: dict[str, object], tmp_path: Path) -> None:
    rows = [
        (f"the {word} of {number}", word)
        for word, count in zip(("apple", "iron", "wave"), texts, strict=False)
        for number in range(count)
    ]
    run = train(TrainConfig(**settings), split([*rows[:1], *rows], test=1), tmp_path / "run")
    decided = run.read_json("metrics.json")["decided"]
    assert decided["by"] == "cross-validation"
    assert 2 <= decided["folds"] <= 5


@UNTRAINED
@pytest.mark.parametrize("more", [{}, {"ngrams": 0}])
def test_a_run_of_few_texts_is_started_from(
    more: dict[str, object], pairs: list[tuple[str, str]], settings: dict[str, object], tmp_path: Path
) -> None:
    without = {name: value for name, value in settings.items() if not (more and name.startswith("ngram"))}
    first = train(TrainConfig(**without, **more), split(pairs, test=12), tmp_path / "first")
    config = first.config().adapted(from_run=str(first.directory), unfrozen_epochs=1, frozen_epochs=1, vectors="none")
    rows = [(f"{text} zebra", label) for text, label in pairs]
    run = train(config, split(rows, test=12), tmp_path / "next")
    metrics = run.read_json("metrics.json")
    assert metrics["decided"]["by"] == "validation"
    its = [*first.read_json("metrics.json")["parts"]]
    assert [*metrics["parts"]] == [name for name in its if name != "subwords"]  # these are in the rows of the n-grams
    assert np.isfinite(metrics["test"]["log_loss"])


def test_an_epoch_shows_few_texts_several_times_in_ever_other_orders() -> None:
    lengths = np.random.default_rng(8).integers(1, 40, 100)
    settings = {"boundaries": length_boundaries(40), "batch_size": 16}
    once = plan_batches(lengths, **settings, seed=(1, 0))
    plan = plan_epoch(lengths, minimum_steps=20, seed=1, epoch=0, **settings)
    passes = -(-20 // len(once))
    assert len(plan) == passes * len(once) >= 20
    assert np.bincount(np.concatenate(plan)).tolist() == [passes] * 100
    for batch, expected in zip(plan, once, strict=False):
        np.testing.assert_array_equal(batch, expected)
    first, second = (np.concatenate(plan[start : start + len(once)]) for start in (0, len(once)))
    assert (first != second).any()
    many = plan_epoch(lengths, minimum_steps=len(once), seed=1, epoch=0, **settings)
    assert [batch.tolist() for batch in many] == [batch.tolist() for batch in once]


SETTINGS = {
    "windows": (1, 2),
    "filters": 4,
    "ngram_buckets": 512,
    "minimum_steps": 2,
    "frozen_epochs": 1,
    "unfrozen_epochs": 1,
}


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, str]]:
    return make_texts(60, seed=9)


@pytest.fixture(scope="module")
def settings(vectors_file: Path) -> dict[str, object]:
    return {**SETTINGS, "vectors": str(vectors_file), "vocabulary": "train"}


def split(pairs: list[tuple[str, str]], **counts: int) -> Corpus:
    names = [name for name, count in counts.items() for _ in range(count)]
    return Corpus(
        [text for text, _ in pairs], [label for _, label in pairs], names + ["train"] * (len(pairs) - len(names))
    )


@UNTRAINED
def test_a_run_of_few_texts_sets_none_apart(
    pairs: list[tuple[str, str]], settings: dict[str, object], tmp_path: Path, logged: list[str]
) -> None:
    run = train(TrainConfig(**settings), split(pairs, test=12), tmp_path / "run")
    metrics = run.read_json("metrics.json")
    assert run.config().inner_folds == 5
    assert run.read_json("config.json")["corpus"] | {"fingerprint": ""} == {
        "fingerprint": "",
        "train": 48,
        "validation": 0,
        "test": 12,
    }
    assert metrics["decided"] == {
        "by": "cross-validation",
        "folds": 5,
        "texts": 48,
        "decided": ["scales", "temperature"],
        "validation": "held out",
    }
    assert sum(scores["support"] for scores in metrics["validation"]["per_label"].values()) == 48
    assert [*metrics["parts"]] == ["convolution", "ngrams", "vector_mean"]
    assert sum("held-out texts: convolution" in line for line in logged) == 6
    scales = load_model(run).get_layer("sum").scales.numpy()
    np.testing.assert_allclose(scales, [part["scale"] for part in metrics["parts"].values()], rtol=1e-6)
    assert not any("validation loss" in line for line in logged)
    report = (run.directory / "report.txt").read_text("utf-8")
    assert "cross-validated*" in report
    assert "5-fold cross-validation on the training texts; it also chose" in report


def test_held_out_texts_are_answered_by_what_has_not_learnt_from_them(
    settings: dict[str, object], tmp_path: Path
) -> None:
    """Random labels cannot be predicted for unseen texts, however well they are learnt."""
    random = np.random.default_rng(11)
    words = ["apple", "iron", "wave", "zinc"]
    texts = [" ".join(random.choice(words, 8)) + f" {number}" for number in range(200)]
    labels = random.choice(["a", "b"], 200).tolist()
    corpus = Corpus(texts, labels, ["train"] * 180 + ["test"] * 20)
    run = train(TrainConfig(**{**settings, "minimum_steps": 40}, subwords=True), corpus, tmp_path / "run")
    metrics = run.read_json("metrics.json")
    for part in ("convolution", "ngrams", "vector_mean", "subwords"):
        assert 0.35 < metrics["parts"][part]["accuracy"] < 0.65
    assert 0.35 < metrics["validation"]["accuracy"] < 0.65
    assert 0.35 < metrics["baseline"]["validation"]["accuracy"] < 0.65


def test_few_validation_texts_of_the_corpus_are_scored_and_decide_nothing(
    pairs: list[tuple[str, str]], settings: dict[str, object], tmp_path: Path
) -> None:
    settings = {**settings, "inner_folds": 2}
    first = train(TrainConfig(**settings), split(pairs, test=12, validation=9), tmp_path / "first")
    changed = [(text, "fruit" if 12 <= row < 21 else label) for row, (text, label) in enumerate(pairs)]
    second = train(TrainConfig(**settings), split(changed, test=12, validation=9), tmp_path / "second")
    metrics = [run.read_json("metrics.json") for run in (first, second)]
    assert metrics[0]["decided"]["validation"] == "own"
    assert metrics[0]["parts"] == metrics[1]["parts"]
    assert metrics[0]["calibration"]["temperature"] == metrics[1]["calibration"]["temperature"]
    assert metrics[0]["validation"]["accuracy"] != metrics[1]["validation"]["accuracy"]
    assert "validation accuracy " in (first.directory / "report.txt").read_text("utf-8")


@UNTRAINED
def test_a_label_of_a_single_text_is_learnt_and_never_held_out(
    pairs: list[tuple[str, str]], settings: dict[str, object], tmp_path: Path
) -> None:
    rows = [*pairs, ("an odd one out", "odd")]
    run = train(TrainConfig(**settings), split(rows, test=12), tmp_path / "run")
    metrics = run.read_json("metrics.json")
    assert run.read_lines("labels.txt") == ["fruit", "metal", "odd", "sea"]
    assert metrics["decided"]["texts"] == 48
    assert metrics["validation"]["per_label"]["odd"]["support"] == 0


def test_texts_that_all_have_labels_of_their_own_are_refused(settings: dict[str, object], tmp_path: Path) -> None:
    corpus = Corpus(["the", "of", "iron"] * 2, ["x", "y", "z"] * 2, ["train"] * 3 + ["test"] * 3)
    with pytest.raises(InputError, match="every label has a single training text"):
        train(TrainConfig(**settings), corpus, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@UNTRAINED
def test_several_labels_of_few_texts(settings: dict[str, object], pairs: list[tuple[str, str]], tmp_path: Path) -> None:
    labels = [tuple(sorted({label, "long"} if len(text) > 60 else {label})) for text, label in pairs]
    corpus = Corpus([text for text, _ in pairs], labels, ["train"] * 48 + ["test"] * 12)
    run = train(TrainConfig(**settings, multi_label=";"), corpus, tmp_path / "run")
    metrics = run.read_json("metrics.json")
    assert metrics["decided"]["decided"] == ["scales", "temperature", "thresholds"]
    assert set(metrics["calibration"]["thresholds"]) == {"fruit", "metal", "sea", "long"}


@UNTRAINED
def test_scales_of_few_texts_with_subwords(
    pairs: list[tuple[str, str]], settings: dict[str, object], tmp_path: Path
) -> None:
    run = train(TrainConfig(**settings, subwords=True), split(pairs, test=12), tmp_path / "run")
    scale_of = {name: part["scale"] for name, part in run.read_json("metrics.json")["parts"].items()}
    assert [*scale_of] == ["convolution", "ngrams", "vector_mean", "subwords"]
    scales = load_model(run).get_layer("sum").scales.numpy()
    np.testing.assert_allclose(scales, [scale_of["convolution"], 1, scale_of["vector_mean"]], rtol=1e-6)


@pytest.fixture(scope="module")
def whole(pairs: list[tuple[str, str]], settings: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that was never interrupted."""
    with pytest.MonkeyPatch.context() as patch:
        leave_out_exports(patch)
        config = TrainConfig(**settings, subwords=True)
        return train(config, split(pairs, test=12), tmp_path_factory.mktemp("whole") / "run")


def test_goes_on_with_the_same_weights_after_the_folds_that_are_done(
    whole: Run,
    pairs: list[tuple[str, str]],
    settings: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keras_textcnn.training import part_fits, resuming

    corpus = split(pairs, test=12)
    write = resuming.write_checkpoint

    def interrupt(path: Path, *arguments: object) -> None:
        write(path, *arguments)
        if path.name == "fold-2.npz":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        for module in (part_fits, resuming):
            patch.setattr(module, "write_checkpoint", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(TrainConfig(**settings, subwords=True), corpus, tmp_path / "stopped")
    run = train(TrainConfig(**settings, subwords=True), corpus, tmp_path / "stopped", resumed=True)
    assert_same_weights(whole.directory, run.directory)
    first, second = (json.loads((it.directory / "metrics.json").read_text()) for it in (whole, run))
    assert first["parts"] == second["parts"]
    assert first["test"] == second["test"]
