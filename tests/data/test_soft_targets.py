"""Weights and probabilities of texts: from Python and from tables, to the batches."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.data import batching
from keras_textcnn.data.corpus import Corpus, Record
from keras_textcnn.data.preprocessing import Encoded, encode_corpus
from keras_textcnn.data.readers import Reader
from keras_textcnn.data.shards import write_shards
from keras_textcnn.data.tokenized import tokenize_corpus
from keras_textcnn.errors import InputError
from tests.conftest import write_table

TEXTS, NAMES = ["one", "two", "three"], ["b", "a", "c"]
ROWS = [[0.2, 0.7, 0.1], [0.4, 0.4, 0.2], [1.0, 0.0, 0.0]]


def test_the_label_is_the_first_of_the_most_probable() -> None:
    corpus = Corpus.soft(TEXTS, np.array(ROWS), NAMES, weights=[0.5, 2, 1])
    assert corpus.labels == ("a", "b", "b")
    assert next(corpus.records()) == Record("train", "one", "a", 0.5, (0.2, 0.7, 0.1), ("b", "a", "c"))
    again = Corpus.of(corpus.records())
    assert (list(again.records()), again.fingerprint) == (list(corpus.records()), corpus.fingerprint)


def test_rows_are_scaled_to_1() -> None:
    corpus = Corpus.soft(TEXTS, [[0.333, 0.333, 0.333], *ROWS[1:]], NAMES)
    np.testing.assert_allclose(corpus.probabilities[0], [1 / 3] * 3, rtol=1e-12)
    assert corpus.probabilities[1:] == ((0.4, 0.4, 0.2), (1, 0, 0))


def test_a_text_without_probabilities_has_its_label_for_certain() -> None:
    soft = Record("train", "x", "a", 1.0, (0.6, 0.4), ("a", "b"))
    corpus = Corpus.of([soft, Record("test", "y", "c"), Record("test", "z", "b")])
    assert (corpus.label_names, corpus.labels) == (("a", "b", "c"), ("a", "c", "b"))
    assert corpus.probabilities == ((0.6, 0.4, 0), (0, 0, 1), (0, 1, 0))


def test_a_fingerprint_knows_weights_and_probabilities_but_is_as_before_without() -> None:
    plain = Corpus(["x", "y"], ["a", "b"])
    records = [["train", "x", "a"], ["train", "y", "b"]]
    assert plain.fingerprint == hashlib.sha256("".join(map(json.dumps, records)).encode()).hexdigest()
    assert Corpus(["x", "y"], ["a", "b"], weights=[1, 1]).fingerprint == plain.fingerprint
    others = [
        Corpus(["x", "y"], ["a", "b"], weights=[1, 2]),
        Corpus.soft(["x", "y"], [[0.6, 0.4], [0.4, 0.6]], ["a", "b"]),
        Corpus.soft(["x", "y"], [[0.7, 0.3], [0.4, 0.6]], ["a", "b"]),
    ]
    assert len({corpus.fingerprint for corpus in [plain, *others]}) == 4


@pytest.mark.parametrize(
    ("rows", "names", "message"),
    [
        ([[0.5, 0.4, 0.0], *ROWS[1:]], NAMES, "received: 0.5, 0.4, 0 for the text at position 0"),
        ([*ROWS[:2], [1.2, -0.2, 0]], NAMES, "at least 0 and add up to 1; received: 1.2, -0.2, 0 for .* position 2"),
        ([ROWS[0], [float("nan"), 1, 0], ROWS[2]], NAMES, "received: nan, 1, 0 for the text at position 1"),
        (ROWS[:2], NAMES, r"must have the shape \(3 texts, 3 labels\); received: \(2, 3\)"),
        ([*ROWS[:2], [1.0]], NAMES, "probabilities must be numbers, in rows of the same length"),
        (ROWS, ["a", "b", "b"], "at least two labels, all different; received: a, b, b"),
        (ROWS, [0, 1, 2], "a label must be a string; received: 0"),
    ],
)
def test_refuses_probabilities(rows: list[list[float]], names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Corpus.soft(TEXTS, rows, names)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, -1, 1], "a weight must be a number of at least 0; received: -1.0 for the text at position 1"),
        ([1, 1, float("inf")], "received: inf for the text at position 2"),
        ([1, 1], r"one number for each of the 3 texts; received: shape \(2,\)"),
        (["x", 1, 1], "weights must be numbers"),
    ],
)
def test_refuses_weights(weights: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Corpus(TEXTS, ["a", "b", "a"], weights=weights)


def test_the_labels_of_soft_targets_must_be_among_them() -> None:
    with pytest.raises(InputError, match="texts have a label without probabilities: 'z'"):
        Corpus(TEXTS, ["a", "b", "z"], probabilities=ROWS, label_names=NAMES)


TABLE = [("x", "0.2", "0.8", "2"), ("y", "0.9", "0.1", "0.5"), ("z", "5e-1", "0.5", " 0 ")]
HEADER = ("text", "no", "yes", "w")
COLUMNS = {"label_columns": ("yes,no",), "soft_labels": True, "weight_column": "w"}


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_table_with_a_column_a_label_and_one_of_weights(suffix: str, tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", TABLE, header=HEADER)
    if suffix == "jsonl":
        rows = [(text, *map(float, numbers)) for text, *numbers in TABLE]
        path = tmp_path / "a.jsonl"
        path.write_text("\n".join(json.dumps(dict(zip(HEADER, row, strict=True))) for row in rows))
    assert list(Reader(**COLUMNS).records(path)) == [
        Record("train", "x", "yes", 2.0, (0.8, 0.2), ("yes", "no")),
        Record("train", "y", "no", 0.5, (0.1, 0.9), ("yes", "no")),
        Record("train", "z", "yes", 0.0, (0.5, 0.5), ("yes", "no")),
    ]


def test_texts_without_probabilities_are_left_out_or_refused(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", [*TABLE, ("u", "", "", "1")], header=HEADER)
    reader = Reader(**COLUMNS, skip_unlabelled=True)
    assert len(list(reader.records(path))) == 3
    assert reader.labels.skipped == 1
    with pytest.raises(InputError, match=r"empty label: \S+a.csv:5: 1 of 4 texts have none"):
        list(Reader(**COLUMNS).records(path))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("u", "0.5", "0.4", "1"), r"must add up to 1; received: 0.9: \S+a.csv:5; correct them"),
        (("u", "1.5", "-0.5", "1"), r"'yes' must be a probability from 0 to 1; received: '-0.5': \S+a.csv:5"),
        (("u", "1", "", "1"), r"'yes' must be a probability from 0 to 1; received: '': \S+a.csv:5"),
        (("u", "0,5", "0.5", "1"), r"'no' must be a probability from 0 to 1; received: '0,5': \S+a.csv:5"),
        (("u", "0.5", "0.5", ""), r"the weight 'w' must be a number of at least 0; received: '': \S+a.csv:5"),
        (("u", "0.5", "0.5", "-1"), r"the weight 'w' must be a number of at least 0; received: '-1': \S+a.csv:5"),
        (("u", "0.5", "0.5", "nan"), r"received: 'nan': \S+a.csv:5; correct it, or choose another --weight-column"),
    ],
)
def test_refuses_rows(row: tuple[str, ...], message: str, tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", [*TABLE, row], header=HEADER)
    with pytest.raises(InputError, match=message):
        list(Reader(**COLUMNS).records(path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight_column": "v"}, "no column 'v' in .*; choose one with --weight-column"),
        ({"weight_column": "text"}, "'text' cannot hold the weight too: .*; choose another --weight-column"),
        ({"weight_column": "no"}, "'no' cannot hold the weight too"),
    ],
)
def test_refuses_columns(options: dict[str, str], message: str, tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", TABLE, header=HEADER)
    with pytest.raises(InputError, match=message):
        list(Reader(**{**COLUMNS, **options}).records(path))


def encode(corpus: Corpus, **settings: object) -> Encoded:
    config = TrainConfig(vectors="none", vocabulary="train", seed=3, **settings)
    return encode_corpus(config, tokenize_corpus(corpus.records()))


def soft_corpus(texts: int = 60) -> Corpus:
    """Texts of their own number and of a word, with random probabilities and weights; no text's label is "never"."""
    random = np.random.default_rng(0)
    rows = np.column_stack([random.dirichlet(np.ones(3), texts) * 0.9, np.full(texts, 0.1)])
    rows[:, :3] += np.eye(3)[np.arange(texts) % 3]
    words = [f"{'word ' * (number % 20)}t{number}" for number in range(texts)]
    names = ["z", "y", "x", "never"]
    return Corpus.soft(words, rows / rows.sum(axis=1, keepdims=True), names, weights=random.uniform(0, 3, texts))


def test_weights_and_probabilities_are_next_to_the_right_text_in_every_batch(logged: list[str]) -> None:
    corpus = soft_corpus()
    encoded = encode(corpus)
    assert encoded.labels == ["never", "x", "y", "z"]
    assert encoded.label_counts["never"] == 0
    train = encoded.examples["train"]
    number_of = {id: int(token[1:]) for id, token in enumerate(encoded.vocabulary) if token[1:].isdigit()}
    scale = np.mean([corpus.weights[number] for number in np.flatnonzero(encoded.splits == 0)])
    assert train.weights.mean() == pytest.approx(1)
    assert any(line.startswith("weights of the training texts: ") for line in logged)
    half = batching.select_examples(train, np.arange(len(train.rows)) % 2 == 0)
    both = batching.join_examples(half, encoded.examples["test"])
    for examples, known in ((train, len(train.rows)), (both, len(half.rows))):
        plan = batching.plan_batches(examples.lengths, boundaries=[16, 32], batch_size=8, seed=(0, 1))
        seen = 0
        for ids, targets, weights in batching.padded_batches(examples, plan, boundaries=[16, 32]).as_numpy_iterator():
            assert (targets.dtype, weights.dtype) == (np.float32, np.float32)
            for row, target, weight in zip(ids, targets, weights, strict=True):
                number = next((number_of[id] for id in row.tolist() if id in number_of), None)
                if number is not None:  # a test text's own token is unknown
                    assert weight == pytest.approx(corpus.weights[number] / scale)
                    np.testing.assert_allclose(target, np.array(corpus.probabilities[number])[[3, 2, 1, 0]], atol=1e-6)
                    seen += 1
        assert seen == known


def test_without_weights_and_probabilities_batches_are_as_before() -> None:
    corpus = soft_corpus()
    examples = encode(Corpus(corpus.texts, corpus.labels)).examples["train"]
    assert (examples.weights, examples.soft_targets) == (None, None)
    plan = batching.plan_batches(examples.lengths, boundaries=[32], batch_size=8)
    _, targets = next(batching.padded_batches(examples, plan, boundaries=[32]).as_numpy_iterator())
    assert targets.dtype == np.int32


def test_what_soft_targets_and_weights_do_not_go_with(tmp_path: Path) -> None:
    corpus = soft_corpus()
    with pytest.raises(InputError, match="class_weight does not apply to soft targets; leave it out"):
        encode(corpus, class_weight="balanced")
    with pytest.raises(InputError, match="weights and soft targets need all texts in memory; leave out --memory"):
        write_shards(corpus.records(), tmp_path / "shards", memory=256)
    with pytest.raises(InputError, match="all texts or none must have probabilities"):
        tokenize_corpus([*corpus.records(), Record("train", "x", "x")])
    nothing = Corpus(["a", "b", "c"] * 9, ["x", "y", "z"] * 9, weights=[1, 0, 0] * 9)
    with pytest.raises(InputError, match="fewer than two labels have training texts with a weight above 0"):
        encode(nothing)
