import csv
import dataclasses
import gzip
import json
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from rich.progress import Progress

from keras_textcnn import Reader, train
from keras_textcnn import predict as predict_command
from keras_textcnn.persistence.run import Run
from tests.conftest import make_texts, write_table


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["train", *map(str, arguments)])
    return train.main()


def weights_of(directory: Path) -> list[np.ndarray]:
    from keras_textcnn.persistence.loading import load_model

    return load_model(Run.open(directory)).get_weights()


def test_run_directory_holds_what_was_promised(finished_run: Path) -> None:
    assert sorted(path.name for path in finished_run.iterdir()) == [
        "config.json", "confusion_matrix.png", "history.csv", "labels.txt", "learning_curves.png", "learnt_texts.bin",
        "manifest.json", "metrics.json", "report.html", "report.txt", "saved_model", "tensorboard", "vocabulary.txt",
        "weights.weights.h5",
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
            "accuracy", "macro_f1", "micro_f1", "log_loss", "calibration_error", "support", "per_label"
        ]  # fmt: skip
        assert set(metrics["baseline"][split]) == {"accuracy", "macro_f1"}
    assert metrics["test"]["support"] == sum(label["support"] for label in metrics["test"]["per_label"].values()) == 9
    assert metrics["test"]["accuracy"] == 1  # every text names its label
    assert [phase["epochs"] for phase in metrics["phases"]] == [2, 2, 2, *to_best.values()]


def test_the_last_fit_is_one_on_training_and_validation_texts(corpus_file: Path, finished_run: Path) -> None:
    from keras_textcnn.data import batching
    from keras_textcnn.data.preprocessing import encode_corpus
    from keras_textcnn.data.tokenized import tokenize_corpus
    from keras_textcnn.models.factory import build_model, load_vectors
    from keras_textcnn.training import plans
    from keras_textcnn.training.compilation import compile_phase
    from keras_textcnn.training.losses import MarginLoss
    from keras_textcnn.training.part_fits import split_parts

    metrics = json.loads((finished_run / "metrics.json").read_text())
    epochs = {phase["name"]: phase["epochs"] for phase in metrics["phases"]}
    config = Run.open(finished_run).config()
    tokenized = tokenize_corpus(Reader().records(corpus_file), tokenizer="words")
    encoded = encode_corpus(config, tokenized)
    keras.utils.set_random_seed(config.seed)
    model = build_model(config, vocabulary_size=len(encoded.vocabulary), labels=3)
    load_vectors(config, model, encoded)
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
    *expected, _ = model.get_weights()
    *found, scales = weights_of(finished_run)
    np.testing.assert_allclose(scales, [part["scale"] for part in metrics["parts"].values()])
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_refit_it_ends_with_the_weights_that_were_validated(
    small_options: list[str], finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_main(monkeypatch, *small_options, "--no-refit", "--output", tmp_path / "run") == 0
    metrics, both = (json.loads((path / "metrics.json").read_text()) for path in (tmp_path / "run", finished_run))
    assert [phase["name"] for phase in metrics["phases"]] == ["frozen", "unfrozen", "n-grams"]
    assert metrics["validation"] == both["validation"]
    assert metrics["baseline"]["validation"] == both["baseline"]["validation"]
    assert any(
        (ours != theirs).any() for ours, theirs in zip(*map(weights_of, (tmp_path / "run", finished_run)), strict=True)
    )


def test_validation_texts_of_the_corpus_own_are_not_learnt_from(
    small_options: list[str], corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split, seed in (("train", 7), ("validation", 8)):
        write_table(folder / f"{split}.csv", make_texts(60, seed=seed))
    given = ("--data", folder, *small_options[2:])
    for name, options in (("asked", ["--refit"]), ("not", ["--no-refit"])):
        assert run_main(monkeypatch, *given, *options, "--output", tmp_path / name) == 0
    for ours, theirs in zip(*(weights_of(tmp_path / name) for name in ("asked", "not")), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def without_ngrams(options: list[str]) -> list[str]:
    """The options without those that need n-grams."""
    pairs = zip(options[::2], [*options[1::2], ""], strict=True)  # the last option has no value
    return [part for pair in pairs if not pair[0].startswith("--ngram") for part in pair if part]


def test_without_ngrams_the_scores_are_the_convolutions(
    small_options: list[str], finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = without_ngrams(small_options)
    assert run_main(monkeypatch, *options, "--ngrams", 0, "--output", tmp_path / "run") == 0
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


def test_coverage_is_that_of_the_vectors_file(finished_run: Path, vectors_file: Path) -> None:
    coverage = json.loads((finished_run / "metrics.json").read_text())["coverage"]
    tokens = (finished_run / "vocabulary.txt").read_text().splitlines()[2:]
    words = {line.split()[0] for line in vectors_file.read_text().splitlines()}
    assert coverage["vocabulary"] == pytest.approx(len(words & set(tokens)) / len(tokens))
    assert 0 < coverage["running_tokens"] < 1


def test_vectors_are_in_the_model_and_the_second_phase_has_moved_them(finished_run: Path, vectors_file: Path) -> None:
    vocabulary = (finished_run / "vocabulary.txt").read_text().splitlines()
    embedding = weights_of(finished_run)[0]
    assert embedding.shape == (len(vocabulary), 8)
    for line in vectors_file.read_text().splitlines():
        token, *numbers = line.split()
        if token in vocabulary:
            distance = np.abs(embedding[vocabulary.index(token)] - np.array(numbers, np.float32)).max()
            assert 0 < distance < 1
    np.testing.assert_array_equal(embedding[:2], 0)


@pytest.mark.parametrize(
    "killed_at", ["epoch  1 frozen", "epoch  3 unfrozen", "epoch  5 n-grams", "epoch  7 refit", "epoch 10 refit"]
)
def test_a_killed_run_resumes_to_the_same_weights(
    killed_at: str, small_options: list[str], finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "killed"
    command = [sys.executable, "-m", "keras_textcnn.train", *small_options, "--output", str(directory)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith(killed_at):
                process.send_signal(signal.SIGKILL)
                break
    assert not Run.open(directory).finished
    assert run_main(monkeypatch, "--resume", directory) == 0
    for ours, theirs in zip(weights_of(directory), weights_of(finished_run), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    ours, theirs = (json.loads((path / "metrics.json").read_text()) for path in (directory, finished_run))
    assert (ours["validation"], ours["test"]) == (theirs["validation"], theirs["test"])


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_asked_to_end_saves_and_says_how_to_go_on(
    number: int, status: int, small_options: list[str], finished_run: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    directory = tmp_path / "asked"
    command = [sys.executable, "-m", "keras_textcnn.train", *small_options, "--output", str(directory)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("epoch  1 frozen"):
                process.send_signal(number)
    assert process.returncode == status
    resume = f"interrupted; continue with python -m keras_textcnn.train --resume {directory}\n"
    assert lines[-2:] == ["stopping after at most 16 batches; interrupt again to stop at once\n", resume]
    assert run_main(monkeypatch, "--resume", directory) == 0
    for ours, theirs in zip(weights_of(directory), weights_of(finished_run), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture
def json_lines(corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same corpus as compressed JSON lines; shards go to a separate folder."""
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    path = tmp_path / "things.jsonl.gz"
    with corpus_file.open(encoding="utf-8") as file, gzip.open(path, "wt", encoding="utf-8") as packed:
        packed.writelines(json.dumps(row) + "\n" for row in csv.DictReader(file))
    return path


def test_streamed_from_shards_the_weights_are_the_same(
    small_options: list[str], finished_run: Path, json_lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    options = [*small_options, "--data", str(json_lines), "--memory", "256"]
    for name, said in (
        ("first", "tokenizing into"),
        ("second", "the tokens of an earlier run"),
        ("third", "damaged; "),
    ):
        if name == "third":
            shard = next((tmp_path / "home" / "tokenized").rglob("ids-*"))
            shard.write_bytes(shard.read_bytes()[:-1] + b"x")
        assert run_main(monkeypatch, *options, "--output", tmp_path / name) == 0
        assert said in capsys.readouterr().err
        for ours, theirs in zip(weights_of(tmp_path / name), weights_of(finished_run), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        ours, theirs = (json.loads((path / "metrics.json").read_text()) for path in (tmp_path / name, finished_run))
        assert (ours["validation"], ours["test"]) == (theirs["validation"], theirs["test"])
        assert ours["baseline"] is None
    assert len(list((tmp_path / "home" / "tokenized").iterdir())) == 1


def test_what_was_replaced_or_left_out_is_said_again_of_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    for number, (text, label) in enumerate(make_texts(30, 5)):
        (tmp_path / "texts" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "texts" / label / f"{number}.txt").write_bytes(text.encode() + b" \xff" * (number == 7))
    (tmp_path / "texts" / "sea" / "notes.pdf").write_bytes(b"")
    options = [
        "--data",
        tmp_path / "texts",
        "--errors",
        "replace",
        "--memory",
        256,
        "--vectors",
        "none",
        "--filters",
        2,
    ]
    options += ["--frozen-epochs", 0, "--unfrozen-epochs", 1, "--ngrams", 0, "--no-refit"]
    for name, said in (("first", "tokenizing into"), ("second", "the tokens of an earlier run")):
        assert run_main(monkeypatch, *options, "--output", tmp_path / name) == 0
        output = capsys.readouterr().err
        assert said in output
        assert "warning: 1 places could not be decoded and were replaced with U+FFFD" in output
        assert "left out 1 files that are not LABEL/*.txt, or have no label" in output


def test_a_streamed_run_explains_the_texts_own_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    rows = [(f"{text} unseen{number} ({label}-ish)", label) for number, (text, label) in enumerate(make_texts(90, 5))]
    random = np.random.default_rng(0)
    rows = [
        (text, str(random.choice(["a", "b"])) if number % 2 else label) for number, (text, label) in enumerate(rows)
    ]
    options = ["--data", write_table(tmp_path / "texts.csv", rows), "--vocabulary-size", 12, "--filters", 4]
    options += ["--vectors", "none", "--dimensions", 4, "--frozen-epochs", 0, "--unfrozen-epochs", 1]
    options += ["--ngram-epochs", 2, "--unfrozen-learning-rate", 0.05]
    explained = {}
    for name, memory in (("whole", []), ("streamed", ["--memory", 256])):
        assert run_main(monkeypatch, *options, *memory, "--output", tmp_path / name) == 0
        page = (tmp_path / name / "report.html").read_text()
        explained[name] = page[page.index("What spoke for each label") :]
    assert explained["streamed"] == explained["whole"]
    assert re.search(r"<span[^>]*>unseen\d+</span>", explained["whole"])
    assert "UNK" not in explained["whole"]


@pytest.mark.parametrize("kind", ["file", "folder", "archive"])
def test_a_corpus_given_for_the_test_is_asked_for_its_test_split(
    kind: str, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    write_table(folder / "train.csv", make_texts(30, 5))
    write_table(folder / "test.csv", make_texts(12, 6))
    with zipfile.ZipFile(folder / "only.zip", "w") as archive:
        for number, (text, label) in enumerate(make_texts(12, 6)):
            archive.writestr(f"test/{label}/{number}.txt", text)
    source = {"file": folder / "test.csv", "folder": folder, "archive": folder / "only.zip"}[kind]
    options = ["--data", corpus_file, "--test-data", source, "--output", tmp_path / "run", "--filters", 2]
    assert run_main(monkeypatch, *options, "--frozen-epochs", 1, "--unfrozen-epochs", 0) == 0
    facts = Run.open(tmp_path / "run").read_json("config.json")["corpus"]
    assert (facts["train"], facts["validation"], facts["test"]) == (90, 0, 12)


def test_the_test_split_of_the_corpus_is_not_read_where_another_is_given(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(tmp_path / "train.csv", make_texts(30, 5))
    write_table(tmp_path / "test.csv", [("without a label", "")])
    options = ["--data", tmp_path, "--output", tmp_path / "run", "--vectors", "none", "--filters", 2]
    options += ["--frozen-epochs", 0, "--unfrozen-epochs", 1]
    assert run_main(monkeypatch, *options) == 2
    assert "empty label" in capsys.readouterr().err
    assert run_main(monkeypatch, *options, "--test-data", corpus_file) == 0


def test_a_corpus_that_needs_more_memory_than_it_may_have_is_refused(
    json_lines: Path, small_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from keras_textcnn.training import memory_budget

    options = [*small_options, "--data", str(json_lines), "--memory", "256", "--output", str(tmp_path / "run")]
    monkeypatch.setattr(memory_budget, "TEXT_BYTES", 2 * 2**20)
    assert run_main(monkeypatch, *options) == 2
    needed = re.search(
        r"90 texts, 18 tokens and 3 labels need about (\d+) MiB, \d+ of them for the layers of a batch; raise",
        capsys.readouterr().err,
    )
    assert int(needed[1]) >= 120 + 2 * 90
    assert not (tmp_path / "run").exists()


def test_a_run_from_python_is_resumed_from_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from keras_textcnn import Corpus, TrainConfig
    from keras_textcnn.training.trainer import train as train_corpus

    texts, labels = zip(*make_texts(60, 4), strict=True)
    corpus = Corpus(texts, labels)
    config = TrainConfig(filters=2, vectors="none", dimensions=4, frozen_epochs=0, unfrozen_epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save_weights", lambda *arguments: 1 / 0)  # stops it after the fit
        with pytest.raises(ZeroDivisionError):
            train_corpus(config, corpus, tmp_path / "run")
    assert Run.open(tmp_path / "run").read_json("config.json")["settings"]["data"] is None
    assert run_main(monkeypatch, "--resume", tmp_path / "run") == 2
    assert "was started from Python with its own texts" in capsys.readouterr().err
    assert train_corpus(config, corpus, tmp_path / "run", resumed=True).finished


def test_vectors_that_changed_are_not_resumed(
    small_options: list[str], vectors_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    more = tmp_path / "more.txt"
    more.write_text(vectors_file.read_text() + f"gnu{' 0.5' * 8}\n")
    options = [*small_options, "--vectors", str(more), "--vocabulary", "train+vectors"]
    monkeypatch.setattr(keras.Model, "save_weights", lambda *arguments: 1 / 0)  # stops it after the fit
    assert run_main(monkeypatch, *options, "--output", tmp_path / "run") == 1
    more.write_text(more.read_text().replace("gnu", "yak"))
    assert run_main(monkeypatch, "--resume", tmp_path / "run") == 2
    assert "the vectors are not those that" in capsys.readouterr().err


def test_texts_of_several_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = make_texts(240, 3)
    joined = [
        (f"{one} {two}", f"{first};{second}")
        for (one, first), (two, second) in zip(pairs[::2], pairs[1::2], strict=True)
    ] + [("the and of", "")] * 10
    path = write_table(tmp_path / "texts.csv", joined)
    options = ["--data", path, "--multi-label", ";", "--output", tmp_path / "run", "--vectors", "none"]
    options += [
        "--dimensions",
        8,
        "--filters",
        16,
        "--learning-rate",
        0.02,
        "--unfrozen-epochs",
        10,
        "--batch-size",
        16,
    ]
    assert run_main(monkeypatch, *options) == 0
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
        command = ["predict", str(tmp_path / "run"), str(tmp_path / "texts.txt"), "--threshold", str(threshold)]
        monkeypatch.setattr("sys.argv", command)
        capsys.readouterr()
        assert predict_command.main() == 0
        assert json.loads(capsys.readouterr().out)["labels"] == labels


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_split_without_labels_has_no_macro_f1(split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_table(tmp_path / "texts.csv", make_texts(60, 3))
    without = write_table(tmp_path / "without.csv", [(text, "") for text, _ in make_texts(6, 4)])
    options = ["--data", path, "--multi-label", ";", f"--{split}-data", without, "--filters", 2, "--frozen-epochs", 0]
    options += ["--vectors", "none", "--dimensions", 4, "--unfrozen-epochs", 1, "--ngram-epochs", 1]
    assert run_main(monkeypatch, *options, "--no-refit", "--output", tmp_path / "run") == 0
    text = (tmp_path / "run" / "metrics.json").read_text()
    metrics = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert metrics[split]["macro_f1"] is metrics["baseline"][split]["macro_f1"] is None
    assert metrics[split]["accuracy"] is not None
    assert "<td>–</td>" in (tmp_path / "run" / "report.html").read_text()
    assert "–" in (tmp_path / "run" / "report.txt").read_text()


SMALL = {
    "conv1d": ["--poolings", "max,average", "--hidden", "6", "--multichannel", "--max-norm", "3", "--filters", "6"],
    "conv1d-stack": ["--windows", "3,2", "--pooling", "2", "--filters", "6", "--hidden", "none"],
    "conv2d": ["--filters", "4", "--hidden", "8"],
    "conv2d-windows": ["--filters", "6"],
    "charcnn": ["--filters", "8", "--dimensions", "4"],
    "charcnn-zhang-small": ["--maximum-tokens", "123", "--learning-rate", "1e-4"],
}


@pytest.mark.parametrize("model", SMALL)
def test_every_model_trains_exports_and_answers(
    model: str, corpus_file: Path, vectors_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--data", corpus_file, "--model", model, *SMALL[model], "--output", tmp_path / "run"]
    options += [] if model.startswith("charcnn") else ["--vectors", vectors_file, "--optimizer", "rmsprop"]
    assert run_main(monkeypatch, *options, "--frozen-epochs", 1, "--unfrozen-epochs", 1) == 0
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


def test_a_binary_corpus_works_with_softmax_and_with_sigmoids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_table(tmp_path / "two.csv", [pair for pair in make_texts(240, 3) if pair[1] != "sea"])
    options = ["--data", path, "--vectors", "none", "--dimensions", 8, "--filters", 16, "--learning-rate", 0.02]
    for name, head in (("softmax", []), ("sigmoid", ["--multi-label", ";"])):
        assert run_main(monkeypatch, *options, *head, "--output", tmp_path / name) == 0
        assert json.loads((tmp_path / name / "metrics.json").read_text())["test"]["accuracy"] == 1


@pytest.mark.parametrize("longest", ["train", "validation", "test"])
def test_a_fixed_length_is_that_of_the_longest_text_to_train_on(
    longest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: list[object] = ["--model", "conv1d-stack", "--frozen-epochs", 1, "--unfrozen-epochs", 0, "--filters", 4]
    for seed, split in enumerate(("train", "validation", "test")):
        pairs = [(text + " and" * 50 * (split == longest), label) for text, label in make_texts(60, seed)]
        path = write_table(tmp_path / f"{split}.csv", pairs)
        options += ["--data" if split == "train" else f"--{split}-data", path]
    assert run_main(monkeypatch, *options, "--output", tmp_path / "run") == 0
    tokens = max(len(text.replace("it's", "it s").split()) + 1 for text, _ in make_texts(60, 0))
    assert Run.open(tmp_path / "run").config().maximum_tokens == tokens + 50 * (longest == "train")


def test_a_fixed_length_is_long_enough_for_the_layers(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", corpus_file, "--model", "conv1d-stack", "--windows", "5,5,5", "--filters", 4]
    options += ["--frozen-epochs", 1, "--unfrozen-epochs", 0]
    assert run_main(monkeypatch, *options, "--output", tmp_path / "run") == 0  # no text has more than 32 tokens
    assert Run.open(tmp_path / "run").config().maximum_tokens == ((5 * 5 + 4) * 5 + 4)
    assert run_main(monkeypatch, *options, "--maximum-tokens", 148, "--output", tmp_path / "short") == 2
    message = (
        "error: cannot build conv1d-stack with these settings: --maximum-tokens must be at least 149 for these layers."
    )
    assert message in capsys.readouterr().err
    assert not (tmp_path / "short").exists()


def test_vectors_without_a_token_of_the_corpus_are_refused(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "v.txt").write_text("gnu 1 2\nyak 3 4\n")
    assert (
        run_main(monkeypatch, "--data", corpus_file, "--vectors", tmp_path / "v.txt", "--output", tmp_path / "r") == 2
    )
    assert "no token of the training texts has a vector in" in capsys.readouterr().err


def test_vectors_too_large_to_learn_from_are_one_line_and_the_run_is_marked_unfinished(
    small_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = tmp_path / "huge.8d.txt"
    huge.write_text("".join(f"{word} {'1e30 ' * 7}-1e30\n" for word in ("the", "of", "apple", "iron", "wave")))
    assert run_main(monkeypatch, *small_options, "--vectors", huge, "--output", tmp_path / "run") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.match(
        r"error: epoch 1, frozen: the loss is NaN or infinite in one of the batches 1 to \d+ of \d+; lower", error
    )
    assert not Run.open(tmp_path / "run").finished


def test_a_learning_rate_of_a_million_leaves_finite_scores(
    small_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--unfrozen-learning-rate", 1e6, "--ngrams", 0, "--no-refit", "--output", tmp_path / "run"]
    assert run_main(monkeypatch, *without_ngrams(small_options), *options) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert np.isfinite([metrics[split]["log_loss"] for split in ("validation", "test")]).all()
    assert all(np.isfinite(weights).all() for weights in weights_of(tmp_path / "run"))


def test_a_corpus_of_words_is_none_of_characters(tmp_path: Path) -> None:
    from keras_textcnn.config import TrainConfig
    from keras_textcnn.data.corpus import Record
    from keras_textcnn.data.tokenized import tokenize_corpus
    from keras_textcnn.errors import InputError
    from keras_textcnn.training.trainer import train as train_run

    words = tokenize_corpus([Record("train", text, label) for text, label in make_texts(30, 1)])
    with pytest.raises(InputError, match="the tokens of the corpus are words, but the settings say characters"):
        train_run(TrainConfig(model="charcnn"), words, tmp_path / "run")


def test_a_run_that_an_older_version_began_is_not_resumed(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished_run, tmp_path / "old")
    (tmp_path / "old" / "checkpoints").mkdir()
    path = tmp_path / "old" / "config.json"
    content = json.loads(path.read_text())
    new = {"optimizer", "freeze", "poolings", "hidden", "multichannel", "max_norm", "alphabet", "embedding", "pooling"}
    content["settings"] = {name: value for name, value in content["settings"].items() if name not in new}
    path.write_text(json.dumps({**content, "format": 1}))
    (tmp_path / "old" / "manifest.json").unlink()  # that version wrote none
    from keras_textcnn.errors import InputError
    from keras_textcnn.persistence.loading import load_model

    assert Run.open(tmp_path / "old").config() == Run.open(finished_run).config()  # it can still be read
    with pytest.raises(InputError, match="whose models have other layers; use its SavedModel, or train again"):
        load_model(Run.open(tmp_path / "old"))
    assert run_main(monkeypatch, "--resume", tmp_path / "old") == 2
    assert "was started by another version, which trains differently; start again" in capsys.readouterr().err


def test_the_alphabet_is_the_corpus_own_or_zhangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(f"电影{mark} مرحبا", label) for mark, label in (("好", "good"), ("坏", "bad")) for _ in range(12)]
    path = write_table(tmp_path / "chinese.csv", rows)
    options = ["--data", path, "--model", "charcnn", "--filters", 8, "--frozen-epochs", 8]
    for alphabet in ("corpus", "zhang"):
        assert run_main(monkeypatch, *options, "--alphabet", alphabet, "--output", tmp_path / alphabet) == 0
    lines = (tmp_path / "corpus" / "vocabulary.txt").read_text("utf-8").splitlines()
    assert set(lines[2:]) == set("电影好坏مرحبا ")
    assert json.loads((tmp_path / "corpus" / "metrics.json").read_text())["test"]["accuracy"] == 1
    assert len((tmp_path / "zhang" / "vocabulary.txt").read_text("utf-8").splitlines()) == 71
    assert json.loads((tmp_path / "zhang" / "metrics.json").read_text())["test"]["accuracy"] < 1  # all unknown


def test_words_of_the_vectors_file_that_no_training_text_has(
    finished_run: Path, small_options: list[str], vectors_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = tmp_path / "more.txt"
    more.write_text(vectors_file.read_text() + "".join(f"{word} {' 0.5' * 8}\n" for word in ("gnu", "Yak", "emu")))
    more.write_text(more.read_text().replace("  ", " "))
    options = [*small_options, "--vectors", str(more), "--output", str(tmp_path / "run")]
    assert run_main(monkeypatch, *options, "--vocabulary", "train+vectors") == 0
    vocabulary = (tmp_path / "run" / "vocabulary.txt").read_text().splitlines()
    assert vocabulary == [*(finished_run / "vocabulary.txt").read_text().splitlines(), "gnu", "yak", "emu"]
    np.testing.assert_array_equal(weights_of(tmp_path / "run")[0][-3:], 0.5)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["coverage"]["added"] == 3


def test_without_vectors_nothing_is_frozen(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--data", corpus_file, "--vectors", "none", "--frozen-epochs", 1, "--unfrozen-epochs", 1, "--filters", 4]
    options += ["--ngrams", 0, "--no-refit"]
    assert run_main(monkeypatch, *options) == 0
    metrics = json.loads(Path("runs/things/metrics.json").read_text())
    assert [(phase["name"], phase["epochs"]) for phase in metrics["phases"]] == [("fast", 1), ("slow", 1)]
    assert metrics["coverage"] is None
    output = capsys.readouterr()
    assert "test accuracy" in output.out
    assert "    python -m keras_textcnn.predict runs/things " in output.out
    assert "epoch  1 fast" in output.err


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([], [], "no texts in"),
        ([("a", "x")] * 9, [], "only one label: 'x'"),
        ([("a", "x")] * 2 + [("b", "y")], [], "every label has a single training text"),
        ([("", "x")] * 9 + [(" ", "y")] * 9, [], "the training texts have no tokens: all are empty"),
        (
            make_texts(30, 1),
            ["--maximum-tokens", "3000000000"],
            "--maximum-tokens must be at least 1 and at most 2147483647",
        ),
        (make_texts(30, 1), ["--label-column", "class"], "no column 'class' in"),
        (make_texts(30, 1), ["--vectors", "nowhere.txt"], "no such vectors file: nowhere.txt"),
        (make_texts(30, 1), ["--dimensions", "50"], "vectors of 100 dimensions for an embedding of 50"),
        (make_texts(30, 1), ["--filters", "0"], "--filters must be at least 1; received: 0"),
        (
            make_texts(30, 1),
            ["--windows", "a"],
            "argument --windows: must be numbers separated by commas, such as 1,2,3; received: a",
        ),
        (make_texts(30, 1), ["--colour", "red"], "unknown option --colour"),
        (make_texts(30, 1), ["--resume", "nowhere"], "--resume takes all settings from the run"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_is_written(
    rows: list[tuple[str, ...]],
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_table(tmp_path / "texts.csv", rows)
    try:
        status = run_main(monkeypatch, "--data", path, "--output", tmp_path / "run", *options)
    except SystemExit as stopped:  # from argparse
        status = stopped.code
    lines = capsys.readouterr().err.splitlines()
    assert status == 2
    assert lines[-1].startswith("error: ")
    assert message in lines[-1]
    assert not [line for line in lines[:-1] if "error" in line.lower() or "Traceback" in line]
    assert [entry.name for entry in tmp_path.iterdir()] == ["texts.csv"]


def test_a_directory_with_a_run_is_left_as_it_is(
    finished_run: Path, small_options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished_run.rglob("*")}
    assert run_main(monkeypatch, *small_options, "--output", finished_run) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert run_main(monkeypatch, "--resume", finished_run) == 2
    assert "is finished; there is nothing to resume" in capsys.readouterr().err
    assert before == {path: path.stat().st_mtime_ns for path in finished_run.rglob("*")}


def test_a_directory_that_is_taken_meanwhile_is_not_joined(
    finished_run: Path, small_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    directory = tmp_path / "run"
    (directory / "checkpoints").mkdir(parents=True)
    (directory / "config.json").write_bytes((finished_run / "config.json").read_bytes())
    monkeypatch.setattr(train, "check_free", lambda directory: None)  # as if another process came after the check
    assert run_main(monkeypatch, *small_options, "--output", directory) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert list((directory / "checkpoints").iterdir()) == []


def test_texts_of_single_symbols_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(text, label) for text, label in (("😀 我 a", "x"), ("👍 你 b", "y")) for _ in range(10)]
    path = write_table(tmp_path / "texts.csv", rows)
    options = ["--data", path, "--output", tmp_path / "run", "--filters", 2, "--frozen-epochs", 0]
    assert run_main(monkeypatch, *options, "--unfrozen-epochs", 1) == 0


def test_a_corpus_that_changed_is_not_resumed(
    finished_run: Path, small_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = write_table(tmp_path / "texts.csv", make_texts(60, 1))
    options = [*small_options, "--data", str(path), "--output", str(tmp_path / "run")]
    monkeypatch.setattr(keras.Model, "save_weights", lambda *arguments: 1 / 0)  # stops it after the fit
    assert run_main(monkeypatch, *options) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: division by zero"
    write_table(path, make_texts(60, 2))
    assert run_main(monkeypatch, "--resume", tmp_path / "run") == 2
    assert "the corpus is not the one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("steps", "ends", "completed"), [(52, [15, 31, 47, 63], [16, 32, 48, 52]), (3, [15], [3]), (16, [15], [16])]
)
def test_the_bar_of_batches_ends_at_their_number(
    steps: int, ends: list[int], completed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras reports every 16th batch, even past the end if fewer than 16 are left."""
    bars: list[Progress] = []

    def remember(*columns: object, **options: object) -> Progress:
        bars.append(Progress(*columns, **options))
        return bars[-1]

    monkeypatch.setattr(train, "Progress", remember)
    with train._batch_bar() as callback:
        callback.set_params({"steps": steps})
        callback.on_epoch_begin(0, {})
        shown = []
        for batch in ends:
            callback.on_train_batch_end(batch, {})
            shown.append(bars[0].tasks[0].completed)
    assert (shown, bars[0].tasks[0].total) == (completed, steps)
