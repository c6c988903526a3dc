"""What the command `train` does once the texts are there: composes the stages from splits to a finished run."""

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn import baseline, export, fitting, pipeline, reporting, text, vectors, vocabulary
from keras_textcnn.config import NO_VECTORS, TrainConfig
from keras_textcnn.corpus import Corpus, fingerprint
from keras_textcnn.errors import InputError
from keras_textcnn.models import BUILDERS
from keras_textcnn.run import Run

VERSIONS_OF = ("keras_textcnn", "tensorflow", "keras", "numpy", "scikit-learn")


@dataclasses.dataclass(frozen=True)
class Encoded:
    """A corpus in numbers: the training texts' tokens by id with their counts, the labels by output, the ids."""

    vocabulary: list[str]
    counts: Counter[str]
    labels: list[str]
    examples: dict[str, pipeline.Examples]


def train(
    config: TrainConfig,
    splits: Mapping[str, Corpus],
    directory: Path,
    *,
    resumed: bool = False,
    say: Callable[[str], None] = lambda line: None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains, measures, exports.

    Args:
        config: The settings.
        splits: "train", "validation" and "test".
        directory: Of the run, missing or empty.
        resumed: Whether to go on where the unfinished run in the directory stopped; its settings and corpus must be
            these.
        say: Called with lines about the progress.
        callbacks: Keras callbacks for the fit.

    Raises:
        InputError: The vectors cannot be read, the directory is taken, or the corpus is not the unfinished run's.
            Nothing has been written then.
    """
    started = time.perf_counter()
    keras.utils.set_random_seed(config.seed)
    encoded = _encode(config, splits)
    say(f"{encoded.counts.total():,} running tokens, {len(encoded.counts):,} distinct ones")
    model = build_model(config, tokens=len(encoded.vocabulary), labels=len(encoded.labels))
    coverage = _load_vectors(config, model, encoded)
    if coverage:
        say(f"vectors {config.vectors}: {coverage}")
    claim = _reopen if resumed else _create
    run = claim(directory, config, splits, encoded)

    progress = _fit(config, run, model, encoded.examples, say, callbacks)
    say("scoring the validation and test texts, and a linear model to compare with")
    probabilities = {
        name: pipeline.predict_probabilities(model, encoded.examples[name], maximum_tokens=config.maximum_tokens)
        for name in ("validation", "test")
    }
    run_metrics = _measure(config, splits, encoded, probabilities)
    run_metrics["coverage"] = coverage and dataclasses.asdict(coverage)
    run_metrics["best_epoch"] = progress.best_epoch
    run_metrics["phases"] = progress.phases()

    say("exporting the SavedModel")
    run.write(run.weights.name, model.save_weights)
    run.write_saved_model(
        lambda folder: export.export_model(
            model, encoded.vocabulary, encoded.labels, folder, maximum_tokens=config.maximum_tokens
        )
    )
    run_metrics["seconds"] = round(time.perf_counter() - started, 1)
    _report(run, run_metrics, progress.history, encoded, probabilities["test"].argmax(axis=1))
    run.finish()
    return run


def build_model(config: TrainConfig, *, tokens: int, labels: int) -> keras.Model:
    """The model that a config describes, for a vocabulary of `tokens` entries and a number of labels."""
    return BUILDERS[config.model](
        vocabulary_size=tokens,
        labels=labels,
        dimensions=config.dimensions,
        windows=config.windows,
        filters=config.filters,
        embedding_dropout=config.embedding_dropout,
        dropout=config.dropout,
    )


def load_model(run: Run) -> keras.Model:
    """A run's trained model, from ids, int32 (batch, tokens), to logits, float32 (batch, labels)."""
    tokens, labels = (len(run.read_lines(name)) for name in ("vocabulary.txt", "labels.txt"))
    model = build_model(run.config(), tokens=tokens, labels=labels)
    model.load_weights(run.weights)
    return model


def _encode(config: TrainConfig, splits: Mapping[str, Corpus]) -> Encoded:
    tokens = {name: text.tokenize(tf.constant(part.texts)) for name, part in splits.items()}
    counts = vocabulary.count_tokens(tokens["train"])
    if not counts:
        raise InputError("the training texts have no token: all are empty")
    kept = vocabulary.build_vocabulary(counts, size=config.vocabulary_size, minimum_count=config.minimum_count)
    table = vocabulary.lookup_table(kept)
    labels = sorted(set(splits["train"].labels))
    outputs = {label: output for output, label in enumerate(labels)}
    examples = {
        name: pipeline.Examples(
            ids=vocabulary.encode(tokens[name], table, maximum_tokens=config.maximum_tokens),
            labels=np.array([outputs[label] for label in part.labels], np.int32),
        )
        for name, part in splits.items()
    }
    return Encoded(kept, counts, labels, examples)


def _load_vectors(config: TrainConfig, model: keras.Model, encoded: Encoded) -> vectors.Coverage | None:
    if config.vectors == NO_VECTORS:
        return None
    found = vectors.read_vectors(config.vectors, encoded.vocabulary, dimensions=config.dimensions)
    matrix = vectors.embedding_matrix(encoded.vocabulary, found, dimensions=config.dimensions)
    vectors.load_into(model, matrix)
    return vectors.measure_coverage(encoded.vocabulary[2:], encoded.counts, found)


def _create(directory: Path, config: TrainConfig, splits: Mapping[str, Corpus], encoded: Encoded) -> Run:
    facts = {"corpus": _describe(splits), "versions": {name: version(name) for name in VERSIONS_OF}}
    return Run.create(directory, config, facts, vocabulary=encoded.vocabulary, labels=encoded.labels)


def _reopen(directory: Path, config: TrainConfig, splits: Mapping[str, Corpus], encoded: Encoded) -> Run:
    run = Run.open_unfinished(directory)
    if run.config() != config:
        raise InputError(f"the settings are not those that {directory} was started with; start anew")
    if run.read_json("config.json")["corpus"] != _describe(splits):
        raise InputError(
            f"the corpus is not the one that {directory} was started with: {config.data}; restore it, or start anew"
        )
    return run


def _describe(splits: Mapping[str, Corpus]) -> dict[str, Any]:
    return {"fingerprint": fingerprint(splits), **{name: len(part) for name, part in splits.items()}}


def _fit(
    config: TrainConfig,
    run: Run,
    model: keras.Model,
    examples: Mapping[str, pipeline.Examples],
    say: Callable[[str], None],
    callbacks: Sequence[keras.callbacks.Callback],
) -> fitting.Progress:
    def batches(split: str, epoch: int | None = None) -> tf.data.Dataset:
        plan = pipeline.plan_batches(
            examples[split].ids.row_lengths().numpy(),
            maximum_tokens=config.maximum_tokens,
            batch_size=config.batch_size,
            seed=None if epoch is None else (config.seed, epoch),
        )
        return pipeline.padded_batches(examples[split], plan, maximum_tokens=config.maximum_tokens)

    board = reporting.TensorBoard(run.directory / "tensorboard")

    def on_epoch(row: dict[str, Any]) -> None:
        say(reporting.describe_epoch(row))
        board.write(row)

    return fitting.two_phase_fit(
        model,
        training=lambda epoch: batches("train", epoch),
        validation=batches("validation"),
        phases=_phases(config),
        patience=config.patience,
        checkpoint=run.checkpoint,
        callbacks=callbacks,
        on_epoch=on_epoch,
    )


def _phases(config: TrainConfig) -> list[fitting.Phase]:
    if config.vectors == NO_VECTORS:  # nothing to protect: the embedding is trained from the start
        epochs = config.frozen_epochs + config.unfrozen_epochs
        return [fitting.Phase("unfrozen", epochs, config.learning_rate, embedding_factor=config.embedding_factor)]
    return fitting.two_phases(
        frozen_epochs=config.frozen_epochs,
        unfrozen_epochs=config.unfrozen_epochs,
        learning_rate=config.learning_rate,
        unfrozen_learning_rate=config.unfrozen_learning_rate,
        embedding_factor=config.embedding_factor,
    )


def _measure(
    config: TrainConfig, splits: Mapping[str, Corpus], encoded: Encoded, probabilities: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    truth = {name: examples.labels for name, examples in encoded.examples.items()}
    linear = baseline.predict_linear(
        splits["train"].texts, truth["train"], {name: splits[name].texts for name in probabilities}, seed=config.seed
    )
    measured: dict[str, Any] = {
        name: reporting.score_probabilities(truth[name], values, encoded.labels)
        for name, values in probabilities.items()
    }
    measured["baseline"] = {
        "name": baseline.NAME,
        **{name: reporting.score_labels(truth[name], predicted) for name, predicted in linear.items()},
    }
    return measured


def _report(
    run: Run, run_metrics: dict[str, Any], history: Sequence[dict[str, Any]], encoded: Encoded, predicted: np.ndarray
) -> None:
    truth = encoded.examples["test"].labels
    run.write_rows("history.csv", history)
    run.write_text("report.txt", reporting.report_text(run_metrics))
    run.write_json("metrics.json", run_metrics)
    run.write("learning_curves.png", lambda path: reporting.plot_learning_curves(history, path))
    run.write(
        "confusion_matrix.png", lambda path: reporting.plot_confusion_matrix(truth, predicted, encoded.labels, path)
    )
