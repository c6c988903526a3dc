"""What the training says of its own results."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.corpus import Record
from keras_textcnn.run import LearntTexts, Run
from keras_textcnn.store import hash_text
from keras_textcnn.training import _collecting_warnings, _describe_lead, _leave_out_learnt


@pytest.mark.parametrize(
    ("settings", "linear", "said"),
    [
        ({}, 0.9735, None),
        ({}, 0.97, None),
        ({}, 0.9758, "--vectors glove.6B.100d), more texts"),
        ({"vectors": "mine.txt"}, 0.9758, "try more texts"),
        ({"vectors": "none"}, 0.9758, "pretrained vectors of the texts' language (--vectors), more texts"),
        ({"ngrams": 0, "vectors": "mine.txt"}, 0.9758, "try --ngrams 2, a linear model within, more texts"),
        ({"model": "charcnn"}, 0.9758, "try --model conv1d, which has a linear model within, more texts"),
        ({"model": "charcnn", "from_run": "runs/x"}, 0.9758, "try more texts"),
    ],
)
def test_a_linear_model_that_is_ahead_is_a_warning(settings: dict[str, Any], linear: float, said: str | None) -> None:
    scores = {"test": {"accuracy": 0.9735}, "baseline": {"test": {"accuracy": linear}}}
    line = _describe_lead(TrainConfig(**settings).resolved(), scores)
    if said is None:
        assert line == ""
    else:
        assert line.startswith("warning: the linear model is ahead on the test texts (97.58 against 97.35); try ")
        assert line.endswith(said)
    assert _describe_lead(TrainConfig(**settings).resolved(), {**scores, "baseline": None}) == ""


def test_warnings_are_collected_as_they_are_said() -> None:
    said: list[str] = []
    say, warnings = _collecting_warnings(said.append)
    lines = ["corpus", "table\nwarning: a\nrows\nwarning: b", "no warning: x", "warning: c"]
    for line in lines:
        say(line)
    assert said == lines
    assert warnings == ["warning: a", "warning: b", "warning: c"]


@pytest.mark.parametrize(("fitted", "chosen", "left"), [("", "", "abc"), ("a", "c", "b"), ("abc", "", "")])
def test_old_texts_that_the_old_run_has_learnt_from_do_not_test_it(
    fitted: str, chosen: str, left: str, tmp_path: Path
) -> None:
    run, said = Run(tmp_path), list[str]()
    records = [Record("test", text, "x") for text in "abc"]
    assert _leave_out_learnt(run, records, said.append) == records  # an older version's
    hashes = [np.array([hash_text(text) for text in texts], np.uint64) for texts in (fitted, chosen)]
    run.write_learnt(LearntTexts.of(*hashes))
    run.seal(["learnt_texts.bin"])
    assert _leave_out_learnt(run, records, said.append) == [Record("test", text, "x") for text in left]
    assert len(said) == bool(fitted + chosen)
