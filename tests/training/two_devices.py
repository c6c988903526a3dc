"""Trainings on one and on two devices, in a process of its own: TensorFlow divides a processor only when it starts.

Called with a folder for what `test_devices.py` compares.
"""

import dataclasses
import itertools
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.batching import Epochs
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.errors import InputError
from keras_textcnn.models.charcnn import build_charcnn
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.training.compilation import CompiledPhases
from keras_textcnn.training.phases import Phase
from keras_textcnn.training.trainer import train
from keras_textcnn.training.two_phase import fit_phases
from keras_textcnn.utils.devices import building_for, choose_strategy
from tests.conftest import make_examples, make_texts
from tests.runs import leave_out_reports

PHASES = [
    Phase("frozen", 1, 0.02, ("embedding",), embedding_factor=3.0),
    Phase("adamw", 2, 0.02, optimizer="adamw", weight_decay=0.1, embedding_factor=3.0),
    Phase("rmsprop", 1, 0.005, optimizer="rmsprop"),
    Phase("sgd", 1, 0.02, optimizer="sgd"),
    Phase("adadelta", 2, 1.0, optimizer="adadelta"),
]
SIZES = {"windows": (2,), "filters": 4, "dimensions": 6, "embedding_dropout": 0.0}
SETTINGS = {"vectors": "none", "freeze": "embedding", "frozen_epochs": 0, "unfrozen_epochs": 2, "ngrams": 0}
SETTINGS |= {
    "vector_mean": False,
    "dropout": 0.0,
    "minimum_steps": 1,
    "inner_folds": 0,
    "refit": False,
    "devices": "all",
}


def epochs_of(texts: int) -> Epochs:
    """Epochs of weighted texts of random ids in batches of 5, of which one device gets 3, and a last one of 1."""
    random = np.random.default_rng(texts)
    targets = random.integers(0, 2, texts).astype(np.int32)
    examples = make_examples([[*random.integers(5, 20, random.integers(0, 9)), 2 + it] for it in targets], targets)
    examples = dataclasses.replace(examples, weights=random.uniform(0.2, 3, texts).astype(np.float32))

    def plan(epoch: int) -> list[np.ndarray]:
        return np.split(np.random.default_rng(epoch).permutation(texts), range(5, texts, 5))

    return Epochs(examples, plan, boundaries=[16])


class Fits:
    """A model on one or on all devices, and its fits from the same initial weights."""

    def __init__(self, devices: str, build: Callable[..., keras.Model] = build_conv1d, **sizes: Any) -> None:
        self.strategy = choose_strategy(devices)
        keras.utils.set_random_seed(4)
        with building_for(self.strategy):
            self.model = build(20, 2, **{**SIZES, **sizes})
        self._compiled = CompiledPhases(self.strategy)
        self._initial = [variable.numpy() for variable in self.model.variables]

    def run(
        self, phases: list[Phase], validation: tf.data.Dataset | None = None, **options: Any
    ) -> tuple[list[np.ndarray], list[dict[str, Any]]]:
        """The weights that the phases end with, and the history."""
        for variable, value in zip(self.model.variables, self._initial, strict=True):
            variable.assign(value)
        fitted = fit_phases(
            lambda phase: self._compiled.take(self.model, phase),
            epochs_of(11).dataset,
            validation,
            phases=phases,
            patience=9,
            strategy=self.strategy,
            **options,
        )
        rows = [{name: value for name, value in row.items() if name != "seconds"} for row in fitted.progress.history]
        return self.model.get_weights(), rows


def interrupted(fits: Fits, phases: list[Phase], checkpoint: Path, batches: int) -> Any:
    """A fit that is interrupted after some batches, and resumed."""
    calls = itertools.count(1)

    def stop() -> None:
        if next(calls) == batches:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fits.run(phases, checkpoint=checkpoint, stop_if_requested=stop)
    return fits.run(phases, checkpoint=checkpoint)


def save(path: Path, weights: list[np.ndarray], rows: list[dict[str, Any]]) -> None:
    np.savez(path.with_suffix(".npz"), *weights)
    path.with_suffix(".json").write_text(json.dumps(rows))


def main(folder: Path) -> None:
    """Writes the results of each case into the folder."""
    for devices in ("one", "all"):
        fits = Fits(devices, dropout=0.0, max_norm=0.3, multichannel=True, ngrams=2, ngram_buckets=64)
        save(folder / f"phases-{devices}", *fits.run(PHASES))
        save(folder / f"validated-{devices}", *fits.run(PHASES[:1], epochs_of(6).rest(0, 0)))
    dropping, phases = Fits("all", dropout=0.5), [dataclasses.replace(PHASES[0], epochs=3)]
    save(folder / "whole", *dropping.run(phases))
    save(folder / "resumed", *interrupted(dropping, phases, folder / "fit.npz", batches=5))
    normalized = Fits("all", build_charcnn, windows=(2, 2))
    normalized.run(PHASES[:1])
    copies = [normalized.strategy.experimental_local_results(it.value) for it in normalized.model.variables]
    same = [bool((one.numpy() == other.numpy()).all()) for one, other in copies]
    paths = [it.path for it in normalized.model.variables]
    (folder / "copies.json").write_text(json.dumps(dict(zip(paths, same, strict=True))))

    corpus = Corpus(*map(list, zip(*make_texts(60, 1), strict=True)))
    with pytest.raises(InputError, match="--batch-size must be at least 4 to train on 2 devices; received: 3"):
        train(TrainConfig(**SIZES, **SETTINGS, batch_size=3), corpus, folder / "finished")
    finished, killed = folder / "finished", folder / "killed"
    copy = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: epoch and shutil.copytree(finished, killed))
    train(TrainConfig(**SIZES, **SETTINGS), corpus, finished, callbacks=[copy])


if __name__ == "__main__":
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    leave_out_reports(pytest.MonkeyPatch())
    main(Path(sys.argv[1]))
