"""Checks of a scikit-learn estimator of texts: the text versions of those of scikit-learn that feed numbers.

A function in `OF_FITTED` takes an estimator that was fitted to `TEXTS` and `LABELS`. One in `OF_ESTIMATOR` also takes a
function that makes an unfitted estimator with the same parameters, and fits it once or twice.
"""

import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, log_loss
from sklearn.utils import get_tags

from tests.conftest import make_texts

Make = Callable[[], BaseEstimator]

TEXTS, LABELS = map(list, zip(*make_texts(30, 1), strict=True))
OTHERS = [text for text, _ in make_texts(12, 2)]
METHODS = ("predict", "predict_proba", "decision_function")
TOLERANCE = 1e-5  # of probabilities: the order of a sum may differ


def answer(fitted: BaseEstimator, texts: Any = OTHERS) -> np.ndarray:
    """The probabilities of texts."""
    return fitted.predict_proba(texts)


def assert_same_answers(one: BaseEstimator, other: BaseEstimator) -> None:
    """Fails unless two estimators have the same labels and answer texts with the same probabilities."""
    assert one.classes_.tolist() == other.classes_.tolist()
    np.testing.assert_allclose(answer(one), answer(other), atol=TOLERANCE)


# ---- of a fitted estimator


def check_probabilities(fitted: BaseEstimator) -> None:
    probabilities = fitted.predict_proba(OTHERS)
    assert probabilities.shape == (len(OTHERS), 3)
    assert probabilities.dtype.kind == "f"
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(fitted.classes_[probabilities.argmax(axis=1)], fitted.predict(OTHERS))


def check_decision_function(fitted: BaseEstimator) -> None:
    decisions, probabilities = fitted.decision_function(OTHERS), fitted.predict_proba(OTHERS)
    assert decisions.shape == (len(OTHERS), 3)
    np.testing.assert_array_equal(fitted.classes_[decisions.argmax(axis=1)], fitted.predict(OTHERS))
    for row, its_probabilities in zip(decisions, probabilities, strict=True):
        _assert_same_order(row, its_probabilities)


def check_score(fitted: BaseEstimator) -> None:
    wrong = ["sea", *LABELS[1:]]
    assert fitted.score(TEXTS, wrong) == pytest.approx(accuracy_score(wrong, fitted.predict(TEXTS)))
    weights = np.arange(len(TEXTS))
    expected = accuracy_score(wrong, fitted.predict(TEXTS), sample_weight=weights)
    assert fitted.score(TEXTS, wrong, sample_weight=weights) == pytest.approx(expected)


def check_it_has_learnt(fitted: BaseEstimator) -> None:
    """Every text names its label."""
    assert fitted.score(TEXTS, LABELS) > 0.83  # as in scikit-learn's check_classifiers_train
    assert log_loss(LABELS, fitted.predict_proba(TEXTS), labels=fitted.classes_) < np.log(3)


def check_each_text_alone_has_the_answer_that_it_has_among_others(fitted: BaseEstimator) -> None:
    for method in METHODS:
        together = getattr(fitted, method)(OTHERS)
        alone = np.concatenate([getattr(fitted, method)([text]) for text in OTHERS])
        _assert_close(together, alone)


def check_the_order_of_texts_changes_no_answer(fitted: BaseEstimator) -> None:
    order = np.random.default_rng(0).permutation(len(OTHERS))
    for method in METHODS:
        shuffled = getattr(fitted, method)([OTHERS[position] for position in order])
        _assert_close(getattr(fitted, method)(OTHERS)[order], shuffled)


def check_texts_of_any_container(fitted: BaseEstimator) -> None:
    expected = answer(fitted)
    index = [f"row {number}" for number in range(len(OTHERS))]
    containers = [
        tuple(OTHERS),
        np.array(OTHERS),
        np.array(OTHERS, dtype=object),
        pd.Series(OTHERS, index=index),
        pd.Series(OTHERS, index=range(len(OTHERS), 0, -1)),
        pd.Series(OTHERS, dtype="string"),
        pd.Series(OTHERS, dtype="category"),
    ]
    for texts in containers:
        np.testing.assert_array_equal(answer(fitted, texts), expected)


def check_odd_texts_are_answered(fitted: BaseEstimator) -> None:
    """Empty texts, texts without a known word, and signs that are no words."""
    probabilities = fitted.predict_proba(["", " ", "qqqq", "!", "\0", "a\nb\u2028c", "日本", "e\u0301"])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def check_a_prediction_changes_nothing(fitted: BaseEstimator) -> None:
    before = dict(vars(fitted))
    texts = np.array(OTHERS * 2, dtype=object)
    texts.flags.writeable = False
    for method in METHODS:
        getattr(fitted, method)(texts)
    assert vars(fitted) == before
    assert texts.tolist() == OTHERS * 2


def check_pickled_it_gives_the_same_answers(fitted: BaseEstimator) -> None:
    copy = pickle.loads(pickle.dumps(fitted))
    assert type(copy) is type(fitted)
    assert copy.get_params() == fitted.get_params()
    for method in METHODS:
        np.testing.assert_array_equal(getattr(copy, method)(OTHERS), getattr(fitted, method)(OTHERS))


def check_attributes(fitted: BaseEstimator) -> None:
    """What a fit has found ends with an underscore, and there is no number of features."""
    parameters = set(inspect.signature(type(fitted).__init__).parameters) - {"self"}
    found = {name for name in vars(fitted) if not name.startswith("_")} - parameters
    assert found
    assert all(name.endswith("_") for name in found), found
    assert not hasattr(fitted, "n_features_in_")
    assert not hasattr(fitted, "feature_names_in_")
    assert isinstance(fitted.classes_, np.ndarray)
    assert fitted.classes_.tolist() == sorted(set(LABELS))
    assert isinstance(fitted.n_iter_, int)
    assert fitted.n_iter_ >= 1


def check_parameters(fitted: BaseEstimator) -> None:
    """Parameters are what was given, a clone has them and nothing else, and unknown ones are refused."""
    parameters = set(inspect.signature(type(fitted).__init__).parameters) - {"self"}
    assert set(fitted.get_params()) == parameters
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert set(vars(copy)) <= parameters
    fresh = type(fitted)()
    assert fresh.set_params(**fitted.get_params()) is fresh
    assert fresh.get_params() == fitted.get_params()
    with pytest.raises(ValueError, match="Invalid parameter 'nothing'"):
        fresh.set_params(nothing=1)


def check_it_must_be_fitted(fitted: BaseEstimator) -> None:
    unfitted = clone(fitted)
    for method in METHODS:
        with pytest.raises(NotFittedError):
            getattr(unfitted, method)(OTHERS)
    with pytest.raises(NotFittedError):
        unfitted.score(TEXTS, LABELS)
    assert not hasattr(unfitted, "classes_")


def check_tags(fitted: BaseEstimator) -> None:
    tags = get_tags(fitted)
    assert is_classifier(fitted)
    assert (tags.input_tags.one_d_array, tags.input_tags.two_d_array, tags.input_tags.string) == (True, False, True)
    assert not tags.input_tags.sparse
    assert tags.target_tags.required
    assert tags.requires_fit
    assert tags.classifier_tags.multi_class
    assert not tags.non_deterministic
    assert not tags.no_validation


def check_representations(fitted: BaseEstimator) -> None:
    """A line for a terminal and HTML for a notebook, fitted or not."""
    for estimator in (fitted, clone(fitted)):
        assert repr(estimator).startswith(f"{type(fitted).__name__}(")
        assert type(fitted).__name__ in estimator._repr_html_()


# ---- of an estimator that is fitted here


def check_a_fit_forgets_the_fit_before(fitted: BaseEstimator, make: Make) -> None:
    estimator = make().fit(OTHERS[:8], [10, 20] * 4)
    assert estimator.classes_.tolist() == [10, 20]
    assert estimator.fit(TEXTS, LABELS) is estimator
    assert_same_answers(estimator, fitted)


def check_series_are_read_by_position(fitted: BaseEstimator, make: Make) -> None:
    """As from a table of which rows were shuffled or dropped; they are read-only and stay as they were."""
    texts = pd.Series(TEXTS, index=range(len(TEXTS), 0, -1))
    labels = pd.Series(LABELS, index=[7] * len(LABELS), dtype=object)
    weights = pd.Series(1.0, index=range(5, 5 + len(TEXTS)))
    for series in (texts, labels, weights):
        series.to_numpy().flags.writeable = False
    assert_same_answers(make().fit(texts, labels, sample_weight=weights), fitted)  # weights of 1 change nothing
    assert (texts.tolist(), labels.tolist(), set(weights)) == (TEXTS, LABELS, {1.0})


def check_a_weight_of_zero_leaves_a_text_out(fitted: BaseEstimator, make: Make) -> None:
    texts, labels = [*OTHERS, *TEXTS], [*["nonsense"] * len(OTHERS), *LABELS]
    weights = np.array([0.0] * len(OTHERS) + [1.0] * len(TEXTS))
    weights.flags.writeable = False
    weighted = make().fit(texts, labels, sample_weight=weights)
    np.testing.assert_allclose(answer(weighted), answer(fitted), atol=TOLERANCE)
    assert "nonsense" not in weighted.predict(OTHERS)


def check_two_labels(fitted: BaseEstimator, make: Make) -> None:
    """One decision value a text, as in scikit-learn: above 0 is the second label."""
    kept = [position for position, label in enumerate(LABELS) if label != "sea"]
    estimator = make().fit([TEXTS[position] for position in kept], [LABELS[position] == "metal" for position in kept])
    assert estimator.classes_.tolist() == [False, True]
    assert estimator.classes_.dtype == bool
    decisions, probabilities = estimator.decision_function(OTHERS), estimator.predict_proba(OTHERS)
    assert (decisions.shape, probabilities.shape) == ((len(OTHERS),), (len(OTHERS), 2))
    np.testing.assert_array_equal(estimator.classes_[(decisions > 0).astype(int)], estimator.predict(OTHERS))
    _assert_same_order(decisions, probabilities[:, 1])
    assert estimator.predict(OTHERS).dtype == bool


def check_labels_of_any_kind(fitted: BaseEstimator, make: Make) -> None:
    """The labels come back as they were given, in their own order: 10 follows 9."""
    names = dict(zip(["fruit", "metal", "sea"], [9, 10, -1], strict=True))
    estimator = make().fit(TEXTS, np.array([names[label] for label in LABELS], np.int16))
    assert estimator.classes_.tolist() == [-1, 9, 10]
    assert estimator.predict(OTHERS).dtype == estimator.classes_.dtype == np.int16
    expected = [names[label] for label in fitted.predict(TEXTS).tolist()]
    assert estimator.predict(TEXTS).tolist() == expected


def check_several_labels(fitted: BaseEstimator, make: Make) -> None:
    """A column a label, 1 for each label of a text, as in scikit-learn; a text may have none."""
    named = np.array([[word in text for word in ("apple", "iron", "the")] for text in TEXTS], int)
    estimator = make().fit(TEXTS, named)
    predicted = estimator.predict(TEXTS)
    assert predicted.shape == named.shape
    assert set(np.unique(predicted)) <= {0, 1}
    assert (predicted == named).mean() > 0.83
    probabilities, decisions = estimator.predict_proba(OTHERS), estimator.decision_function(OTHERS)
    assert probabilities.shape == decisions.shape == (len(OTHERS), 3)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    for its_decisions, its_probabilities in zip(decisions.T, probabilities.T, strict=True):
        _assert_same_order(its_decisions, its_probabilities)


def _assert_close(one: np.ndarray, other: np.ndarray) -> None:
    """Equal labels, or numbers that are equal but for rounding."""
    if one.dtype.kind == "f":
        np.testing.assert_allclose(one, other, atol=TOLERANCE)
    else:
        np.testing.assert_array_equal(one, other)


def _assert_same_order(decisions: np.ndarray, probabilities: np.ndarray) -> None:
    """The higher the decision value, the higher the probability."""
    assert (np.diff(probabilities[np.argsort(decisions)]) >= -TOLERANCE).all()


OF_FITTED = [
    check_a_prediction_changes_nothing,
    check_probabilities,
    check_decision_function,
    check_score,
    check_it_has_learnt,
    check_each_text_alone_has_the_answer_that_it_has_among_others,
    check_the_order_of_texts_changes_no_answer,
    check_texts_of_any_container,
    check_odd_texts_are_answered,
    check_pickled_it_gives_the_same_answers,
    check_attributes,
    check_parameters,
    check_it_must_be_fitted,
    check_tags,
    check_representations,
]
OF_ESTIMATOR = [
    check_a_fit_forgets_the_fit_before,
    check_series_are_read_by_position,
    check_a_weight_of_zero_leaves_a_text_out,
    check_two_labels,
    check_labels_of_any_kind,
    check_several_labels,
]
