"""The time that all processes of a run took, and a user's callbacks in all of its fits."""

import dataclasses
import json
import types
from pathlib import Path
from typing import Any

import keras
import pytest

from keras_textcnn import Corpus
from keras_textcnn.config import TrainConfig
from keras_textcnn.training import run_callbacks, trainer
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
    for module in (trainer, run_callbacks):
        monkeypatch.setattr(module, "time", types.SimpleNamespace(perf_counter=lambda: clock[0]))
    for number, epoch in enumerate(interruptions):
        clock[0] = 1000.0 * number  # each process's clock begins at another time
        with monkeypatch.context() as patch:
            if killed:
                patch.setattr(run_callbacks.RunSeconds, "__exit__", lambda *arguments: None)
            work = Work(clock, ends_in=epoch)
            with pytest.raises(ZeroDivisionError):
                trainer.train(CONFIG, corpus, tmp_path / "run", resumed=number > 0, callbacks=[work])
    clock[0] = 7.0
    trainer.train(CONFIG, corpus, tmp_path / "run", resumed=bool(interruptions), callbacks=[Work(clock)])
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["seconds"] == expected
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.usefixtures("without_exports")
def test_a_refit_begins_with_the_phases_rate_and_asks_for_no_validation_loss(tmp_path: Path) -> None:
    """Keras warns if a callback monitors what a fit does not have, and warnings are errors here."""
    texts, labels = zip(*make_texts(60, 4), strict=True)
    config = dataclasses.replace(CONFIG, unfrozen_epochs=5, refit=True, validation_fraction=0.2)
    guests = [
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=0, min_delta=9.0),
        keras.callbacks.EarlyStopping("val_loss", patience=2, min_delta=9.0),
    ]
    history = trainer.train(config, Corpus(texts, labels), tmp_path / "run", callbacks=guests).history
    rates = [row["learning_rate"] for row in history if not row["phase"].startswith("refit")]
    refit = [row["learning_rate"] for row in history if row["phase"].startswith("refit")]
    assert len(rates) == 3  # stopped early
    assert rates[2] < rates[0]
    assert set(refit) == {rates[0]}
