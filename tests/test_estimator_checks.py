"""scikit-learn's manners: its own checks on texts, and the text versions of those that feed numbers."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import DataConversionWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_is_fitted

from tests import estimator_bad_input, estimator_checks, sklearn_checks


class StandIn(ClassifierMixin, BaseEstimator):
    """What the checks are tried on as long as there is no `TextCNNClassifier`: a linear model of words."""

    def __init__(self, penalty: float = 0.1, random_state: int | None = None) -> None:
        self.penalty, self.random_state = penalty, random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array, tags.input_tags.two_d_array, tags.input_tags.string = True, False, True
        tags.classifier_tags.multi_label = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "StandIn":  # noqa: N803
        texts, labels = np.array(_read_texts(X), dtype=object), _read_labels(y)
        if len(texts) != len(labels):
            raise ValueError(f"{len(texts)} texts, but {len(labels)} labels")
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight, float)
            if sample_weight.shape != labels.shape[:1] or not (sample_weight >= 0).all():
                raise ValueError("sample weights must be a number of at least 0 for each text")
            if not sample_weight.any():
                raise ValueError("all sample weights are zero")
            kept = sample_weight > 0
            texts, labels, sample_weight = texts[kept], labels[kept], sample_weight[kept]
        self.classes_ = np.unique(labels) if labels.ndim == 1 else np.arange(labels.shape[1])
        if len(self.classes_) < 2:
            raise ValueError("only one label; a classifier needs at least two")
        self.vectorizer_ = TfidfVectorizer(token_pattern=r"\w+")
        model = LogisticRegression(C=1 / self.penalty)
        self.model_ = model if labels.ndim == 1 else OneVsRestClassifier(model)
        weighted = {} if sample_weight is None or labels.ndim > 1 else {"sample_weight": sample_weight}
        self.model_.fit(self.vectorizer_.fit_transform(texts), labels, **weighted)
        self.n_iter_ = 1
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        return self._answer("predict", X)

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        return self._answer("predict_proba", X)

    def decision_function(self, X: Any) -> np.ndarray:  # noqa: N803
        return self._answer("decision_function", X)

    def _answer(self, method: str, texts: Any) -> np.ndarray:
        check_is_fitted(self)
        return getattr(self.model_, method)(self.vectorizer_.transform(_read_texts(texts)))


def _read_texts(texts: Any) -> list[str]:
    texts = np.asarray(texts, dtype=object) if hasattr(texts, "__array__") else texts
    if texts is None or isinstance(texts, str) or sparse.issparse(texts):
        raise ValueError(f"texts must be a list of strings; received: {type(texts).__name__}")
    if not len(texts):
        raise ValueError("no texts")
    found = [*texts]
    for position, text in enumerate(found):
        if not isinstance(text, str):
            raise ValueError(f"text {position} is no string, but {type(text).__name__}")
    return found


def _read_labels(labels: Any) -> np.ndarray:
    if labels is None:
        raise ValueError("requires y to be passed, but the target y is None")
    labels = np.asarray(labels)
    if labels.dtype == object and any(label is None for label in labels.ravel()):
        raise ValueError("a label is None")
    if labels.dtype.kind == "f":
        assert_all_finite(labels, input_name="y")
    check_classification_targets(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        warnings.warn("A column-vector y was passed when a 1d array was expected", DataConversionWarning, stacklevel=3)
        labels = labels.ravel()
    return labels


try:
    from keras_textcnn.estimator import TextCNNClassifier
except ModuleNotFoundError:
    TextCNNClassifier = StandIn


def make_estimator() -> BaseEstimator:
    """An estimator whose fit takes a second."""
    return TextCNNClassifier(random_state=0)


@pytest.fixture(scope="module")
def fitted() -> BaseEstimator:
    """An estimator that was fitted to the texts of the checks."""
    return make_estimator().fit(estimator_checks.TEXTS, estimator_checks.LABELS)


@pytest.mark.parametrize("check", estimator_checks.OF_FITTED, ids=lambda check: check.__name__)
def test_fitted(check: Callable[[BaseEstimator], None], fitted: BaseEstimator) -> None:
    check(fitted)


@pytest.mark.parametrize("check", estimator_checks.OF_ESTIMATOR, ids=lambda check: check.__name__)
def test_fit(check: Callable[[BaseEstimator, estimator_checks.Make], None], fitted: BaseEstimator) -> None:
    check(fitted, make_estimator)


@pytest.mark.parametrize("kind", estimator_bad_input.BAD_TEXTS)
def test_bad_texts(kind: str, fitted: BaseEstimator) -> None:
    estimator_bad_input.check_bad_texts(kind, fitted)


@pytest.mark.parametrize("kind", estimator_bad_input.BAD_LABELS)
def test_bad_labels(kind: str, fitted: BaseEstimator) -> None:
    estimator_bad_input.check_bad_labels(kind, fitted)


@pytest.mark.parametrize("kind", estimator_bad_input.BAD_WEIGHTS)
def test_bad_weights(kind: str, fitted: BaseEstimator) -> None:
    estimator_bad_input.check_bad_weights(kind, fitted)


@pytest.mark.usefixtures("without_learning", "without_reports")  # these checks do not ask how good a fit is
@pytest.mark.parametrize("name", [*sklearn_checks.WITHOUT_FIT, *sklearn_checks.WITH_FIT])
def test_scikit_learns_own(name: str) -> None:
    if not sklearn_checks.run_check(name, make_estimator()):
        pytest.skip("not for an estimator with these tags and parameters")


@pytest.mark.skipif(not sklearn.__version__.startswith("1.9."), reason="the lists are those of scikit-learn 1.9")
def test_every_check_of_scikit_learn_runs_or_has_a_reason_why_not() -> None:
    names = {sklearn_checks.name_of(check) for check in sklearn_checks.checks_of(make_estimator())}
    runs = {*sklearn_checks.WITHOUT_FIT, *sklearn_checks.WITH_FIT}
    assert names <= runs | set(sklearn_checks.CANNOT)
    assert not runs & set(sklearn_checks.CANNOT)
