"""Differences as they are written."""

import pytest

from keras_textcnn.evaluation.descriptions import brief_difference, describe_uncertainty


@pytest.mark.parametrize("end", [0.0, -0.0, -1e-9, -4.9e-5])
def test_no_zero_is_negative(end: float) -> None:
    assert describe_uncertainty((end, 0.075), 0.5).startswith("95% interval +0.00 to +7.50")
    assert brief_difference({"difference": end, "interval": (end, end), "p": 1.0}).startswith("+0.00 (+0.00 to +0.00)")


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.05, "p = 0.050; this may be chance"),
        (0.04999, "p = 0.050; this may be chance"),
        (0.0494, "p = 0.049"),
        (0.00099, "p < 0.001"),
    ],
)
def test_the_words_agree_with_the_number_that_is_shown(p: float, words: str) -> None:
    assert describe_uncertainty((0.01, 0.02), p) == f"95% interval +1.00 to +2.00, {words}"
