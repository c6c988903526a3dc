"""Trainings of many settings on one corpus: its texts are tokenized once, and equal ids are shared."""

import dataclasses
import gc
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS, TEST, VALIDATION, Corpus
from keras_textcnn.data.preprocessing import Encoded, encode_corpus
from keras_textcnn.data.tokenized import TokenizedCorpus, tokenize_corpus
from keras_textcnn.errors import InputError
from keras_textcnn.evaluation.calibration import calibrate
from keras_textcnn.evaluation.metrics import ScoreSums
from keras_textcnn.evaluation.split_scores import SplitScores
from keras_textcnn.layers.names import NGRAMS, TITLES, VECTOR_MEAN
from keras_textcnn.scale.tuning.budget import whole_fit
from keras_textcnn.scale.tuning.objectives import OF_EPOCH, Scores, best_of, pick_scores
from keras_textcnn.settings.text import TextSettings
from keras_textcnn.training.batches import score_model
from keras_textcnn.training.building import build_prepared, fit_prepared, matrix_of
from keras_textcnn.training.callbacks import PhaseCallback, is_lost
from keras_textcnn.training.ensemble import hold_out
from keras_textcnn.training.preparation import Prepared, count_texts, prepare
from keras_textcnn.utils.graphs import freeing_graphs

LINEAR = TITLES[NGRAMS], TITLES[VECTOR_MEAN]  # phases of the parts with another loss
# The settings that ids follow from; the width of an embedding without vectors does not matter for them.
OF_IDS = (*(field.name for field in dataclasses.fields(TextSettings) if field.name != "dimensions"), "inner_folds")


def describe_failure(error: Exception) -> str | None:
    """Why a training failed, if others may still succeed; otherwise None."""
    if isinstance(error, ArithmeticError | InputError | tf.errors.ResourceExhaustedError):
        return f"failed: {str(error).split('; ')[0]}"
    return None


class Deadline(keras.callbacks.Callback):
    """Ends a fit between two batches.

    Args:
        check: Called after batches and epochs; raises an exception to end the fit, such as `OutOfTimeError`.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__()
        self._check = check

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._check()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._check()


class EpochReport(PhaseCallback):
    """Reports the best score so far after each epoch of the network, from 1; trials are compared by it.

    Epochs of the linear parts are left out: they have another loss, and follow those of the network.

    Args:
        objective: One of `objectives.OBJECTIVES`.
        report: Called with the number of the epoch and the score; it may raise to end the fit.
    """

    def __init__(self, objective: str, report: Callable[[int, float], None]) -> None:
        super().__init__()
        self._objective, self._report, self._scores = objective, report, list[float]()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        name = OF_EPOCH[self._objective]
        if name not in (logs or {}) or is_lost(logs) or (self.phase and self.phase.name in LINEAR):
            return
        self._scores.append(float(logs[name]))
        self._report(len(self._scores), best_of(self._objective, self._scores))


class Trials:
    """Trains with many settings on the same texts.

    Args:
        corpus: The texts; validation and test texts are split off by the seed of the settings if it has none.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self._tokenized: dict[str, TokenizedCorpus] = {}
        self._encoded: dict[tuple[Any, ...], Encoded] = {}

    def prepare(self, config: TrainConfig) -> Prepared:
        """The corpus in ids and the settings that follow from it, as for `preparation.prepare`."""
        return prepare(config, self._tokenize(config.resolved().tokenizer), encode=self._encode)

    def whole(self, config: TrainConfig) -> float:
        """How much longer `fit` takes than `hold_out`, as estimated."""
        config = config.resolved(**count_texts(config.resolved(), self.corpus))
        return whole_fit(config, refit=bool(config.refit) and SPLITS[VALIDATION] not in self.corpus.splits)

    @freeing_graphs()
    def hold_out(
        self,
        config: TrainConfig,
        *,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        on_fold: Callable[[int, Scores], None] = lambda fold, scores: None,
    ) -> Scores:
        """Fits until the held-out texts are answered, and scores the answers.

        Args:
            config: The settings.
            callbacks: Keras callbacks for all fits.
            on_fold: Called after each fold, if cross-validation decides, with its number and the scores of its texts.
        """
        prepared = self.prepare(config)
        learnt = hold_out(
            prepared.config,
            self._build(prepared),
            prepared.encoded.examples,
            vocabulary=prepared.encoded.vocabulary,
            folds=prepared.folds,
            matrix=matrix_of(prepared),
            callbacks=callbacks,
            on_fold=lambda fold, logits, targets: on_fold(fold, score(logits, targets)),
        )
        return pick_scores(learnt.decisions.scores.calibrated.scores(prepared.encoded.labels))

    @freeing_graphs()
    def fit(
        self, config: TrainConfig, *, seed: int, callbacks: Sequence[keras.callbacks.Callback] = ()
    ) -> dict[str, Scores | None]:
        """Fits as a run does, and scores held-out and test texts.

        Args:
            config: The settings; their seed splits the corpus.
            seed: The seed of the weights, the shuffles and the dropout.
            callbacks: Keras callbacks for all fits.

        Returns:
            The scores of "validation" and, None without test texts, "test".
        """
        prepared = self.prepare(config)
        prepared = dataclasses.replace(prepared, config=dataclasses.replace(prepared.config, seed=seed))
        model, encoded = self._build(prepared), prepared.encoded
        fitted = fit_prepared(prepared, model, run=None, callbacks=callbacks)
        decisions, labels = fitted.decisions, encoded.labels
        scores: dict[str, Scores | None] = {
            "validation": pick_scores(decisions.scores.calibrated.scores(labels)),
            "test": None,
        }
        if (encoded.splits == TEST).any():
            test = SplitScores(decisions.calibration, len(labels))
            score_model(prepared.config, model, encoded.examples["test"], test)
            scores["test"] = pick_scores(test.calibrated.scores(labels))
        return scores

    def _tokenize(self, tokenizer: str) -> TokenizedCorpus:
        if tokenizer not in self._tokenized:
            self._tokenized[tokenizer] = tokenize_corpus(self.corpus.records(), tokenizer=tokenizer)
        return self._tokenized[tokenizer]

    def _encode(self, config: TrainConfig, tokenized: TokenizedCorpus, **known: Any) -> Encoded:
        key = tuple(getattr(config, name) for name in OF_IDS)
        if key not in self._encoded:
            self._encoded[key] = encode_corpus(config, tokenized, **known)
        encoded = self._encoded[key]
        return dataclasses.replace(encoded, dimensions=config.dimensions or encoded.dimensions)

    def _build(self, prepared: Prepared) -> keras.Model:
        keras.backend.clear_session()  # frees most of what the last training left in memory
        gc.collect()
        keras.utils.set_random_seed(prepared.config.seed)
        return build_prepared(prepared)


def score(logits: np.ndarray, targets: np.ndarray) -> Scores:
    """The scores of held-out texts as a run reports them: with a temperature, and thresholds, fitted to these texts."""
    calibration = calibrate(logits, targets)
    sums = ScoreSums(logits.shape[1], calibration.thresholds)
    sums.add(targets, calibration.probabilities(logits))
    return pick_scores(sums.scores([str(output) for output in range(logits.shape[1])]))
