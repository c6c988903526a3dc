"""Two models on the same texts."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from keras_textcnn.errors import InputError
from keras_textcnn.evaluation.comparison import Comparison, compare_linear, compare_predictions, compare_shared
from keras_textcnn.evaluation.descriptions import describe_sampling
from keras_textcnn.evaluation.tables import significance_lines
from keras_textcnn.persistence.predictions import Predictions
from tests.conftest import DECIDED

NAMES = ("one", "two")


def answers(right: np.ndarray, rows: np.ndarray | None = None, linear: np.ndarray | None = None) -> Predictions:
    """Predictions for texts, given which of them are right."""
    rows = np.arange(1, len(right) + 1) if rows is None else rows
    label = np.array(["a"] * len(right), object)
    predicted, others = (None if its is None else np.where(its, "a", "b").astype(object) for its in (right, linear))
    split = np.array(["test"] * len(right), object)
    return Predictions(
        rows, split, np.zeros(len(right), np.int64), np.zeros(len(right), bool), label, predicted, others
    )


def random_answers(runs: int, texts: int, chance: float, seed: int) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).random((runs, texts)) < chance)


def test_one_run_against_one() -> None:
    [first], [second] = random_answers(1, 200, 0.9, 1), random_answers(1, 200, 0.7, 2)
    found = compare_predictions([answers(first)], [answers(second)], names=NAMES)
    only = int((first & ~second).sum()), int((second & ~first).sum())
    assert (found.texts, found.runs, found.alone) == (200, (1, 1), only)
    assert found.accuracies == pytest.approx((first.mean(), second.mean()))
    assert found.difference == pytest.approx(first.mean() - second.mean())
    assert found.interval[0] < found.difference < found.interval[1]
    assert found.p == pytest.approx(stats.binomtest(only[0], sum(only)).pvalue)
    expected = stats.binomtest(int(second.sum()), 200).proportion_ci(method="wilson")
    assert found.intervals[1] == pytest.approx((expected.low, expected.high))
    swapped = compare_predictions([answers(second)], [answers(first)], names=NAMES)
    assert (swapped.difference, swapped.p) == pytest.approx((-found.difference, found.p))


def test_folds_are_pooled() -> None:
    [first], [second] = random_answers(1, 90, 0.9, 1), random_answers(1, 90, 0.8, 2)
    folds = [np.arange(90) % 3 == fold for fold in range(3)]
    rows = np.arange(1, 91)
    pairs = [[answers(its[fold], rows[fold]) for fold in folds] for its in (first, second)]
    found = compare_predictions(*pairs, names=NAMES)
    assert found == compare_predictions([answers(first)], [answers(second)], names=NAMES)


def test_different_numbers_of_seeds_are_compared_by_their_means() -> None:
    first, second = random_answers(2, 60, 0.9, 1), random_answers(3, 60, 0.7, 2)
    found = compare_predictions([*map(answers, first)], [*map(answers, second)], names=NAMES)
    assert found.runs == (2, 3)
    assert found.difference == pytest.approx(np.mean(first) - np.mean(second))
    means = np.mean(first, axis=0) - np.mean(second, axis=0)
    signs = np.random.default_rng(0).choice([-1, 1], (40_000, 60))
    sampled = (np.abs(signs @ means) >= abs(means.sum()) - 1e-9).mean()
    assert found.p == pytest.approx(sampled, abs=0.01)
    assert found.alone == ((means > 1e-9).sum(), (means < -1e-9).sum())


def test_the_linear_model_of_each_seed() -> None:
    network, linear = random_answers(3, 50, 0.9, 1), random_answers(3, 50, 0.8, 2)
    runs = [answers(one, linear=other) for one, other in zip(network, linear, strict=True)]
    metrics = {"baseline": {"name": "two"}, "test": {}, "decided": DECIDED}
    found = compare_linear(runs, name="one", run_metrics=metrics)
    pair = [*map(answers, network)], [*map(answers, linear)]
    assert found == compare_predictions(*pair, names=NAMES, kind="validation", chosen=found.chosen)
    assert compare_linear([*runs, answers(network[0])], name="one", run_metrics=metrics) is None


def test_says_which_texts_differ() -> None:
    ours = answers(np.ones(4, bool))
    for theirs, message in (
        (ours.choose(np.array([0, 1, 3])), "1 of the 4 of one, such as row 3, are not those of two; compare runs that"),
        (answers(np.ones(5, bool)), "1 of the 5 of two, such as row 5, are not those of one; compare runs that"),
        (
            dataclasses.replace(ours, label=np.array(["a", "a", "c", "a"], object)),
            "row 3 has the label 'a' in one and 'c' in two; compare runs that",
        ),
    ):
        with pytest.raises(InputError, match=message):
            compare_predictions([ours], [theirs], names=NAMES)
    halves = [ours.choose(np.array(rows)) for rows in ([0, 1, 2], [1, 2, 3])]
    with pytest.raises(InputError, match="row 1 is tested by other runs of one than of two"):
        compare_predictions(halves, [ours, ours], names=NAMES)


def test_texts_that_a_model_has_learnt_from_are_left_out() -> None:
    [first], [second] = random_answers(1, 90, 0.9, 1), random_answers(1, 90, 0.8, 2)
    ours = dataclasses.replace(answers(first), learnt=np.arange(90) < 40)
    theirs = dataclasses.replace(answers(second), learnt=(np.arange(90) >= 30) & (np.arange(90) < 60))
    found = compare_predictions([ours], [theirs], names=NAMES)
    rest = compare_predictions([answers(first[60:])], [answers(second[60:])], names=NAMES)
    assert found == dataclasses.replace(rest, left_out=60, learnt=(40, 30))
    assert "left out: 60 of 90 texts, which were used to train one (40) and two (30)" in found.to_text()
    swapped = compare_predictions([answers(first)], [ours], names=NAMES)
    assert "left out: 40 of 90 texts, which were used to train two (40)\n" in swapped.to_text()
    with pytest.raises(InputError, match=r"all 60 texts were used to train one of the runs \(one 40 and two 30\)"):
        compare_predictions(*([its.choose(np.arange(60))] for its in (ours, theirs)), names=NAMES)
    unknown = compare_predictions([dataclasses.replace(ours, learnt=None)], [theirs], names=NAMES)
    assert (unknown.left_out, unknown.learnt) == (30, (None, 30))
    assert "warning: it is not known which of these texts were used to train one\n" in unknown.to_text()


def test_the_linear_model_is_compared_on_texts_that_the_run_has_not_learnt_from() -> None:
    [first], [second] = random_answers(1, 90, 0.9, 1), random_answers(1, 90, 0.8, 2)
    metrics = {"baseline": {"name": "two"}, "test": {"accuracy": 1}, "decided": DECIDED}
    ours = dataclasses.replace(answers(first, linear=second), learnt=np.arange(90) < 40)
    found = compare_linear([ours], name="one", run_metrics=metrics)
    assert found
    assert (found.texts, found.left_out, found.learnt) == (50, 40, (40, 0))
    assert found.accuracies == pytest.approx((first[40:].mean(), second[40:].mean()))
    lines = significance_lines({**metrics, "significance": found.to_json()})
    assert lines[1] == "left out: 40 of 90 texts, which were used to train one (40)"
    assert compare_linear([ours.choose(np.arange(40))], name="one", run_metrics=metrics) is None


def test_texts_that_chose_something_are_marked() -> None:
    run = answers(np.ones(4, bool), linear=np.zeros(4, bool))
    metrics = {"baseline": {"name": "two"}, "test": None, "decided": DECIDED}
    found = compare_linear([run], name="one", run_metrics=metrics)
    assert found
    assert "points of accuracy on 4 validation texts* (" in found.to_text()
    assert "* one: chosen on these texts: epochs, temperature\n" in found.to_text()
    found = compare_linear([run], name="one", run_metrics={**metrics, "test": {"accuracy": 1}})
    assert found
    assert (found.kind, found.chosen) == ("test", "")


def test_evaluations_are_compared_on_the_texts_that_both_answer() -> None:
    ours, theirs = answers(np.ones(4, bool)), answers(np.zeros(4, bool))
    found = compare_shared(ours.choose(np.array([0, 2, 3])), theirs.choose(np.array([0, 1, 2])), names=NAMES)
    assert (found.texts, found.difference) == (2, 1)
    with pytest.raises(InputError, match="do not know the labels of the same texts"):
        compare_shared(ours.choose(np.array([0])), theirs.choose(np.array([1])), names=NAMES)


def test_it_shows_itself_and_is_a_block_of_json() -> None:
    found = Comparison(
        names=("runs/[red]", "runs/two"), kind="test", chosen="", texts=2189, left_out=0, learnt=(0, 0),
        runs=(1, 1), accuracies=(0.9772, 0.9758),
        intervals=((0.9701, 0.9827), (0.9685, 0.9815)), difference=0.0014, interval=(-0.003, 0.0058), p=0.6,
        alone=(13, 10),
    )  # fmt: skip
    text = found.to_text()
    assert "runs/[red]" in text
    assert "97.72   97.01 to 98.27" in text
    line = "+0.14 points of accuracy on 2,189 test texts (95% interval -0.30 to +0.58, p = 0.600; this may be chance)"
    assert f"runs/[red] against runs/two: {line}" in " ".join(text.split())
    block = found.to_json()
    metrics = {"test": {"accuracy": 0.9}, "decided": DECIDED, "significance": block}
    assert significance_lines(metrics) == [f"runs/[red] against runs/two: {line}"]
    assert significance_lines({**metrics, "significance": None}) == []
    summary = {"scores": {"test": {}}, "decided": DECIDED, "significance": {**block, "p": 1e-5}}
    lines = significance_lines({**summary, "scores": {"test": {"accuracy": {}}}})
    assert lines[0].endswith("-0.30 to +0.58, p < 0.001)")
    assert lines[1] == describe_sampling(block)
    assert "97.72 is compatible with a true one of 97.01 to 98.27" in lines[1]
    assert "runs" in dataclasses.replace(found, runs=(5, 3)).to_text()
