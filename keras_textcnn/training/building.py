"""Builds the model of a prepared corpus, and fits it."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_textcnn.models.factory import build_model, load_encoded_vectors
from keras_textcnn.models.own_model import check_texts
from keras_textcnn.own_functions import is_own
from keras_textcnn.persistence.run import Run
from keras_textcnn.text.pretrained_vectors import embedding_matrix
from keras_textcnn.training.ensemble import FitResult, fit_ensemble
from keras_textcnn.training.memory_budget import fit_into_memory
from keras_textcnn.training.preparation import Prepared
from keras_textcnn.utils.log import logger


def build_prepared(prepared: Prepared) -> keras.Model:
    """The model with its initial weights: pretrained vectors, and the weights of the run that training starts from.

    Raises:
        InputError: It would need more memory than the settings allow, or does not suit the texts.
    """
    config, encoded = prepared.config, prepared.encoded
    model = build_model(config, vocabulary_size=len(encoded.vocabulary), num_classes=len(encoded.labels))
    if is_own(config.model):
        for line in check_texts(config.model, model, vocabulary_size=len(encoded.vocabulary)):
            logger.warning(line)
    fit_into_memory(config, model, prepared.tokenized, encoded)
    load_encoded_vectors(config, model, encoded)
    if prepared.start:
        prepared.start.load_into(model, encoded.vocabulary, encoded.labels, trained_rows=config.tune == "all")
    return model


def fit_prepared(
    prepared: Prepared, model: keras.Model, *, run: Run | None, callbacks: Sequence[keras.callbacks.Callback]
) -> FitResult:
    """Fits a model, as `fit_ensemble` does, to the texts that it was built for; `run` and `callbacks` are as there."""
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
        learnt=prepared.learnt_texts.get("validation"),
        callbacks=callbacks,
    )


def matrix_of(prepared: Prepared) -> np.ndarray | None:
    """The vectors of the tokens, float32 (vocabulary, dimensions), if a part is linear in their mean."""
    config, encoded = prepared.config, prepared.encoded
    if not config.vector_mean:
        return None
    return embedding_matrix(encoded.vocabulary, encoded.found, dimensions=config.dimensions or 0)
