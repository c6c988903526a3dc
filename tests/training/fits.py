"""Fits of tiny models to texts of random ids, for the tests of two-phase fits and their checkpoints."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.data.batching import Epochs, Examples, padded_batches, plan_batches
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.training import compilation
from keras_textcnn.training.compilation import STEPS_PER_EXECUTION, CompiledPhases, compile_phase
from keras_textcnn.training.phases import Phase, Progress, two_phases
from keras_textcnn.training.two_phase import fit_phases
from tests.conftest import make_examples
from tests.runs import Killed

PHASES = two_phases(frozen_epochs=3, unfrozen_epochs=3, learning_rate=0.02, unfrozen_learning_rate=0.005)


def make_texts(texts: int, seed: int, labels: int = 2) -> Examples:
    """Texts of random ids, one of which tells the label."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, labels, texts).astype(np.int32)
    rows = [[*random.integers(5, 20, random.integers(0, 9)), 2 + label] for label in targets]
    return make_examples(rows, targets)


def batches(examples: Examples, epoch: int | None) -> tf.data.Dataset:
    plan = plan_batches(examples.lengths, boundaries=[16, 20], batch_size=8, seed=None if epoch is None else (0, epoch))
    return padded_batches(examples, plan, boundaries=[16, 20])


def epochs_of(examples: Examples) -> Epochs:
    def plan(epoch: int) -> list[np.ndarray]:
        return plan_batches(examples.lengths, boundaries=[16, 20], batch_size=8, seed=(0, epoch))

    return Epochs(examples, plan, boundaries=[16, 20])


class Report(keras.callbacks.Callback):
    """Calls a function with each new row of the history, once it is saved."""

    def __init__(self, on_epoch: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self.on_epoch = on_epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.on_epoch(self.model.history.progress.history[-1])


def fit(
    model: keras.Model,
    phases: list[Phase] = PHASES,
    *,
    compiled: Callable[[Phase], keras.Model] | None = None,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
    **options: Any,
) -> Progress:
    def compile_it(phase: Phase) -> keras.Model:
        compile_phase(model, phase)
        return model

    options = {"train": epochs_of(make_texts(64, seed=1)).dataset, "patience": 9, **options}
    options = {"validation": batches(make_texts(32, seed=2), None), **options}
    reports = [Report(on_epoch)] if on_epoch else []
    return fit_phases(compiled or compile_it, phases=phases, reports=reports, **options).progress


def make_model(build: Callable[..., keras.Model] = build_conv1d) -> keras.Model:
    keras.utils.set_random_seed(4)
    return build(vocabulary_size=20, num_classes=2, dimensions=6, windows=(1, 2), filters=4)


class Fits:
    """Fits of one model from the same initial weights; each phase is compiled once, which takes longer than its fits.

    To Keras, a resumed fit is then not quite as in a new process: a few tests below resume with a new model.
    """

    def __init__(self, build: Callable[..., keras.Model] = build_conv1d, *, steps: int = STEPS_PER_EXECUTION) -> None:
        self.model, self.compiled, self.steps = make_model(build), CompiledPhases(), steps
        self._initial = [variable.numpy() for variable in self.model.variables]

    def run(self, phases: list[Phase] = PHASES, **options: Any) -> tuple[list[np.ndarray], Progress]:
        """The weights that a fit ends with, and its progress."""
        for variable, value in zip(self.model.variables, self._initial, strict=True):
            variable.assign(value)
        defaults = compilation.compile_phase.__kwdefaults__
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compilation.compile_phase, "__kwdefaults__", defaults | {"steps_per_execution": self.steps})
            compiled = functools.partial(self.compiled.take, self.model)
            progress = fit(self.model, phases, compiled=compiled, **options)
        return self.model.get_weights(), progress


def killing(epoch: int) -> Callable[[dict[str, Any]], None]:
    """For `on_epoch`: ends the process after an epoch."""

    def kill(row: dict[str, Any]) -> None:
        if row["epoch"] == epoch:
            raise Killed

    return kill


def assert_equal(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
