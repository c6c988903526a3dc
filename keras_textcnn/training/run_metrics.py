"""The contents of a run's metrics.json."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS
from keras_textcnn.data.preprocessing import Encoded
from keras_textcnn.evaluation import metrics
from keras_textcnn.evaluation.calibration import Calibration
from keras_textcnn.evaluation.run_report import Answered
from keras_textcnn.layers.names import LOGITS, TITLES
from keras_textcnn.training.ensemble import FitResult


def score_splits(calibration: Calibration, answered: Mapping[str, Answered], labels: Sequence[str]) -> dict[str, Any]:
    """The blocks of `metrics.json` for the splits, None for one without texts, and for the calibration."""
    blocks: dict[str, Any] = dict.fromkeys(SPLITS[1:])
    before: dict[str, Any] = dict.fromkeys(SPLITS[1:])
    uncalibrated = dataclasses.replace(calibration, temperature=1.0)
    thresholds = calibration.thresholds
    for name, its in answered.items():
        targets, values = its.examples.targets, its.logits
        blocks[name] = metrics.score_probabilities(targets, calibration.probabilities(values), labels, thresholds)
        before[name] = metrics.score_confidence(targets, uncalibrated.probabilities(values))
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
        "scales": bool(learnt.parts),
        "temperature": True,
        "thresholds": config.task.several,
    }
    return {
        "by": "cross-validation" if crossed else "validation",
        "folds": None if learnt.folds is None else int(learnt.folds.max()),
        "texts": len(learnt.held_out.lengths),
        "decided": [name for name, was in chosen.items() if was],
        "validation": "own" if crossed and len(encoded.examples["validation"].lengths) else "held out",
    }


def describe_fit(learnt: FitResult, encoded: Encoded) -> dict[str, Any]:
    """The blocks of `metrics.json` that describe the fit behind the scores."""
    return {
        "coverage": encoded.coverage and dataclasses.asdict(encoded.coverage),
        "best_epoch": next(iter(learnt.best_epochs.values())),
        "parts": {
            TITLES[name] if name == LOGITS else name: {**part, "best_epoch": learnt.best_epochs.get(name)}
            for name, part in learnt.parts.items()
        },
        "phases": learnt.phases,
    }
