"""scikit-learn's own checks of an estimator, for an estimator of texts.

`check_estimator` returns at once if an estimator does not take a two-dimensional array. Most of its checks have little
to do with arrays, and ask one function to make an estimator's kind of input out of their numbers. Here this function
makes a text out of each row, so that those checks run as they are. What takes the numbers themselves cannot run;
`CANNOT` says why, and `estimator_checks` has such checks for texts.
"""

import functools
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_checks

Check = Callable[[str, BaseEstimator], None]

# The checks that run: without a fit, and those that fit texts.
WITHOUT_FIT = (
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
)
WITH_FIT = (
    "check_all_zero_sample_weights_error",
    "check_classifiers_classes",
    "check_classifiers_multilabel_output_format_decision_function",
    "check_classifiers_multilabel_output_format_predict",
    "check_classifiers_multilabel_output_format_predict_proba",
    "check_classifiers_multilabel_representation_invariance",
    "check_classifiers_one_label",
    "check_classifiers_regression_target",
    "check_dtype_object",
    "check_estimators_fit_returns_self",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_fit1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_pipeline_consistency",
    "check_readonly_memmap_input",
    "check_requires_y_none",
    "check_sample_weights_list",
    "check_sample_weights_not_an_array",
    "check_supervised_y_2d",
    "check_supervised_y_no_nan",
)
# Those among them that fit several times; `estimator_checks` has shorter ones of the same.
LONG = (
    "check_classifiers_classes",
    "check_classifiers_multilabel_representation_invariance",
    "check_dtype_object",
    "check_estimators_pickle",
    "check_fit_idempotent",
    "check_pipeline_consistency",
    "check_readonly_memmap_input",
    "check_supervised_y_2d",
)
CANNOT = {
    "check_array_api_input": "is about arrays",
    "check_class_weight_classifiers": "feeds numbers itself",
    "check_classifier_data_not_an_array": "feeds a DataFrame",
    "check_classifiers_one_label_sample_weights": "feeds numbers itself",
    "check_classifiers_train": "changes feature number",
    "check_complex_data": "feeds complex numbers",
    "check_decision_proba_consistency": "feeds numbers itself",
    "check_dict_unchanged": "labels from column",
    "check_dont_overwrite_parameters": "labels from column",
    "check_estimator_sparse_array": "feeds sparse matrix",
    "check_estimator_sparse_matrix": "feeds sparse matrix",
    "check_estimator_sparse_tag": "feeds sparse matrix",
    "check_estimators_dtypes": "casts to floats",
    "check_estimators_empty_data_messages": "wants zero features",
    "check_estimators_nan_inf": "feeds infinite numbers",
    "check_estimators_partial_fit_n_features": "no partial fit",
    "check_f_contiguous_array_estimator": "labels from column",
    "check_fit2d_1feature": "labels from column",
    "check_fit2d_1sample": "labels from column",
    "check_fit2d_predict1d": "labels from column",
    "check_methods_sample_order_invariance": "labels from column",
    "check_methods_subset_invariance": "labels from column",
    "check_n_features_in": "wants feature number",
    "check_n_features_in_after_fitting": "wants feature number",
    "check_non_transformer_estimators_n_iter": "no max_iter parameter",
    "check_positive_only_tag_during_fit": "shifts the numbers",
    "check_sample_weight_equivalence_on_dense_data": "feeds numbers itself",
    "check_sample_weights_not_overwritten": "feeds numbers itself",
    "check_sample_weights_pandas_series": "feeds a DataFrame",
    "check_sample_weights_shape": "feeds numbers itself",
}


def checks_of(estimator: BaseEstimator) -> list[Check]:
    """All checks of scikit-learn for such an estimator, as if it took two-dimensional arrays."""
    tags_of = estimator_checks.get_tags

    def lifted(one: BaseEstimator) -> Any:
        tags = tags_of(one)
        tags.input_tags.two_d_array = True
        return tags

    with mock.patch.object(estimator_checks, "get_tags", lifted):
        return [*estimator_checks._yield_all_checks(estimator, legacy=True)]


def name_of(check: Check) -> str:
    """The name of a check of scikit-learn."""
    return check.func.__name__ if isinstance(check, functools.partial) else check.__name__


def run_check(name: str, estimator: BaseEstimator) -> int:
    """Runs the checks with this name on texts; returns their number, 0 if none is for such an estimator."""
    checks = [check for check in checks_of(estimator) if name_of(check) == name]
    with mock.patch.object(estimator_checks, "_enforce_estimator_tags_X", texts_of_rows):
        for check in checks:
            check(type(estimator).__name__, estimator)
    return len(checks)


def texts_of_rows(estimator: BaseEstimator, rows: np.ndarray, X_test: np.ndarray | None = None, **_: Any) -> Any:  # noqa: N803
    """A text for each row of numbers, with a word for each number: rows that are alike have words in common."""
    texts = np.array(
        [" ".join(f"{'xyzuvw'[n % 6]}{n}{_letters(value)}" for n, value in enumerate(row)) for row in rows],
        dtype=object,
    )
    return texts if X_test is None else (texts, texts_of_rows(estimator, X_test))


def _letters(value: float) -> str:
    """A number, rounded to halves, as letters: a sign or a point would split the word."""
    return str(round(2 * value)).translate(str.maketrans("-0123456789", "mabcdefghij"))
