"""What is decided before the first fit: splits, lengths, alphabets, vectors."""

import zipfile
from pathlib import Path

import pytest

from keras_textcnn.persistence.run import Run
from tests.conftest import make_texts, write_table
from tests.runs import Cli, Killed

pytestmark = pytest.mark.usefixtures("without_fits")


@pytest.mark.parametrize("kind", ["file", "folder", "archive"])
def test_a_corpus_given_for_the_test_is_asked_for_its_test_split(
    kind: str, corpus_file: Path, tmp_path: Path, cli: Cli
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    write_table(folder / "train.csv", make_texts(30, 5))
    write_table(folder / "test.csv", make_texts(12, 6))
    with zipfile.ZipFile(folder / "only.zip", "w") as archive:
        for number, (text, label) in enumerate(make_texts(12, 6)):
            archive.writestr(f"test/{label}/{number}.txt", text)
    source = {"file": folder / "test.csv", "folder": folder, "archive": folder / "only.zip"}[kind]
    with pytest.raises(Killed):
        cli("train", "--data", corpus_file, "--test-data", source, "--output", tmp_path / "run", "--filters", 2)
    facts = Run.open(tmp_path / "run").read_json("config.json")["corpus"]
    assert (facts["train"], facts["validation"], facts["test"]) == (90, 0, 12)


def test_the_test_split_of_the_corpus_is_not_read_where_another_is_given(
    corpus_file: Path, tmp_path: Path, cli: Cli
) -> None:
    write_table(tmp_path / "train.csv", make_texts(30, 5))
    write_table(tmp_path / "test.csv", [("without a label", "")])
    options = ["--data", tmp_path, "--output", tmp_path / "run", "--vectors", "none", "--filters", 2]
    ended = cli("train", *options)
    assert ended.status == 2
    assert "empty label" in ended.err
    with pytest.raises(Killed):
        cli("train", *options, "--test-data", corpus_file)


@pytest.mark.parametrize("longest", ["train", "validation", "test"])
def test_a_fixed_length_is_that_of_the_longest_text_to_train_on(longest: str, tmp_path: Path, cli: Cli) -> None:
    options: list[object] = ["--model", "conv1d-stack", "--filters", 4]
    for seed, split in enumerate(("train", "validation", "test")):
        pairs = [(text + " and" * 50 * (split == longest), label) for text, label in make_texts(60, seed)]
        path = write_table(tmp_path / f"{split}.csv", pairs)
        options += ["--data" if split == "train" else f"--{split}-data", path]
    with pytest.raises(Killed):
        cli("train", *options, "--output", tmp_path / "run")
    tokens = max(len(text.replace("it's", "it s").split()) + 1 for text, _ in make_texts(60, 0))
    assert Run.open(tmp_path / "run").config().maximum_tokens == tokens + 50 * (longest == "train")


def test_a_fixed_length_is_long_enough_for_the_layers(corpus_file: Path, tmp_path: Path, cli: Cli) -> None:
    options = ["--data", corpus_file, "--model", "conv1d-stack", "--windows", "5,5,5", "--filters", 4]
    with pytest.raises(Killed):
        cli("train", *options, "--output", tmp_path / "run")  # no text has more than 32 tokens
    assert Run.open(tmp_path / "run").config().maximum_tokens == ((5 * 5 + 4) * 5 + 4)
    ended = cli("train", *options, "--maximum-tokens", 148, "--output", tmp_path / "short")
    assert ended.status == 2
    message = (
        "error: cannot build conv1d-stack with these settings: --maximum-tokens must be at least 149 for these layers."
    )
    assert message in ended.err
    assert not (tmp_path / "short").exists()


def test_the_alphabet_is_the_corpus_own_or_zhangs(tmp_path: Path, cli: Cli) -> None:
    rows = [(f"电影{mark} مرحبا", label) for mark, label in (("好", "good"), ("坏", "bad")) for _ in range(12)]
    path = write_table(tmp_path / "chinese.csv", rows)
    options = ["--data", path, "--model", "charcnn", "--filters", 8]
    for alphabet in ("corpus", "zhang"):
        with pytest.raises(Killed):
            cli("train", *options, "--alphabet", alphabet, "--output", tmp_path / alphabet)
    lines = (tmp_path / "corpus" / "vocabulary.txt").read_text("utf-8").splitlines()
    assert set(lines[2:]) == set("电影好坏مرحبا ")
    assert len((tmp_path / "zhang" / "vocabulary.txt").read_text("utf-8").splitlines()) == 71


def test_vectors_without_a_token_of_the_corpus_are_refused(corpus_file: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "v.txt").write_text("gnu 1 2\nyak 3 4\n")
    ended = cli("train", "--data", corpus_file, "--vectors", tmp_path / "v.txt", "--output", tmp_path / "r")
    assert ended.status == 2
    assert "no token of the training texts has a vector in" in ended.err


def test_a_corpus_of_words_is_none_of_characters(tmp_path: Path) -> None:
    from keras_textcnn.config import TrainConfig
    from keras_textcnn.data.corpus import Record
    from keras_textcnn.data.tokenized import tokenize_corpus
    from keras_textcnn.errors import InputError
    from keras_textcnn.training.trainer import train as train_run

    words = tokenize_corpus([Record("train", text, label) for text, label in make_texts(30, 1)])
    with pytest.raises(InputError, match="the tokens of the corpus are words, but the settings say characters"):
        train_run(TrainConfig(model="charcnn"), words, tmp_path / "run")
