"""The fits of one run's parts: their batches, losses, checkpoints and history."""

import dataclasses
import functools
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.config import TrainConfig
from keras_textcnn.data import batching, prediction
from keras_textcnn.layers.names import NGRAMS, SUBWORDS, SUM
from keras_textcnn.layers.scaled_sum import ScaledSum
from keras_textcnn.persistence.run import Run
from keras_textcnn.tasks import SOFT_LABELS, Task
from keras_textcnn.training import class_weights, linear_models, two_phase
from keras_textcnn.training.batches import batches_of, predict, training_epochs
from keras_textcnn.training.checkpoint import read_checkpoint, reading_checkpoint, write_checkpoint
from keras_textcnn.training.compilation import CompiledPhases
from keras_textcnn.training.losses import MarginLoss, build_loss
from keras_textcnn.training.phases import Phase, Progress
from keras_textcnn.training.plans import plan_part
from keras_textcnn.training.run_callbacks import EpochLog
from keras_textcnn.training.subwords import Subwords
from keras_textcnn.training.tensorboard import TensorBoard
from keras_textcnn.utils import signals
from keras_textcnn.utils.log import logger


class PartFits:
    """The fits of one run, which share a history and a TensorBoard.

    Args:
        config, model, vocabulary, matrix, callbacks: As for `ensemble.fit_ensemble`.
        run: Where checkpoints and TensorBoard's files go; None: nothing is written, and an interrupted fit is lost.

    Attributes:
        parts: The models that the model is the sum of.
        subwords: The linear model that is added to the n-grams at the end; None if the settings have none.
        plans: The phases of each part, by the part's name; empty for a part that is solved.
        history: The epochs of all fits except those of folds.
    """

    def __init__(
        self,
        config: TrainConfig,
        run: Run | None,
        model: keras.Model,
        vocabulary: Sequence[str],
        matrix: np.ndarray | None,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> None:
        self.config, self.run, self.model, self.callbacks = config, run, model, callbacks
        self.parts = split_parts(model)
        self.plans = {part.name: plan_part(config, part.name) for part in self.parts}
        self.subwords = Subwords(model.get_layer(NGRAMS), vocabulary) if config.subwords else None
        self.board = TensorBoard(run.directory / "tensorboard", histograms=bool(config.histograms)) if run else None
        self.history: list[dict[str, Any]] = []
        self._initial = [keras.ops.convert_to_numpy(variable) for variable in model.variables]
        self._losses: dict[str, keras.losses.Loss] = {}
        self._compiled = CompiledPhases(model.distribute_strategy)
        self._answers: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {}
        self._matrix = matrix

    @property
    def names(self) -> list[str]:
        """The names of what the model is the sum of."""
        return [*(part.name for part in self.parts), *([SUBWORDS] if self.subwords else [])]

    def reset(self) -> None:
        """Resets the model to the values that it began with."""
        for variable, value in zip(self.model.variables, self._initial, strict=True):
            variable.assign(value)

    def fit(
        self,
        part: keras.Model,
        examples: batching.Examples,
        validation: batching.Examples | None = None,
        *,
        phases: Sequence[Phase] | None = None,
        title: str = "",
    ) -> Progress | None:
        """Fits a part, or solves it and returns None.

        Args:
            part: One of `parts`.
            examples: The texts to train on.
            validation: Texts that end the phases early and choose the best epoch; None: all epochs are run.
            phases: The phases of the fit; None: those of the part's plan.
            title: The title of any fit but the part's first: "refit", or a fold, whose epochs are neither shown nor
                written to checkpoints.
        """
        config = self.config
        phases = self.plans[part.name] if phases is None else phases
        if not self.plans[part.name]:
            self._solve(part, examples)
            return None
        shown = not title.startswith("fold")
        loss, task = self._loss(part, examples), task_of(config, examples)
        name, run = "-".join([*title.split(), part.name]), self.run
        with signals.holding_first() as stop_if_requested:
            progress = two_phase.fit_phases(
                lambda phase: self._compiled.take(part, phase, task=task, loss=loss),
                training_epochs(config, examples).dataset,
                batches_of(config, validation) if validation else None,
                phases=[dataclasses.replace(it, name=f"{title} {it.name}".strip()) for it in phases],
                monitor=config.monitor,
                patience=config.patience,
                checkpoint=run.checkpoints / f"{name}.npz" if run and shown else None,
                owner=f"{name} of {run.identity}" if run else "",
                first_epoch=len(self.history),
                callbacks=[it for it in self.callbacks if validation or not _watches_validation(it)],
                reports=[EpochLog(), *([self.board] if self.board else [])] if shown else [],
                stop_if_requested=stop_if_requested,
                strategy=self.model.distribute_strategy,
            ).progress
        if shown:
            self.history += progress.history
        return progress

    def answer(self, examples: batching.Examples) -> dict[str, np.ndarray]:
        """The logits of texts from each part and the subwords, by name: float32 (texts, num_classes)."""
        answers = {part.name: predict(self.config, part, examples, answer=self._traced(part)) for part in self.parts}
        return answers | ({SUBWORDS: self.subwords.answer(examples)} if self.subwords else {})

    def solve_subwords(self, examples: batching.Examples, *, shown: bool = True) -> None:
        """Solves the subwords, if there are any, once the n-grams have been fitted to the same texts."""
        if not self.subwords:
            return
        started = time.perf_counter()
        self.subwords.solve(examples, weigh(self.config, examples, num_classes=self.model.output_shape[-1]))
        if shown:
            seconds = time.perf_counter() - started
            logger.info(f"subwords: solved on {self.subwords.number:,} parts of words ({seconds:.1f} s)")

    def set_scales(self, scales: Mapping[str, float]) -> None:
        """Makes the model the scaled sum of its parts and the subwords, by name; with a single part there are none."""
        if not scales:
            return
        if self.subwords:
            self.subwords.add_to_layer(scales[NGRAMS], scales[SUBWORDS])
            scales = {**scales, NGRAMS: 1.0}
        self.model.get_layer(SUM).scales.assign([scales[part.name] for part in self.parts])

    def answer_fold(self, fold: int, rest: batching.Examples, held: batching.Examples) -> dict[str, np.ndarray]:
        """What `answer` returns for a fold's held-out texts, fitted to the other texts; resets the model afterwards.

        A fold takes about as long as an epoch. After an interruption, a fold that is not finished starts again.
        """
        if self.run is None:
            return self._answer_fold(fold, rest, held)
        path, owner = self.run.checkpoints / f"fold-{fold}.npz", f"fold {fold} of {self.run.identity}"
        if path.exists():
            facts, saved = read_checkpoint(path, owner)
            with reading_checkpoint(path):
                if facts["began"] != self._began:
                    raise ValueError("the fit began with other weights or vectors than these")
                shape = len(held.lengths), self.model.output_shape[-1]
                return {name: saved[name][0].reshape(shape) for name in self.names}
        answers = self._answer_fold(fold, rest, held)
        write_checkpoint(path, owner, {"began": self._began}, {name: [logits] for name, logits in answers.items()})
        return answers

    def _answer_fold(self, fold: int, rest: batching.Examples, held: batching.Examples) -> dict[str, np.ndarray]:
        for part in self.parts:
            self.fit(part, rest, title=f"fold {fold}")
        self.solve_subwords(rest, shown=False)
        answers = self.answer(held)
        self.reset()
        return answers

    def _traced(self, part: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
        """The part as a function that is traced once, however many fits it answers after."""
        if part.name not in self._answers:
            self._answers[part.name] = prediction.trace_answer(part)
        return self._answers[part.name]

    @functools.cached_property
    def _began(self) -> str:
        """The SHA-256 of the values that the model began with."""
        digest = hashlib.sha256()
        for value in self._initial:
            digest.update(value.tobytes())
        return digest.hexdigest()

    def _loss(self, part: keras.Model, examples: batching.Examples) -> keras.losses.Loss:
        """The loss of a part: the same one for every fit, to compile it only once, unless it depends on the texts."""
        if part.name not in self._losses or self.config.class_weight != "none":
            self._losses[part.name] = loss_of(self.config, part, examples, margin=part.name == NGRAMS)
        return self._losses[part.name]

    def _solve(self, part: keras.Model, examples: batching.Examples) -> None:
        layer, targets = part.get_layer(part.name), examples.targets
        weights = weigh(self.config, examples, num_classes=part.output_shape[-1])
        if part.name == NGRAMS:
            counts = linear_models.count_rows(layer, examples)
            linear_models.solve_ngrams(layer, counts, targets, weights, text_weights=examples.weights)
        elif self._matrix is not None:
            means = linear_models.average_vectors(self._matrix, examples)
            linear_models.solve_vector_mean(layer, self._matrix, means, targets, weights, text_weights=examples.weights)


def _watches_validation(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback monitors what only validation texts have, such as Keras's `EarlyStopping("val_loss")`."""
    return str(getattr(callback, "monitor", "")).startswith("val_")


def task_of(config: TrainConfig, examples: batching.Examples) -> Task:
    """What a fit learns: the task of the settings, or the probabilities of texts that have soft targets."""
    return config.task if examples.soft_targets is None else SOFT_LABELS


def loss_of(config: TrainConfig, part: keras.Model, examples: batching.Examples, *, margin: bool) -> keras.losses.Loss:
    """The loss of a part, with the label weights that the settings ask for."""
    label_weights = None
    if config.class_weight != "none":
        num_classes = part.output_shape[-1]
        label_weights = class_weights.weigh_labels(
            examples.sparse_targets, config.class_weight, num_classes=num_classes
        )
    if margin:
        soft = examples.soft_targets is not None
        return MarginLoss(several_labels=config.task.several, label_weights=label_weights, soft_targets=soft)
    return build_loss(task_of(config, examples), label_weights=label_weights, focal_gamma=config.focal_gamma)


def weigh(config: TrainConfig, examples: batching.Examples, *, num_classes: int) -> np.ndarray | None:
    """The weights of the texts, from class weights and sampling: float (texts,), or (texts, num_classes), or None."""
    targets = examples.targets
    weights = None
    if config.class_weight != "none":
        by_label = class_weights.weigh_labels(targets, config.class_weight, num_classes=num_classes)
        weights = by_label[targets] if targets.ndim == 1 else np.where(targets > 0, by_label[1], by_label[0])
    if config.sampling == "balanced":
        drawn = class_weights.weigh_texts(targets) * len(targets)
        weights = drawn if weights is None else weights * drawn.reshape(-1, *[1] * (weights.ndim - 1))
    return weights


def split_parts(model: keras.Model) -> list[keras.Model]:
    """The models that a model is the sum of, which share its layers and are trained separately; or the model itself.

    Models that are trained together divide the work between them. Trained alone, each can do all of it, and they make
    different errors (tests/benchmarks/ACCURACY.md).
    """
    if not isinstance(model.layers[-1], ScaledSum):
        return [model]
    outputs = model.layers[-1].input
    return [keras.Model(model.input, output, name=output._keras_history.operation.name) for output in outputs]
