"""The fit of a run: each part of the model for itself, what each is worth, and once more with the validation texts."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn import balance, fitting, interrupts, pipeline, reporting, scoring
from keras_textcnn.board import TensorBoard
from keras_textcnn.calibration import fit_scale
from keras_textcnn.config import NGRAMS, ONE_HOT, TrainConfig
from keras_textcnn.losses import MarginLoss, build_loss
from keras_textcnn.models import SHORTEST
from keras_textcnn.ngrams import split_parts
from keras_textcnn.run import Run


@dataclasses.dataclass(frozen=True)
class Learnt:
    """What a fit leaves beside the weights of the model.

    Attributes:
        history: One row an epoch, counted from 1 over all parts; those of the refit have no validation loss.
        phases: Of each phase name, learning_rate, epochs and seconds.
        best_epochs: Of each part the epoch that was kept.
        logits: float32 (texts, labels), of the validation texts, from before the refit.
        combined: The scale of the n-grams in the sum and what each part reaches alone; None where there is one part.
    """

    history: list[dict[str, Any]]
    phases: list[dict[str, Any]]
    best_epochs: list[int]
    logits: np.ndarray
    combined: dict[str, Any] | None


def learn(
    config: TrainConfig,
    run: Run,
    model: keras.Model,
    examples: Mapping[str, pipeline.Examples],
    *,
    vocabulary: Sequence[str],
    refit: bool,
    say: Callable[[str], None],
    callbacks: Sequence[keras.callbacks.Callback],
) -> Learnt:
    """Fits each part of a model for itself, sets their scale, and fits them again with the validation texts.

    A fit that ended before an interruption only takes its weights.

    Args:
        config: The settings.
        run: Where checkpoints and TensorBoard's files go.
        model: From a builder, its vectors loaded; it ends with the weights of the last fit.
        examples: Of "train" and "validation".
        vocabulary: Tokens by id.
        refit: Whether, once the validation texts have chosen the epochs and the scale, all starts anew with them among
            the training texts, for as many epochs.
        say: Called with lines about the progress.
        callbacks: Keras callbacks for the fit.
    """
    parts = split_parts(model)
    plans = [plan_phases(config), plan_ngram_phases(config)][: len(parts)]
    initial = [keras.ops.convert_to_numpy(variable) for variable in model.variables] if refit else []
    fits = _Fits(config, run, model, say, callbacks)
    progress, best_epochs = [], []
    for part, phases in zip(parts, plans, strict=True):
        before = len(fits.history)
        progress.append(fits.fit(part, phases, examples["train"], examples["validation"]))
        best_epochs.append(before + progress[-1].best_epoch)
    for epoch in best_epochs:
        say(f"kept epoch {epoch}, which has the lowest validation loss, {fits.history[epoch - 1]['val_loss']:.4f}")

    outputs, truth = [predict(config, part, examples["validation"]) for part in parts], examples["validation"].truth
    logits, combined = outputs[0], None
    if len(parts) > 1:
        combined = _combine(outputs, truth)
        logits = outputs[0] + np.float32(combined["scale"]) * outputs[1]
        alone = combined["validation_accuracy"]
        say(
            f"right of the validation texts: {alone['convolution']:.2%} by the convolution, {alone['ngrams']:.2%} by "
            f"the n-grams, {_accuracy(logits, truth):.2%} by their sum ({combined['scale']:.2f} times the n-grams)"
        )
    if refit:
        say("once more from the start for as many epochs, with the validation texts among the training texts")
        for variable, value in zip(model.variables, initial, strict=True):
            variable.assign(value)
        everything = pipeline.join_examples(examples["train"], examples["validation"])
        for part, phases, done in zip(parts, plans, progress, strict=True):
            fits.fit(part, done.kept_phases(phases), everything)
    if combined:
        model.get_layer("sum").scale.assign(combined["scale"])
    if config.embedding != ONE_HOT:
        fits.board.write_projector(vocabulary, model.get_layer("embedding").embeddings.numpy())
    return Learnt(fits.history, fitting.summarize_phases(fits.history), best_epochs, logits, combined)


class _Fits:
    """The fits of one run, which have one history and one TensorBoard."""

    def __init__(
        self,
        config: TrainConfig,
        run: Run,
        model: keras.Model,
        say: Callable[[str], None],
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> None:
        self.config, self.run, self.model, self.say, self.callbacks = config, run, model, say, callbacks
        self.board = TensorBoard(run.directory / "tensorboard")
        self.history: list[dict[str, Any]] = []

    def fit(
        self,
        part: keras.Model,
        phases: Sequence[fitting.Phase],
        examples: pipeline.Examples,
        validation: pipeline.Examples | None = None,
    ) -> fitting.Progress:
        """Fits a part and adds its rows to the history; without validation texts it is the refit."""
        config, before = self.config, len(self.history)
        name = part.name if validation else f"refit-{part.name}"
        weights = balance.weigh_texts(examples.sparse_truth) if config.sampling == "balanced" else None

        def numbered(row: dict[str, Any]) -> dict[str, Any]:
            return {**row, "epoch": before + row["epoch"]}

        def on_epoch(row: dict[str, Any]) -> None:
            self.say(reporting.describe_epoch(numbered(row)))
            self.board.write(numbered(row))
            if config.histograms:
                self.board.write_histograms(self.model.weights, before + row["epoch"])

        with interrupts.held(self.say) as end_if_asked:
            progress = fitting.two_phase_fit(
                part,
                training=lambda epoch: _batches(config, examples, seed=(config.seed, epoch), weights=weights),
                validation=_batches(config, validation) if validation else None,
                phases=phases if validation else [dataclasses.replace(it, name=f"refit {it.name}") for it in phases],
                patience=config.patience,
                several_labels=config.several_labels,
                loss=_build_loss(config, part, examples, margin=part.name == "ngrams"),
                checkpoint=self.run.checkpoints / f"{name}.npz",
                owner=f"{name} of {self.run.identity}",
                callbacks=self.callbacks,
                on_epoch=on_epoch,
                end_if_asked=end_if_asked,
                say=self.say,
            )
        self.history += map(numbered, progress.history)
        return progress


def plan_phases(config: TrainConfig) -> list[fitting.Phase]:
    """The phases of a config's fit."""
    return fitting.two_phases(
        frozen_epochs=config.frozen_epochs,
        unfrozen_epochs=config.unfrozen_epochs,
        learning_rate=config.learning_rate,
        unfrozen_learning_rate=config.unfrozen_learning_rate,
        frozen=() if config.freeze == "nothing" else tuple(config.freeze.split("+")),
        tune=config.tune,
        optimizer=config.optimizer,
        weight_decay=config.weight_decay,
        embedding_factor=config.embedding_factor,
    )


def plan_ngram_phases(config: TrainConfig) -> list[fitting.Phase]:
    """The one phase of the linear model of n-grams: always Adam, which moves rare rows as far as frequent ones.

    It minimizes a support vector machine's loss, which leaves a linear model more accurate than cross-entropy does
    (tests/benchmarks/ACCURACY.md). Where a run that it starts from is tuned in its head or its biases alone, its rows
    stay as they are.
    """
    frozen = () if config.tune == "all" else (fitting.KERNELS,)
    return [fitting.Phase(NGRAMS, config.ngram_epochs or 0, config.ngram_learning_rate or 0.0, frozen)]


def predict(config: TrainConfig, model: keras.Model, examples: pipeline.Examples) -> np.ndarray:
    """The logits of texts, float32 (texts, labels)."""
    return pipeline.predict_logits(
        model, examples, boundaries=_boundaries(config), batch_size=config.prediction_batch_size
    )


def _combine(logits: Sequence[np.ndarray], truth: np.ndarray) -> dict[str, Any]:
    return {
        "scale": fit_scale(logits[0], logits[1], truth),
        "validation_accuracy": {"convolution": _accuracy(logits[0], truth), "ngrams": _accuracy(logits[1], truth)},
    }


def _accuracy(logits: np.ndarray, truth: np.ndarray) -> float | None:
    thresholds = None if truth.ndim == 1 else np.zeros(truth.shape[1])
    right = scoring.choose_labels(logits, thresholds) == truth
    return float(right.reshape(len(truth), -1).all(axis=1).mean())


def _batches(config: TrainConfig, examples: pipeline.Examples, **order: Any) -> tf.data.Dataset:
    boundaries = _boundaries(config)
    plan = pipeline.plan_batches(examples.lengths, boundaries=boundaries, batch_size=config.batch_size, **order)
    return pipeline.padded_batches(examples, plan, boundaries=boundaries)


def _boundaries(config: TrainConfig) -> list[int]:
    return pipeline.length_boundaries(config.maximum_tokens, fixed=config.model in SHORTEST)


def _build_loss(
    config: TrainConfig, part: keras.Model, examples: pipeline.Examples, *, margin: bool
) -> keras.losses.Loss:
    several_labels, label_weights = config.several_labels, None
    if config.class_weight != "none":
        labels = part.output_shape[-1]
        label_weights = balance.weigh_labels(examples.sparse_truth, config.class_weight, labels=labels)
    if margin:
        return MarginLoss(several_labels=several_labels, label_weights=label_weights)
    return build_loss(several_labels=several_labels, label_weights=label_weights, focal_gamma=config.focal_gamma)
