"""The phases of each part's fit, as the settings describe them."""

import dataclasses

from keras_textcnn.config import TrainConfig
from keras_textcnn.layers.names import NGRAMS, TITLES, VECTOR_MEAN
from keras_textcnn.training.phases import KERNELS, Phase, two_phases


def plan_part(config: TrainConfig, name: str) -> list[Phase]:
    """The phases of a part's fit, by the name of its layer; none if the part is solved."""
    if name == NGRAMS:
        return [] if config.ngram_svm and not config.from_run else plan_ngram_phases(config)
    if name == VECTOR_MEAN:
        if not config.from_run:
            return []
        own = config.family.defaults  # a model without n-grams has no settings for them
        epochs, rate = (getattr(config, name) or own[name] for name in ("ngram_epochs", "ngram_learning_rate"))
        return [
            dataclasses.replace(
                plan_ngram_phases(config)[0], name=TITLES[VECTOR_MEAN], epochs=epochs, learning_rate=rate
            )
        ]
    return plan_phases(config)


def plan_phases(config: TrainConfig) -> list[Phase]:
    """The phases of the fit that the settings describe."""
    return two_phases(
        frozen_epochs=config.frozen_epochs,
        unfrozen_epochs=config.unfrozen_epochs,
        learning_rate=config.learning_rate,
        unfrozen_learning_rate=config.unfrozen_learning_rate,
        frozen=() if config.freeze == "nothing" else tuple(config.freeze.split("+")),
        tune=config.tune,
        optimizer=config.optimizer,
        weight_decay=config.weight_decay,
        embedding_factor=config.embedding_factor,
    )


def plan_ngram_phases(config: TrainConfig) -> list[Phase]:
    """The one phase of the linear model of n-grams: always with Adam, which moves rare rows as far as frequent ones.

    It minimizes the loss of a support vector machine, which makes a linear model more accurate than cross-entropy does
    (tests/benchmarks/ACCURACY.md). If only the head or the biases of an earlier run are tuned, the rows stay as they
    are.
    """
    frozen = () if config.tune == "all" else (KERNELS,)
    return [Phase(TITLES[NGRAMS], config.ngram_epochs or 0, config.ngram_learning_rate or 0.0, frozen)]
