"""Fits of tiny models to texts of random ids, for the tests of two-phase fits and their checkpoints."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.data.batching import Examples, padded_batches, plan_batches
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.training import compilation
from keras_textcnn.training.compilation import STEPS_PER_EXECUTION, CompiledPhases
from keras_textcnn.training.phases import Phase, Progress, two_phases
from keras_textcnn.training.two_phase import two_phase_fit
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


def fit(model: keras.Model, phases: list[Phase] = PHASES, **options: Any) -> Progress:
    training, validation = make_texts(64, seed=1), make_texts(32, seed=2)
    options = {"patience": 9, **options}
    return two_phase_fit(
        model, lambda epoch: batches(training, epoch), batches(validation, None), phases=phases, **options
    )


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
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compilation, "STEPS_PER_EXECUTION", self.steps)
            progress = fit(self.model, phases, compiled=self.compiled, **options)
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
