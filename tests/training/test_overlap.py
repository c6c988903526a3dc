"""Test texts that an earlier run has learnt from."""

from pathlib import Path

import numpy as np
import pytest

from keras_textcnn.data.corpus import Record, hash_text
from keras_textcnn.persistence.learnt_texts import LearntTexts
from keras_textcnn.persistence.run import Run
from keras_textcnn.training.overlap import warn_of_learnt_test_texts


@pytest.mark.parametrize(("fitted", "chosen", "number"), [("", "", 0), ("a", "c", 2), ("abc", "", 3)])
def test_old_texts_that_the_old_run_has_learnt_from_are_told(
    fitted: str, chosen: str, number: int, tmp_path: Path, logged: list[str]
) -> None:
    run = Run(tmp_path)
    records = [Record("test", text, "x") for text in "abc"]
    warn_of_learnt_test_texts(run, records)
    assert logged == []  # a run of an older version has no list of them
    run.write_learnt(
        LearntTexts.of(*(np.array([hash_text(text) for text in its], np.uint64) for its in (fitted, chosen)))
    )
    run.seal(["learnt_texts.bin"])
    warn_of_learnt_test_texts(run, records)
    assert [line.split(" test texts")[0] for line in logged] == [f"warning: {number} of 3"] * bool(number)
