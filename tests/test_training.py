import json
import types
from pathlib import Path
from typing import Any

import keras
import pytest

from keras_textcnn import Corpus, TrainConfig, training
from tests.conftest import make_texts

CONFIG = TrainConfig(
    filters=2, vectors="none", dimensions=4, frozen_epochs=0, unfrozen_epochs=2, ngrams=0, refit=False, patience=9
)


class Work(keras.callbacks.Callback):
    """Ten seconds an epoch on a clock that stands still otherwise; in this epoch the process ends."""

    def __init__(self, clock: list[float], *, ends_in: int | None = None) -> None:
        super().__init__()
        self.clock, self.left = clock, ends_in

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.clock[0] += 10
        if self.left is not None:
            self.left -= 1
            if not self.left:
                raise ZeroDivisionError


@pytest.mark.parametrize(
    ("interruptions", "killed", "expected"),
    [
        ([], False, 20),  # two epochs
        ([1], False, 10 + 20),  # the first one is begun twice
        ([2], False, 20 + 10),
        ([1, 2, 1], False, 10 + 20 + 10 + 10),
        ([2], True, 10 + 10),  # a process that was killed has kept the epochs that it finished
        ([1], True, 20),
    ],
)
def test_seconds_are_those_of_all_processes(
    interruptions: list[int], killed: bool, expected: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, labels = zip(*make_texts(30, 4), strict=True)
    corpus, clock = Corpus(texts, labels), [0.0]
    monkeypatch.setattr(training, "time", types.SimpleNamespace(perf_counter=lambda: clock[0]))
    for number, epoch in enumerate(interruptions):
        clock[0] = 1000.0 * number  # each process's begins where it likes
        with monkeypatch.context() as patch:
            if killed:
                patch.setattr(training._Seconds, "__exit__", lambda *arguments: None)
            work = Work(clock, ends_in=epoch)
            with pytest.raises(ZeroDivisionError):
                training.train(CONFIG, corpus, tmp_path / "run", resumed=number > 0, callbacks=[work])
    clock[0] = 7.0
    training.train(CONFIG, corpus, tmp_path / "run", resumed=bool(interruptions), callbacks=[Work(clock)])
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["seconds"] == expected
    assert not (tmp_path / "run" / "checkpoints").exists()
