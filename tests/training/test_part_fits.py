"""The fits of a run: what they learn from, and with which weights they end."""

import csv
import dataclasses
import json
import re
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from keras_textcnn import Corpus, Reader
from keras_textcnn.persistence.run import Run
from tests.conftest import make_corpus, make_texts, write_table
from tests.runs import Cli, run_weights, tiny_run, without_ngrams

pytestmark = pytest.mark.usefixtures("without_exports")


def test_the_last_fit_is_one_on_training_and_validation_texts(corpus_file: Path, finished_run: Path) -> None:
    from keras_textcnn.data import batching
    from keras_textcnn.data.preprocessing import encode_corpus
    from keras_textcnn.data.tokenized import tokenize_corpus
    from keras_textcnn.models.factory import build_model, load_encoded_vectors
    from keras_textcnn.training import plans
    from keras_textcnn.training.compilation import compile_phase
    from keras_textcnn.training.losses import MarginLoss
    from keras_textcnn.training.part_fits import split_parts
    from keras_textcnn.training.subwords import Subwords

    metrics = json.loads((finished_run / "metrics.json").read_text())
    epochs = {phase["name"]: phase["epochs"] for phase in metrics["phases"]}
    config = Run.open(finished_run).config()
    tokenized = tokenize_corpus(Reader().records(corpus_file), tokenizer="words")
    encoded = encode_corpus(config, tokenized)
    keras.utils.set_random_seed(config.seed)
    model = build_model(config, vocabulary_size=len(encoded.vocabulary), num_classes=3)
    load_encoded_vectors(config, model, encoded)
    train_texts, validation_texts = encoded.examples["train"], encoded.examples["validation"]
    both = dataclasses.replace(
        train_texts,
        **{
            name: np.append(getattr(train_texts, name), getattr(validation_texts, name))
            for name in ("starts", "lengths", "rows")
        },
    )
    boundaries = batching.length_boundaries(config.maximum_tokens)
    plans = plans.plan_phases(config), plans.plan_ngram_phases(config)
    for part, phases, loss in zip(split_parts(model), plans, (None, MarginLoss()), strict=True):
        epoch = 0
        for phase in phases:
            compile_phase(part, phase, loss=loss)
            for _ in range(epochs.get(f"refit {phase.name}", 0)):
                plan = batching.plan_batches(
                    both.lengths, boundaries=boundaries, batch_size=config.batch_size, seed=(config.seed, epoch)
                )
                part.fit(batching.padded_batches(both, plan, boundaries=boundaries), shuffle=False, verbose=0)
                epoch += 1
    scale_of = {name: its["scale"] for name, its in metrics["parts"].items()}
    subwords = Subwords(model.get_layer("ngrams"), encoded.vocabulary)
    subwords.solve(both)
    subwords.add_to_layer(scale_of["ngrams"], scale_of["subwords"])
    *expected, _ = model.get_weights()
    *found, scales = run_weights(finished_run)
    np.testing.assert_allclose(scales, [scale_of["convolution"], 1])
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_refit_it_ends_with_the_weights_that_were_validated(
    small_options: list[str], finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    assert cli("train", *small_options, "--no-refit", "--output", tmp_path / "run").status == 0
    metrics, both = (json.loads((path / "metrics.json").read_text()) for path in (tmp_path / "run", finished_run))
    assert [phase["name"] for phase in metrics["phases"]] == ["frozen", "unfrozen", "n-grams"]
    assert metrics["validation"] == both["validation"]
    assert metrics["baseline"]["validation"] == both["baseline"]["validation"]
    assert any(
        (ours != theirs).any() for ours, theirs in zip(*map(run_weights, (tmp_path / "run", finished_run)), strict=True)
    )


def test_validation_texts_of_the_corpus_own_are_not_learnt_from(
    small_options: list[str], corpus_file: Path, tmp_path: Path, cli: Cli
) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split, seed in (("train", 7), ("validation", 8)):
        write_table(folder / f"{split}.csv", make_texts(60, seed=seed))
    given = ("--data", folder, *without_ngrams(small_options[2:]), "--ngrams", 0)
    for name, options in (("asked", ["--refit"]), ("not", ["--no-refit"])):
        assert cli("train", *given, *options, "--output", tmp_path / name).status == 0
    for ours, theirs in zip(*(run_weights(tmp_path / name) for name in ("asked", "not")), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_ngrams_the_scores_are_the_convolutions(
    small_options: list[str], finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    options = without_ngrams(small_options)
    assert cli("train", *options, "--ngrams", 0, "--output", tmp_path / "run").status == 0
    metrics, both = (json.loads((path / "metrics.json").read_text()) for path in (tmp_path / "run", finished_run))
    with (tmp_path / "run" / "history.csv").open() as file:
        best = list(csv.DictReader(file))[metrics["best_epoch"] - 1]
    assert metrics["calibration"]["before"]["validation"]["log_loss"] == pytest.approx(
        float(best["val_loss"]), rel=1e-4
    )
    assert metrics["validation"]["accuracy"] == both["parts"]["convolution"]["accuracy"]
    assert metrics["parts"] == {}
    with h5py.File(tmp_path / "run" / "weights.weights.h5") as file:
        assert "ngrams" not in file["layers"]


def test_a_learning_rate_of_a_million_leaves_finite_scores(small_options: list[str], tmp_path: Path, cli: Cli) -> None:
    options = ["--unfrozen-learning-rate", 1e6, "--ngrams", 0, "--no-refit", "--output", tmp_path / "run"]
    assert cli("train", *without_ngrams(small_options), *options).status == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert np.isfinite([metrics[split]["log_loss"] for split in ("validation", "test")]).all()
    assert all(np.isfinite(weights).all() for weights in run_weights(tmp_path / "run"))


def test_vectors_too_large_to_learn_from_are_one_line_and_the_run_is_marked_unfinished(
    small_options: list[str], tmp_path: Path, cli: Cli
) -> None:
    huge = tmp_path / "huge.8d.txt"
    huge.write_text("".join(f"{word} {'1e30 ' * 7}-1e30\n" for word in ("the", "of", "apple", "iron", "wave")))
    ended = cli("train", *small_options, "--vectors", huge, "--output", tmp_path / "run")
    assert ended.status == 1
    error = ended.error
    assert re.match(
        r"error: epoch 1, frozen: the loss is NaN or infinite in one of the batches 1 to \d+ of \d+; lower", error
    )
    assert not Run.open(tmp_path / "run").finished


@pytest.mark.usefixtures("without_learning")
def test_words_of_the_vectors_file_that_no_training_text_has(
    finished_run: Path, small_options: list[str], vectors_file: Path, tmp_path: Path, cli: Cli
) -> None:
    more = tmp_path / "more.txt"
    more.write_text(vectors_file.read_text() + "".join(f"{word} {' 0.5' * 8}\n" for word in ("gnu", "Yak", "emu")))
    more.write_text(more.read_text().replace("  ", " "))
    options = [*small_options, "--vectors", str(more), "--output", str(tmp_path / "run")]
    assert cli("train", *options, "--vocabulary", "train+vectors").status == 0
    vocabulary = (tmp_path / "run" / "vocabulary.txt").read_text().splitlines()
    assert vocabulary == [*(finished_run / "vocabulary.txt").read_text().splitlines(), "gnu", "yak", "emu"]
    np.testing.assert_array_equal(run_weights(tmp_path / "run")[0][-3:], 0.5)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["coverage"]["added"] == 3


def test_texts_of_single_symbols_train(tmp_path: Path, cli: Cli) -> None:
    rows = [(text, label) for text, label in (("😀 我 a", "x"), ("👍 你 b", "y")) for _ in range(10)]
    path = write_table(tmp_path / "texts.csv", rows)
    options = ["--data", path, "--output", tmp_path / "run", "--filters", 2, "--frozen-epochs", 0]
    assert cli("train", *options, "--unfrozen-epochs", 1, "--inner-folds", 0).status == 0


def test_soft_targets_are_learnt_with_weights_and_validated_without(tmp_path: Path) -> None:
    """The validation loss of a run that is not refitted is that of the weights it ends with, by NumPy."""
    from scipy import special

    from keras_textcnn.data.preprocessing import encode_corpus
    from keras_textcnn.data.tokenized import tokenize_corpus
    from keras_textcnn.persistence.loading import load_model
    from keras_textcnn.training.batches import predict

    corpus = soft_corpus(weights=True)
    run = tiny_run(tmp_path / "run", corpus, unfrozen_learning_rate=0.02)
    config = run.config()
    texts = encode_corpus(config, tokenize_corpus(corpus.records())).examples["validation"]
    logits = predict(config, load_model(run), texts)
    losses = -(texts.soft_targets * special.log_softmax(logits, axis=1)).sum(axis=1)
    with (run.directory / "history.csv").open() as file:
        row = next(csv.DictReader(file))
    assert float(row["val_loss"]) == pytest.approx(losses.mean(), rel=1e-4)
    right = texts.soft_targets.argmax(axis=1) == logits.argmax(axis=1)
    assert float(row["val_accuracy"]) == pytest.approx(right.mean())
    metrics = run.read_json("metrics.json")
    assert metrics["baseline"]["name"].endswith("words, hard labels")
    assert metrics["validation"]["accuracy"] == pytest.approx((logits.argmax(axis=1) == texts.targets).mean())
    assert run.read_lines("labels.txt") == ["fruit", "metal", "never", "sea"]


def test_certain_soft_targets_end_with_the_weights_of_hard_ones(tmp_path: Path) -> None:
    hard = make_corpus()
    names = ["sea", "fruit", "metal"]
    certain = np.eye(3)[[names.index(label) for label in hard.labels]]
    settings = {"ngrams": 2, "ngram_epochs": 2, "ngram_buckets": 256, "ngram_learning_rate": 0.01}
    corpora = {"soft": Corpus.soft(hard.texts, certain, names), "hard": hard}
    runs = [tiny_run(tmp_path / name, corpus, **settings).directory for name, corpus in corpora.items()]
    for ours, theirs in zip(*map(run_weights, runs), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"inner_folds": 2, "ngrams": 2, "ngram_buckets": 64}])
def test_weights_change_what_is_learnt_and_their_scale_does_not(settings: dict[str, int], tmp_path: Path) -> None:
    """Also where the n-grams are solved, and cross-validation decides."""
    corpus = soft_corpus(weights=False)
    weights = np.random.default_rng(1).uniform(0, 2, len(corpus))
    given = {"none": (), "some": weights, "same": 64 * weights}  # a power of two changes no bits
    runs = {
        name: run_weights(tiny_run(tmp_path / name, dataclasses.replace(corpus, weights=its), **settings).directory)
        for name, its in given.items()
    }
    for one, other in zip(runs["some"], runs["same"], strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((one != other).any() for one, other in zip(runs["none"], runs["some"], strict=True))


def soft_corpus(*, weights: bool) -> Corpus:
    """The usual texts with random probabilities; one of their labels is never the most probable."""
    random, plain = np.random.default_rng(3), make_corpus()
    names = ["fruit", "metal", "sea", "never"]
    rows = 0.3 * random.dirichlet(np.ones(4), len(plain)) + 0.7 * np.eye(4)[[names.index(y) for y in plain.labels]]
    return Corpus.soft(plain.texts, rows, names, weights=random.uniform(0, 3, len(plain)) if weights else ())
