from collections import Counter

import numpy as np
import pandas
import pytest
from sklearn.model_selection import StratifiedShuffleSplit

from keras_textcnn.data.corpus import (
    TEST,
    TRAIN,
    VALIDATION,
    Corpus,
    Label,
    assign_splits,
)
from keras_textcnn.data.corpus_warnings import warn_of_corpus
from keras_textcnn.data.label_counts import count_labels, number_labels, rare_labels
from keras_textcnn.data.survey import describe_survey, survey_corpus
from keras_textcnn.errors import InputError


def strata_of(*counts: int) -> np.ndarray:
    return np.random.default_rng(5).permutation(np.repeat(np.arange(len(counts)), counts))


def assign(splits: np.ndarray, strata: np.ndarray, seed: int = 0) -> np.ndarray:
    return assign_splits(splits, strata, validation_fraction=0.1, test_fraction=0.2, seed=seed)


def test_splits_off_what_is_missing_by_label() -> None:
    strata = strata_of(200, 100, 3)
    splits = assign(np.zeros(303, np.int8), strata)
    counted = {split: Counter(strata[splits == split].tolist()) for split in (TRAIN, VALIDATION, TEST)}
    assert counted[TEST] == {0: 40, 1: 20, 2: 1}
    assert counted[VALIDATION] == {0: 16, 1: 8, 2: 1}
    # scikit-learn takes equally many of each label if it can.
    _, chosen = next(StratifiedShuffleSplit(1, test_size=0.2, random_state=0).split(strata[:, None], strata))
    assert {label: Counter(strata[chosen].tolist())[label] for label in (0, 1)} == {0: 40, 1: 20}


def test_folds_test_every_text_once_and_have_as_many_of_each_label() -> None:
    strata, fractions = strata_of(203, 50, 7, 2), {"validation_fraction": 0.1, "test_fraction": 0.2}
    folds = [
        assign_splits(np.zeros(262, np.int8), strata, **fractions, seed=4, fold=(fold, 10)) for fold in range(1, 11)
    ]
    tested = np.stack([splits == TEST for splits in folds])
    np.testing.assert_array_equal(tested.sum(axis=0), strata != 3)  # two texts cannot be in three splits
    for label in range(3):
        assert np.ptp(tested[:, strata == label].sum(axis=1)) <= 1
    assert np.ptp(tested.sum(axis=1)) <= 1
    for splits in folds:
        assert {*strata[splits == TRAIN]} == {0, 1, 2, 3}
        assert (splits == VALIDATION).sum() == pytest.approx(0.1 * 262, abs=4)
    other = assign_splits(np.zeros(262, np.int8), strata, **fractions, seed=5, fold=(1, 10))
    assert (other != folds[0]).any()
    with pytest.raises(InputError, match="--folds tests on the training texts, but the corpus has test texts"):
        assign_splits(folds[0], strata, **fractions, seed=4, fold=(1, 10))


def test_seed_fixes_the_split() -> None:
    strata = strata_of(50, 50)
    again = [assign(np.zeros(100, np.int8), strata, seed).tolist() for seed in (1, 1, 2)]
    assert again[0] == again[1] != again[2]


def test_parts_that_are_given_stay_as_they_are() -> None:
    splits = np.array([TRAIN, TEST, TRAIN, VALIDATION, TRAIN], np.int8)
    np.testing.assert_array_equal(assign(splits, np.array([0, 0, 1, 1, 1])), splits)
    splits = np.array([TRAIN] * 20 + [TEST] * 5, np.int8)
    assigned = assign(splits, np.array([0, 1] * 10 + [0] * 5))
    np.testing.assert_array_equal(assigned == TEST, splits == TEST)
    assert (assigned == VALIDATION).sum() == 2


def test_labels_too_rare_to_split_stay_in_training_and_are_named() -> None:
    strata = strata_of(30, 2, 3)
    splits = np.zeros(35, np.int8)
    assigned = assign(splits, strata)
    assert set(assigned[strata == 1]) == {TRAIN}
    assert set(assigned[strata == 2]) == {TRAIN, VALIDATION, TEST}
    assert rare_labels({"a": 30, "b": 2, "c": 3}, strata, splits) == ["b"]
    given = np.array([TRAIN, TRAIN, VALIDATION, TEST])
    assert rare_labels({"a": 1, "b": 1}, np.array([0, 1, 0, 0]), given) == []


def test_refuses_a_corpus_without_a_label_that_can_be_split() -> None:
    message = r"every label has too few texts to split: 'a' has 2, at least 3 are needed"
    with pytest.raises(InputError, match=message):
        rare_labels({"a": 2, "b": 2}, np.array([0, 0, 1, 1]), np.zeros(4, np.int8))


def numbered(label_sets: list[Label], rows: list[int], splits: list[int], known: tuple[str, ...] = ()) -> list[object]:
    return [*number_labels(label_sets, np.array(rows), np.array(splits, np.int8), known=known).items()]


def test_labels_are_counted_in_the_training_texts() -> None:
    label_sets: list[Label] = [(), ("a",), ("a", "b"), ("b",)]
    assert numbered(label_sets, [1, 1, 1, 2, 0, 3], [TRAIN] * 6) == [("a", 4), ("b", 2)]
    assert numbered(["x", "y"], [1, 0, 1, 1], [TRAIN, TRAIN, TRAIN, TEST]) == [("x", 1), ("y", 2)]
    assert count_labels(label_sets, np.array([2, 2, 0])) == {"a": 2, "b": 2}


def test_known_labels_stay_in_their_order_if_a_text_has_one_of_them() -> None:
    known = ("z", "b", "k")
    assert numbered(["a", "b", "c"], [2, 1, 0], [TRAIN] * 3, known) == [
        ("z", 0),
        ("b", 1),
        ("k", 0),
        ("a", 1),
        ("c", 1),
    ]
    assert numbered(["a", "b", "z"], [0, 1, 2], [TRAIN, TRAIN, TEST], known)[0] == (
        "z",
        0,
    )  # only a test text has it, but it is known
    assert numbered(["a", "c"], [0, 1], [TRAIN] * 2, known) == [("a", 1), ("c", 1)]
    with pytest.raises(InputError, match="only one label: 'b'; .* at least two; mix in texts of the original run with"):
        numbered(["b"], [0], [TRAIN], known)


@pytest.mark.parametrize(
    ("label_sets", "splits", "message"),
    [
        (["a"], [TRAIN], "the training texts have only one label: 'a'"),
        ([()], [TRAIN], "the training texts have no labels"),
        ([("a",), ()], [TRAIN, TRAIN], "the training texts have only one label: 'a'"),
        (["a", "b", "z"], [TRAIN, TRAIN, TEST], "the test texts have labels that no training text has: z"),
    ],
)
def test_refuses_labels_that_cannot_be_learned(label_sets: list[Label], splits: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        numbered(label_sets, list(range(len(label_sets))), splits)


def test_survey_counts_by_hand() -> None:
    # Text:     0  1  2  3  4  5  6; text 1 is text 0 again, 4 is 3 with another label, 5 and 6 are texts 0 and 2.
    hashes = np.array([7, 7, 8, 9, 9, 7, 8], np.uint64)
    survey = survey_corpus(
        ["a", "b"],
        rows=np.array([0, 0, 0, 0, 1, 0, 0]),
        splits=np.array([TRAIN, TRAIN, TRAIN, TRAIN, TRAIN, TEST, VALIDATION]),
        rare=["b"],
        lengths=np.array([0, 1, 2, 3, 4, 5, 60]),
        hashes=hashes,
        maximum_tokens=4,
    )
    assert survey.labels == {
        "a": {"train": 4, "validation": 1, "test": 1},
        "b": {"train": 1, "validation": 0, "test": 0},
    }
    assert survey.leaked == {"validation": 1, "test": 1}
    assert (survey.duplicates, survey.conflicting, survey.empty, survey.cut, survey.rare) == (2, 1, 1, 2, ["b"])
    assert (survey.lengths[0], survey.lengths[3], survey.lengths[6]) == (0, 3, 60)


def test_a_survey_counts_texts_and_not_their_labels() -> None:
    survey = survey_corpus(
        [(), ("a",), ("a", "b", "c")],
        rows=np.array([0, 1, 2, 2]),
        splits=np.array([TRAIN, TRAIN, TRAIN, TEST]),
        rare=[],
        lengths=np.array([9, 9, 1, 9]),
        hashes=np.array([1, 2, 3, 3], np.uint64),
        maximum_tokens=4,
    )
    assert survey.texts == {"train": 3, "validation": 0, "test": 1}
    assert "warning: 1 of 1 test texts are also in training" in describe_survey(survey, maximum_tokens=4)
    assert "most texts, 3 of 4, are cut" in warn_of_corpus(survey, {}, maximum_tokens=4, data="a.csv")[0]


@pytest.mark.parametrize(
    ("labels", "splits", "message"),
    [
        (["x"], [], "2 texts, 1 labels, 0 splits"),
        (["x", "y"], ["train"], "2 texts, 2 labels, 1 splits"),
        ([1, None], [], r"label 1 \(from 0\) is missing \(None\); leave it out"),
        (["x", "y"], ["train", "dev"], "a split must be one of train, validation, test; received: 'dev'"),
    ],
)
def test_refuses_texts_and_labels_that_do_not_match(labels: list[Label], splits: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Corpus(["a", "b"], labels, splits)


def test_a_corpus_of_pandas_and_numpy_is_that_of_lists() -> None:
    texts, labels, splits = ["a", "b", "c"], [1, 0, 1], ["train", "test", "train"]
    expected = Corpus(texts, ["1", "0", "1"], splits)
    series = pandas.Series(texts, index=[5, 5, 9]), pandas.Series(labels), pandas.Series(splits, dtype="category")
    for held in (series, map(np.array, (texts, labels, splits)), map(iter, (texts, labels, splits))):
        assert Corpus(*held) == expected
    table = pandas.DataFrame({"body": texts, "stars": labels, "split": splits}, index=[3, 1, 2])
    assert Corpus.of(table, text_column="body", label_column="stars") == expected
    without = table.drop(columns="split").rename(columns={"body": "text", "stars": "label"})
    assert Corpus.of(without) == Corpus(texts, labels)
    assert Corpus.of(expected.records()) == expected
    assert len(Corpus.of([])) == 0
    assert Corpus(["a"], [{"y", "x"}]).labels == (("x", "y"),)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (pandas.DataFrame({"a": [], "label": []}), r"no column 'text'; choose text_column .* among \['a', 'label'\]"),
        (pandas.DataFrame({"text": ["a", None], "label": ["x", "y"]}), r"text 1 \(from 0\) is missing"),
        (["a text"], "a record must be a split, a text and a label; received: str 'a text'"),
        (5, "a corpus needs a DataFrame or records; received: int 5"),
    ],
)
def test_what_is_no_corpus_is_named(records: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Corpus.of(records)


def test_a_corpus_is_shown_in_one_line() -> None:
    texts = ["a long text"] * 1200
    assert repr(Corpus(texts, ["x", "y"] * 600)) == "Corpus(1,200 texts, 2 labels, 1,200 train)"
    splits = ["train"] * 900 + ["test"] * 300
    assert repr(Corpus(texts, [("x", "y"), ()] * 600, splits)) == "Corpus(1,200 texts, 2 labels, 900 train, 300 test)"
    assert repr(Corpus([], [])) == "Corpus(0 texts, 0 labels)"
