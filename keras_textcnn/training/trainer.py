"""A complete training: from a corpus to a finished run directory."""

import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS, TEST, TRAIN, VALIDATION, Corpus
from keras_textcnn.data.tokenized import TokenizedCorpus
from keras_textcnn.errors import InputError
from keras_textcnn.evaluation.advice import describe_chance, describe_lead
from keras_textcnn.evaluation.calibration import Calibration, calibrate
from keras_textcnn.evaluation.descriptions import describe_calibration
from keras_textcnn.evaluation.run_report import Answered, write_summary
from keras_textcnn.inference import saved_model
from keras_textcnn.inference.light.export import export_light, needs_tensorflow
from keras_textcnn.inference.light.file import NAME
from keras_textcnn.persistence.run import Run
from keras_textcnn.text.vectorizer import TextVectorizer
from keras_textcnn.training.building import build_prepared, matrix_of
from keras_textcnn.training.ensemble import FitResult, fit_ensemble
from keras_textcnn.training.fine_tuning import compare_on_old_texts
from keras_textcnn.training.linear_baseline import measure_baseline
from keras_textcnn.training.overlap import list_learnt_texts, score_without_learnt_texts
from keras_textcnn.training.part_fits import predict
from keras_textcnn.training.preparation import Prepared, prepare
from keras_textcnn.training.run_callbacks import RunSeconds
from keras_textcnn.training.run_metrics import (
    describe_decisions,
    describe_fit,
    describe_texts,
    score_splits,
)
from keras_textcnn.utils import devices
from keras_textcnn.utils.batch_bar import batch_bar
from keras_textcnn.utils.inputs import as_path, describe
from keras_textcnn.utils.log import WARNING, collecting_warnings, log_lines, logger, shown_on

VERSIONS_OF = ("keras_textcnn", "tensorflow", "keras", "numpy", "scikit-learn")


def train(
    config: TrainConfig,
    corpus: Corpus | TokenizedCorpus,
    directory: str | Path,
    *,
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
        device = devices.name_device()  # before anything is placed on it
        if config.deterministic:
            devices.make_deterministic()
        keras.utils.set_random_seed(config.seed)
        prepared = prepare(config, corpus, rehearsed=rehearsed)
        model = build_prepared(prepared)
        run = (_reopen if resumed else _create)(directory, prepared, device)
        _log_device(prepared.config, device)
        with run.locked(), RunSeconds(run, started) as seconds:
            if run.finished:
                raise InputError(f"{directory} is already finished: another process has finished it")
            with batch_bar(shown_on()) as bars:
                fitted = _fit(prepared, run, model, [*(callbacks or ()), seconds, *bars])
            calibration, answered, run_metrics = _score(prepared, model, fitted)
            logger.info("exporting the model")
            _export(prepared, run, model, calibration)
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
                calibration=calibration,
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


def _create(directory: Path, prepared: Prepared, device: str) -> Run:
    encoded = prepared.encoded
    facts = _facts(prepared, device)
    return Run.create(directory, prepared.config, facts, vocabulary=encoded.vocabulary, labels=encoded.labels)


def _reopen(directory: Path, prepared: Prepared, device: str) -> Run:
    """The unfinished run in a directory, which must have the same settings, texts and vectors."""
    run, config = Run.open_unfinished(directory), prepared.config
    if run.config() != config:
        raise InputError(f"the settings differ from those that {directory} was started with; choose another --output")
    if run.read_json("config.json")["corpus"] != _facts(prepared, device)["corpus"]:
        raise InputError(
            f"the corpus is not the one that {directory} was started with ({config.data}); restore it, or choose "
            "another --output"
        )
    if run.read_lines("vocabulary.txt") != prepared.encoded.vocabulary:
        raise InputError(
            f"the vectors are not those that {directory} was started with: {config.vectors}; restore them, or choose "
            "another --output"
        )
    return run


def _facts(prepared: Prepared, device: str) -> dict[str, Any]:
    """What `config.json` holds besides the settings."""
    own = {"own_fingerprint": prepared.own_fingerprint} if prepared.own_fingerprint else {}
    sizes = {name: int((prepared.encoded.splits == position).sum()) for position, name in enumerate(SPLITS)}
    return {
        "corpus": {"fingerprint": prepared.tokenized.fingerprint, **own, **sizes},
        "versions": {name: version(name) for name in VERSIONS_OF},
        "device": device,
    }


def _log_device(config: TrainConfig, device: str) -> None:
    if device != "CPU":
        logger.info(f"training on {device}")
    if config.precision == "bfloat16" and (gain := devices.bfloat16_gain()) < 1:
        logger.warning(f"matrix products in bfloat16 take {1 / gain:.1f} times as long as in float32 on this machine")


def _fit(prepared: Prepared, run: Run, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]) -> FitResult:
    encoded = prepared.encoded
    return fit_ensemble(
        prepared.config,
        run,
        model,
        encoded.examples,
        vocabulary=encoded.vocabulary,
        refit=prepared.refit,
        folds=prepared.folds,
        matrix=matrix_of(prepared),
        callbacks=callbacks,
    )


def _score(
    prepared: Prepared, model: keras.Model, fitted: FitResult
) -> tuple[Calibration, dict[str, Answered], dict[str, Any]]:
    """The calibration, the answers to validation and test texts, and the first blocks of `metrics.json`."""
    config, encoded = prepared.config, prepared.encoded
    compared, too_large = ("and", "") if prepared.texts else ("without", ", which would need all texts in memory")
    scored = "held-out and test" if (encoded.splits == TEST).any() else "held-out"
    logger.info(f"scoring the {scored} texts, {compared} a linear model for comparison{too_large}")
    calibration = calibrate(fitted.logits, fitted.held_out.targets)
    answered = _answer(prepared, model, fitted)
    run_metrics = score_splits(calibration, answered, encoded.labels)
    run_metrics["decided"] = describe_decisions(config, fitted, encoded)
    if prepared.learnt_before:
        score_without_learnt_texts(
            prepared.learnt_before, run_metrics, calibration, answered, prepared.tokenized, encoded
        )
    logger.info(describe_calibration(run_metrics))
    run_metrics["baseline"] = None
    if prepared.texts:
        run_metrics["baseline"] = measure_baseline(
            config, prepared.tokenized, encoded, refit=prepared.refit, folds=fitted.folds
        )
    run_metrics["texts"] = describe_texts(config, prepared.tokenized, encoded)
    return calibration, answered, run_metrics | describe_fit(fitted, encoded)


def _answer(prepared: Prepared, model: keras.Model, fitted: FitResult) -> dict[str, Answered]:
    """The answers to the validation texts and, if there are any, to the test texts.

    If cross-validation decided and the corpus has no validation texts, the texts that it held out take their place.
    """
    splits, examples = prepared.encoded.splits, prepared.encoded.examples
    validation, test = (np.flatnonzero(splits == part) for part in (VALIDATION, TEST))
    if fitted.folds is None:
        answered = {"validation": Answered(validation, fitted.held_out, fitted.logits, learnt=prepared.refit)}
    elif len(validation):
        logits = predict(prepared.config, model, examples["validation"])
        answered = {"validation": Answered(validation, examples["validation"], logits)}
    else:
        held_out = np.flatnonzero(splits == TRAIN)[fitted.folds > 0]
        answered = {"validation": Answered(held_out, fitted.held_out, fitted.logits, learnt=True)}
    if len(test):
        answered["test"] = Answered(test, examples["test"], predict(prepared.config, model, examples["test"]))
    return answered


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
