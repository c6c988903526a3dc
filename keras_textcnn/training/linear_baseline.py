"""The linear model that every run is compared with."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS
from keras_textcnn.data.preprocessing import Encoded
from keras_textcnn.data.tokenized import TokenizedCorpus
from keras_textcnn.evaluation import baseline, metrics
from keras_textcnn.evaluation.calibration import tune_thresholds
from keras_textcnn.presets import find_tokenizer
from keras_textcnn.training import class_weights


def measure_baseline(
    config: TrainConfig, tokenized: TokenizedCorpus, encoded: Encoded, *, refit: bool, folds: np.ndarray | None = None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The linear model's scores and labels on each split, after a fit on the texts that the network had by then.

    The scores are the block of `metrics.json`, None for a split without texts. The labels have the form of targets, in
    the order of the texts.

    The linear model gets all of the network's tokens of each text, its class weights, sampling and weights of texts
    and, where a text may have several labels, thresholds tuned on the validation texts in the same way. It cannot learn
    soft targets: it gets the most probable label, and its name says so.

    Args:
        config: The settings of the run.
        tokenized: The corpus, in memory.
        encoded: The same corpus in ids.
        refit: Whether the network is refitted on training and validation texts, once the latter have made the choices.
        folds: The folds of the cross-validation that decided instead of the validation texts (`ensemble.FitResult`);
            the linear model uses them as well.
    """
    ids = tokenized.ids.read(0, int(tokenized.lengths.sum()))
    counts = baseline.count_ngrams(ids, tokenized.lengths, longest=find_tokenizer(config.tokenizer).longest_ngram)
    texts = {name: np.flatnonzero(encoded.splits == position) for position, name in enumerate(SPLITS)}
    targets = {name: examples.targets for name, examples in encoded.examples.items()}
    weights = np.ones(len(encoded.splits))
    for name, examples in encoded.examples.items():
        weights[texts[name]] = 1 if examples.weights is None else examples.weights

    def answer(training: np.ndarray, right: np.ndarray, asked: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        there = weights[training] > 0
        training, right = training[there], right[there]
        text_weights = None if encoded.examples["train"].weights is None else weights[training]
        if config.sampling == "balanced":
            drawn = class_weights.weigh_texts(right) * len(right)
            text_weights = drawn if text_weights is None else drawn * text_weights
        return baseline.predict_linear(
            counts,
            training,
            right,
            asked,
            seed=config.seed,
            label_weights=None
            if config.class_weight == "none"
            else class_weights.weigh_labels(right, config.class_weight),
            text_weights=text_weights,
        )

    asked = {name: its for name, its in texts.items() if name != "train" and len(its)}
    answers = answer(texts["train"], targets["train"], asked)
    if refit and "test" in asked:
        everything = np.concatenate([targets["train"], targets["validation"]])
        answers |= answer(np.concatenate([texts["train"], texts["validation"]]), everything, {"test": texts["test"]})
    if folds is None:
        deciding = targets["validation"], answers["validation"]
    else:
        numbers = range(1, int(folds.max()) + 1)
        held = [
            answer(
                texts["train"][folds != fold], targets["train"][folds != fold], {"held": texts["train"][folds == fold]}
            )
            for fold in numbers
        ]
        order = np.argsort(np.concatenate([np.flatnonzero(folds == fold) for fold in numbers]))  # that of the texts
        deciding = targets["train"][folds > 0], np.concatenate([fold["held"] for fold in held])[order]
    if "validation" not in answers:
        targets["validation"], answers["validation"] = deciding
    if config.task.several:
        thresholds = tune_thresholds(*deciding)
        answers = {name: config.task.choose(values, thresholds) for name, values in answers.items()}
    scores = {name: metrics.score_labels(targets[name], labels) for name, labels in answers.items()}
    hard = "" if tokenized.probabilities is None else ", hard labels"
    name = baseline.name_baseline(config.tokenizer) + hard
    return {"name": name, **dict.fromkeys(SPLITS[1:]), **scores}, answers
