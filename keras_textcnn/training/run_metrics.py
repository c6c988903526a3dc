"""The contents of a run's metrics.json."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS, TRAIN
from keras_textcnn.data.preprocessing import Encoded
from keras_textcnn.data.tokenized import TokenizedCorpus
from keras_textcnn.evaluation.calibration import Calibration
from keras_textcnn.evaluation.split_scores import Answered
from keras_textcnn.layers.names import LOGITS, TITLES
from keras_textcnn.text.vocabulary import UNKNOWN_ID
from keras_textcnn.training.ensemble import FitResult


def describe_scores(
    calibration: Calibration, answered: Mapping[str, Answered], labels: Sequence[str]
) -> dict[str, Any]:
    """The blocks of `metrics.json` for the splits, None for one without texts, and for the calibration."""
    blocks: dict[str, Any] = dict.fromkeys(SPLITS[1:])
    before: dict[str, Any] = dict.fromkeys(SPLITS[1:])
    thresholds = calibration.thresholds
    for name, its in answered.items():
        blocks[name] = its.scores.calibrated.scores(labels)
        before[name] = its.scores.uncalibrated.scores()
        if (unlearnt := its.scores.unlearnt) is not None:
            scores = {"support": unlearnt.texts, **unlearnt.scores()} if unlearnt.texts else None
            blocks[name]["without_learnt"] = scores
    blocks["calibration"] = {
        "temperature": calibration.temperature,
        "thresholds": thresholds if thresholds is None else dict(zip(labels, thresholds.tolist(), strict=True)),
        "before": before,
    }
    return blocks


def describe_decisions(config: TrainConfig, learnt: FitResult, encoded: Encoded) -> dict[str, Any]:
    """The block of `metrics.json` that says what was decided, and by which texts."""
    crossed = learnt.folds is not None
    chosen = {
        "epochs": not crossed,
        "scales": bool(learnt.decisions.parts),
        "temperature": True,
        "thresholds": config.task.several,
    }
    return {
        "by": "cross-validation" if crossed else "validation",
        "folds": None if learnt.folds is None else int(learnt.folds.max()),
        "texts": learnt.decisions.texts,
        "decided": [name for name, was in chosen.items() if was],
        "validation": "own" if crossed and len(encoded.examples["validation"].lengths) else "held out",
    }


def describe_texts(config: TrainConfig, tokenized: TokenizedCorpus, encoded: Encoded) -> dict[str, Any]:
    """The block of `metrics.json` that says what the model reads of the texts of each split, None for one without any.

    Each has the number of texts, of those that are cut, of those without a token, and of those with each label.
    Validation and test texts also have `unknown_tokens`, the part of their tokens that is not in the vocabulary, in
    [0, 1], which would be too low in training texts: the vocabulary is made from them.
    """
    blocks: dict[str, Any] = dict.fromkeys(SPLITS)
    for position, name in enumerate(SPLITS):
        chosen, examples = encoded.splits == position, encoded.examples[name]
        if not chosen.any():
            continue
        lengths = tokenized.lengths[chosen]
        blocks[name] = {
            "texts": len(lengths),
            "cut": int((lengths > config.maximum_tokens).sum()),
            "empty": int((lengths == 0).sum()),
            "labels": _count(examples.sparse_targets, encoded.labels),
        }
        if position != TRAIN:
            tokens = tokenized.count(chosen)
            unknown = tokens[examples.renumber == UNKNOWN_ID].sum()
            blocks[name]["unknown_tokens"] = float(unknown / tokens.sum()) if tokens.any() else None
    return blocks


def _count(targets: np.ndarray | sparse.csr_array, labels: Sequence[str]) -> dict[str, int]:
    """The number of texts with each label."""
    if targets.ndim == 1:
        counts = np.bincount(targets, minlength=len(labels))
    else:
        counts = np.asarray(targets.sum(axis=0)).ravel().astype(np.int64)
    return dict(zip(labels, counts.tolist(), strict=True))


def describe_fit(learnt: FitResult, encoded: Encoded) -> dict[str, Any]:
    """The blocks of `metrics.json` that describe the fit behind the scores."""
    return {
        "coverage": encoded.coverage and dataclasses.asdict(encoded.coverage),
        "best_epoch": next(iter(learnt.best_epochs.values())),
        "parts": {
            TITLES[name] if name == LOGITS else name: {**part, "best_epoch": learnt.best_epochs.get(name)}
            for name, part in learnt.decisions.parts.items()
        },
        "phases": learnt.phases,
    }
