"""The fit of a run: fits each part of the model alone, sets the scales of the sum, and refits on all texts."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.data import batching
from keras_textcnn.evaluation.calibration import Calibration, calibrate, fit_scales
from keras_textcnn.evaluation.kept_predictions import KeptPredictions
from keras_textcnn.evaluation.split_scores import SplitScores
from keras_textcnn.layers.embedding import find_embedding
from keras_textcnn.layers.names import TITLES
from keras_textcnn.persistence.run import Run
from keras_textcnn.presets import VAL_ACCURACY, VAL_LOSS
from keras_textcnn.tasks import task_of
from keras_textcnn.training.batches import score_model
from keras_textcnn.training.part_fits import PartFits
from keras_textcnn.training.phases import summarize_phases
from keras_textcnn.training.plans import plan_phases
from keras_textcnn.utils.blocks import choose_deciding, slice_texts
from keras_textcnn.utils.log import logger

HELD_OUT = "held-out"  # names what is kept of the texts that decide


@dataclasses.dataclass(frozen=True)
class Decisions:
    """What held-out texts decided, and their scores, by models that were not trained on them.

    Attributes:
        texts: How many texts decided.
        parts: Each part's scale in the sum and its accuracy alone on these texts, by the name of the part's layer; the
            subwords are one of them; empty if there is only one part.
        calibration: Temperature and thresholds.
        scores: The scores of all held-out texts.
    """

    texts: int
    parts: dict[str, dict[str, float]]
    calibration: Calibration
    scores: SplitScores

    @property
    def scales(self) -> dict[str, float]:
        """The scales of the sum by name."""
        return {name: part["scale"] for name, part in self.parts.items()}


@dataclasses.dataclass(frozen=True)
class FitResult:
    """The results of a fit, in addition to the weights of the model.

    Attributes:
        history: One row per epoch, counted from 1 over all parts. Rows of the refit, and of a fit with a given number
            of epochs, have no validation loss.
        phases: The name, learning_rate, epochs and seconds of each phase.
        best_epochs: The epoch that was kept for each part that has epochs, by the name of the part's layer.
        held_out: The texts that were held out, in ids.
        decisions: What they decided, besides the epochs.
        folds: The fold of each training text in the cross-validation that held these texts out, from 1, or 0 if a text
            was never held out; None if these texts are the validation texts.
    """

    history: list[dict[str, Any]]
    phases: list[dict[str, Any]]
    best_epochs: dict[str, int]
    held_out: batching.Examples
    decisions: Decisions
    folds: np.ndarray | None


def fit_ensemble(
    config: TrainConfig,
    run: Run | None,
    model: keras.Model,
    examples: Mapping[str, batching.Examples],
    *,
    vocabulary: Sequence[str],
    refit: bool,
    folds: np.ndarray | None,
    matrix: np.ndarray | None,
    learnt: np.ndarray | None,
    callbacks: Sequence[keras.callbacks.Callback],
) -> FitResult:
    """Fits each part of a model alone, sets the scales of the sum, and refits on all texts.

    The validation texts are scored before the refit, which learns them.

    A fit that ended before an interruption is not repeated; its weights are loaded.

    Args:
        config: The settings, including those that depend on the number of texts.
        run: The run that checkpoints and TensorBoard's files are written to; None: nothing is written.
        model: A model from a builder, with its vectors loaded; it ends with the weights of the last fit.
        examples: The texts of "train" and "validation"; with `folds`, the latter decide nothing.
        vocabulary: Tokens by id.
        refit: Whether to refit on training and validation texts, for as many epochs, once the validation texts have
            chosen the epochs and the scales.
        folds: The folds of the training texts, from `splits.deal_folds`, if cross-validation decides; None if the
            validation texts decide.
        matrix: float32 (vocabulary, dimensions), the vectors of the tokens, zeros for tokens without one, for the part
            that is linear in their mean; None if there is no such part.
        learnt: bool (texts,), the validation texts that an earlier run was trained on; None if there is no such run.
        callbacks: Keras callbacks for the fit.
    """
    fits = PartFits(config, run, model, vocabulary, matrix, callbacks)
    if folds is not None:
        result = _cross_validate(config, fits, examples["train"], folds)
    else:
        result = _validate(fits, examples, refit=refit, learnt=learnt)
    if fits.board and (embedding := find_embedding(model)) is not None:
        fits.board.write_projector(vocabulary, embedding.embeddings.numpy())
    return result


def hold_out(
    config: TrainConfig,
    model: keras.Model,
    examples: Mapping[str, batching.Examples],
    *,
    vocabulary: Sequence[str],
    folds: np.ndarray | None,
    matrix: np.ndarray | None,
    callbacks: Sequence[keras.callbacks.Callback],
    on_fold: Callable[[int, np.ndarray, np.ndarray], None],
) -> FitResult:
    """What `fit_ensemble` does first: it fits, answers the held-out texts and lets them decide. Nothing is written.

    Args:
        config, model, examples, vocabulary, folds, matrix, callbacks: As for `fit_ensemble`.
        on_fold: Called after each fold with its number, from 1, and the logits and targets of its held-out texts; the
            parts have scales of 1.
    """
    fits = PartFits(config, None, model, vocabulary, matrix, callbacks)
    if folds is None:
        return _validate(fits, examples, refit=False, learnt=None)
    return _answer_folds(fits, examples["train"], folds, on_fold=on_fold)


def _validate(
    fits: PartFits, examples: Mapping[str, batching.Examples], *, refit: bool, learnt: np.ndarray | None
) -> FitResult:
    """Lets the validation texts decide the number of epochs of each part, the scales of the sum and the calibration."""
    progress, best_epochs = {}, {}
    for part in fits.parts:
        if done := fits.fit(part, examples["train"], examples["validation"]):
            progress[part.name], best_epochs[part.name] = done, done.best_epoch
    for name, epoch in best_epochs.items():
        part = f"{TITLES[name]}: " if len(fits.parts) > 1 else ""
        logger.info(f"{part}kept epoch {epoch}, which has the {_best(fits.history[epoch - 1], fits.config.monitor)}")
    fits.solve_subwords(examples["train"])
    held_out = examples["validation"]
    decisions = _decide_by_validation(fits, held_out, learnt)
    if refit:
        logger.info("refitting from scratch on training and validation texts, for as many epochs")
        fits.reset()
        everything = batching.join_examples(examples["train"], held_out)
        for part in fits.parts:
            done, plan = progress.get(part.name), fits.plans[part.name]
            kept = done.kept_phases(plan, fits.config.monitor) if done else []
            fits.fit(part, everything, phases=kept, title="refit")
        fits.solve_subwords(everything)
        fits.set_scales(decisions.scales)
    phases = summarize_phases(fits.history)
    return FitResult(fits.history, phases, best_epochs, held_out, decisions, folds=None)


def _best(row: Mapping[str, Any], monitor: str) -> str:
    """What makes an epoch the best one, given its row of the history."""
    if monitor == VAL_LOSS:
        return f"lowest validation loss, {row[VAL_LOSS]:.4f}"
    return f"highest validation accuracy, {row[VAL_ACCURACY]:.2%}"


def _decide_by_validation(fits: PartFits, held_out: batching.Examples, learnt: np.ndarray | None) -> Decisions:
    """Lets validation texts decide and scores all of them; only as many decide as have few enough logits to keep."""
    texts, num_classes = len(held_out.lengths), fits.model.output_shape[-1]
    chosen = choose_deciding(texts, num_classes, seed=fits.config.seed)
    deciding = batching.select_examples(held_out, chosen)
    outputs = fits.answer(deciding)
    if len(chosen) == texts:
        decisions = _decide(outputs, deciding, "the validation texts", learnt=learnt, run=fits.run)
        fits.set_scales(decisions.scales)
        return decisions
    logger.info(
        f"a random {len(chosen):,} of the {texts:,} validation texts decide temperature and the like, to limit memory"
    )
    decisions = _decide(outputs, deciding, "these")
    fits.set_scales(decisions.scales)
    kept = KeptPredictions.of(fits.run, HELD_OUT, texts=texts, num_classes=num_classes)
    scores = SplitScores(decisions.calibration, num_classes, learnt=learnt, kept=kept)
    score_model(fits.config, fits.model, held_out, scores)
    return dataclasses.replace(decisions, scores=scores)


def _cross_validate(config: TrainConfig, fits: PartFits, texts: batching.Examples, folds: np.ndarray) -> FitResult:
    """Lets cross-validation on the training texts decide scales and calibration; the number of epochs is given."""
    result = _answer_folds(fits, texts, folds)
    epochs = " + ".join(str(phase.epochs) for phase in plan_phases(config))
    logger.info(
        f"fitting on all training texts: {epochs} epochs of at least {config.minimum_steps} steps, a fixed number that "
        "cross-validation does not choose"
    )
    best_epochs = {}
    for part in fits.parts:
        if done := fits.fit(part, texts):
            best_epochs[part.name] = done.best_epoch
    fits.solve_subwords(texts)
    fits.set_scales(result.decisions.scales)
    return dataclasses.replace(result, phases=summarize_phases(fits.history), best_epochs=best_epochs)


def _answer_folds(
    fits: PartFits,
    texts: batching.Examples,
    folds: np.ndarray,
    *,
    on_fold: Callable[[int, np.ndarray, np.ndarray], None] | None = None,
) -> FitResult:
    """Fits each fold's other texts and answers its own; all answers decide."""
    number, held_out = int(folds.max()), batching.select_examples(texts, folds > 0)
    fold_of = folds[folds > 0]
    several = len(fits.names) > 1
    names = ", ".join(TITLES[name] for name in fits.names) if several else ""
    logger.info(
        f"{number}-fold cross-validation on the training texts chooses the temperature"
        + (f" and the scale of each part: {names}" if several else "")
    )
    outputs = {name: np.zeros((len(fold_of), fits.model.output_shape[-1]), np.float32) for name in fits.names}
    for fold in range(1, number + 1):
        held = batching.select_examples(texts, folds == fold)
        answers = fits.answer_fold(fold, batching.select_examples(texts, folds != fold), held)
        for name, logits in answers.items():
            outputs[name][fold_of == fold] = logits
        alone = {name: share_right(logits, held.targets) for name, logits in answers.items()}
        right = ", ".join(
            f"{TITLES[name]} {accuracy:.1%}" if several else f"{accuracy:.1%}" for name, accuracy in alone.items()
        )
        logger.info(f"fold {fold} of {number}: accuracy on {len(held.lengths):,} held-out texts: {right}")
        if on_fold:
            on_fold(fold, np.sum([*answers.values()], axis=0), held.targets)
    decisions = _decide(outputs, held_out, "all held-out texts", run=fits.run)
    return FitResult(fits.history, [], {}, held_out, decisions, folds)


def _decide(
    outputs: Mapping[str, np.ndarray],
    examples: batching.Examples,
    texts: str,
    *,
    learnt: np.ndarray | None = None,
    run: Run | None = None,
) -> Decisions:
    """Lets texts decide and scores them, given their logits from each part; `texts` names them in the log.

    With a run, their predictions are kept for its `predictions.csv`.
    """
    targets = examples.targets
    logits, parts = _combine(outputs, targets)
    if parts:
        logger.info(f"accuracy on {texts}: {_describe_parts(parts, logits, targets)}")
    calibration = calibrate(logits, targets)
    kept = KeptPredictions.of(run, HELD_OUT, texts=len(logits), num_classes=logits.shape[1])
    scores = SplitScores(calibration, logits.shape[1], learnt=learnt, kept=kept)
    positions = np.arange(len(logits))
    for block in slice_texts(*logits.shape):
        scores.add(positions[block], targets[block], logits[block])
    return Decisions(len(logits), parts, calibration, scores)


def _combine(outputs: Mapping[str, np.ndarray], targets: np.ndarray) -> tuple[np.ndarray, dict[str, dict[str, float]]]:
    """The scaled sum of the parts' logits, and each part's scale and accuracy alone; these are empty for one part."""
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
    return f"{alone}, their scaled sum {total} (scales {scales})"


def share_right(logits: np.ndarray, targets: np.ndarray) -> float:
    """The accuracy of logits; where a text may have several labels, all of them must be right."""
    task = task_of(targets)
    return float(task.all_right(targets, task.choose(logits, 0)).mean())
