"""scikit-learn's manners: its own checks on texts, and the text versions of those that feed numbers."""

from collections.abc import Callable, Iterator

import pytest
import sklearn
from sklearn.base import BaseEstimator

from keras_textcnn import TextCNNClassifier
from keras_textcnn.inference import saved_model
from tests import estimator_bad_input, estimator_checks, sklearn_checks
from tests.runs import leave_out_learning, leave_out_reports


@pytest.fixture(scope="module", autouse=True)
def _short_fits() -> Iterator[None]:
    """What the linear parts learn is all that the checks need, and nothing asks for reasons."""
    with pytest.MonkeyPatch.context() as patch:
        leave_out_learning(patch)
        leave_out_reports(patch)
        patch.setattr(saved_model, "trace_windows", lambda model: None)
        yield


def make_estimator() -> BaseEstimator:
    """An estimator whose fit takes a second."""
    return TextCNNClassifier(
        vectors="none", dimensions=8, windows=(1, 2), filters=4, frozen_epochs=0, unfrozen_epochs=2, inner_folds=2
    )


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


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.stress] if name in sklearn_checks.LONG else [])
        for name in (*sklearn_checks.WITHOUT_FIT, *sklearn_checks.WITH_FIT)
    ],
)
def test_scikit_learns_own(name: str) -> None:
    assert sklearn_checks.run_check(name, make_estimator()) > 0


@pytest.mark.skipif(not sklearn.__version__.startswith("1.9."), reason="the lists are those of scikit-learn 1.9")
def test_every_check_of_scikit_learn_runs_or_has_a_reason_why_not() -> None:
    names = {sklearn_checks.name_of(check) for check in sklearn_checks.checks_of(make_estimator())}
    runs = {*sklearn_checks.WITHOUT_FIT, *sklearn_checks.WITH_FIT}
    assert names <= runs | set(sklearn_checks.CANNOT)
    assert not runs & set(sklearn_checks.CANNOT)
