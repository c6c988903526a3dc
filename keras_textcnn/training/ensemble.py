"""The fit of a run: each part of the model for itself, what each is worth, and once more with all texts."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.data import batching
from keras_textcnn.evaluation import metrics
from keras_textcnn.evaluation.calibration import fit_scales
from keras_textcnn.layers.names import EMBEDDING, SUM, TITLES
from keras_textcnn.persistence.run import Run
from keras_textcnn.presets import ONE_HOT
from keras_textcnn.training.part_fits import PartFits, predict
from keras_textcnn.training.phases import summarize_phases
from keras_textcnn.training.plans import plan_phases
from keras_textcnn.utils.log import logger


@dataclasses.dataclass(frozen=True)
class FitResult:
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


def fit_ensemble(
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
) -> FitResult:
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
    fits = PartFits(config, run, model, matrix, callbacks)
    if folds is not None:
        learnt = _cross_validate(config, fits, examples["train"], folds)
    else:
        learnt = _validate(fits, examples, refit=refit)
    if learnt.parts:
        model.get_layer(SUM).scales.assign([part["scale"] for part in learnt.parts.values()])
    if config.embedding != ONE_HOT:
        fits.board.write_projector(vocabulary, model.get_layer(EMBEDDING).embeddings.numpy())
    return learnt


def _validate(fits: PartFits, examples: Mapping[str, batching.Examples], *, refit: bool) -> FitResult:
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
    logits, parts = _combine(outputs, held_out.targets)
    if parts:
        logger.info(f"accuracy on the validation texts: {_describe_parts(parts, logits, held_out.targets)}")
    if refit:
        logger.info("fitting again from the start for as many epochs, to training and validation texts")
        fits.reset()
        everything = batching.join_examples(examples["train"], held_out)
        for part in fits.parts:
            kept = progress[part.name].kept_phases(fits.plans[part.name]) if part.name in progress else []
            fits.fit(part, everything, phases=kept, title="refit")
    phases = summarize_phases(fits.history)
    return FitResult(fits.history, phases, best_epochs, held_out, logits, parts, folds=None)


def _cross_validate(config: TrainConfig, fits: PartFits, texts: batching.Examples, folds: np.ndarray) -> FitResult:
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
        alone = {name: share_right(logits, held.targets) for name, logits in answers.items()}
        right = ", ".join(
            f"{TITLES[name]} {accuracy:.1%}" if several else f"{accuracy:.1%}" for name, accuracy in alone.items()
        )
        logger.info(f"fold {fold} of {number}: accuracy on {len(held.lengths):,} held-out texts: {right}")
    held_out = batching.select_examples(texts, folds > 0)
    outputs = {name: logits[folds > 0] for name, logits in outputs.items()}
    logits, parts = _combine(outputs, held_out.targets)
    if parts:
        logger.info(f"accuracy on all held-out texts: {_describe_parts(parts, logits, held_out.targets)}")
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
    phases = summarize_phases(fits.history)
    return FitResult(fits.history, phases, best_epochs, held_out, logits, parts, folds)


def _combine(outputs: Mapping[str, np.ndarray], targets: np.ndarray) -> tuple[np.ndarray, dict[str, dict[str, float]]]:
    """The sum of the logits of some parts, and of each its scale and its accuracy alone; none of one part."""
    if len(outputs) == 1:
        return next(iter(outputs.values())), {}
    scales = fit_scales([*outputs.values()], targets).astype(np.float32)
    parts = {
        name: {"scale": float(scale), "accuracy": share_right(logits, targets)}
        for scale, (name, logits) in zip(scales, outputs.items(), strict=True)
    }
    return np.tensordot(scales, np.stack([*outputs.values()]), 1), parts


def _describe_parts(parts: Mapping[str, Mapping[str, float]], logits: np.ndarray, targets: np.ndarray) -> str:
    alone = ", ".join(f"{TITLES[name]} {part['accuracy']:.2%}" for name, part in parts.items())
    scales = ", ".join(f"{part['scale']:.2f}" for part in parts.values())
    total = f"{share_right(logits, targets):.2%}"
    return f"{alone}, their scaled sum {total} (scales {scales}: the parts' logits differ in size)"


def share_right(logits: np.ndarray, targets: np.ndarray) -> float:
    """The accuracy of logits; where a text may have several labels, all of them must be right."""
    thresholds = None if targets.ndim == 1 else np.zeros(targets.shape[1])
    right = metrics.choose_labels(logits, thresholds) == targets
    return float(right.reshape(len(targets), -1).all(axis=1).mean())
