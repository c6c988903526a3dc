"""A complete training: from a corpus to a finished run directory."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.data.tokenized import TokenizedCorpus
from keras_textcnn.errors import InputError
from keras_textcnn.evaluation.advice import describe_chance, describe_lead
from keras_textcnn.evaluation.calibration import Calibration
from keras_textcnn.evaluation.run_report import write_summary
from keras_textcnn.inference import saved_model
from keras_textcnn.inference.light.export import export_light, needs_tensorflow
from keras_textcnn.inference.light.file import NAME
from keras_textcnn.persistence.run import Run
from keras_textcnn.text.vectorizer import TextVectorizer
from keras_textcnn.training.building import build_prepared, fit_prepared
from keras_textcnn.training.ensemble import FitResult
from keras_textcnn.training.fine_tuning import compare_on_old_texts
from keras_textcnn.training.overlap import list_learnt_texts
from keras_textcnn.training.preparation import Prepared, prepare
from keras_textcnn.training.run_callbacks import RunSeconds
from keras_textcnn.training.run_directory import create_run, reopen_run
from keras_textcnn.training.scoring import score_run
from keras_textcnn.utils import devices
from keras_textcnn.utils.batch_bar import batch_bar
from keras_textcnn.utils.graphs import freeing_graphs
from keras_textcnn.utils.inputs import as_path, describe
from keras_textcnn.utils.log import WARNING, collecting_warnings, log_lines, logger, shown_on


@freeing_graphs()
def train(
    config: TrainConfig,
    corpus: Corpus | TokenizedCorpus,
    directory: str | Path,
    *,
    recipe: Mapping[str, Any] | None = None,
    rehearsed: Corpus | None = None,
    resumed: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains a model, scores it and exports it.

    Args:
        config: The settings; `dimensions` None takes the width of the vectors. A model of fixed length is built for the
            longest training text, but for at most `maximum_tokens`.
        corpus: Texts, of which a validation and a test split are split off if there are none and the settings ask for
            them; or shards of them, for which the linear baseline is left out, because it needs the texts.
        directory: The directory of the run, missing or empty.
        recipe: What `Recipe.record` says of the settings, if they come from a recipe: the run and its reports name it.
        rehearsed: The corpus of the run that `config.from_run` names, unsplit, as it was given to that run's training;
            some of its training texts are mixed in.
        resumed: Whether to resume the unfinished run in the directory; its settings and corpus must be the same.
        callbacks: Keras callbacks for every fit of the run; epochs count on over its parts and the refit. Those that
            monitor `val_loss` or the like are left out of fits without validation texts: the refit, and folds.

    Raises:
        InputError: The corpus cannot be split, the vectors cannot be read, the directory is taken, or the corpus is not
            that of the unfinished run; or an argument is of another type. Nothing has been written in this case.

    Example:
        run = train(TrainConfig(seed=1), Corpus(texts, labels), "runs/mine")
    """
    _check_types(config, corpus)
    directory = as_path(directory)
    started = time.perf_counter()
    warnings = [line for line in corpus.notes if line.startswith(WARNING)]  # logged when the corpus was read
    with collecting_warnings(warnings):
        devices.set_up(deterministic=config.deterministic)  # before anything is placed on one
        strategy = _choose_devices(config)
        device = devices.name_device(strategy.num_replicas_in_sync)
        keras.utils.set_random_seed(config.seed)
        prepared = prepare(config, corpus, rehearsed=rehearsed)
        with devices.building_for(strategy):
            model = build_prepared(prepared)
        run = reopen_run(directory, prepared, device) if resumed else create_run(directory, prepared, device, recipe)
        _log_device(prepared.config, device, alone=strategy.num_replicas_in_sync == 1)
        with run.locked(), RunSeconds(run, started) as seconds:
            if run.finished:
                raise InputError(f"{directory} is already finished: another process has finished it")
            with batch_bar(shown_on()) as bars:
                fitted = fit_prepared(prepared, model, run=run, callbacks=[*(callbacks or ()), seconds, *bars])
            answered, run_metrics = score_run(prepared, run, model, fitted)
            logger.info("exporting the model")
            _export(prepared, run, model, fitted.decisions.calibration)
            if prepared.start and prepared.old_texts:
                run_metrics["old_texts"] = compare_on_old_texts(prepared.start, run, prepared.old_texts)
            log_lines(filter(None, (describe_lead(prepared.config, run_metrics), describe_chance(run_metrics))))
            _write_learnt(prepared, run, fitted)
            run_metrics |= {"warnings": warnings, "seconds": round(seconds.so_far(), 1)}
            write_summary(
                run,
                run_metrics,
                fitted.history,
                corpus=prepared.texts,
                tokenized=prepared.tokenized,
                labels=prepared.encoded.labels,
                answered=answered,
            )
            run.finish()
    return run


def _check_types(config: object, corpus: object) -> None:
    if not isinstance(config, TrainConfig):
        raise InputError(f"the first argument must be a TrainConfig; received: {describe(config)}")
    if not isinstance(corpus, Corpus | TokenizedCorpus):
        raise InputError(
            f"the second argument must be a Corpus, such as Corpus(texts, labels); received: {describe(corpus)}"
        )


def _write_learnt(prepared: Prepared, run: Run, fitted: FitResult) -> None:
    """Writes which texts the run has learnt from, unless the run that it starts from has no such list."""
    if prepared.start and not prepared.learnt_before:
        return
    learnt = list_learnt_texts(
        prepared.tokenized,
        prepared.encoded,
        refit=prepared.refit,
        deciding=fitted.folds is None,
        before=prepared.learnt_before,
    )
    run.write_learnt(learnt)


def _choose_devices(config: TrainConfig) -> tf.distribute.Strategy:
    """The strategy for the devices that the settings ask for.

    Raises:
        InputError: A batch could have fewer texts than there are devices.
    """
    strategy = devices.choose_strategy(config.devices)
    number, size = strategy.num_replicas_in_sync, config.resolved().batch_size
    if number > 1 and size < 2 * number:  # the smallest batches are half as large as the others
        raise InputError(f"--batch-size must be at least {2 * number} to train on {number} devices; received: {size}")
    return strategy


def _log_device(config: TrainConfig, device: str, *, alone: bool) -> None:
    if config.devices == "all" and alone:
        logger.info(f"training on {device}, the only device here")
    elif device != "CPU":
        logger.info(f"training on {device}")
    if config.precision == "bfloat16" and (gain := devices.bfloat16_gain()) < 1:
        logger.warning(f"matrix products in bfloat16 take {1 / gain:.1f} times as long as in float32 on this machine")


def _export(prepared: Prepared, run: Run, model: keras.Model, calibration: Calibration) -> None:
    run.write(run.weights.name, keras.Model(model.inputs, model.outputs).save_weights)  # not the optimizer's
    config, encoded = prepared.config, prepared.encoded
    vectorizer = TextVectorizer(
        config.tokenizer,
        maximum_tokens=config.maximum_tokens,
        fixed_length=config.family.fixed_length,
        vocabulary=encoded.vocabulary,
    )
    run.write_saved_model(
        lambda folder: saved_model.export_saved_model(
            model,
            vectorizer,
            encoded.labels,
            folder,
            temperature=calibration.temperature,
            thresholds=calibration.thresholds,
        )
    )
    if reason := needs_tensorflow(model, vectorizer):
        logger.info(f"no {NAME}, which answers without TensorFlow: {reason} needs it")
        return
    run.write(
        NAME,
        lambda path: export_light(
            model,
            vectorizer,
            encoded.labels,
            path,
            temperature=calibration.temperature,
            thresholds=calibration.thresholds,
            weights=config.weights,
        ),
    )
