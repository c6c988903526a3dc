import json
import math
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.data import tokenized
from keras_textcnn.persistence.run import Run
from keras_textcnn.scale.tuning import trials as module
from keras_textcnn.scale.tuning.budget import OutOfTimeError
from keras_textcnn.scale.tuning.trials import Deadline, EpochReport, Trials
from keras_textcnn.train import read_corpus
from keras_textcnn.training.phases import Phase


@pytest.fixture(scope="module")
def config(finished_run: Path) -> TrainConfig:
    return Run.open(finished_run).config()


@pytest.fixture(scope="module")
def shared(config: TrainConfig) -> Trials:
    """Trials on the corpus of the finished run."""
    return Trials(read_corpus(config))


def test_a_trial_scores_held_out_texts_as_a_run_does(shared: Trials, config: TrainConfig, finished_run: Path) -> None:
    reported: list[tuple[int, float]] = []
    seen = EpochReport("log_loss", lambda epoch, value: reported.append((epoch, value)))
    scores = shared.hold_out(config, callbacks=[seen])
    metrics = json.loads((finished_run / "metrics.json").read_text())
    assert scores == pytest.approx({name: metrics["validation"][name] for name in scores})
    rows = [row for row in Run.open(finished_run).history if row["phase"] in ("frozen", "unfrozen")]
    losses = [row["val_loss"] for row in rows]
    assert [epoch for epoch, _ in reported] == list(range(1, len(rows) + 1))
    assert [value for _, value in reported] == pytest.approx(np.minimum.accumulate(losses))


def test_a_whole_fit_scores_test_texts_as_a_run_does(shared: Trials, config: TrainConfig, finished_run: Path) -> None:
    metrics = json.loads((finished_run / "metrics.json").read_text())
    scores = shared.fit(config, seed=config.seed)
    for split, its in scores.items():
        assert its == pytest.approx({name: metrics[split][name] for name in its or {}})
    other = shared.fit(config, seed=config.seed + 1)
    assert other["validation"] != scores["validation"]  # other weights, the same texts


def test_texts_are_tokenized_and_encoded_once(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for name in ("tokenize_corpus", "encode_corpus"):
        original = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, name=name, it=original, **k: calls.append(name) or it(*a, **k))
    mine = Trials(read_corpus(config))
    settings = {"data": config.data, "vectors": "none", "ngrams": 1, "test_fraction": 0.2}
    for changed in ({}, {"filters": 3}, {"dropout": 0.1, "ngrams": 2}):
        mine.prepare(TrainConfig(**{**settings, **changed}))
    assert calls == ["tokenize_corpus", "encode_corpus"]
    mine.prepare(TrainConfig(**settings, maximum_tokens=5))
    assert calls[2:] == ["encode_corpus"]
    one, other = (mine.prepare(TrainConfig(data=config.data, model="charcnn", dimensions=width)) for width in (4, 8))
    assert calls[3:] == ["tokenize_corpus", "encode_corpus"]
    assert (one.config.dimensions, other.config.dimensions) == (4, 8)
    assert one.encoded.examples["train"].ids is other.encoded.examples["train"].ids
    assert isinstance(one.tokenized, tokenized.TokenizedCorpus)


def test_with_few_texts_each_fold_is_reported(shared: Trials, config: TrainConfig) -> None:
    few = TrainConfig(data=config.data, vectors="none", dimensions=4, filters=2, ngrams=0, frozen_epochs=1)
    few = TrainConfig(**{**vars(few), "unfrozen_epochs": 0, "minimum_steps": 1, "inner_folds": 3, "batch_size": 32})
    folds: list[tuple[int, float | None]] = []
    scores = shared.hold_out(few, on_fold=lambda fold, its: folds.append((fold, its["log_loss"])))
    assert [fold for fold, _ in folds] == [1, 2, 3]
    assert all(loss is not None and math.isfinite(loss) for _, loss in folds)
    assert scores["log_loss"] is not None
    assert shared.whole(few) == 1.5


def test_a_deadline_ends_a_fit(shared: Trials, config: TrainConfig) -> None:
    batches = []

    def check() -> None:
        batches.append(1)
        if len(batches) > 2:
            raise OutOfTimeError

    with pytest.raises(OutOfTimeError):
        shared.hold_out(config, callbacks=[Deadline(check)])
    assert len(batches) == 3


@pytest.mark.parametrize(
    ("objective", "reported"),
    [("log_loss", [0.5, 0.4, 0.4]), ("accuracy", [0.7, 0.7, 0.9]), ("macro_f1", [0.7, 0.7, 0.9])],
)
def test_only_epochs_of_the_network_are_reported(objective: str, reported: list[float]) -> None:
    seen: list[tuple[int, float]] = []
    callback = EpochReport(objective, lambda epoch, value: seen.append((epoch, value)))
    callback.on_phase_begin(Phase("frozen", 2, 0.1))
    callback.on_epoch_end(0, {"loss": 1.0, "val_loss": 0.5, "val_accuracy": 0.7})
    callback.on_epoch_end(1, {"loss": math.nan, "val_loss": 0.1, "val_accuracy": 0.99})
    callback.on_epoch_end(1, {"loss": 1.0, "val_loss": 0.4, "val_accuracy": 0.6})
    callback.on_phase_begin(Phase("unfrozen", 2, 0.1))
    callback.on_epoch_end(2, {"loss": 1.0, "val_loss": 0.6, "val_accuracy": 0.9})
    callback.on_phase_begin(Phase("n-grams", 2, 0.1))
    callback.on_epoch_end(3, {"loss": 1.0, "val_loss": 0.0, "val_accuracy": 1.0})
    callback.on_phase_begin(Phase("refit frozen", 2, 0.1))
    callback.on_epoch_end(4, {"loss": 1.0})
    assert seen == list(enumerate(reported, 1))
    assert isinstance(callback, keras.callbacks.Callback)
