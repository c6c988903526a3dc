from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from keras_textcnn.persistence.run import Run
from keras_textcnn.scale.tuning.found import Found
from keras_textcnn.scale.tuning.gain import gains, is_beyond_chance
from keras_textcnn.scale.tuning.plan import Plan
from keras_textcnn.scale.tuning.report import results, verdict, write


def block(log_loss: float, accuracy: float) -> dict[str, float | None]:
    return {"log_loss": log_loss, "accuracy": accuracy, "macro_f1": None}


def make_found(directory: Path, differences: list[float], **changed: Any) -> Found:
    """A search whose best settings are better by these test log losses, one per seed."""
    repeats: dict[str, dict[int, dict[str, Any]]] = {"default": {}, "best": {}}
    for seed, difference in enumerate(differences):
        repeats["default"][seed] = {"validation": block(0.5, 0.8), "test": block(0.6, 0.7)}
        repeats["best"][seed] = {"validation": block(0.3, 0.9), "test": block(0.6 - difference, 0.7 + difference)}
    rows = [
        {"trial": 0, "state": "complete", **block(0.5, 0.8), "seconds": 3.0, "reason": ""},
        {"trial": 1, "state": "complete", **block(0.3, 0.9), "seconds": 4.0, "reason": "", "filters": "7"},
        {"trial": 2, "state": "pruned", **dict.fromkeys(block(0, 0)), "seconds": 1.0, "reason": "pruned"},
    ]
    content: dict[str, Any] = {
        "directory": directory,
        "plan": Plan({"seed": 0}, 10),
        "rows": rows,
        "settings": {"filters": 7},
        "default": block(0.5, 0.8),
        "best": block(0.3, 0.9),
        "number": 1,
        "repeats": repeats,
        "importances": {"filters": 0.9, "dropout": 0.1},
        "run": Run(directory / "run"),
        "seconds": 60.0,
    }
    return Found(**content | changed)


@pytest.mark.parametrize(
    "differences",
    [[0.1, 0.11, 0.12], [0.1, 0.3, -0.1], [0.01, 0.05, 0.03, 0.04, 0.02], [-0.1, -0.11, -0.12], [0.1] * 3],
)
def test_a_gain_is_beyond_chance_where_a_t_test_says_so(differences: list[float]) -> None:
    expected = len(set(differences)) == 1 or stats.ttest_1samp(differences, 0).pvalue < 0.05
    assert is_beyond_chance(differences) == expected
    assert not is_beyond_chance([0.0, 0.0, 0.0])


def test_gains_are_of_the_same_seeds_and_positive_is_better(tmp_path: Path) -> None:
    found = make_found(tmp_path, [0.1, 0.2, 0.3])
    del found.repeats["default"][1]
    assert gains(found, "test", "log_loss") == pytest.approx([0.1, 0.3])
    assert gains(found, "test", "accuracy") == pytest.approx([0.1, 0.3])
    assert gains(found, "validation", "log_loss") == pytest.approx([0.2, 0.2])
    assert gains(found, "test", "macro_f1") == []


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ([0.1, 0.11, 0.12], "better in test log loss: +0.1100 ± 0.0100 over 3 seeds, which is more than its noise"),
        ([-0.1, -0.11, -0.12], "worse in test log loss (keep the default recipe): -0.1100 ± 0.0100 over 3 seeds"),
        ([0.1, 0.3, -0.1], "+0.1000 ± 0.2000 over 3 seeds, is within its noise: no gain is claimed"),
        ([0.1, 0.1], "No gain is claimed: that takes 3 trainings of the default and of the best settings, and"),
    ],
)
def test_no_gain_is_claimed_within_the_noise_or_from_too_few_seeds(
    differences: list[float], said: str, tmp_path: Path
) -> None:
    assert said in verdict(make_found(tmp_path, differences))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"number": None, "default": None, "best": None}, "No trial finished in this time"),
        ({"default": None}, "The default recipe has no score"),
        ({"number": 0}, "None was better than the default recipe"),
        (
            {"repeats": {kind: {0: {"validation": block(0.3, 0.9), "test": None}} for kind in ("default", "best")}},
            "No gain is claimed: the validation texts chose the settings, and there are no test texts",
        ),
    ],
)
def test_without_a_gain_the_reason_is_said(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    assert said in verdict(make_found(tmp_path, [], **{"repeats": {}, **changed}))


def test_the_table_shows_mean_and_deviation_and_what_flatters(tmp_path: Path) -> None:
    table = results(make_found(tmp_path, [0.1, 0.2, 0.3]))
    assert table.columns[1:3] == ["validation log loss*", "validation accuracy*"]
    assert [row[0] for row in table.rows] == ["default recipe", "best, trial 1", "gain"]
    assert table.rows[1][3] == "0.4000 ± 0.1000"
    assert table.rows[2][3:] == ["+0.2000 ± 0.1000", "+20.00 ± 10.00"]
    assert "* chosen on these texts as the best of 2 trials, which flatters it" in table.footnote


def test_without_time_for_the_default_recipe_once_more_its_trial_is_shown(tmp_path: Path) -> None:
    found = make_found(tmp_path, [0.1])
    found.repeats["default"].clear()
    assert results(found).rows[0] == ["default recipe", "0.5000", "80.00", "", ""]


@pytest.mark.parametrize("changed", [{}, {"importances": {}}, {"rows": []}])
def test_trials_and_picture_are_written(changed: dict[str, Any], tmp_path: Path) -> None:
    found = make_found(tmp_path, [0.1], **changed)
    write(found)
    assert (tmp_path / "tuning.png").read_bytes().startswith(b"\x89PNG")
    if found.rows:
        lines = (tmp_path / "trials.csv").read_text().splitlines()
        assert lines[0].split(",")[-1] == "filters"
        assert [line.split(",")[1] for line in lines[1:]] == ["complete", "complete", "pruned"]
