"""The batches of a run's texts, in fits and in answers, as the settings describe them."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.config import TrainConfig
from keras_textcnn.data import batching, prediction
from keras_textcnn.evaluation.split_scores import SplitScores
from keras_textcnn.training import class_weights


def predict(
    config: TrainConfig,
    model: keras.Model,
    examples: batching.Examples,
    *,
    answer: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> np.ndarray:
    """The logits of texts, float32 (texts, num_classes); `answer` as for `prediction.predict_blocks`."""
    return prediction.predict_logits(
        model, examples, boundaries=boundaries_of(config), batch_size=config.prediction_batch_size, answer=answer
    )


def score_model(config: TrainConfig, model: keras.Model, examples: batching.Examples, scores: SplitScores) -> None:
    """Adds texts to scores, as a model answers them."""
    blocks = prediction.predict_blocks(
        model, examples, boundaries=boundaries_of(config), batch_size=config.prediction_batch_size
    )
    for texts, logits in blocks:
        scores.add(texts, examples.targets_of(texts), logits)


def training_epochs(config: TrainConfig, examples: batching.Examples) -> batching.Epochs:
    """The shuffled batches of each epoch, each padded to a common length."""
    boundaries = boundaries_of(config)
    weights = class_weights.weigh_texts(examples.sparse_targets) if config.sampling == "balanced" else None

    def plan(epoch: int) -> list[np.ndarray]:
        return batching.plan_epoch(
            examples.lengths,
            minimum_steps=config.minimum_steps,
            seed=config.seed,
            epoch=epoch,
            boundaries=boundaries,
            batch_size=config.batch_size,
            weights=weights,
        )

    return batching.Epochs(examples, plan, boundaries=boundaries)


def batches_of(config: TrainConfig, examples: batching.Examples) -> tf.data.Dataset:
    """The batches of texts in order of length, without weights, which count only in training."""
    boundaries = boundaries_of(config)
    plan = batching.plan_batches(examples.lengths, boundaries=boundaries, batch_size=config.batch_size)
    return batching.padded_batches(dataclasses.replace(examples, weights=None), plan, boundaries=boundaries)


def boundaries_of(config: TrainConfig) -> list[int]:
    """The lengths that batches are padded to."""
    return batching.length_boundaries(config.maximum_tokens, fixed=config.family.fixed_length)
