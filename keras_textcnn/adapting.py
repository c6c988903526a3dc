"""To start from a trained run: its weights, its vocabulary with new tokens behind it, its labels by their names."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_textcnn.building import load_model
from keras_textcnn.config import TrainConfig
from keras_textcnn.corpus import SPLITS, TEST, TRAIN, Corpus, Record, split_corpus
from keras_textcnn.errors import InputError
from keras_textcnn.evaluation import evaluate
from keras_textcnn.predictor import Predictor
from keras_textcnn.run import Run


@dataclasses.dataclass(frozen=True)
class Start:
    """What an adaptation starts from.

    Attributes:
        run: A finished run.
        vocabulary: Its tokens by id.
        labels: Its names by output.
    """

    run: Run
    vocabulary: list[str]
    labels: list[str]

    @classmethod
    def of(cls, directory: Path) -> "Start":
        """The run in a directory.

        Raises:
            InputError: There is none, or it is unfinished.
        """
        run = Run.open(directory)
        if not run.finished:
            raise InputError(f"{directory} is unfinished; finish it with keras_textcnn.train --resume first")
        start = cls(run, run.read_lines("vocabulary.txt"), run.read_lines("labels.txt"))
        for name, lines in (("vocabulary.txt", start.vocabulary), ("labels.txt", start.labels)):
            if len(set(lines)) != len(lines):
                raise run.damaged(name, "a line is there twice")
        return start

    def load_into(self, model: keras.Model, vocabulary: Sequence[str], labels: Sequence[str]) -> None:
        """Gives a model the run's weights; rows of new tokens and of new labels keep what they have.

        Args:
            model: Of the run's architecture.
            vocabulary: The model's tokens by id: the run's, and others behind them.
            labels: The model's names by output.
        """
        trained = load_model(self.run)
        rows = [self.labels.index(label) for label in labels if label in self.labels]
        outputs = [output for output, label in enumerate(labels) if label in self.labels]
        for layer, source in zip(model.layers, trained.layers, strict=True):
            for variable, value in zip(layer.weights, source.get_weights(), strict=True):
                whole = np.array(variable.numpy())
                known = whole[: len(value)] if variable.name == "embeddings" else whole
                if layer.name in ("logits", "ngrams"):
                    known[..., outputs] = value[..., rows]
                else:
                    known[...] = value
                variable.assign(whole)


def rehearse(
    corpus: Corpus, old: Corpus, config: TrainConfig, *, old_config: TrainConfig
) -> tuple[Corpus, list[Record]]:
    """Mixes old training texts into a new corpus's.

    Args:
        corpus: The new texts.
        old: The texts of the run that the training starts from.
        config: Of the new run: fractions, seed, `rehearse_fraction`.
        old_config: Of the old one, which split its texts.

    Returns:
        The new corpus, split, with old texts among those to train on; and the test texts of the old one.
    """
    split, before = (_split(one, its_config) for one, its_config in ((corpus, config), (old, old_config)))
    training = [record for record in before.records() if record.split == SPLITS[TRAIN]]
    new = sum(name == SPLITS[TRAIN] for name in split.splits)
    wanted = round(new * config.rehearse_fraction / (1 - config.rehearse_fraction))
    chosen = np.random.default_rng(config.seed).permutation(len(training))[:wanted]
    mixed = Corpus.of([*split.records(), *(training[position] for position in sorted(chosen.tolist()))])
    return mixed, [record for record in before.records() if record.split == SPLITS[TEST]]


def compare_on_old_texts(start: Start, run: Run, records: Sequence[Record]) -> dict[str, Any]:
    """How many of the old test texts the old run has right, and the new one: what `metrics.json` holds of it."""
    scores: dict[str, Any] = {"texts": len(records)}
    for name, directory in (("before", start.run.directory), ("after", run.saved_model)):
        found = evaluate(Predictor(directory), records).scores
        scores[name] = {score: found[score] for score in ("accuracy", "macro_f1")}
    return scores


def _split(corpus: Corpus, config: TrainConfig) -> Corpus:
    return split_corpus(
        corpus,
        **config.fractions,
        seed=config.seed,
    )
