"""Texts that a run, or the run that it starts from, has learnt from: who they are, and scores without them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_textcnn.data.corpus import SPLITS, TRAIN, VALIDATION, Record
from keras_textcnn.data.numbering import hash_text
from keras_textcnn.data.preprocessing import Encoded
from keras_textcnn.data.tokenized import TokenizedCorpus
from keras_textcnn.evaluation import metrics
from keras_textcnn.evaluation.calibration import Calibration
from keras_textcnn.persistence.learnt_texts import LearntTexts
from keras_textcnn.persistence.run import Run
from keras_textcnn.utils.log import logger


def warn_of_learnt_texts(run: Run, learnt: LearntTexts | None, tokenized: TokenizedCorpus, encoded: Encoded) -> None:
    """Warns of validation and test texts that the run which a training starts from has learnt from.

    Args:
        run: That run.
        learnt: What it has learnt from; None: not known.
        tokenized: The corpus of the training.
        encoded: The same in numbers.
    """
    if learnt is None:
        logger.warning(
            f"which texts {run.directory} has learnt from is not known, it has no learnt_texts.bin; the "
            "validation and test texts may be among them; try newer ones"
        )
        return
    for name, seen in find_learnt_texts(learnt, tokenized, encoded).items():
        if number := int(seen.sum()):
            logger.warning(
                f"{number:,} of {len(seen):,} {name} texts are among those that {run.directory} has learnt "
                "from; the results have the scores without them too"
            )


def warn_of_learnt_test_texts(run: Run, records: Sequence[Record]) -> None:
    """Warns of test texts of an earlier run that it has learnt from: copies of its training texts."""
    learnt = run.learnt()
    if learnt is None:
        return
    seen = np.logical_or(*learnt.find(np.array([hash_text(record.text) for record in records], np.uint64)))
    if seen.any():
        logger.warning(
            f"{seen.sum():,} of {len(records):,} test texts of {run.directory} are among those that it has "
            "learnt from, and flatter what it had right before"
        )


def find_learnt_texts(learnt: LearntTexts, tokenized: TokenizedCorpus, encoded: Encoded) -> dict[str, np.ndarray]:
    """Which of the validation and test texts an earlier run has learnt from: bool (texts,) each."""
    hashes = {name: tokenized.hashes[encoded.splits == SPLITS.index(name)] for name in SPLITS[1:]}
    return {name: np.logical_or(*learnt.find(numbers)) for name, numbers in hashes.items()}


def score_without_learnt_texts(
    learnt: LearntTexts,
    run_metrics: dict[str, Any],
    calibration: Calibration,
    logits: Mapping[str, np.ndarray],
    tokenized: TokenizedCorpus,
    encoded: Encoded,
) -> None:
    """Adds what the scores of a split are without the texts that an earlier run has learnt from, if there are any."""
    for name, seen in find_learnt_texts(learnt, tokenized, encoded).items():
        if seen.any():
            targets, probabilities = (
                encoded.examples[name].targets[~seen],
                calibration.probabilities(logits[name][~seen]),
            )
            predicted = metrics.choose_labels(probabilities, calibration.thresholds)
            scores = {"support": len(targets), **metrics.score_labels(targets, predicted)} if len(targets) else None
            run_metrics[name]["without_learnt"] = scores


def list_learnt_texts(
    tokenized: TokenizedCorpus, encoded: Encoded, *, refit: bool, deciding: bool, before: LearntTexts | None
) -> LearntTexts:
    """What the run has learnt from; `deciding` says whether its validation texts decided anything."""
    training, validation = (tokenized.hashes[encoded.splits == part] for part in (TRAIN, VALIDATION))
    validation = validation if deciding else validation[:0]
    if refit:
        return LearntTexts.of(np.concatenate([training, validation]), validation, before)
    return LearntTexts.of(training, validation, before)
