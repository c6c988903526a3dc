"""The fit of a run: each part of the model for itself, what each is worth, and once more with all texts."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.config import TrainConfig
from keras_textcnn.data import batching
from keras_textcnn.evaluation import metrics, tables
from keras_textcnn.evaluation.calibration import fit_scales
from keras_textcnn.layers.names import EMBEDDING, NGRAMS, SUM, TITLES, VECTOR_MEAN
from keras_textcnn.layers.scaled_sum import ScaledSum
from keras_textcnn.persistence.run import Run
from keras_textcnn.presets import ONE_HOT
from keras_textcnn.training import class_weights, linear_models, two_phase
from keras_textcnn.training.checkpoint import read_checkpoint, reading_checkpoint, write_checkpoint
from keras_textcnn.training.losses import MarginLoss, build_loss
from keras_textcnn.training.tensorboard import TensorBoard
from keras_textcnn.utils import signals
from keras_textcnn.utils.log import logger


@dataclasses.dataclass(frozen=True)
class Learnt:
    """What a fit leaves beside the weights of the model.

    Attributes:
        history: One row an epoch, counted from 1 over all parts; those of the refit, and of a fit whose epochs were
            given, have no validation loss.
        phases: Of each phase name, learning_rate, epochs and seconds.
        best_epochs: Of each part that has epochs, by its layer's name, the epoch that was kept.
        held_out: The texts that decided the scales, and decide temperature and thresholds.
        logits: float32 (texts, labels), of these texts, by models that had not learnt from them.
        parts: The scale in the sum of each part, by its layer's name, and its accuracy alone on these texts; none
            where there is one part.
        folds: Of the cross-validation by which these texts were held out, the fold of each training text, from 1, 0
            where it never was; None where they are the validation texts.
    """

    history: list[dict[str, Any]]
    phases: list[dict[str, Any]]
    best_epochs: dict[str, int]
    held_out: batching.Examples
    logits: np.ndarray
    parts: dict[str, dict[str, float]]
    folds: np.ndarray | None


def learn(
    config: TrainConfig,
    run: Run,
    model: keras.Model,
    examples: Mapping[str, batching.Examples],
    *,
    vocabulary: Sequence[str],
    refit: bool,
    folds: np.ndarray | None,
    matrix: np.ndarray | None,
    callbacks: Sequence[keras.callbacks.Callback],
) -> Learnt:
    """Fits each part of a model for itself, sets their scales, and fits them again with all texts.

    A fit that ended before an interruption only takes its weights.

    Args:
        config: The settings, with those that depend on the number of texts.
        run: Where checkpoints and TensorBoard's files go.
        model: From a builder, its vectors loaded; it ends with the weights of the last fit.
        examples: Of "train" and "validation"; with `folds` the latter decide nothing.
        vocabulary: Tokens by id.
        refit: Whether, once the validation texts have chosen the epochs and the scales, all starts anew with them among
            the training texts, for as many epochs.
        folds: From `splits.deal_folds`, of the training texts: cross-validation decides; None: validation texts do.
        matrix: float32 (vocabulary, dimensions), the vectors of the tokens, zeros where there is none, for a part that
            is linear in their mean; None without such a part.
        callbacks: Keras callbacks for the fit.
    """
    fits = _Fits(config, run, model, matrix, callbacks)
    if folds is not None:
        learnt = _cross_validate(config, fits, examples["train"], folds)
    else:
        learnt = _validate(fits, examples, refit=refit)
    if learnt.parts:
        model.get_layer(SUM).scales.assign([part["scale"] for part in learnt.parts.values()])
    if config.embedding != ONE_HOT:
        fits.board.write_projector(vocabulary, model.get_layer(EMBEDDING).embeddings.numpy())
    return learnt


def _validate(fits: "_Fits", examples: Mapping[str, batching.Examples], *, refit: bool) -> Learnt:
    """The validation texts decide how many epochs each part has, and the scales of the sum."""
    progress, best_epochs = {}, {}
    for part in fits.parts:
        before = len(fits.history)
        if done := fits.fit(part, examples["train"], examples["validation"]):
            progress[part.name], best_epochs[part.name] = done, before + done.best_epoch
    for epoch in best_epochs.values():
        loss = fits.history[epoch - 1]["val_loss"]
        logger.info(f"kept epoch {epoch}, which has the lowest validation loss, {loss:.4f}")
    held_out = examples["validation"]
    outputs = {part.name: predict(fits.config, part, held_out) for part in fits.parts}
    logits, parts = _combine(outputs, held_out.truth)
    if parts:
        logger.info(f"accuracy on the validation texts: {_describe_parts(parts, logits, held_out.truth)}")
    if refit:
        logger.info("fitting again from the start for as many epochs, to training and validation texts")
        fits.reset()
        everything = batching.join_examples(examples["train"], held_out)
        for part in fits.parts:
            kept = progress[part.name].kept_phases(fits.plans[part.name]) if part.name in progress else []
            fits.fit(part, everything, phases=kept, title="refit")
    return Learnt(
        fits.history, two_phase.summarize_phases(fits.history), best_epochs, held_out, logits, parts, folds=None
    )


def _cross_validate(config: TrainConfig, fits: "_Fits", texts: batching.Examples, folds: np.ndarray) -> Learnt:
    """Cross-validation within the training texts decides the scales of the sum; the epochs are as many as given."""
    number = int(folds.max())
    several = len(fits.parts) > 1
    names = ", ".join(TITLES[part.name] for part in fits.parts) if several else ""
    logger.info(
        f"{number}-fold cross-validation on the training texts chooses the temperature"
        + (f" and the scale of each part: {names}" if several else "")
    )
    outputs = {part.name: np.zeros((len(folds), part.output_shape[-1]), np.float32) for part in fits.parts}
    for fold in range(1, number + 1):
        held = batching.select_examples(texts, folds == fold)
        answers = fits.answer_fold(fold, batching.select_examples(texts, folds != fold), held)
        for name, logits in answers.items():
            outputs[name][folds == fold] = logits
        alone = {name: _accuracy(logits, held.truth) for name, logits in answers.items()}
        right = ", ".join(
            f"{TITLES[name]} {accuracy:.1%}" if several else f"{accuracy:.1%}" for name, accuracy in alone.items()
        )
        logger.info(f"fold {fold} of {number}: accuracy on {len(held.lengths):,} held-out texts: {right}")
    held_out = batching.select_examples(texts, folds > 0)
    outputs = {name: logits[folds > 0] for name, logits in outputs.items()}
    logits, parts = _combine(outputs, held_out.truth)
    if parts:
        logger.info(f"accuracy on all held-out texts: {_describe_parts(parts, logits, held_out.truth)}")
    epochs = " + ".join(str(phase.epochs) for phase in plan_phases(config))
    logger.info(
        f"fitting to all training texts: {epochs} epochs of at least {config.minimum_steps} steps, a fixed number that "
        "cross-validation does not choose"
    )
    best_epochs = {}
    for part in fits.parts:
        before = len(fits.history)
        if done := fits.fit(part, texts):
            best_epochs[part.name] = before + done.best_epoch
    return Learnt(fits.history, two_phase.summarize_phases(fits.history), best_epochs, held_out, logits, parts, folds)


def _combine(outputs: Mapping[str, np.ndarray], truth: np.ndarray) -> tuple[np.ndarray, dict[str, dict[str, float]]]:
    """The sum of the logits of some parts, and of each its scale and its accuracy alone; none of one part."""
    if len(outputs) == 1:
        return next(iter(outputs.values())), {}
    scales = fit_scales([*outputs.values()], truth).astype(np.float32)
    parts = {
        name: {"scale": float(scale), "accuracy": _accuracy(logits, truth)}
        for scale, (name, logits) in zip(scales, outputs.items(), strict=True)
    }
    return np.tensordot(scales, np.stack([*outputs.values()]), 1), parts


def _describe_parts(parts: Mapping[str, Mapping[str, float]], logits: np.ndarray, truth: np.ndarray) -> str:
    alone = ", ".join(f"{TITLES[name]} {part['accuracy']:.2%}" for name, part in parts.items())
    scales = ", ".join(f"{part['scale']:.2f}" for part in parts.values())
    total = f"{_accuracy(logits, truth):.2%}"
    return f"{alone}, their scaled sum {total} (scales {scales}: the parts' logits differ in size)"


class _Fits:
    """The fits of one run, which have one history and one TensorBoard.

    Attributes:
        parts: The models that the model is the sum of.
        plans: By a part's name its phases; none of what is solved for.
        history: Of what is no fold.
    """

    def __init__(
        self,
        config: TrainConfig,
        run: Run,
        model: keras.Model,
        matrix: np.ndarray | None,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> None:
        self.config, self.run, self.model, self.callbacks = config, run, model, callbacks
        self.parts = split_parts(model)
        self.plans = {part.name: plan_part(config, part.name) for part in self.parts}
        self.board = TensorBoard(run.directory / "tensorboard")
        self.history: list[dict[str, Any]] = []
        self._initial = [keras.ops.convert_to_numpy(variable) for variable in model.variables]
        self._losses: dict[str, keras.losses.Loss] = {}
        self._compiled = two_phase.CompiledPhases()
        self._answers: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {}
        self._matrix = matrix

    def reset(self) -> None:
        """Gives the model the values that it began with."""
        for variable, value in zip(self.model.variables, self._initial, strict=True):
            variable.assign(value)

    def fit(
        self,
        part: keras.Model,
        examples: batching.Examples,
        validation: batching.Examples | None = None,
        *,
        phases: Sequence[two_phase.Phase] | None = None,
        title: str = "",
    ) -> two_phase.Progress | None:
        """Fits a part, or solves for it, which has no progress.

        Args:
            part: Of `parts`.
            examples: To learn from.
            validation: Texts that end the phases early and choose the best epoch; None: all epochs are done.
            phases: None: the part's plan.
            title: Of the fit, beside the first one of the part: "refit", or a fold, whose epochs are neither shown nor
                written to checkpoints.
        """
        config, before = self.config, len(self.history)
        phases = self.plans[part.name] if phases is None else phases
        if not self.plans[part.name]:
            self._solve(part, examples)
            return None
        shown = not title.startswith("fold")
        weights = class_weights.weigh_texts(examples.sparse_truth) if config.sampling == "balanced" else None

        def numbered(row: dict[str, Any]) -> dict[str, Any]:
            return {**row, "epoch": before + row["epoch"]}

        def on_epoch(row: dict[str, Any]) -> None:
            if not shown:
                return
            logger.info(tables.describe_epoch(numbered(row)))
            self.board.write(numbered(row))
            if config.histograms:
                self.board.write_histograms(self.model.weights, before + row["epoch"])

        name = "-".join([*title.split(), part.name])
        with signals.held() as end_if_asked:
            progress = two_phase.two_phase_fit(
                part,
                training=lambda epoch: _training_batches(config, examples, epoch, weights),
                validation=_batches(config, validation) if validation else None,
                phases=[dataclasses.replace(it, name=f"{title} {it.name}".strip()) for it in phases],
                patience=config.patience,
                several_labels=config.several_labels,
                loss=self._loss(part, examples),
                checkpoint=self.run.checkpoints / f"{name}.npz" if shown else None,
                owner=f"{name} of {self.run.identity}",
                callbacks=self.callbacks,
                on_epoch=on_epoch,
                end_if_asked=end_if_asked,
                compiled=self._compiled,
            )
        if shown:
            self.history += map(numbered, progress.history)
        return progress

    def answer_fold(self, fold: int, rest: batching.Examples, held: batching.Examples) -> dict[str, np.ndarray]:
        """What each part, fitted to the rest, says of the texts that a fold holds out; the model is as before then.

        A fold is as long as an epoch, and like one it is either done or begun again after an interruption.

        Returns:
            By a part's name logits, float32 (texts, labels).
        """
        path, owner = self.run.checkpoints / f"fold-{fold}.npz", f"fold {fold} of {self.run.identity}"
        if path.exists():
            facts, saved = read_checkpoint(path, owner)
            with reading_checkpoint(path):
                if facts["began"] != self._began:
                    raise ValueError("the fit began with other weights, or vectors, than these")
                shape = len(held.lengths), self.model.output_shape[-1]
                return {part.name: saved[part.name][0].reshape(shape) for part in self.parts}
        answers = {}
        for part in self.parts:
            self.fit(part, rest, title=f"fold {fold}")
            self._answers.setdefault(part.name, batching.trace_answer(part))
            answers[part.name] = predict(self.config, part, held, answer=self._answers[part.name])
        self.reset()
        write_checkpoint(path, owner, {"began": self._began}, {name: [logits] for name, logits in answers.items()})
        return answers

    @functools.cached_property
    def _began(self) -> str:
        """The SHA-256 of what the model began with."""
        digest = hashlib.sha256()
        for value in self._initial:
            digest.update(value.tobytes())
        return digest.hexdigest()

    def _loss(self, part: keras.Model, examples: batching.Examples) -> keras.losses.Loss:
        """The same one for every fit of a part, so that it is compiled once; unless it depends on the texts."""
        if part.name not in self._losses or self.config.class_weight != "none":
            self._losses[part.name] = _build_loss(self.config, part, examples, margin=part.name == NGRAMS)
        return self._losses[part.name]

    def _solve(self, part: keras.Model, examples: batching.Examples) -> None:
        layer, truth = part.get_layer(part.name), examples.truth
        weights = _weigh(self.config, examples, labels=part.output_shape[-1])
        if part.name == NGRAMS:
            linear_models.solve_ngrams(layer, linear_models.count_rows(layer, examples), truth, weights)
        elif self._matrix is not None:
            means = linear_models.average_vectors(self._matrix, examples)
            linear_models.solve_vector_mean(layer, self._matrix, means, truth, weights)


def plan_part(config: TrainConfig, name: str) -> list[two_phase.Phase]:
    """The phases of a part's fit, by its layer's name; none if it is solved for."""
    if name == NGRAMS:
        return [] if config.ngram_svm and not config.from_run else plan_ngram_phases(config)
    if name == VECTOR_MEAN:
        if not config.from_run:
            return []
        own = config.family.defaults  # a model without n-grams has no settings of theirs
        epochs, rate = (getattr(config, name) or own[name] for name in ("ngram_epochs", "ngram_learning_rate"))
        return [
            dataclasses.replace(
                plan_ngram_phases(config)[0], name=TITLES[VECTOR_MEAN], epochs=epochs, learning_rate=rate
            )
        ]
    return plan_phases(config)


def plan_phases(config: TrainConfig) -> list[two_phase.Phase]:
    """The phases of a config's fit."""
    return two_phase.two_phases(
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


def plan_ngram_phases(config: TrainConfig) -> list[two_phase.Phase]:
    """The one phase of the linear model of n-grams: always Adam, which moves rare rows as far as frequent ones.

    It minimizes a support vector machine's loss, which leaves a linear model more accurate than cross-entropy does
    (tests/benchmarks/ACCURACY.md). Where a run that it starts from is tuned in its head or its biases alone, its rows
    stay as they are.
    """
    frozen = () if config.tune == "all" else (two_phase.KERNELS,)
    return [two_phase.Phase(TITLES[NGRAMS], config.ngram_epochs or 0, config.ngram_learning_rate or 0.0, frozen)]


def predict(
    config: TrainConfig,
    model: keras.Model,
    examples: batching.Examples,
    *,
    answer: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> np.ndarray:
    """The logits of texts, float32 (texts, labels); `answer` as to `pipeline.predict_logits`."""
    return batching.predict_logits(
        model, examples, boundaries=_boundaries(config), batch_size=config.prediction_batch_size, answer=answer
    )


def _accuracy(logits: np.ndarray, truth: np.ndarray) -> float:
    thresholds = None if truth.ndim == 1 else np.zeros(truth.shape[1])
    right = metrics.choose_labels(logits, thresholds) == truth
    return float(right.reshape(len(truth), -1).all(axis=1).mean())


def _training_batches(
    config: TrainConfig, examples: batching.Examples, epoch: int, weights: np.ndarray | None
) -> tf.data.Dataset:
    boundaries = _boundaries(config)
    plan = batching.plan_epoch(
        examples.lengths,
        minimum_steps=config.minimum_steps,
        seed=config.seed,
        epoch=epoch,
        boundaries=boundaries,
        batch_size=config.batch_size,
        weights=weights,
    )
    return batching.padded_batches(examples, plan, boundaries=boundaries)


def _batches(config: TrainConfig, examples: batching.Examples) -> tf.data.Dataset:
    boundaries = _boundaries(config)
    plan = batching.plan_batches(examples.lengths, boundaries=boundaries, batch_size=config.batch_size)
    return batching.padded_batches(examples, plan, boundaries=boundaries)


def _boundaries(config: TrainConfig) -> list[int]:
    return batching.length_boundaries(config.maximum_tokens, fixed=config.family.fixed_length)


def _build_loss(
    config: TrainConfig, part: keras.Model, examples: batching.Examples, *, margin: bool
) -> keras.losses.Loss:
    several_labels, label_weights = config.several_labels, None
    if config.class_weight != "none":
        labels = part.output_shape[-1]
        label_weights = class_weights.weigh_labels(examples.sparse_truth, config.class_weight, labels=labels)
    if margin:
        return MarginLoss(several_labels=several_labels, label_weights=label_weights)
    return build_loss(several_labels=several_labels, label_weights=label_weights, focal_gamma=config.focal_gamma)


def _weigh(config: TrainConfig, examples: batching.Examples, *, labels: int) -> np.ndarray | None:
    """How much each text counts, by the balance of labels and texts: float (texts,), or (texts, labels), or None."""
    truth = examples.truth
    weights = None
    if config.class_weight != "none":
        by_label = class_weights.weigh_labels(truth, config.class_weight, labels=labels)
        weights = by_label[truth] if truth.ndim == 1 else np.where(truth > 0, by_label[1], by_label[0])
    if config.sampling == "balanced":
        drawn = class_weights.weigh_texts(truth) * len(truth)
        weights = drawn if weights is None else weights * drawn.reshape(-1, *[1] * (weights.ndim - 1))
    return weights


def split_parts(model: keras.Model) -> list[keras.Model]:
    """The models that a model is the sum of, which share its layers and are trained each for itself; or itself alone.

    Two models that are trained together divide the work between them; each trained alone can do all of it, and errs
    elsewhere (tests/benchmarks/ACCURACY.md).
    """
    if not isinstance(model.layers[-1], ScaledSum):
        return [model]
    outputs = model.layers[-1].input
    return [keras.Model(model.input, output, name=output._keras_history.operation.name) for output in outputs]
