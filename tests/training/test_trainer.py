"""What a training leaves, and that every kind of model and corpus gets that far."""

import csv
import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.run import Run
from keras_textcnn.training.trainer import train
from tests.conftest import make_corpus, make_texts, write_table
from tests.runs import Cli, leave_out_reports, run_weights, tiny_run


def test_run_directory_holds_what_was_promised(finished_run: Path) -> None:
    assert sorted(path.name for path in finished_run.iterdir()) == [
        "README.md", "config.json", "confusion_matrix.png", "history.csv", "labels.txt", "learning_curves.png",
        "learnt_texts.bin", "manifest.json", "metrics.json", "model.textcnn", "predictions.csv", "report.html",
        "report.txt", "saved_model", "tensorboard", "vocabulary.txt", "weights.weights.h5",
    ]  # fmt: skip
    assert (finished_run / "labels.txt").read_text() == "fruit\nmetal\nsea\n"
    vocabulary = (finished_run / "vocabulary.txt").read_text().splitlines()
    assert vocabulary[:2] == ["[PAD]", "[UNK]"]
    with h5py.File(finished_run / "weights.weights.h5") as file:
        assert "optimizer" not in file
    assert {"the", "apple", "zinc", "'s", "it", "."} <= set(vocabulary)


def test_metrics_agree_with_the_history_and_the_model(finished_run: Path) -> None:
    metrics = json.loads((finished_run / "metrics.json").read_text())
    with (finished_run / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    phases = ["frozen", "frozen", "unfrozen", "unfrozen", "n-grams", "n-grams"]
    assert [row["phase"] for row in history[:6]] == phases
    assert [int(row["epoch"]) for row in history] == list(range(1, len(history) + 1))
    refit = history[6:]
    to_best = {
        phase: 1 + int(np.argmin([float(row["val_loss"]) for row in history if row["phase"] == phase]))
        for phase in dict.fromkeys(phases)
    }
    if metrics["best_epoch"] <= 2:
        del to_best["unfrozen"]
    assert [row["phase"] for row in refit] == [
        f"refit {phase}" for phase, epochs in to_best.items() for _ in range(epochs)
    ]
    assert {row["val_loss"] for row in refit} == {""}
    for best_epoch, epochs, part in (
        (metrics["best_epoch"], history[:4], "convolution"),
        (metrics["parts"]["ngrams"]["best_epoch"], history[4:6], "ngrams"),
    ):
        best = history[best_epoch - 1]
        assert best in epochs
        assert float(best["val_loss"]) == min(float(row["val_loss"]) for row in epochs)
        assert metrics["parts"][part]["accuracy"] == pytest.approx(float(best["val_accuracy"]))
        assert metrics["parts"][part]["best_epoch"] == best_epoch
    assert metrics["validation"]["log_loss"] <= metrics["calibration"]["before"]["validation"]["log_loss"]
    for split in ("validation", "test"):
        assert list(metrics[split]) == [
            "accuracy", "macro_f1", "micro_f1", "log_loss", "calibration_error", "support", "per_label", "confused"
        ]  # fmt: skip
        assert set(metrics["baseline"][split]) == {"accuracy", "macro_f1"}
    assert metrics["test"]["support"] == sum(label["support"] for label in metrics["test"]["per_label"].values()) == 9
    assert metrics["test"]["accuracy"] == 1  # every text names its label
    assert [phase["epochs"] for phase in metrics["phases"]] == [2, 2, 2, *to_best.values()]


def test_coverage_is_that_of_the_vectors_file(finished_run: Path, vectors_file: Path) -> None:
    coverage = json.loads((finished_run / "metrics.json").read_text())["coverage"]
    tokens = (finished_run / "vocabulary.txt").read_text().splitlines()[2:]
    words = {line.split()[0] for line in vectors_file.read_text().splitlines()}
    assert coverage["vocabulary"] == pytest.approx(len(words & set(tokens)) / len(tokens))
    assert 0 < coverage["running_tokens"] < 1


def test_vectors_are_in_the_model_and_the_second_phase_has_moved_them(finished_run: Path, vectors_file: Path) -> None:
    vocabulary = (finished_run / "vocabulary.txt").read_text().splitlines()
    embedding = run_weights(finished_run)[0]
    assert embedding.shape == (len(vocabulary), 8)
    for line in vectors_file.read_text().splitlines():
        token, *numbers = line.split()
        if token in vocabulary:
            distance = np.abs(embedding[vocabulary.index(token)] - np.array(numbers, np.float32)).max()
            assert 0 < distance < 1
    np.testing.assert_array_equal(embedding[:2], 0)


SMALL = {
    "conv1d": ["--poolings", "max,average", "--hidden", "6", "--multichannel", "--max-norm", "3", "--filters", "6"],
    "conv1d-stack": ["--windows", "3,2", "--pooling", "2", "--filters", "6", "--hidden", "none"],
    "conv2d": ["--filters", "4", "--hidden", "8"],
    "conv2d-windows": ["--filters", "6"],
    "charcnn": ["--filters", "8", "--dimensions", "4"],
    "charcnn-zhang-small": ["--maximum-tokens", "123", "--unfrozen-learning-rate", "1e-4"],
}


@pytest.mark.parametrize("model", SMALL)
def test_every_model_trains_exports_and_answers(
    model: str, corpus_file: Path, vectors_file: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    if model != "conv2d":  # reports differ by the kind of explanation, not by model
        leave_out_reports(monkeypatch)
    options = ["--data", corpus_file, "--model", model, *SMALL[model], "--output", tmp_path / "run"]
    options += ["--inner-folds", 0, "--no-refit"]
    options += [] if model.startswith("charcnn") else ["--vectors", vectors_file, "--optimizer", "rmsprop"]
    assert cli("train", *options, "--frozen-epochs", int(model == "conv1d"), "--unfrozen-epochs", 1).status == 0
    run = Run.open(tmp_path / "run")
    assert run.config().model == model

    from keras_textcnn import Predictor, load_model

    character = run.config().tokenizer == "characters"
    texts = {
        "The apple and a pear.": [*"the apple and a pear."] if character else ["the", "apple", "and", "a", "pear", "."],
        "": [],
        "zinc " * 400: [*" ".join(["zinc"] * 400)] if character else ["zinc"] * 400,
        "它 \n\\ é": [*"它\n\\ e\u0301"] if character else ["它", "\\", "e\u0301"],
    }
    answers = Predictor(run.directory)([text.encode() for text in texts])
    known = {token: id for id, token in enumerate(run.read_lines("vocabulary.txt"))}
    trained, width = load_model(run), load_model(run).input_shape[1]
    temperature = run.read_json("metrics.json")["calibration"]["temperature"]
    for tokens, answer in zip(texts.values(), answers, strict=True):
        ids = [known.get(token, 1) for token in tokens][: run.config().maximum_tokens]
        ids += [0] * ((width or len(ids) or 1) - len(ids))
        expected = keras.ops.softmax(trained(np.array([ids])) / temperature)[0]
        np.testing.assert_allclose([*answer["probabilities"].values()], expected, atol=1e-5)


def test_texts_of_several_labels(tmp_path: Path, cli: Cli) -> None:
    pairs = make_texts(240, 3)
    joined = [
        (f"{one} {two}", f"{first};{second}")
        for (one, first), (two, second) in zip(pairs[::2], pairs[1::2], strict=True)
    ] + [("the and of", "")] * 10
    path = write_table(tmp_path / "texts.csv", joined)
    options = ["--data", path, "--multi-label", ";", "--output", tmp_path / "run", "--vectors", "none"]
    options += ["--dimensions", 8, "--filters", 16, "--learning-rate", 0.02, "--batch-size", 16, "--ngrams", 0]
    options += ["--frozen-epochs", 6, "--unfrozen-epochs", 0, "--minimum-steps", 1, "--inner-folds", 0, "--no-refit"]
    assert cli("train", *options).status == 0
    assert (tmp_path / "run" / "labels.txt").read_text() == "fruit\nmetal\nsea\n"
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] == 1  # every text names its labels
    assert metrics["baseline"]["test"]["accuracy"] > 0.8
    from keras_textcnn import Predictor

    predict = Predictor(tmp_path / "run")
    expected = [sorted(set(joined[0][1].split(";"))), []]
    assert [answer["labels"] for answer in predict([joined[0][0], "the and of"])] == expected
    thresholds = metrics["calibration"]["thresholds"]
    np.testing.assert_allclose(predict.thresholds, [*thresholds.values()])
    (tmp_path / "texts.txt").write_text("the and of\n")
    for threshold, labels in ((0, ["fruit", "metal", "sea"]), (1, [])):
        ended = cli("predict", tmp_path / "run", tmp_path / "texts.txt", "--threshold", threshold)
        assert ended.status == 0
        assert json.loads(ended.out)["labels"] == labels


@pytest.mark.usefixtures("without_exports")
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.usefixtures("without_exports", "without_learning")
def test_metrics_say_what_is_read_of_the_texts(several: bool, tmp_path: Path) -> None:
    rows = [("one two three four", "a"), ("two two", "b"), ("one", "a"), ("three", "b")] * 3
    rows += [("one two three four", "b"), ("", "a"), ("one new two", "a"), ("new three newer two", "a")]
    labels = [(label, "c") if several else label for _, label in rows]
    splits = ["train"] * 8 + ["validation"] * 4 + ["test"] * 4
    corpus = Corpus([text for text, _ in rows], labels, splits)
    several_options = {"multi_label": ";"} if several else {}
    run = tiny_run(tmp_path / "run", corpus, maximum_tokens=3, **several_options)
    texts = run.read_json("metrics.json")["texts"]
    assert [(texts[name]["texts"], texts[name]["cut"], texts[name]["empty"]) for name in texts] == [
        (8, 2, 0), (4, 1, 0), (4, 2, 1),
    ]  # fmt: skip
    more = {"c": 4} if several else {}
    assert texts["validation"]["labels"] == {"a": 2, "b": 2} | more
    assert texts["test"]["labels"] == {"a": 3, "b": 1} | more
    assert "unknown_tokens" not in texts["train"]
    assert (texts["validation"]["unknown_tokens"], texts["test"]["unknown_tokens"]) == (0, 3 / 11)


def test_a_binary_corpus_works_with_softmax_and_with_sigmoids(tmp_path: Path, cli: Cli) -> None:
    path = write_table(tmp_path / "two.csv", [pair for pair in make_texts(240, 3) if pair[1] != "sea"])
    options = ["--data", path, "--vectors", "none", "--dimensions", 8, "--filters", 16, "--learning-rate", 0.02]
    options += ["--frozen-epochs", 6, "--unfrozen-epochs", 0, "--batch-size", 16, "--inner-folds", 0, "--ngrams", 0]
    for name, head in (("softmax", []), ("sigmoid", ["--multi-label", ";"])):
        assert cli("train", *options, *head, "--output", tmp_path / name).status == 0
        assert json.loads((tmp_path / name / "metrics.json").read_text())["test"]["accuracy"] == 1


@pytest.mark.usefixtures("without_learning")
@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_split_without_labels_has_no_macro_f1(split: str, tmp_path: Path, cli: Cli) -> None:
    path = write_table(tmp_path / "texts.csv", make_texts(60, 3))
    without = write_table(tmp_path / "without.csv", [(text, "") for text, _ in make_texts(6, 4)])
    options = ["--data", path, "--multi-label", ";", f"--{split}-data", without, "--filters", 2, "--frozen-epochs", 0]
    options += ["--vectors", "none", "--dimensions", 4, "--unfrozen-epochs", 1, "--ngram-epochs", 1]
    options += ["--inner-folds", 0]
    assert cli("train", *options, "--no-refit", "--output", tmp_path / "run").status == 0
    text = (tmp_path / "run" / "metrics.json").read_text()
    metrics = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert metrics[split]["macro_f1"] is metrics["baseline"][split]["macro_f1"] is None
    assert metrics[split]["accuracy"] is not None
    assert "<td>–</td>" in (tmp_path / "run" / "report.html").read_text()
    assert "–" in (tmp_path / "run" / "report.txt").read_text()


@pytest.mark.parametrize(
    ("config", "corpus", "directory", "message"),
    [
        ({"seed": 1}, make_corpus(), "a", "the first argument must be a TrainConfig; received: dict {'seed': 1}"),
        (
            TrainConfig(),
            ["a text"],
            "a",
            r"must be a Corpus, such as Corpus\(texts, labels\); received: list \['a text'\]",
        ),
        (TrainConfig(), make_corpus(), 5, "a directory must be a path; received: int 5"),
    ],
)
def test_arguments_of_another_type_are_named(config: object, corpus: object, directory: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(config, corpus, directory)


@pytest.mark.usefixtures("without_learning", "without_exports")
def test_a_directory_may_be_a_string(tmp_path: Path) -> None:
    assert tiny_run(str(tmp_path / "run"), make_corpus()).directory == tmp_path / "run"


@pytest.mark.usefixtures("without_exports")
def test_keras_callbacks_see_the_epochs_of_the_parts_count_on(tmp_path: Path) -> None:
    """Of the convolution, of the n-grams and of the refit."""
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    config = TrainConfig(vectors="none", dimensions=4, filters=2, unfrozen_epochs=1, ngram_epochs=1, inner_folds=0)
    run = train(config, make_corpus(), tmp_path / "run", callbacks=[log])
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) + 1 for row in rows] == [row["epoch"] for row in run.history]
    assert [float(row["loss"]) for row in rows] == pytest.approx([row["loss"] for row in run.history])
    assert {row["phase"] for row in run.history} >= {"n-grams", "refit n-grams"}
