"""Targets of texts with several labels: sparse until a batch or a score needs them."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from keras_textcnn.config import TrainConfig
from keras_textcnn.data import batching
from keras_textcnn.data.corpus import Record
from keras_textcnn.data.preprocessing import encode_corpus
from keras_textcnn.data.tokenized import tokenize_corpus
from keras_textcnn.persistence.run import Run
from keras_textcnn.tasks import SeveralLabels
from keras_textcnn.training import class_weights
from tests.conftest import make_texts, write_table
from tests.runs import Cli, run_weights

LABELS = [f"label {number:04}" for number in range(1000)]


def draw_records(texts: int) -> list[Record]:
    random = np.random.default_rng(0)
    names = ["train", "validation", "test"]
    splits = [names[min(number, 2)] if number < 40 else "train" for number in range(texts)]
    sets = [(LABELS[number % 1000], LABELS[(7 * number) % 1000]) for number in range(20, texts)]
    label_sets = [*((LABELS[number],) for number in range(20)), *sets]
    words = random.choice(["a", "b", "c"], texts).tolist()
    return [
        Record(split, word, tuple(sorted({*its}))) for split, word, its in zip(splits, words, label_sets, strict=True)
    ]


def test_no_array_is_of_all_texts_and_labels() -> None:
    config = TrainConfig(multi_label=";", vectors="none", dimensions=2).resolved()
    tokenized = tokenize_corpus(draw_records(20_000))
    tracemalloc.start()
    encoded = encode_corpus(config, tokenized)
    examples = encoded.examples["train"]
    weights = class_weights.weigh_labels(examples.sparse_targets, num_classes=1000)
    shares = class_weights.weigh_texts(examples.sparse_targets)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * 2**20 < 20_000 * 1000 * 4
    assert (weights.shape, len(shares)) == ((2, 1000), len(examples.rows))
    assert encoded.examples["test"].targets.shape == (38, 1000)


def test_batches_and_truth_are_dense_and_those_of_the_labels() -> None:
    records = draw_records(3000)
    encoded = encode_corpus(
        TrainConfig(multi_label=";", vectors="none", dimensions=2).resolved(), tokenize_corpus(records)
    )
    assert encoded.labels == LABELS
    for split, examples in encoded.examples.items():
        sets = [record.label for record in records if record.split == split]
        expected = np.array([[label in its for label in LABELS] for its in sets], np.float32)
        assert sparse.issparse(examples.row_targets)
        np.testing.assert_array_equal(examples.targets, expected)
        np.testing.assert_array_equal(examples.sparse_targets.toarray(), expected)
        plan = [np.array([0]), np.array([0, 0])] if split == "validation" else [np.array([7, 2, 2]), np.array([30])]
        for texts, (_, targets) in zip(
            plan, batching.padded_batches(examples, plan, boundaries=[16]).as_numpy_iterator(), strict=True
        ):
            assert targets.dtype == np.float32
            np.testing.assert_array_equal(targets, expected[texts])


@pytest.mark.usefixtures("without_exports")
@pytest.mark.parametrize("memory", [[], ["--memory", "256", "--no-subwords"]])  # their targets are dense, but counted
def test_sparse_targets_train_what_dense_ones_do(
    memory: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path / "home"))
    pairs = make_texts(120, 3)
    rows = [(f"{a} {b}", f"{x};{y}") for (a, x), (b, y) in zip(pairs[::2], pairs[1::2], strict=True)] + [
        ("the", "")
    ] * 9
    options = ["--data", write_table(tmp_path / "texts.csv", rows), "--multi-label", ";", "--vectors", "none"]
    options += ["--dimensions", 4, "--filters", 4, "--ngram-epochs", 1, "--frozen-epochs", 0, "--unfrozen-epochs", 1]
    options += [
        "--class-weight",
        "balanced",
        "--sampling",
        "balanced",
        "--batch-size",
        8,
        "--inner-folds",
        0,
        "--no-refit",
        *memory,
    ]
    heights: list[int] = []
    as_array = sparse.csr_array.toarray

    def watched(matrix: sparse.csr_array) -> np.ndarray:
        heights.append(matrix.shape[0])
        return as_array(matrix)

    with monkeypatch.context() as patch:
        patch.setattr(sparse.csr_array, "toarray", watched)
        assert cli("train", *options, "--output", tmp_path / "sparse").status == 0
    facts = Run.open(tmp_path / "sparse").read_json("config.json")["corpus"]
    if memory:  # otherwise the linear baseline takes all texts at once
        assert max(heights) <= max(32, facts["validation"], facts["test"]) < facts["train"]
        return
    encode = SeveralLabels.encode
    monkeypatch.setattr(SeveralLabels, "encode", lambda *labels: as_array(encode(*labels)))
    assert cli("train", *options, "--output", tmp_path / "dense").status == 0
    for ours, theirs in zip(*(run_weights(tmp_path / name) for name in ("sparse", "dense")), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    found, expected = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("sparse", "dense"))
    for name in ("validation", "test", "calibration", "baseline"):
        assert found[name] == expected[name]
