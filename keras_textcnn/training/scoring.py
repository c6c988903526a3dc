"""The scores of a run's validation and test texts."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_textcnn.data.corpus import TEST, TRAIN, VALIDATION
from keras_textcnn.evaluation.comparison import compare_linear
from keras_textcnn.evaluation.descriptions import describe_calibration
from keras_textcnn.evaluation.kept_predictions import KeptPredictions
from keras_textcnn.evaluation.predictions_table import write_predictions
from keras_textcnn.evaluation.split_scores import Answered, SplitScores
from keras_textcnn.persistence.predictions import PREDICTIONS, read_predictions
from keras_textcnn.persistence.run import Run
from keras_textcnn.training.batches import score_model
from keras_textcnn.training.ensemble import FitResult
from keras_textcnn.training.linear_baseline import measure_baseline
from keras_textcnn.training.preparation import Prepared
from keras_textcnn.training.run_metrics import describe_decisions, describe_fit, describe_scores, describe_texts
from keras_textcnn.utils.log import logger


def score_run(
    prepared: Prepared, run: Run, model: keras.Model, fitted: FitResult
) -> tuple[dict[str, Answered], dict[str, Any]]:
    """The scored texts of "validation" and, if there are any, "test"; and the first blocks of `metrics.json`.

    The predictions are written to the run.

    Args:
        prepared: The corpus of the run.
        run: Where they are written.
        model: Its model, with the weights of the last fit.
        fitted: The results of the fit.
    """
    config, encoded = prepared.config, prepared.encoded
    compared, too_large = ("and", "") if prepared.texts else ("without", ", which would need all texts in memory")
    scored = "held-out and test" if (encoded.splits == TEST).any() else "held-out"
    logger.info(f"scoring the {scored} texts, {compared} a linear model for comparison{too_large}")
    answered = {
        name: dataclasses.replace(its, learnt_before=_find_learnt(prepared, its.texts))
        for name, its in _answer(prepared, run, model, fitted).items()
    }
    run_metrics = describe_scores(fitted.decisions.calibration, answered, encoded.labels)
    run_metrics["decided"] = describe_decisions(config, fitted, encoded)
    logger.info(describe_calibration(run_metrics))
    run_metrics["baseline"] = run_metrics["significance"] = None
    if prepared.texts:
        run_metrics["baseline"], linear = measure_baseline(
            config, prepared.tokenized, encoded, refit=prepared.refit, folds=fitted.folds
        )
        answered = {name: dataclasses.replace(its, linear=linear[name]) for name, its in answered.items()}
    run.write(PREDICTIONS, lambda path: write_predictions(path, answered, config=config, labels=encoded.labels))
    if prepared.texts:
        run_metrics["significance"] = _compare(run, run_metrics)
    run_metrics["texts"] = describe_texts(config, prepared.tokenized, encoded)
    return answered, run_metrics | describe_fit(fitted, encoded)


def _find_learnt(prepared: Prepared, texts: np.ndarray) -> np.ndarray | None:
    """Whether the run that the training starts from has learnt from texts, given their positions in the corpus.

    None: it has no list of the texts that it has learnt from.
    """
    if prepared.start is None:
        return np.zeros(len(texts), bool)
    if prepared.learnt_before is None:
        return None
    return np.logical_or(*prepared.learnt_before.find(prepared.tokenized.hashes[texts]))


def _compare(run: Run, run_metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    """The comparison of an unfinished run with its linear model, from what both have predicted."""
    predictions = read_predictions(run.directory / PREDICTIONS, probabilities=False).reported
    compared = compare_linear([predictions], name="this run", run_metrics=run_metrics)
    return compared.to_json() if compared else None


def _answer(prepared: Prepared, run: Run, model: keras.Model, fitted: FitResult) -> dict[str, Answered]:
    """The scores of the validation texts and, if there are any, of the test texts.

    If cross-validation decided and the corpus has no validation texts, the texts that it held out take their place.
    """
    splits = prepared.encoded.splits
    places = {"validation": np.flatnonzero(splits == VALIDATION), "test": np.flatnonzero(splits == TEST)}
    held_out, learnt = places.pop("validation"), prepared.refit
    num_classes = len(prepared.encoded.labels)
    answered, held = {}, None
    if fitted.folds is not None and len(held_out):
        places = {"validation": held_out, **places}
    else:
        if fitted.folds is not None:
            held_out, learnt = np.flatnonzero(splits == TRAIN)[fitted.folds > 0], True
            held = fitted.folds[fitted.folds > 0]
        answered["validation"] = Answered(
            held_out, fitted.held_out.lengths, fitted.decisions.scores, learnt=learnt, folds=held
        )
    for name, texts in places.items():
        if len(texts):
            examples = prepared.encoded.examples[name]
            kept = KeptPredictions.of(run, name, texts=len(texts), num_classes=num_classes)
            learnt_texts = prepared.learnt_texts.get(name)
            scores = SplitScores(fitted.decisions.calibration, num_classes, learnt=learnt_texts, kept=kept)
            score_model(prepared.config, model, examples, scores)
            answered[name] = Answered(texts, examples.lengths, scores)
    return answered
