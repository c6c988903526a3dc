"""`text_dataset`: the batches hold each text once with its label, in an order that the seed decides."""

from typing import Any

import keras
import numpy as np
import pytest

from keras_textcnn.data.text_dataset import text_dataset
from keras_textcnn.errors import InputError
from keras_textcnn.text.vectorizer import TextVectorizer

TEXTS = [f"t{number} " * (1 + number % 20) for number in range(50)]
LABELS = [("even", "odd")[number % 2] for number in range(50)]


@pytest.fixture(scope="module")
def vectorizer() -> TextVectorizer:
    adapted = TextVectorizer(maximum_tokens=18)
    adapted.adapt(TEXTS)
    return adapted


def read(dataset: Any, vectorizer: TextVectorizer) -> list[list[tuple[Any, ...]]]:
    """The batches of one epoch: (first token, number of tokens, target ...) of each text."""
    vocabulary = vectorizer.get_vocabulary()
    return [
        [
            (vocabulary[row[0]], int((row > 0).sum()), *(part[place] for part in more))
            for place, row in enumerate(ids.tolist() and ids)
        ]
        for ids, *more in dataset.as_numpy_iterator()
    ]


def test_each_epoch_has_every_text_once_with_its_label(vectorizer: TextVectorizer) -> None:
    dataset = text_dataset(TEXTS, LABELS, vectorizer, batch_size=8, seed=3)
    assert dataset.label_names == ("even", "odd")
    expected = sorted((f"t{number}", min(1 + number % 20, 18), number % 2) for number in range(50))
    epochs = [read(dataset, vectorizer) for _ in range(2)]
    for batches in epochs:
        assert sorted(entry for batch in batches for entry in batch) == expected
        assert len(batches) == len(dataset) == 7
    assert epochs[0] != epochs[1]
    again = text_dataset(TEXTS, LABELS, vectorizer, batch_size=8, seed=3)
    assert [read(again, vectorizer) for _ in range(2)] == epochs
    assert read(text_dataset(TEXTS, LABELS, vectorizer, batch_size=8, seed=4), vectorizer) != epochs[0]


def test_an_epoch_can_be_continued_at_any_batch(vectorizer: TextVectorizer) -> None:
    dataset = text_dataset(TEXTS, LABELS, vectorizer, batch_size=8)
    epochs = [read(dataset, vectorizer) for _ in range(2)]
    assert read(dataset.epochs.rest(1, 3), vectorizer) == epochs[1][3:]
    dataset.epochs.next_epoch = 0
    assert read(dataset, vectorizer) == epochs[0]


def test_an_iteration_that_is_not_finished_does_not_count(vectorizer: TextVectorizer) -> None:
    dataset = text_dataset(TEXTS, LABELS, vectorizer, batch_size=4)
    first = next(iter(dataset))
    np.testing.assert_array_equal(next(iter(dataset))[0], first[0])


def test_without_a_seed_the_shortest_texts_come_first_each_time(vectorizer: TextVectorizer) -> None:
    dataset = text_dataset(TEXTS, LABELS, vectorizer, batch_size=8, seed=None)
    batches = read(dataset, vectorizer)
    assert read(dataset, vectorizer) == batches
    assert max(length for _, length, _ in batches[0]) <= min(length for _, length, _ in batches[-1])


def test_targets_and_weights_of_all_kinds(vectorizer: TextVectorizer) -> None:
    matrix = np.eye(2)[np.arange(50) % 2]
    dataset = text_dataset(TEXTS, matrix, vectorizer, sample_weight=np.arange(50))
    for _, targets, weights in dataset.as_numpy_iterator():
        np.testing.assert_array_equal(targets.argmax(axis=1), weights % 2)
        assert (targets.dtype, weights.dtype) == (np.float32, np.float32)
    same = text_dataset(TEXTS, LABELS, vectorizer, sample_weight=np.ones(50))
    assert len(list(same)) == len(same)
    ints = text_dataset(TEXTS, np.arange(50) % 2, vectorizer, seed=None)
    strings = text_dataset(TEXTS, LABELS, vectorizer, seed=None)
    for (_, one), (_, other) in zip(ints, strings, strict=True):
        np.testing.assert_array_equal(one, other)
    column = text_dataset(TEXTS, (np.arange(50) % 2)[:, None], vectorizer, seed=None)
    assert [targets.shape for _, targets in column] == [targets.shape for _, targets in ints]
    named = text_dataset(["t1"], ["odd"], vectorizer, label_names=["even", "odd"])
    assert [targets.numpy().tolist() for _, targets in named] == [[1]]


@pytest.mark.parametrize(
    ("texts", "labels", "more", "said"),
    [
        (["a"], ["x", "y"], {}, "1 texts, but 2 labels"),
        ([], [], {}, "no texts"),
        (["a", None], ["x", "y"], {}, r"text 1 \(from 0\) is missing"),
        (["a", "b"], ["x", None], {}, r"label 1 \(from 0\) is missing"),
        (["a"], ["z"], {"label_names": ["x", "y"]}, r"label 0 \(from 0\), 'z', is not one of label_names: x, y"),
        (["a"], [("x", "y")], {}, "give a matrix of 0 and 1"),
        (["a", "b"], [["x", "y"], ["x"]], {}, "give a matrix of 0 and 1"),
        (["a", "b"], [0, -1], {}, r"label 1 \(from 0\) must be an output"),
        (["a", "b"], [[1, 0], [np.nan, 0]], {}, r"label 1 \(from 0\) must be .* finite numbers"),
        (["a"], ["x"], {"sample_weight": [-1]}, "at least 0"),
        (["a"], ["x"], {"batch_size": 0}, "batch_size must be at least 1"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    texts: list[Any], labels: list[Any], more: dict[str, Any], said: str, vectorizer: TextVectorizer
) -> None:
    with pytest.raises(InputError, match=said):
        text_dataset(texts, labels, vectorizer, **more)


def test_a_vectorizer_of_keras_is_refused() -> None:
    with pytest.raises(InputError, match="must be a keras_textcnn.TextVectorizer"):
        text_dataset(["a"], ["x"], keras.layers.TextVectorization())
