import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from keras_textcnn import Run
from keras_textcnn.evaluation.comparison import compare_with_linear
from keras_textcnn.evaluation.tables import repeats_table
from keras_textcnn.training import part_fits
from keras_textcnn.training.cross_validation import summarize
from tests.conftest import DECIDED, make_texts, write_table
from tests.runs import Cli, assert_same_weights, call, leave_out_exports, run_weights, without_ngrams

pytestmark = pytest.mark.usefixtures("without_exports")
STOP = KeyboardInterrupt()


@pytest.fixture(scope="module")
def small_options(small_options: list[str]) -> list[str]:
    """Options of a run without n-grams."""
    return [*without_ngrams(small_options), "--ngrams", "0", "--no-refit"]


@pytest.fixture(scope="module")
def folds(small_options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a three-fold cross-validation."""
    directory = tmp_path_factory.mktemp("runs") / "folds"
    with pytest.MonkeyPatch.context() as patch:
        leave_out_exports(patch)
        assert call("train", *small_options, "--folds", 3, "--output", directory) == 0
    return directory


def test_scores_are_mean_and_deviation_of_the_runs(folds: Path) -> None:
    summary = json.loads((folds / "repeats.json").read_text())
    metrics = [json.loads((folds / f"fold-{fold}" / "metrics.json").read_text()) for fold in (1, 2, 3)]
    assert (summary["runs"], summary["settings"]["folds"]) == (3, 3)
    for split in ("validation", "test"):
        for score in ("accuracy", "macro_f1"):
            for theirs, runs in (
                (summary["scores"], metrics),
                (summary["baseline"], [run["baseline"] for run in metrics]),
            ):
                values = [run[split][score] for run in runs]
                assert theirs[split][score]["mean"] == pytest.approx(np.mean(values))
                assert theirs[split][score]["deviation"] == pytest.approx(np.std(values, ddof=1))
    assert [run["test"]["support"] for run in metrics] == [30, 30, 30]
    assert [Run.open(folds / f"fold-{fold}").config().fold for fold in (1, 2, 3)] == [1, 2, 3]


def test_the_difference_from_the_linear_model_is_that_of_all_folds_together(folds: Path, cli: Cli) -> None:
    found = json.loads((folds / "repeats.json").read_text())["significance"]
    tested = [Run.open(folds / f"fold-{fold}").predictions.reported for fold in (1, 2, 3)]
    assert sorted(row for its in tested for row in its.row.tolist()) == [*range(1, 91)]
    right, linear = (
        np.concatenate([getattr(its, name) == its.label for its in tested]) for name in ("predicted", "linear")
    )
    assert (found["texts"], found["runs"]) == (90, [1, 1])
    assert found["accuracies"] == pytest.approx([right.mean(), linear.mean()])
    only = int((right & ~linear).sum()), int((linear & ~right).sum())
    assert found["p"] == pytest.approx(stats.binomtest(only[0], sum(only)).pvalue if sum(only) else 1)
    assert json.loads(json.dumps(compare_with_linear(folds).to_json())) == found
    ended = cli("evaluate", folds, "--against", folds / "fold-1")
    assert ended.status == 2
    assert "are not those of" in ended.error


def test_a_mean_over_runs_of_which_one_is_undefined_is_undefined() -> None:
    blocks = [{"accuracy": share, "macro_f1": score} for share, score in ((0.25, 0.5), (0.75, None))]
    runs = [
        {"validation": block, "test": block, "baseline": None, "decided": DECIDED, "seconds": 1} for block in blocks
    ]
    summary = summarize(runs)
    assert summary["scores"]["test"]["accuracy"]["mean"] == 0.5
    assert summary["scores"]["test"]["macro_f1"] == {"mean": None, "deviation": None}
    assert [row[3] for row in repeats_table(summary).rows] == ["–"]


def test_a_run_of_several_is_the_run_alone(folds: Path, small_options: list[str], tmp_path: Path, cli: Cli) -> None:
    assert cli("train", *small_options, "--folds", 3, "--fold", 2, "--output", tmp_path / "alone").status == 0
    ours, others = (run_weights(folds / f"fold-{fold}") for fold in (2, 1))
    for alone, among_others in zip(run_weights(tmp_path / "alone"), ours, strict=True):
        np.testing.assert_array_equal(alone, among_others)
    assert any(one.shape != other.shape or (one != other).any() for one, other in zip(ours, others, strict=True))


def test_what_is_finished_is_kept_and_the_rest_resumed(
    folds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    begun = tmp_path / "begun"
    shutil.copytree(folds, begun)
    whole = json.loads((begun / "repeats.json").read_text())
    (begun / "repeats.json").write_text(json.dumps({name: whole[name] for name in ("format", "settings")}))
    shutil.rmtree(begun / "fold-3")
    with monkeypatch.context() as patch:
        patch.setattr(part_fits.two_phase, "fit_phases", lambda *arguments, **settings: (_ for _ in ()).throw(STOP))
        output = cli("train", "--resume", begun)
    assert output.status == 130
    assert "run 3 of 3: " in output.err
    assert f"interrupted; continue with python -m keras_textcnn.train --resume {begun}" in output.err
    assert not Run.open(begun / "fold-3").finished
    finished = (begun / "fold-1" / "metrics.json").stat().st_mtime_ns
    output = cli("train", "--resume", begun)
    assert output.status == 0
    assert "these runs" in output.out
    assert "run 2 of 3" not in output.err
    assert (begun / "fold-1" / "metrics.json").stat().st_mtime_ns == finished
    assert_same_weights(begun / "fold-3", folds / "fold-3")
    summary = json.loads((begun / "repeats.json").read_text())
    assert {**summary, "seconds": 0} == {**whole, "seconds": 0}


def test_says_what_is_wrong(
    folds: Path,
    small_options: list[str],
    tmp_path: Path,
    cli: Cli,
) -> None:
    ended = cli("train", "--resume", folds)
    assert ended.status == 2
    assert "folds is finished; there is nothing to resume" in ended.err
    ended = cli("train", *small_options, "--seeds", 2, "--output", folds)
    assert ended.status == 2
    assert "folds already holds a run; choose another --output" in ended.err
    for command, arguments in (("predict", []), ("evaluate", ["--data", "reuters-r8"])):
        ended = cli(command, folds, *arguments)
        assert ended.status == 2
        assert f"folds holds several runs; give one of them, such as {folds / 'fold-1'}" in ended.err
    (tmp_path / "split").mkdir()
    for split in ("train", "test"):
        write_table(tmp_path / "split" / f"{split}.csv", make_texts(30, 1))
    options = ["--data", tmp_path / "split", "--folds", 3, "--vectors", "none"]
    ended = cli("train", *options, "--output", tmp_path / "new")
    assert ended.status == 2
    assert "the corpus has test texts of its own; try --seeds" in ended.err
    assert not (tmp_path / "new").exists()
    shutil.copytree(folds, tmp_path / "damaged")
    (tmp_path / "damaged" / "repeats.json").write_text("{")
    ended = cli("train", "--resume", tmp_path / "damaged")
    assert ended.status == 2
    assert "damaged run: " in ended.err
