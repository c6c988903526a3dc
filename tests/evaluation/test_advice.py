"""Warnings about the results of a run."""

from typing import Any

import numpy as np
import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.evaluation.advice import describe_chance, describe_lead
from keras_textcnn.evaluation.descriptions import reported_texts


@pytest.mark.parametrize(
    ("settings", "linear", "said"),
    [
        ({}, 0.9735, None),
        ({}, 0.97, None),
        ({}, 0.9758, "--vectors glove.6B.100d), more texts"),
        ({"vectors": "mine.txt"}, 0.9758, "try more texts"),
        ({"vectors": "none"}, 0.9758, "pretrained vectors for the texts' language (--vectors), more texts"),
        ({"ngrams": 0, "vectors": "mine.txt"}, 0.9758, "try --ngrams 2, which adds a linear model, more texts"),
        ({"model": "charcnn"}, 0.9758, "try --model conv1d, which includes a linear model, more texts"),
        ({"model": "charcnn", "from_run": "runs/x"}, 0.9758, "try more texts"),
    ],
)
def test_a_linear_model_that_is_ahead_is_a_warning(settings: dict[str, Any], linear: float, said: str | None) -> None:
    scores: dict[str, Any] = {"test": {"accuracy": 0.9735}}
    compared = {"accuracies": [0.9735, linear], "difference": 0.9735 - linear, "interval": [-0.007, 0.0025], "p": 0.4}
    scores["significance"] = {**compared, "kind": "test", "left_out": 0}
    line = describe_lead(TrainConfig(**settings).resolved(), scores)
    if said is None:
        assert line == ""
    else:
        assert line.startswith(
            "warning: the linear model is ahead on the test texts by 0.23 points (97.58 against 97.35, 95% interval "
            "-0.25 to +0.70, p = 0.400; this may be chance); try "
        )
        assert line.endswith(said)
        scores["significance"]["left_out"] = 3
        line = describe_lead(TrainConfig(**settings).resolved(), scores)
        assert line.startswith(
            "warning: the linear model is ahead on the test texts that the run has not learnt from by "
        )
    assert describe_lead(TrainConfig(**settings).resolved(), {**scores, "significance": None}) == ""


@pytest.mark.parametrize(("right", "texts", "interval"), [(5, 6, "44 to 97"), (0, 10, "0 to 28"), (180, 200, None)])
def test_a_test_on_few_texts_says_how_little_it_means(right: int, texts: int, interval: str | None) -> None:
    """The intervals are Wilson's, computed by hand."""
    decided = {"by": "cross-validation", "validation": "held out", "texts": 54}
    line = describe_chance({"test": {"support": texts, "accuracy": right / texts}, "decided": decided})
    assert (f"true one of {interval}% (95% interval); the cross-validated" in line) == bool(interval)
    share, root = right / texts, 1.959964
    middle = (share + root**2 / (2 * texts)) / (1 + root**2 / texts)
    half = root * np.sqrt(share * (1 - share) / texts + root**2 / (4 * texts**2)) / (1 + root**2 / texts)
    assert not interval or interval == f"{100 * (middle - half):.0f} to {100 * (middle + half):.0f}"


@pytest.mark.parametrize(
    ("by", "validation", "texts"),
    [
        ("cross-validation", "held out", "held-out training"),
        ("cross-validation", "own", "validation"),
        ("validation", "held out", "validation"),
    ],
)
def test_without_test_texts_the_warnings_are_about_those_that_were_held_out(
    by: str, validation: str, texts: str
) -> None:
    scores: dict[str, Any] = {
        "test": None,
        "validation": {"support": 6, "accuracy": 5 / 6},
        "decided": {"by": by, "validation": validation, "texts": 6},
    }
    compared = {"accuracies": [5 / 6, 1.0], "difference": -1 / 6, "interval": [-0.5, -0.01], "p": 1e-9}
    scores["significance"] = {**compared, "kind": reported_texts(scores), "left_out": 0}
    line = describe_lead(TrainConfig().resolved(), scores)
    assert line.startswith(
        f"warning: the linear model is ahead on the {texts} texts by 16.67 points (100.00 against 83.33, 95% interval "
        "+1.00 to +50.00, p < 0.001); try "
    )
    line = describe_chance(scores)
    assert line.startswith(
        f"warning: with only 6 {texts} texts, an accuracy of 83% is compatible with a true one of 44 "
    )
    assert line.endswith("(95% interval); use more texts")
