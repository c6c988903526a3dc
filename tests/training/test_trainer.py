"""What a training reports about its results and its duration."""

import json
import types
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from keras_textcnn import Corpus
from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Record
from keras_textcnn.data.numbering import hash_text
from keras_textcnn.evaluation.advice import describe_lead
from keras_textcnn.persistence.learnt_texts import LearntTexts
from keras_textcnn.persistence.run import Run
from keras_textcnn.training import callbacks, trainer
from keras_textcnn.training.overlap import warn_of_learnt_test_texts
from tests.conftest import make_texts

CONFIG = TrainConfig(
    windows=(2,),
    filters=2,
    vectors="none",
    dimensions=4,
    frozen_epochs=0,
    unfrozen_epochs=2,
    ngrams=0,
    refit=False,
    patience=9,
)


class Work(keras.callbacks.Callback):
    """Moves a clock, which otherwise stands still, by ten seconds per epoch; the process ends in epoch `ends_in`."""

    def __init__(self, clock: list[float], *, ends_in: int | None = None) -> None:
        super().__init__()
        self.clock, self.left = clock, ends_in

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.clock[0] += 10
        if self.left is not None:
            self.left -= 1
            if not self.left:
                raise ZeroDivisionError


@pytest.mark.usefixtures("without_exports")
@pytest.mark.parametrize(
    ("interruptions", "killed", "expected"),
    [
        ([], False, 20),  # two epochs
        ([2], False, 20 + 10),
        ([1, 2, 1], False, 10 + 20 + 10 + 10),
        ([2], True, 10 + 10),  # a killed process has saved the epochs that it finished
    ],
)
def test_seconds_are_those_of_all_processes(
    interruptions: list[int], killed: bool, expected: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, labels = zip(*make_texts(30, 4), strict=True)
    corpus, clock = Corpus(texts, labels), [0.0]
    for module in (trainer, callbacks):
        monkeypatch.setattr(module, "time", types.SimpleNamespace(perf_counter=lambda: clock[0]))
    for number, epoch in enumerate(interruptions):
        clock[0] = 1000.0 * number  # each process's clock begins at another time
        with monkeypatch.context() as patch:
            if killed:
                patch.setattr(callbacks.RunSeconds, "__exit__", lambda *arguments: None)
            work = Work(clock, ends_in=epoch)
            with pytest.raises(ZeroDivisionError):
                trainer.train(CONFIG, corpus, tmp_path / "run", resumed=number > 0, callbacks=[work])
    clock[0] = 7.0
    trainer.train(CONFIG, corpus, tmp_path / "run", resumed=bool(interruptions), callbacks=[Work(clock)])
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["seconds"] == expected
    assert not (tmp_path / "run" / "checkpoints").exists()


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
    scores = {"test": {"accuracy": 0.9735}, "baseline": {"test": {"accuracy": linear}}}
    line = describe_lead(TrainConfig(**settings).resolved(), scores)
    if said is None:
        assert line == ""
    else:
        assert line.startswith("warning: the linear model is ahead on the test texts (97.58 against 97.35); try ")
        assert line.endswith(said)
    assert describe_lead(TrainConfig(**settings).resolved(), {**scores, "baseline": None}) == ""


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
