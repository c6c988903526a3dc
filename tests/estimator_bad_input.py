"""Input that a scikit-learn estimator of texts refuses: each is a `ValueError` of one line.

Each is given with a pattern that its message must have; `PLACE` is the position of the text in question.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, clone

from tests.estimator_checks import LABELS, TEXTS

PLACE = 7
BAD_TEXTS: dict[str, tuple[Any, str]] = {
    "None": ([*TEXTS[:PLACE], None, *TEXTS[PLACE + 1 :]], str(PLACE)),
    "NaN": (pd.Series([*TEXTS[:PLACE], np.nan, *TEXTS[PLACE + 1 :]], dtype=object), str(PLACE)),
    "NA": (pd.Series([*TEXTS[:PLACE], pd.NA, *TEXTS[PLACE + 1 :]], dtype="string"), str(PLACE)),
    "a number": ([*TEXTS[:PLACE], 5, *TEXTS[PLACE + 1 :]], str(PLACE)),
    "numbers": (np.zeros(len(TEXTS)), "text|string"),
    "a matrix of numbers": (np.zeros((len(TEXTS), 3)), "text|string"),
    "complex numbers": (np.zeros(len(TEXTS), complex), "text|string"),
    "a sparse matrix": (sparse.csr_array(np.eye(len(TEXTS))), "text|string"),
    "two columns of texts": (np.array([TEXTS, TEXTS], dtype=object).T, "text|string"),
    "a single text": (TEXTS[0], "text|string"),
    "nothing": ([], "text|string"),
    "no list": (None, "text|string"),
}
BAD_LABELS: dict[str, tuple[Any, str]] = {
    "no labels": (None, "requires y|labels"),
    "fewer labels than texts": (LABELS[1:], "29"),
    "None": ([None, *LABELS[1:]], "label|NaN"),
    "NaN": (np.array([np.nan, *[1.0, 2.0] * 14, 1.0]), "label|NaN"),
    "an infinite number": (np.array([np.inf, *[1.0, 2.0] * 14, 1.0]), "label|inf"),
    "continuous numbers": (np.linspace(0, 1, len(TEXTS)), "Unknown label type|continuous"),
    "one label": (["sea"] * len(TEXTS), "class"),
}
BAD_WEIGHTS: dict[str, tuple[Any, str]] = {
    "fewer weights than texts": ([1.0] * 29, "weight"),
    "a matrix": (np.ones((len(TEXTS), 2)), "weight"),
    "below zero": ([-1.0, *[1.0] * 29], "weight"),
    "NaN": ([np.nan, *[1.0] * 29], "weight|NaN"),
    "all zero": ([0.0] * 30, "weight.*zero|zero.*weight"),
    "one label left": ([float(label == "sea") for label in LABELS], "class"),
}


def check_bad_texts(kind: str, fitted: BaseEstimator) -> None:
    """They are refused in one line by a fit and by a prediction, and the fit before is not lost."""
    texts, said = BAD_TEXTS[kind]
    _assert_refused(lambda: clone(fitted).fit(texts, LABELS), said)
    if kind != "nothing":
        _assert_refused(lambda: fitted.predict(texts), said)


def check_bad_labels(kind: str, fitted: BaseEstimator) -> None:
    labels, said = BAD_LABELS[kind]
    _assert_refused(lambda: clone(fitted).fit(TEXTS, labels), said)


def check_bad_weights(kind: str, fitted: BaseEstimator) -> None:
    weights, said = BAD_WEIGHTS[kind]
    _assert_refused(lambda: clone(fitted).fit(TEXTS, LABELS, sample_weight=weights), said)


def _assert_refused(call: Callable[[], object], said: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=f"(?i){said}") as caught:
            call()
    assert "\n" not in str(caught.value)
