"""Encodes a tokenized corpus: its splits, vocabulary, vectors and examples."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.data import batching
from keras_textcnn.data.corpus import SPLITS, TRAIN, labels_of
from keras_textcnn.data.corpus_warnings import warn_of_corpus
from keras_textcnn.data.label_counts import number_labels
from keras_textcnn.data.splits import split_texts
from keras_textcnn.data.survey import Survey, describe_survey, survey_corpus
from keras_textcnn.data.tokenized import TokenizedCorpus
from keras_textcnn.errors import InputError
from keras_textcnn.presets import GLOVE_TABLE, NO_VECTORS, ONE_HOT, SPACES, ZHANG
from keras_textcnn.text import pretrained_vectors, vocabulary
from keras_textcnn.text.vector_formats import has_unspaced_words
from keras_textcnn.utils.log import log_lines, logger

# Fractions of the running tokens that have a vector. Below the first, the vectors are of another language, and their
# other words help no text; below the second, the user is warned.
LEAST_COVERED, WELL_COVERED = 0.1, 0.5


@dataclasses.dataclass(frozen=True)
class Encoded:
    """An encoded corpus.

    Attributes:
        vocabulary: Tokens by id.
        coverage: How much of it the vectors cover; None without vectors.
        found: The vectors, by token.
        dimensions: Width of the embedding, from the settings or the vectors; None for one-hot characters.
        label_counts: Labels in the order of the outputs, with their numbers of training texts before any is split off.
        splits: int (texts,), positions in `SPLITS`.
        examples: The examples, by split.
    """

    vocabulary: list[str]
    coverage: pretrained_vectors.Coverage | None
    found: dict[str, np.ndarray]
    dimensions: int | None
    label_counts: dict[str, int]
    splits: np.ndarray
    examples: dict[str, batching.Examples]

    @property
    def labels(self) -> list[str]:
        """The labels in the order of the outputs."""
        return list(self.label_counts)


def encode_corpus(
    config: TrainConfig,
    tokenized: TokenizedCorpus,
    *,
    known_tokens: Sequence[str] = (),
    known_labels: Sequence[str] = (),
) -> Encoded:
    """Splits a corpus, logs what is in it, and makes its vocabulary, vectors and examples.

    Args:
        config: The settings.
        tokenized: The corpus.
        known_tokens: A vocabulary that keeps its ids; other tokens of the training texts follow it.
        known_labels: Labels that keep their outputs if the training texts have one of them; other labels follow them.

    Raises:
        InputError: The corpus cannot be split, has no tokens, or does not match the settings, or the vectors cannot be
            read or have none of its tokens.
    """
    config = config.resolved()
    _check_tokenized(config, tokenized)
    label_counts = number_labels(
        tokenized.label_sets, tokenized.rows, tokenized.splits, known=known_labels, columns=tokenized.label_names
    )
    splits, survey = _split(config, tokenized, num_classes=len(label_counts))
    counts, too_rare, running, distinct = _count(config, tokenized, splits)
    logger.info(f"{running:,} running tokens to train on, {distinct:,} of them distinct")
    for line in warn_of_corpus(survey, counts, maximum_tokens=config.maximum_tokens, data=str(config.data)):
        logger.warning(line)
    found, added, coverage = _read_vectors(config, counts, too_rare, running, known_tokens)
    dimensions = config.dimensions or (len(next(iter(found.values()))) if found else None)
    kept = [vocabulary.PADDING, vocabulary.UNKNOWN, *counts, *added]
    if known_tokens:
        kept = _extend(config, known_tokens, kept)
        logger.info(f"{len(kept) - len(known_tokens):,} new tokens in addition to {len(known_tokens):,} known ones")
    examples = _examples(config, tokenized, splits, kept, list(label_counts))
    return Encoded(kept, coverage, found, dimensions, label_counts, splits, examples)


def _check_tokenized(config: TrainConfig, tokenized: TokenizedCorpus) -> None:
    """Raises InputError if the tokenizer or the kind of labels of a corpus does not match the settings."""
    if tokenized.tokenizer != config.tokenizer:
        raise InputError(
            f"the tokens of the corpus are {tokenized.tokenizer}, but the settings say {config.tokenizer}; tokenize it "
            "with tokenizer=config.tokenizer"
        )
    if not config.task.several and not all(isinstance(label, str) for label in tokenized.label_sets):
        raise InputError("the texts have several labels; set multi_label in the settings")
    if tokenized.probabilities is not None:
        for name in ("class_weight", "focal_gamma", "multi_label"):
            if getattr(config, name) != getattr(TrainConfig, name):
                raise InputError(f"{name} does not apply to soft targets; leave it out")


def _split(config: TrainConfig, tokenized: TokenizedCorpus, *, num_classes: int) -> tuple[np.ndarray, Survey]:
    """The split of each text, int (texts,), and a survey of the corpus, which is also logged."""
    splits, rare = split_texts(
        tokenized.label_sets,
        tokenized.rows,
        tokenized.splits,
        **config.fractions,
        seed=config.seed,
        fold=config.fold_of_folds,
    )
    there = [(name, int((splits == position).sum())) for position, name in enumerate(SPLITS)]
    sizes = ", ".join(f"{number:,} {name}" for name, number in there if number)
    logger.info(f"{f'corpus {config.data}' if config.data else 'corpus'}: {sizes} texts, {num_classes} labels")
    survey = survey_corpus(
        tokenized.label_sets,
        rows=tokenized.rows,
        splits=splits,
        rare=rare,
        lengths=tokenized.lengths,
        hashes=tokenized.hashes,
        maximum_tokens=config.maximum_tokens,
    )
    log_lines(describe_survey(survey, maximum_tokens=config.maximum_tokens).split("\n"))
    if config.task.several and max(len(labels_of(label_set)) for label_set in tokenized.label_sets) < 2:
        advice = (
            f"a separator other than {config.multi_label!r}"
            if config.multi_label
            else "a single column of labels, --label-column"
        )
        logger.warning(f"no text has several labels; try {advice}")
    return splits, survey


def _read_vectors(
    config: TrainConfig, counts: Mapping[str, int], too_rare: set[str], running: int, known_tokens: Sequence[str]
) -> tuple[dict[str, np.ndarray], list[str], pretrained_vectors.Coverage | None]:
    """The vectors that the settings name, by token, the words they add to the vocabulary, and their coverage.

    Args:
        config: The settings.
        counts: The vocabulary of the training texts, with the number of occurrences of each token.
        too_rare: Tokens that are too rare for the vocabulary, which the vectors do not add again.
        running: Number of tokens in the training texts.
        known_tokens: The vocabulary of the run that the training starts from.
    """
    if config.vectors == NO_VECTORS:
        return {}, [], None
    more = config.vocabulary_size - 2 - len(counts) if config.vocabulary == "train+vectors" else 0
    found = pretrained_vectors.read_vectors(
        config.vectors,
        counts,
        dimensions=config.dimensions,
        more=more,
        tokenizer=config.tokenizer,
        unwanted={*too_rare, vocabulary.PADDING, vocabulary.UNKNOWN},
    )
    asked_for = config.vectors != GLOVE_TABLE  # the default for every corpus, whatever its language
    if asked_for and not found.keys() & counts.keys() and not known_tokens:
        raise InputError(
            f"no token of the training texts has a vector in {config.vectors}; {_advise_spaces(config)}give "
            "another file"
        )
    added: list[str] = []
    coverage = pretrained_vectors.measure_coverage(counts, running, found)
    if coverage.running_tokens >= LEAST_COVERED:
        added = [token for token in found if token not in counts and token not in too_rare][:more]
        coverage = dataclasses.replace(coverage, added=len(added))
    logger.info(f"vectors {config.vectors}: {coverage}")
    if coverage.running_tokens < WELL_COVERED:
        logger.warning(_warn_of_coverage(config, coverage, left_out=more > 0 and not added))
    return found, added, coverage


def _warn_of_coverage(config: TrainConfig, coverage: pretrained_vectors.Coverage, *, left_out: bool) -> str:
    return (
        f"only {coverage.running_tokens:.0%} of the running tokens have a vector in {config.vectors}"
        + (", so none of its other words are added" if left_out else "")
        + f"; {_advise_spaces(config)}try vectors for the language of the texts, or --vectors none"
    )


def _advise_spaces(config: TrainConfig) -> str:
    """Advice for a file with words in scripts without spaces, if the tokens are single characters."""
    path = pretrained_vectors.find_vectors(config.vectors)
    if config.tokenizer == SPACES or path is None or not has_unspaced_words(path, config.dimensions):
        return ""
    return (
        "its words have several characters: put spaces between the words of the texts and set --tokenizer spaces, or "
    )


def _extend(config: TrainConfig, known: Sequence[str], tokens: Sequence[str]) -> list[str]:
    """The known vocabulary, followed by new tokens; one-hot characters leave no room for any."""
    inside = set(known)
    return [*known, *[token for token in tokens if token not in inside and config.embedding != ONE_HOT]]


def _count(
    config: TrainConfig, tokenized: TokenizedCorpus, splits: np.ndarray
) -> tuple[dict[str, int], set[str], int, int]:
    """The vocabulary with counts in the training texts, the tokens too rare for it, and all and distinct tokens."""
    provisional = tokenized.count(splits == TRAIN)
    if not provisional.any():
        raise InputError("the training texts have no tokens: all are empty")
    distinct = 0
    rare: set[str] = set()

    def totals() -> Iterator[tuple[str, int]]:
        nonlocal distinct
        for token, ids in tokenized.tokens():
            if count := sum(map(provisional.__getitem__, ids)):
                distinct += 1
                if count < config.minimum_count:
                    rare.add(token)
                yield token, int(count)

    if config.alphabet == ZHANG:
        known = dict(totals())
        counts = {character: known.get(character, 0) for character in vocabulary.ZHANG_ALPHABET}
    else:
        counts = vocabulary.build_vocabulary(totals(), size=config.vocabulary_size, minimum_count=config.minimum_count)
    return counts, rare, int(provisional.sum()), distinct


def _examples(
    config: TrainConfig, tokenized: TokenizedCorpus, splits: np.ndarray, kept: Sequence[str], labels: Sequence[str]
) -> dict[str, batching.Examples]:
    ids = {token: id for id, token in enumerate(kept[2:], 2)}  # a text's own "[PAD]" is unknown
    renumber = np.full(tokenized.entries, vocabulary.UNKNOWN_ID, np.int32)
    for token, provisional in tokenized.tokens():
        renumber[provisional] = ids.get(token, vocabulary.UNKNOWN_ID)
    outputs = {label: output for output, label in enumerate(labels)}
    targets = config.task.encode(tokenized.label_sets, outputs)
    weights = _relative_weights(tokenized, splits)
    soft_targets = None
    if tokenized.probabilities is not None:
        soft_targets = np.zeros((len(splits), len(labels)), np.float32)
        soft_targets[:, [outputs[name] for name in tokenized.label_names]] = tokenized.probabilities
        logger.info("targets are probabilities; each text's most probable label decides splits and scores")
    lengths = np.minimum(tokenized.lengths, config.maximum_tokens)
    examples = {}
    for position, name in enumerate(SPLITS):
        texts = np.flatnonzero(splits == position)
        examples[name] = batching.Examples(
            tokenized.ids,
            tokenized.starts[texts],
            lengths[texts],
            renumber,
            tokenized.rows[texts],
            targets,
            weights=None if weights is None else weights[texts],
            soft_targets=None if soft_targets is None else soft_targets[texts],
        )
    return examples


def _relative_weights(tokenized: TokenizedCorpus, splits: np.ndarray) -> np.ndarray | None:
    """The weights of the texts, float32 (texts,), scaled to a mean of 1 over the training texts; None without any.

    So that the learning rates and the penalties of the linear parts suit any weights: a loss is a mean over a batch.
    """
    weights = tokenized.weights
    if weights is None:
        return None
    training = splits == TRAIN
    mean = weights[training].mean()
    if len(set(tokenized.rows[training & (weights > 0)].tolist())) < 2:
        raise InputError("fewer than two labels have training texts with a weight above 0; give more texts a weight")
    least, most = weights[training].min() / mean, weights[training].max() / mean
    logger.info(f"weights of the training texts: {least:.3g} to {most:.3g}, scaled to a mean of 1")
    return (weights / mean).astype(np.float32)
