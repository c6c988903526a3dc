"""A tiny run of each past format, written by the version of that time: what still reads it, and how.

`tests/system/formats/N` is a run directory without its pictures, page and TensorBoard files; `answers.jsonl` has the
answers for `TEXTS` of the version that wrote it.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn import Predictor, Run
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.loading import load_model
from keras_textcnn.persistence.run import FORMAT
from keras_textcnn.training.fine_tuning import Start
from tests.conftest import make_texts, write_table
from tests.runs import Cli

RUNS = {int(path.name): path for path in sorted(Path(__file__).with_name("formats").iterdir())}
TEXTS = ["the apple and the plum", "zinc", "", "of a reef"]


def test_there_is_one_of_each_format() -> None:
    assert sorted(RUNS) == list(range(1, FORMAT + 1))
    assert all(Run.open(path).read_json("config.json")["format"] == written for written, path in RUNS.items())


@pytest.mark.parametrize("written", RUNS)
def test_its_saved_model_answers_as_it_did(written: int) -> None:
    lines = (RUNS[written] / "answers.jsonl").read_text().splitlines()
    expected = [list(json.loads(line)["probabilities"].values()) for line in lines]
    predictor = Predictor(RUNS[written])
    assert predictor.labels == Run.open(RUNS[written]).read_lines("labels.txt")
    np.testing.assert_allclose(predictor.probabilities(TEXTS), expected, atol=1e-6)


@pytest.mark.parametrize("written", RUNS)
def test_it_is_evaluated(written: int, tmp_path: Path, cli: Cli) -> None:
    run = shutil.copytree(RUNS[written], tmp_path / "run")
    corpus = write_table(tmp_path / "later.csv", make_texts(30, seed=9))
    assert cli("evaluate", run, "--data", corpus).status == 0
    assert json.loads((run / "evaluations" / "later.json").read_text())["support"] == 30


@pytest.mark.parametrize("written", RUNS)
def test_only_this_versions_can_be_adapted(written: int) -> None:
    start = Start.of(RUNS[written])
    if written == FORMAT:
        assert load_model(start.run).get_layer("embedding").embeddings.shape == (len(start.vocabulary), 4)
    else:
        with pytest.raises(InputError, match="another version, .* use its SavedModel, or train again"):
            load_model(start.run)
