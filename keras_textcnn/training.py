"""What the command `train` does once the texts are there: composes the stages from splits to a finished run."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn import balance, baseline, devices, export, fitting, pipeline, reporting, scoring
from keras_textcnn.adapting import Start, compare_on_old_texts, rehearse
from keras_textcnn.board import TensorBoard
from keras_textcnn.building import build_model, load_vectors
from keras_textcnn.calibration import Calibration, calibrate, fit_scale
from keras_textcnn.config import ONE_HOT, TrainConfig
from keras_textcnn.convolution import trace_windows
from keras_textcnn.corpus import SPLITS, Corpus, Record
from keras_textcnn.encoding import Encoded, encode_corpus
from keras_textcnn.errors import InputError
from keras_textcnn.losses import build_loss
from keras_textcnn.memory import check_memory
from keras_textcnn.models import SHORTEST
from keras_textcnn.ngrams import split_parts
from keras_textcnn.run import Run
from keras_textcnn.store import TokenizedCorpus, tokenize_corpus
from keras_textcnn.summary import write_summary
from keras_textcnn.text import UNITS

VERSIONS_OF = ("keras_textcnn", "tensorflow", "keras", "numpy", "scikit-learn")


def train(
    config: TrainConfig,
    corpus: Corpus | TokenizedCorpus,
    directory: Path,
    *,
    rehearsed: Corpus | None = None,
    resumed: bool = False,
    say: Callable[[str], None] = lambda line: None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains, measures, exports.

    Args:
        config: The settings; `dimensions` None takes the width of the vectors. A model of fixed length is made for
            texts no longer than the longest to train on, or `maximum_tokens`.
        corpus: Texts, of which a validation and a test split are split off if it has none; or shards of them, which
            leave the linear baseline out: it needs the texts.
        directory: Of the run, missing or empty.
        rehearsed: The corpus of the run that `config.from_run` names, of which some texts are mixed in.
        resumed: Whether to go on where the unfinished run in the directory stopped; its settings and corpus must be
            these.
        say: Called with lines about the progress.
        callbacks: Keras callbacks for the fit.

    Raises:
        InputError: The corpus cannot be split, the vectors cannot be read, the directory is taken, or the corpus is not
            the unfinished run's. Nothing has been written then.
    """
    started = time.perf_counter()
    config = config.resolved()
    if several := config.repeats():
        raise InputError(f"the settings mean {len(several)} runs; train each of config.repeats()")
    start = Start.of(Path(config.from_run)) if config.from_run else None
    old_texts: list[Record] = []
    if rehearsed is not None:
        if start is None or not isinstance(corpus, Corpus):
            raise InputError("old texts are mixed into a corpus in memory, of a run that starts from another")
        corpus, old_texts = rehearse(corpus, rehearsed, config, old_config=start.run.config())
    device = devices.name_device()  # before anything is placed there
    keras.utils.set_random_seed(config.seed)
    tokenized = corpus if isinstance(corpus, TokenizedCorpus) else tokenize_corpus(corpus.records(), unit=config.unit)
    known = (start.vocabulary, start.labels) if start else ((), ())
    encoded = encode_corpus(config, tokenized, say, known_tokens=known[0], known_labels=known[1])
    config = dataclasses.replace(config, dimensions=encoded.dimensions)
    if not start:
        config, encoded = _fit_length(config, encoded)
    model = build_model(config, vocabulary_size=len(encoded.vocabulary), labels=len(encoded.labels))
    check_memory(config, model, tokenized, encoded)
    load_vectors(config, model, encoded)
    if start:
        start.load_into(model, encoded.vocabulary, encoded.labels)
    claim = _reopen if resumed else _create
    run = claim(directory, config, _facts(tokenized, encoded, device), encoded)
    _say_how(config, device, say)

    parts = split_parts(model)
    progress = _fit(config, run, model, parts, encoded, say, callbacks)
    history, best_epochs = _join(progress)
    for epoch in best_epochs:
        row = history[epoch - 1]
        say(f"kept epoch {epoch}, which has the lowest validation loss, {row['val_loss']:.4f}")
    if isinstance(corpus, Corpus):
        say("scoring the validation and test texts, and a linear model to compare with")
    else:
        say("scoring the validation and test texts; no linear model to compare with, it would need all texts in memory")

    outputs = {split: [_predict(config, part, encoded, split) for part in parts] for split in ("validation", "test")}
    combined = _combine(model, outputs["validation"], encoded) if len(parts) > 1 else None
    scales = [1.0, combined["scale"]] if combined else [1.0]
    logits = {split: _add_up(parts_logits, scales) for split, parts_logits in outputs.items()}
    calibration = calibrate(logits["validation"], encoded.examples["validation"].truth)
    run_metrics = _score(calibration, logits, encoded)
    say(_describe_calibration(run_metrics))
    run_metrics["baseline"] = _measure_baseline(corpus, encoded, config.seed) if isinstance(corpus, Corpus) else None
    run_metrics["coverage"] = encoded.coverage and dataclasses.asdict(encoded.coverage)
    run_metrics["best_epoch"] = best_epochs[0]
    if combined:
        run_metrics["ngrams"] = {"best_epoch": best_epochs[1], **combined}
        say(_describe_parts(combined, run_metrics["validation"]["accuracy"]))
    run_metrics["phases"] = [phase for part in progress for phase in part.phases()]

    say("exporting the SavedModel")
    _export(run, config, model, encoded, calibration)
    if start and old_texts:
        run_metrics["old_texts"] = compare_on_old_texts(start, run, old_texts)
    run_metrics["seconds"] = round(time.perf_counter() - started, 1)
    write_summary(
        run,
        run_metrics,
        history,
        corpus=corpus if isinstance(corpus, Corpus) else None,
        encoded=encoded,
        calibration=calibration,
        logits=logits["test"],
    )
    run.finish()
    return run


def _predict(config: TrainConfig, model: keras.Model, encoded: Encoded, split: str) -> np.ndarray:
    return pipeline.predict_logits(
        model, encoded.examples[split], boundaries=_boundaries(config), batch_size=config.prediction_batch_size
    )


def _add_up(logits: Sequence[np.ndarray], scales: Sequence[float]) -> np.ndarray:
    return np.sum([np.float32(scale) * its for scale, its in zip(scales, logits, strict=True)], axis=0)


def _boundaries(config: TrainConfig) -> list[int]:
    return pipeline.length_boundaries(config.maximum_tokens, fixed=config.model in SHORTEST)


def _fit_length(config: TrainConfig, encoded: Encoded) -> tuple[TrainConfig, Encoded]:
    """Of a model of fixed length: as long as the longest text to train on, and the texts cut to that."""
    if config.model not in SHORTEST:
        return config, encoded
    longest = int(encoded.examples["train"].lengths.max())
    fitting_length = max(longest, SHORTEST[config.model](config.windows, config.pooling))
    tokens = min(config.maximum_tokens, fitting_length)
    examples = {
        name: dataclasses.replace(texts, lengths=np.minimum(texts.lengths, tokens))
        for name, texts in encoded.examples.items()
    }
    return dataclasses.replace(config, maximum_tokens=tokens), dataclasses.replace(encoded, examples=examples)


def _say_how(config: TrainConfig, device: str, say: Callable[[str], None]) -> None:
    if device != "CPU":
        say(f"training on {device}")
    if config.precision == "bfloat16" and (gain := devices.bfloat16_gain()) < 1:
        say(f"warning: matrix products in bfloat16 take {1 / gain:.1f} times as long as in float32 here")


def _facts(tokenized: TokenizedCorpus, encoded: Encoded, device: str) -> dict[str, Any]:
    sizes = {name: int((encoded.splits == position).sum()) for position, name in enumerate(SPLITS)}
    return {
        "corpus": {"fingerprint": tokenized.fingerprint, **sizes},
        "versions": {name: version(name) for name in VERSIONS_OF},
        "device": device,
    }


def _create(directory: Path, config: TrainConfig, facts: Mapping[str, Any], encoded: Encoded) -> Run:
    return Run.create(directory, config, facts, vocabulary=encoded.vocabulary, labels=encoded.labels)


def _reopen(directory: Path, config: TrainConfig, facts: Mapping[str, Any], encoded: Encoded) -> Run:
    run = Run.open_unfinished(directory)
    if run.config() != config:
        raise InputError(f"the settings are not those that {directory} was started with; start anew")
    if run.read_json("config.json")["corpus"] != facts["corpus"]:
        raise InputError(
            f"the corpus is not the one that {directory} was started with ({config.data}); restore it, or start anew"
        )
    if run.read_lines("vocabulary.txt") != encoded.vocabulary:
        raise InputError(
            f"the vectors are not those that {directory} was started with: {config.vectors}; restore them, or start "
            "anew"
        )
    return run


def _fit(
    config: TrainConfig,
    run: Run,
    model: keras.Model,
    parts: Sequence[keras.Model],
    encoded: Encoded,
    say: Callable[[str], None],
    callbacks: Sequence[keras.callbacks.Callback],
) -> list[fitting.Progress]:
    """Fits each part of a model for itself; a part that was fitted before an interruption only takes its weights."""
    examples = encoded.examples
    boundaries, truth = _boundaries(config), examples["train"].truth
    weights = balance.weigh_texts(truth) if config.sampling == "balanced" else None

    def batches(split: str, epoch: int | None = None) -> tf.data.Dataset:
        plan = pipeline.plan_batches(
            examples[split].lengths,
            boundaries=boundaries,
            batch_size=config.batch_size,
            seed=None if epoch is None else (config.seed, epoch),
            weights=None if epoch is None else weights,
        )
        return pipeline.padded_batches(examples[split], plan, boundaries=boundaries)

    several_labels = config.multi_label is not None
    board = TensorBoard(run.directory / "tensorboard")
    fitted: list[fitting.Progress] = []

    def on_epoch(row: dict[str, Any]) -> None:
        row = {**row, "epoch": row["epoch"] + sum(len(part.history) for part in fitted)}
        say(reporting.describe_epoch(row))
        board.write(row)
        if config.histograms:
            board.write_histograms(model.weights, row["epoch"])

    loss = build_loss(
        several_labels=several_labels,
        label_weights=None if config.class_weight == "none" else balance.weigh_labels(truth, config.class_weight),
        focal_gamma=config.focal_gamma,
    )
    for part, phases in zip(parts, (plan_phases(config), plan_ngram_phases(config)), strict=False):
        progress = fitting.two_phase_fit(
            part,
            training=lambda epoch: batches("train", epoch),
            validation=batches("validation"),
            phases=phases,
            patience=config.patience,
            several_labels=several_labels,
            loss=loss,
            checkpoint=run.checkpoints / f"{part.name}.npz",
            callbacks=callbacks,
            on_epoch=on_epoch,
        )
        fitted.append(progress)
    if config.embedding != ONE_HOT:
        board.write_projector(encoded.vocabulary, model.get_layer("embedding").embeddings.numpy())
    return fitted


def _join(progress: Sequence[fitting.Progress]) -> tuple[list[dict[str, Any]], list[int]]:
    """One history of all parts, and the epoch that was kept of each, counted from 1 over all parts."""
    history: list[dict[str, Any]] = []
    best_epochs = []
    for part in progress:
        before = len(history)
        best_epochs.append(before + part.best_epoch)
        history += [{**row, "epoch": before + row["epoch"]} for row in part.history]
    return history, best_epochs


def _combine(model: keras.Model, logits: Sequence[np.ndarray], encoded: Encoded) -> dict[str, Any]:
    """Sets the scale of a sum by its parts' logits of the validation texts, and returns what each part is worth."""
    truth = encoded.examples["validation"].truth
    scale = fit_scale(logits[0], logits[1], truth)
    model.get_layer("sum").scale.assign(scale)
    thresholds = None if truth.ndim == 1 else np.zeros(truth.shape[1])
    accuracies = [scoring.score_labels(truth, scoring.choose_labels(part, thresholds))["accuracy"] for part in logits]
    return {"scale": scale, "validation_accuracy": dict(zip(("convolution", "ngrams"), accuracies, strict=True))}


def _describe_parts(combined: Mapping[str, Any], accuracy: float) -> str:
    alone = combined["validation_accuracy"]
    return (
        f"right of the validation texts: {alone['convolution']:.2%} by the convolution, {alone['ngrams']:.2%} by the "
        f"n-grams, {accuracy:.2%} by their sum ({combined['scale']:.2f} times the n-grams)"
    )


def plan_ngram_phases(config: TrainConfig) -> list[fitting.Phase]:
    """The one phase of the linear model of n-grams: always Adam, which moves rare rows as far as frequent ones."""
    return [fitting.Phase("n-grams", config.ngram_epochs or 0, config.ngram_learning_rate or 0.0)]


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


def _score(calibration: Calibration, logits: Mapping[str, np.ndarray], encoded: Encoded) -> dict[str, Any]:
    """The blocks of `metrics.json` for the splits and the calibration."""
    blocks: dict[str, Any] = {}
    before = {}
    uncalibrated = dataclasses.replace(calibration, temperature=1.0)
    labels, thresholds = encoded.labels, calibration.thresholds
    for name, values in logits.items():
        truth = encoded.examples[name].truth
        blocks[name] = scoring.score_probabilities(truth, calibration.probabilities(values), labels, thresholds)
        before[name] = scoring.score_confidence(truth, uncalibrated.probabilities(values))
    blocks["calibration"] = {
        "temperature": calibration.temperature,
        "thresholds": thresholds if thresholds is None else dict(zip(labels, thresholds.tolist(), strict=True)),
        "before": before,
    }
    return blocks


def _export(run: Run, config: TrainConfig, model: keras.Model, encoded: Encoded, calibration: Calibration) -> None:
    run.write(run.weights.name, keras.Model(model.inputs, model.outputs).save_weights)  # without the optimizer's
    run.write_saved_model(
        lambda folder: export.export_model(
            model,
            encoded.vocabulary,
            encoded.labels,
            folder,
            split=UNITS[config.unit],
            maximum_tokens=config.maximum_tokens,
            temperature=calibration.temperature,
            thresholds=calibration.thresholds,
            trace=trace_windows(model),
        )
    )


def _describe_calibration(run_metrics: Mapping[str, Any]) -> str:
    before, after = (
        blocks["test"]["calibration_error"] for blocks in (run_metrics["calibration"]["before"], run_metrics)
    )
    return (
        f"temperature {run_metrics['calibration']['temperature']:.2f} from the validation texts: calibration error on "
        f"the test texts {before:.1%} before, {after:.1%} after"
    )


def _measure_baseline(corpus: Corpus, encoded: Encoded, seed: int) -> dict[str, Any]:
    texts = {
        name: [corpus.texts[text] for text in np.flatnonzero(encoded.splits == position).tolist()]
        for position, name in enumerate(SPLITS)
    }
    truth = {name: examples.truth for name, examples in encoded.examples.items()}
    predicted = baseline.predict_linear(texts.pop("train"), truth["train"], texts, seed=seed)
    scores = {name: scoring.score_labels(truth[name], labels) for name, labels in predicted.items()}
    return {"name": baseline.NAME, **scores}
