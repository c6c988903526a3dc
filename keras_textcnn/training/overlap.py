"""Held-out texts that a run, or the run that it starts from, was trained on."""

from collections.abc import Sequence

import numpy as np

from keras_textcnn.data.corpus import SPLITS, TRAIN, VALIDATION, Record, hash_text
from keras_textcnn.data.preprocessing import Encoded
from keras_textcnn.data.tokenized import TokenizedCorpus
from keras_textcnn.persistence.learnt_texts import LearntTexts
from keras_textcnn.persistence.run import Run
from keras_textcnn.utils.log import logger


def warn_of_learnt_texts(run: Run, learnt: LearntTexts | None, tokenized: TokenizedCorpus, encoded: Encoded) -> None:
    """Warns if the run that a training starts from was trained on some of the validation or test texts.

    Args:
        run: The run that the training starts from.
        learnt: The texts that it was trained on; None if unknown.
        tokenized: The corpus of the training.
        encoded: The same corpus in ids.
    """
    if learnt is None:
        logger.warning(
            f"it is unknown which texts {run.directory} was trained on, because it has no learnt_texts.bin; the "
            "validation and test texts may be among them; try newer ones"
        )
        return
    for name, seen in find_learnt_texts(learnt, tokenized, encoded).items():
        if number := int(seen.sum()):
            logger.warning(
                f"{number:,} of {len(seen):,} {name} texts are among those that {run.directory} was trained "
                "on; the results also have the scores without them"
            )


def warn_of_learnt_test_texts(run: Run, records: Sequence[Record]) -> None:
    """Warns if an earlier run was trained on some of its own test texts: copies of its training texts."""
    learnt = run.learnt()
    if learnt is None:
        return
    seen = np.logical_or(*learnt.find(np.array([hash_text(record.text) for record in records], np.uint64)))
    if seen.any():
        logger.warning(
            f"{seen.sum():,} of {len(records):,} test texts of {run.directory} are among those that it was "
            "trained on, and flatter its scores before this training"
        )


def find_learnt_texts(learnt: LearntTexts, tokenized: TokenizedCorpus, encoded: Encoded) -> dict[str, np.ndarray]:
    """Which of the validation and test texts an earlier run was trained on: bool (texts,) each."""
    hashes = {name: tokenized.hashes[encoded.splits == SPLITS.index(name)] for name in SPLITS[1:]}
    return {name: np.logical_or(*learnt.find(numbers)) for name, numbers in hashes.items()}


def list_learnt_texts(
    tokenized: TokenizedCorpus, encoded: Encoded, *, refit: bool, deciding: bool, before: LearntTexts | None
) -> LearntTexts:
    """The texts that the run was trained on; `deciding` says whether its validation texts decided anything."""
    training, validation = (tokenized.hashes[encoded.splits == part] for part in (TRAIN, VALIDATION))
    validation = validation if deciding else validation[:0]
    if refit:
        return LearntTexts.of(np.concatenate([training, validation]), validation, before)
    return LearntTexts.of(training, validation, before)
