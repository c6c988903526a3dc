"""Fine-tuning of a finished run: keeps its weights, adds new tokens to its vocabulary, matches its labels by name."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS, TEST, TRAIN, Corpus, Label, Record, labels_of
from keras_textcnn.data.splits import split_corpus
from keras_textcnn.errors import InputError
from keras_textcnn.evaluation import metrics
from keras_textcnn.inference.answers import Answers
from keras_textcnn.inference.predictor import Predictor
from keras_textcnn.layers.names import EMBEDDING, NGRAMS, TITLES, VECTOR_MEAN
from keras_textcnn.persistence.loading import load_model
from keras_textcnn.persistence.run import Run
from keras_textcnn.presets import REHEARSED
from keras_textcnn.tasks import ONE_LABEL, SEVERAL_LABELS
from keras_textcnn.utils.blocks import slice_texts
from keras_textcnn.utils.visible import shown

GROWING = ("embeddings", "weights", "known")  # variables with a row for each token


@dataclasses.dataclass(frozen=True)
class Start:
    """The run that fine-tuning starts from.

    Attributes:
        run: A finished run.
        vocabulary: Its tokens by id.
        labels: Its label names by output.
        builder: The builder of its model, if it is one of the user's own.
    """

    run: Run
    vocabulary: list[str]
    labels: list[str]
    builder: Callable[..., Any] | None = None

    @classmethod
    def of(cls, directory: Path, *, builder: Callable[..., Any] | None = None) -> "Start":
        """The run in a directory.

        Raises:
            InputError: There is no run, or it is unfinished.
        """
        run = Run.open(directory)
        if not run.finished:
            raise InputError(f"{directory} is unfinished; finish it with keras_textcnn.train --resume first")
        start = cls(run, run.read_lines("vocabulary.txt"), run.read_lines("labels.txt"), builder)
        for name, lines in (("vocabulary.txt", start.vocabulary), ("labels.txt", start.labels)):
            if len(set(lines)) != len(lines):
                raise run.damaged(name, "a line appears twice")
        return start

    def check_corpus(self, old: Corpus) -> None:
        """Raises InputError if a corpus is not the one that the run was trained on."""
        facts = self.run.read_json("config.json").get("corpus")
        if not isinstance(facts, dict) or "fingerprint" not in facts:
            raise self.run.damaged("config.json", "it does not describe the corpus")
        if old.fingerprint != facts.get("own_fingerprint", facts["fingerprint"]):
            raise InputError(f"not the corpus that {self.run.directory} was trained on; give the one it was trained on")

    def compare_labels(self, label_counts: Mapping[str, int], config: TrainConfig, *, rehearsed: bool) -> list[str]:
        """Warnings about the labels of a new run that starts from this one.

        Args:
            label_counts: The new run's labels, with the number of training texts of each.
            config: The new run's settings.
            rehearsed: Whether texts of this run are mixed into those of the new run.

        Raises:
            InputError: The runs share labels, but a text may have several labels in only one of them.
        """
        old_config, listed = self.run.config(), _listed(self.labels)
        if not set(self.labels) & set(label_counts):
            return [
                f"warning: no new text has a label of {self.run.directory} ({listed}): the new run cannot predict "
                "these labels; to keep them, try --rehearse with the corpus of that run"
            ]
        if config.task is not old_config.task:
            advice = "set" if old_config.task.several else "leave out"
            raise InputError(
                f"the texts share labels with {self.run.directory}, where {old_config.task.description}; {advice} "
                "--multi-label"
            )
        missing = [label for label in self.labels if not label_counts[label]]
        advice = "a larger --rehearse-fraction" if rehearsed else "--rehearse"
        warning = f"warning: no new texts for {_listed(missing)}: the run keeps these labels, but may forget them"
        return [f"{warning}; try {advice}"] if missing else []

    def load_into(
        self, model: keras.Model, vocabulary: Sequence[str], labels: Sequence[str], *, trained_rows: bool = True
    ) -> None:
        """Loads the run's weights into a model; the rows of new tokens and new labels keep their values.

        Args:
            model: A model of the run's architecture.
            vocabulary: The model's tokens by id: those of the run, followed by new ones.
            labels: The model's label names by output.
            trained_rows: Whether the fit that follows trains the rows of n-grams.
        """
        trained = load_model(self.run, model=self.builder)
        rows = [self.labels.index(label) for label in labels if label in self.labels]
        outputs = [output for output, label in enumerate(labels) if label in self.labels]
        heads = {layer.name for layer in model.layers if layer.name in TITLES}
        heads = heads or {[layer.name for layer in model.layers if layer.weights][-1]}
        for layer, source in zip(model.layers, trained.layers, strict=True):
            for variable, value in zip(layer.weights, source.get_weights(), strict=True):
                whole = np.array(variable.numpy())
                known = whole[: len(value)] if variable.name in GROWING else whole
                if layer.name in heads and value.shape[-1:] == (len(self.labels),):
                    known[..., outputs] = value[..., rows]
                else:
                    known[...] = value
                variable.assign(whole)
        for layer in model.layers:
            if layer.name == VECTOR_MEAN:  # new tokens with vectors count in the mean, and can be trained
                vectors = model.get_layer(EMBEDDING).embeddings.numpy()
                known = layer.known.numpy()
                known[len(self.vocabulary) :] = vectors[len(self.vocabulary) :].any(axis=1)
                layer.known.assign(known)
            if layer.name == NGRAMS and layer.weighted and trained_rows:
                for weights in layer.row_weights:  # rows unseen so far count in a text's length like the rarest ones
                    values = weights.numpy()
                    weights.assign(np.where(values > 0, values, values.max()))


def rehearse(
    corpus: Corpus, old: Corpus, config: TrainConfig, *, old_config: TrainConfig
) -> tuple[Corpus, list[Record]]:
    """Mixes training texts of the old corpus into those of a new one.

    Args:
        corpus: The new texts.
        old: The texts of the run that the training starts from.
        config: The settings of the new run: fractions, seed, `rehearse_fraction`.
        old_config: The settings of the old run, by which its texts were split.

    Returns:
        The new corpus, split, with old texts among its training texts; and the test texts of the old corpus.

    Raises:
        InputError: A text may have several labels in only one of the corpora, or a corpus cannot be split.
    """
    if config.task is not old_config.task:
        raise InputError(
            "--rehearse needs the same --multi-label as the run that the texts are from, where "
            f"{old_config.task.description}; read the new texts in the same way, or leave out --rehearse"
        )
    split, before = (_split(one, its_config) for one, its_config in ((corpus, config), (old, old_config)))
    training = [record for record in before.records() if record.split == SPLITS[TRAIN]]
    new = sum(name == SPLITS[TRAIN] for name in split.splits)
    fraction = config.rehearse_fraction or REHEARSED
    wanted = round(new * fraction / (1 - fraction))
    chosen = np.random.default_rng(config.seed).permutation(len(training))[:wanted]
    mixed = Corpus.of([*split.records(), *(training[position] for position in sorted(chosen.tolist()))])
    return mixed, [record for record in before.records() if record.split == SPLITS[TEST]]


def compare_on_old_texts(start: Start, run: Run, records: Sequence[Record]) -> dict[str, Any]:
    """Scores the old run and the new run on the old test texts, for `metrics.json`.

    A text with a label that a run does not know counts as wrong, so both are scored on the same texts and labels.
    """
    scores: dict[str, Any] = {"texts": len(records)}
    targets = [record.label for record in records]
    for name, directory in (("before", start.run.directory), ("after", run.saved_model)):
        scores[name] = _score(targets, _answer(Predictor(directory), [record.text for record in records]))
    return scores


def _split(corpus: Corpus, config: TrainConfig) -> Corpus:
    return split_corpus(
        corpus,
        **config.fractions,
        seed=config.seed,
        fold=config.fold_of_folds,
    )


def _answer(predictor: Answers, texts: Sequence[str]) -> list[Label]:
    """The label, or labels, that a model predicts for each text."""
    task, answers = predictor.task, list[Label]()
    for block in slice_texts(len(texts), len(predictor.labels)):
        chosen = task.choose(predictor.probabilities(texts[block]), predictor.thresholds)
        if task.several:
            answers += [tuple(predictor.labels[output] for output in np.flatnonzero(row).tolist()) for row in chosen]
        else:
            answers += [predictor.labels[output] for output in chosen.tolist()]
    return answers


def _score(targets: Sequence[Label], predicted: Sequence[Label]) -> Mapping[str, float | None]:
    """Accuracy and macro F1 of labels by name; either side may have labels that the other lacks."""
    names = sorted({name for label in [*targets, *predicted] for name in labels_of(label)})
    outputs = {name: output for output, name in enumerate(names)}
    one_label = all(isinstance(label, str) for label in [*targets, *predicted])
    task = ONE_LABEL if one_label else SEVERAL_LABELS
    return metrics.score_labels(task.encode(targets, outputs), task.encode(predicted, outputs))


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(map(shown, labels[:10])) + (" ..." if labels[10:] else "")
