"""What a run has measured, as values and in a notebook."""

import base64
import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from keras_textcnn.errors import InputError
from keras_textcnn.persistence.loading import load_model
from keras_textcnn.persistence.packed_run import PackedRun
from keras_textcnn.persistence.run import Run
from tests.persistence.test_run import create


def test_scores_and_epochs_of_a_run(finished_run: Path) -> None:
    run = Run.open(str(finished_run))
    assert run.metrics == json.loads((finished_run / "metrics.json").read_text())
    with (finished_run / "history.csv").open(newline="") as file:
        cells = [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(file)]
    assert [{name: str(value) for name, value in row.items()} for row in run.history] == cells
    assert type(run.history[0]["epoch"]) is int
    assert type(run.history[0]["loss"]) is float
    assert repr(run) == f"Run({str(finished_run)!r}, finished)"


def test_a_notebook_shows_scores_and_curves(finished_run: Path) -> None:
    run = Run.open(finished_run)
    page = run._repr_html_()
    test, baseline = run.metrics["test"], run.metrics["baseline"]
    cells = re.findall("<td>(.*?)</td>", page)
    assert cells[:3] == ["this run", f"{100 * test['accuracy']:.2f}", f"{100 * test['macro_f1']:.2f}"]
    assert cells[3:5] == [baseline["name"], f"{100 * baseline['test']['accuracy']:.2f}"]
    [picture] = re.findall('src="data:image/png;base64,(.*?)"', page)
    assert base64.b64decode(picture) == (finished_run / "learning_curves.png").read_bytes()


def test_an_unfinished_run_says_so(tmp_path: Path) -> None:
    run = create(tmp_path / "<one>")
    assert repr(run) == f"Run({str(tmp_path / '<one>')!r}, unfinished)"
    assert run._repr_html_().endswith("&lt;one&gt;</b></p><p>unfinished</p>")
    for name in ("metrics", "history", "predictions"):
        with pytest.raises(InputError, match="is unfinished and has no scores yet; resume its training"):
            getattr(run, name)


def test_predictions_of_an_older_version_or_damaged(finished_run: Path, tmp_path: Path) -> None:
    run = Run(shutil.copytree(finished_run, tmp_path / "run"))
    path = run.directory / "predictions.csv"
    content = path.read_text()
    too_large = f"{content}{'9' * 30},,,,,,,,\n"
    for damaged in ("", content.replace("row", "raw"), content.replace(",0.", ",x"), too_large):
        path.write_text(damaged)
        with pytest.raises(InputError, match=r"damaged run: .*predictions.csv \(its checksum does not match"):
            _ = run.predictions
        run.seal(json.loads((finished_run / "manifest.json").read_text()))  # as a stranger would
        with pytest.raises(InputError, match=r"damaged run: .*predictions.csv"):
            _ = run.predictions
    path.unlink()
    with pytest.raises(InputError, match=r"no predictions.csv in .*, which an older version wrote; train again, or"):
        _ = run.predictions


def test_a_temporary_run_does_not_show_its_path(finished_run: Path) -> None:
    packed = PackedRun.of(Run.open(finished_run))
    assert repr(packed.run) == "Run('a temporary folder', finished)"
    assert str(packed.directory) not in packed.run._repr_html_()
    assert packed.run.metrics == Run.open(finished_run).metrics


def test_a_run_is_given_by_itself_or_by_its_path(finished_run: Path) -> None:
    run = Run.open(finished_run)
    assert Run.open(run) == Run(str(finished_run)) == run
    weights = [model.get_weights()[0].tolist() for model in map(load_model, (run, finished_run, str(finished_run)))]
    assert weights[0] == weights[1] == weights[2]
    for open_it in (Run.open, load_model):
        with pytest.raises(InputError, match="a directory must be a path; received: int 5"):
            open_it(5)
