"""Tables of recipes."""

import dataclasses
import math
from typing import Any

import pytest

from keras_textcnn.evaluation.recipe_table import FOOTNOTE, Trained, defaults_table, recipes_table


def trained(
    mean: float, deviation: float, *, published: float | None = None, folds: int | None = None, texts: int = 500
) -> Trained:
    accuracy = {"accuracy": {"mean": mean, "deviation": deviation}}
    summary: dict[str, Any] = {"scores": {"test": accuracy}, "baseline": None, "runs": folds or 5, "seconds": 1234.5}
    summary["settings"] = {"folds": folds}
    if folds:
        summary["significance"] = {"difference": 0.012, "interval": (0.003, 0.0214), "p": 0.0001}
    figures = {} if published is None else {"model": {"accuracy": published, "source": "a paper"}}
    return Trained("kim", "trec", summary, figures, lambda: texts)


def test_a_row_has_ours_and_the_papers() -> None:
    table = recipes_table([trained(0.925, 0.004, published=93.6), trained(0.5, 0.1)])
    assert table.rows == [
        ["kim", "trec", "5", "92.50 ± 0.40", "–", "–", "93.6", "-1.10", "yes", "1,234"],
        ["kim", "trec", "5", "50.00 ± 10.00", "–", "–", "–", "–", "–", "1,234"],
    ]
    assert table.footnote == FOOTNOTE


@pytest.mark.parametrize(("folds", "deviation"), [(None, 0.01), (10, 0.01 / math.sqrt(10))])
def test_two_deviations_are_ours_and_that_of_the_published_figure(folds: int | None, deviation: float) -> None:
    both = math.sqrt(deviation**2 + 0.8 * 0.2 / 1000)
    for distance, near in ((1.99, True), (2.01, False)):
        row = trained(0.8 - distance * both, 0.01, published=80.0, folds=folds, texts=1000)
        assert row.is_near() == near
        cells = recipes_table([row]).rows[0]
        assert cells[-2] == ("yes" if near else "no")
        assert cells[5] == ("+1.20 (+0.30 to +2.14), p < 0.001" if folds else "–")


def test_our_defaults_have_a_table_of_their_own() -> None:
    row = trained(0.925, 0.004)
    figures = {"cnn": {"accuracy": 93.6}, "best": {"accuracy": 96}}
    row = Trained(row.recipe, row.corpus, row.summary, figures, row.count_texts)
    assert defaults_table([row]).rows == [["trec", "5", "92.50 ± 0.40", "–", "–", "93.6", "96", "-3.50", "1,234"]]


def test_a_row_with_other_vectors_says_so() -> None:
    row = dataclasses.replace(trained(0.925, 0.004, published=93.6), vectors="v.txt")
    assert recipes_table([row]).rows[0][:2] == ["kim (vectors: v.txt)", "trec"]
    row = dataclasses.replace(trained(0.925, 0.004), vectors="v.txt")
    assert defaults_table([row]).rows[0][0] == "trec (vectors: v.txt)"
