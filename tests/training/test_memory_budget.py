import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_textcnn import Run, load_model
from keras_textcnn.config import TrainConfig
from keras_textcnn.data.preprocessing import Encoded
from keras_textcnn.training import memory_budget
from keras_textcnn.training.memory_budget import size_ngrams
from tests.conftest import make_examples
from tests.runs import Cli, killed_at


def encoded(pairs: int, *, tokens: int, labels: int) -> Encoded:
    """Texts with `pairs` different pairs of tokens, each in two texts; if 0, texts of one token."""
    rows = [[2 + pair % 97, 200 + pair // 97] for pair in range(pairs)] * 2 or [[2], [3]]
    examples = make_examples(rows, np.zeros(len(rows), np.int32))
    examples = dataclasses.replace(examples, renumber=np.arange(3_000, dtype=np.int32))
    names = [str(label) for label in range(labels)]
    return Encoded(["x"] * tokens, None, {}, 4, names, np.zeros(len(rows)), {"train": examples})


@pytest.mark.parametrize(
    ("settings", "pairs", "labels", "tokens", "buckets", "words"),
    [
        ({}, 0, 2, 50, 1, None),  # no text has two tokens
        ({}, 1, 2, 50, 8, None),
        ({}, 100, 40, 5_000, 1024, None),
        ({}, 128, 40, 5_000, 1024, None),
        ({}, 129, 40, 5_000, 2048, None),
        ({}, 40_000, 8, 50_000, 2**18, None),
        ({}, 200_000, 8, 50_000, 2**18, None),  # the most
        ({}, 40_000, 128, 50_000, 2**18, None),
        ({}, 40_000, 129, 50_000, 2**17, None),  # 2**25 weights
        ({}, 40_000, 1_000, 16_777, 2**15, None),
        ({}, 40_000, 1_000, 16_778, 2**15, 16_777),  # 2**24 weights
        ({}, 40_000, 3_000_000, 50, 8, 5),
        ({"ngram_buckets": 12_345}, 40_000, 1_000, 50_000, 12_345, 16_777),
        ({"ngram_words": 20_000}, 100, 1_000, 50_000, 1024, 20_000),
        ({"ngrams": 3}, 100, 2, 50, 1024, None),
        ({"ngrams": 1}, 100, 2, 50, None, None),
        ({"ngrams": 0}, 100, 1_000, 50_000, None, None),
        ({"model": "charcnn"}, 100, 1_000, 50_000, None, None),
    ],
)
def test_rows_of_ngrams_fit_the_texts_and_the_labels(
    settings: dict[str, Any],
    pairs: int,
    labels: int,
    tokens: int,
    buckets: int | None,
    words: int | None,
    logged: list[str],
) -> None:
    config = size_ngrams(TrainConfig(**settings).resolved(), encoded(pairs, tokens=tokens, labels=labels))
    assert (config.ngram_buckets, config.ngram_words) == (buckets, words)
    bounded = [buckets is not None and buckets < 2**18 < 8 * pairs and "ngram_buckets" not in settings]
    bounded += [words is not None and "ngram_words" not in settings]
    assert len(logged) == sum(bounded)
    assert all(line.startswith("n-grams: ") and f"{labels:,} labels, limited to" in line for line in logged)


@pytest.mark.parametrize(
    ("settings", "tokens", "labels", "subwords"),
    [
        ({}, 4, 2, True),
        ({}, 1_000_000, 50, True),
        ({}, 1_000_004, 2, False),
        ({}, 980_000, 51, True),  # 49,980,000
        ({}, 1_000_000, 51, False),
        ({"memory": 512}, 360_000, 2, True),  # a quarter holds 362,737
        ({"memory": 512}, 364_000, 2, False),
        ({"memory": 512, "multi_label": ";"}, 300_000, 100, True),  # and a text has 16 bytes for each label
        ({}, 4, 1_000, True),
        ({}, 4, 1_001, False),
        ({"subwords": True, "memory": 512}, 2_000_000, 99, True),
        ({"subwords": False}, 4, 2, False),
        ({"ngram_svm": True}, 4, 2, False),
        ({"ngram_svm": True, "subwords": True}, 4, 2, True),
        ({"ngrams": 0}, 4, 2, None),
        ({"tokenizer": "spaces"}, 4, 2, True),
        ({"tokenizer": "characters"}, 4, 2, None),
        ({"model": "charcnn"}, 4, 2, None),
        ({"from_run": "runs/a"}, 4, 2, None),
    ],
)
def test_subwords_are_the_default_where_they_are_cheap(
    settings: dict[str, Any], tokens: int, labels: int, subwords: bool | None
) -> None:
    texts = encoded(1, tokens=50, labels=labels)
    examples = dataclasses.replace(texts.examples["train"], lengths=np.array([2, tokens - 2]))
    sized = {} if {"ngrams", "model"} & settings.keys() else {"ngram_buckets": 64}
    config = size_ngrams(
        TrainConfig(**settings, **sized).resolved(), dataclasses.replace(texts, examples={"train": examples})
    )
    assert config.subwords is subwords


@pytest.mark.usefixtures("without_learning", "without_exports")
def test_sizes_stay_those_of_the_run(
    small_options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    cli: Cli,
) -> None:
    """In a resumed run, in its model, and in a run that starts from it."""
    monkeypatch.setattr(memory_budget, "MOST_BUCKET_NUMBERS", 200)
    monkeypatch.setattr(memory_budget, "MOST_WORD_NUMBERS", 30)
    at = small_options.index("--ngram-buckets")
    options = [*small_options[:at], *small_options[at + 2 :]]
    with killed_at("scoring"):
        cli("train", *options, "--output", tmp_path / "run")
    said = capsys.readouterr().err
    assert "n-grams: 64 rows for 3 labels, limited to 200 weights" in said
    assert "n-grams: only the 10 most frequent tokens have a row for 3 labels, limited to 30 weights" in said
    assert cli("train", "--resume", tmp_path / "run").status == 0
    options = ["--from", tmp_path / "run", "--data", options[1], "--frozen-epochs", 0, "--unfrozen-epochs", 1]
    options += ["--inner-folds", 0]
    for limit in ("MOST_BUCKET_NUMBERS", "MOST_WORD_NUMBERS"):
        monkeypatch.setattr(memory_budget, limit, 2**24)
    assert cli("train", *options, "--ngram-epochs", 1, "--output", tmp_path / "next").status == 0
    for name in ("run", "next"):
        layer = load_model(Run.open(tmp_path / name)).get_layer("ngrams")
        assert [tuple(weight.shape) for weight in layer.weights] == [(10, 3), (3,), (64, 3)]
