"""What users give becomes texts, labels and paths, or one line that says what was received."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest
import tensorflow as tf

from keras_textcnn.errors import InputError
from keras_textcnn.persistence.run import Run
from keras_textcnn.utils.inputs import as_labels, as_path, as_texts


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        iter,
        np.array,
        lambda texts: np.array(texts, object),
        lambda texts: [text.encode() for text in texts],
        lambda texts: (text for text in texts),
        lambda texts: pandas.Series(texts, index=[7, 7]),
        lambda texts: pandas.Series(texts, dtype=object),
        lambda texts: pandas.Series(texts, dtype="category"),
        tf.constant,
    ],
)
def test_texts_are_strings_however_they_are_held(make: Callable[[list[str]], object]) -> None:
    texts = as_texts(make(["a café", ""]))
    assert texts == ["a café", ""]
    assert {type(text) for text in texts} == {str}


def test_bytes_that_are_not_utf8_are_replaced_as_the_tokenizers_do() -> None:
    random = np.random.default_rng(0)
    rows = [
        bytes(random.choice([0x41, 0x80, 0xC2, 0xE0, 0xA0, 0xED, 0xF0, 0x90, 0xFF], 6).tolist()) for _ in range(500)
    ]
    replaced = tf.strings.unicode_transcode(tf.constant(rows), "UTF-8", "UTF-8", errors="replace").numpy()
    assert [text.encode() for text in as_texts(rows)] == replaced.tolist()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one text", "a list of texts is needed; received one string: str 'one text'; put it in a list"),
        (["a", None], "text 1 (from 0) is missing (None); leave it out, or fill it in"),
        (["a", float("nan")], "text 1 (from 0) is missing (nan)"),
        (pandas.Series(["a", None], index=[5, 6]), "text 1 (from 0) is missing (nan)"),
        (pandas.Series(["a", None], dtype=object), "text 1 (from 0) is missing (None)"),
        (pandas.array(["a", None], dtype="string"), "text 1 (from 0) is missing (<NA>)"),
        (["a", 5], "text 1 (from 0) must be a string; received: int 5"),
        ([["a"]], "text 0 (from 0) must be a string; received: list ['a']"),
        (["a", "\ud800"], "text 1 (from 0) has half of a surrogate pair"),
        (np.array([["a"]]), "texts must be a list, a NumPy array or a pandas Series of one dimension"),
        (pandas.DataFrame({"text": ["a"]}), "texts must be one column; received a DataFrame"),
        ({"a": "b"}, "texts must be a list, a NumPy array or a pandas Series"),
        ({"a", "b"}, "texts must be a list"),
        (5, "received: int 5"),
        (None, "received: NoneType None"),
    ],
)
def test_what_are_no_texts_is_named(texts: object, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        as_texts(texts)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["b", "a"], ["b", "a"]),
        ([1, 0], ["1", "0"]),
        (np.array([1, 0], np.int8), ["1", "0"]),
        ([True, np.False_], ["true", "false"]),
        ([1.0, np.float64(2.5)], ["1.0", "2.5"]),
        (pandas.Series([3, 4], index=["x", "y"]), ["3", "4"]),
        (pandas.Series(["b", "a"], dtype="category"), ["b", "a"]),
        ([["b", "a", "b"], (), {2, 1}, np.array(["z", "y"])], [("a", "b"), (), ("1", "2"), ("y", "z")]),
    ],
)
def test_labels_are_strings_or_sorted_tuples(labels: object, expected: list[object]) -> None:
    assert as_labels(labels) == expected


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("a", "a list of labels is needed"),
        (["a", None], "label 1 (from 0) is missing (None)"),
        (pandas.Series([1, None]), "label 1 (from 0) is missing (nan)"),
        (pandas.Series(["a", None], dtype="category"), "label 1 (from 0) is missing (nan)"),
        ([["a", None]], "label 0 (from 0) is missing (None)"),
        ([object], "label 0 (from 0) must be a string or a number; received: type <class 'object'>"),
        (np.eye(2), "labels must be a list, a NumPy array or a pandas Series of one dimension; received: ndarray"),
    ],
)
def test_what_are_no_labels_is_named(labels: object, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        as_labels(labels)


def test_paths_are_strings_paths_and_runs(tmp_path: Path) -> None:
    assert as_path("a") == as_path(Path("a")) == Path("a")
    assert as_path(Run(str(tmp_path))) == tmp_path
    with pytest.raises(InputError, match="a corpus must be a path; received: int 5"):
        as_path(5, "a corpus")
