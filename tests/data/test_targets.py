"""Targets as scikit-learn's users have them become labels by name, and come back as they were."""

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from keras_textcnn.data.targets import INDICATOR, ONE, SETS, SOFT, Targets
from keras_textcnn.errors import InputError

NAMED = ["sea", "metal", "sea"]
LISTS = [["sea", "metal"], ["sea"], []]
MATRIX = np.array([[1, 1], [1, 0], [0, 0]])
TAUGHT = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("y", "classes", "names"),
    [
        (["b", "a", "b"], ["a", "b"], ("a", "b")),
        (np.array([10, 9, -1]), [-1, 9, 10], ("-1", "9", "10")),
        (pd.Series([True, False], index=[5, 4]), [False, True], ("false", "true")),
        ([2.0, 1.0, 2.0], [1.0, 2.0], ("1.0", "2.0")),
        (pd.Series(["b", "a"], dtype="category"), ["a", "b"], ("a", "b")),
        (pd.Series(["b", "a"], dtype="string"), ["a", "b"], ("a", "b")),
        (["1", 2, "1"], [2, "1"], ("2", "1")),
    ],
)
def test_one_label_a_text(y: Any, classes: list[Any], names: tuple[str, ...]) -> None:
    targets = Targets.of(y)
    assert (targets.kind, targets.classes.tolist(), targets.names) == (ONE, classes, names)
    labels, probabilities = targets.read(y)
    assert probabilities is None
    assert [names.index(str(label)) for label in labels] == [classes.index(label) for label in list(y)]
    again = Targets.from_json(targets.to_json())
    assert (again.kind, again.classes.tolist(), again.names) == (targets.kind, classes, names)


def test_a_class_of_a_type_that_json_lacks_is_kept_by_its_name() -> None:
    targets = Targets.of([Fraction(1, 2), Fraction(3, 1), Fraction(1, 2)])
    again = Targets.from_json(json.loads(json.dumps(targets.to_json())))
    assert again.classes.tolist() == [*again.names] == [*targets.names] == ["1/2", "3"]


@pytest.mark.parametrize(
    "y",
    [
        [[1, 0, 1], [0, 0, 0], [1, 1, 1]],
        [np.array([1, 0, 1]), np.array([0, 0, 0]), np.array([1, 1, 1])],
        np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1]]),
        sparse.csr_array(np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1]])),
    ],
)
def test_a_matrix_of_0_and_1_is_several_labels(y: Any) -> None:
    targets = Targets.of(y)
    assert (targets.kind, targets.classes.tolist()) == (INDICATOR, [0, 1, 2])
    assert targets.read(y) == ([("0", "2"), (), ("0", "1", "2")], None)


def test_lists_of_labels_are_several_labels() -> None:
    for y in ([["x", "y"], [], ["z"]], [("y", "x"), (), ("z",)], pd.Series([{"x", "y"}, set(), {"z"}])):
        targets = Targets.of(y)
        assert (targets.kind, targets.names) == (SETS, ("x", "y", "z"))
        assert targets.read(y)[0] == [("x", "y"), (), ("z",)]
        assert targets.are_right([("y", "x"), (), ("z",)], y).all()
        assert targets.answer(np.array([[1, 1, 0], [0, 0, 0]])) == [("x", "y"), ()]
    assert Targets.of([[1, 2], [2, 3]]).classes.tolist() == [1, 2, 3]


def test_rows_that_add_up_to_1_are_probabilities() -> None:
    frame = pd.DataFrame([[0.2, 0.8], [0.9, 0.1]], columns=["no", "yes"])
    targets = Targets.of(frame)
    labels, probabilities = targets.read(frame)
    assert (targets.kind, targets.classes.tolist(), labels) == (SOFT, ["no", "yes"], ["yes", "no"])
    np.testing.assert_array_equal(probabilities, frame)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (None, "requires y to be passed"),
        ("abc", "a list of labels is needed"),
        (["a", None], r"label 1 \(from 0\) is missing"),
        ([1, "1"], "two labels are both called '1'"),
        (np.linspace(0, 1, 20), "continuous"),
        ([1.0, np.inf], r"label 1 \(from 0\) is infinite"),
        (np.array([[0.5, 0.2], [0.5, 0.5]]), r"add up to 1; received in row 0"),
        (np.array([[0.5, np.nan], [0.5, 0.5]]), r"row 0 of y \(from 0\) holds NaN"),
        (np.zeros((2, 2, 2)), "one or two dimensions"),
        ([{"a": 1}], "label 0"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(y: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        Targets.of(y)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("y", "other"),
    [
        (NAMED, MATRIX),
        (NAMED, LISTS),
        (LISTS, MATRIX),
        (MATRIX, NAMED),
        (MATRIX, np.eye(3)),
        (MATRIX, TAUGHT),
        (TAUGHT, np.eye(3)),
        (TAUGHT, LISTS),
    ],
)
def test_validation_targets_of_another_kind_are_refused(y: Any, other: Any) -> None:
    with pytest.raises(InputError, match="must be like those of fit"):
        Targets.of(y).read(other)


def test_the_columns_of_a_table_may_be_in_another_order() -> None:
    table = pd.DataFrame(MATRIX, columns=["sea", "metal"])
    targets = Targets.of(table)
    assert targets.read(table[["metal", "sea"]]) == targets.read(table)
    assert targets.are_right(MATRIX, table[["metal", "sea"]]).all()
    with pytest.raises(InputError, match="one of 0, 1"):
        Targets.of(TAUGHT).read([0, 1, 7])


@pytest.mark.parametrize("other", [1.0, True, np.float64(1)])
def test_equal_labels_of_different_types_are_refused(other: Any) -> None:
    """Python takes them for one label, and a run for two."""
    with pytest.raises(InputError, match="use labels of one type"):
        Targets.of([0, 1, other])


def test_the_right_answers_are_counted_one_by_one() -> None:
    assert Targets.of(NAMED).are_right(np.array(["sea", "sea", "sea"]), NAMED).tolist() == [True, False, True]
    stars = [1.5, 2.0, 1.5]  # scikit-learn's own metrics take them for measurements
    assert Targets.of(stars).are_right(np.array([1.5, 2.0, 2.0]), stars).tolist() == [True, True, False]
    several = Targets.of(LISTS)
    assert several.are_right([("metal", "sea"), (), ()], LISTS).tolist() == [True, False, True]
    assert not several.are_right([()], [["a label that no text had"]]).any()
    assert Targets.of(MATRIX).are_right(MATRIX, [[1, 1], [0, 1], [0, 0]]).tolist() == [True, False, True]
    assert Targets.of(TAUGHT).are_right(np.array([0, 1, 1]), TAUGHT).tolist() == [True, True, False]
    assert Targets.of(TAUGHT).are_right(np.array([0, 1, 1]), [0, 1, 1]).all()
    with pytest.raises(InputError, match="3 texts, but 2 labels"):
        Targets.of(NAMED).are_right(np.array(NAMED), NAMED[:2])
