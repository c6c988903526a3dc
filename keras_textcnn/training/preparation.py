"""Prepares a corpus for training: ids, folds, the run that the training starts from."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS, TRAIN, VALIDATION, Corpus, Record
from keras_textcnn.data.preprocessing import Encoded, encode_corpus
from keras_textcnn.data.splits import deal_folds, limit_held_out
from keras_textcnn.data.tokenized import TokenizedCorpus, tokenize_corpus
from keras_textcnn.errors import InputError
from keras_textcnn.own_functions import own_function
from keras_textcnn.persistence.learnt_texts import LearntTexts
from keras_textcnn.training.fine_tuning import Start, rehearse
from keras_textcnn.training.memory_budget import size_ngrams
from keras_textcnn.training.overlap import find_learnt_texts, warn_of_learnt_test_texts, warn_of_learnt_texts
from keras_textcnn.utils.blocks import most_deciding
from keras_textcnn.utils.log import log_lines, logger


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A corpus that is ready for training.

    Attributes:
        config: The settings, including those that depend on the texts.
        texts: The corpus; None if only its tokens are in memory or on disk.
        tokenized: The corpus in tokens.
        encoded: The same corpus in ids.
        folds: int (training texts,), from `splits.deal_folds`, if cross-validation decides; otherwise None.
        start: The run that the training starts from, if any.
        learnt_before: The texts that this run was trained on; None if there is no such run, or if it has no list.
        old_texts: The test texts of this run, if its corpus is rehearsed.
        own_fingerprint: The fingerprint of the corpus without the texts of this run, if some are mixed in.
    """

    config: TrainConfig
    texts: Corpus | None
    tokenized: TokenizedCorpus
    encoded: Encoded
    folds: np.ndarray | None = None
    start: Start | None = None
    learnt_before: LearntTexts | None = None
    old_texts: list[Record] = dataclasses.field(default_factory=list)
    own_fingerprint: str | None = None

    @property
    def refit(self) -> bool:
        """Whether the training ends with a refit on training and validation texts."""
        return bool(self.config.refit) and VALIDATION not in self.tokenized.splits

    @property
    def learnt_texts(self) -> dict[str, np.ndarray]:
        """The validation and test texts that the earlier run was trained on: bool (texts,) each; empty if unknown."""
        return find_learnt_texts(self.learnt_before, self.tokenized, self.encoded) if self.learnt_before else {}


def prepare(
    config: TrainConfig,
    corpus: Corpus | TokenizedCorpus,
    *,
    rehearsed: Corpus | None = None,
    encode: Callable[..., Encoded] = encode_corpus,
) -> Prepared:
    """Splits, tokenizes and encodes a corpus, and completes the settings that depend on its texts.

    Args:
        config, corpus, rehearsed: As for `trainer.train`.
        encode: `encode_corpus`, or a function that may return what it returned before.

    Raises:
        InputError: As for `trainer.train`.
    """
    config.family.load_builder()  # a function of the user's own is only a name in settings from a file
    config = config.resolved(**count_texts(config, corpus))
    if several := config.repeats():
        raise InputError(f"the settings describe {len(several)} runs; train each of config.repeats()")
    _check_fractions(config, corpus)
    start = Start.of(Path(config.from_run), builder=own_function(config.model)) if config.from_run else None
    old_texts: list[Record] = []
    own_fingerprint = None
    if rehearsed is not None:
        if start is None or not isinstance(corpus, Corpus):
            raise InputError("old texts can only be mixed into a corpus in memory, for a run that starts from another")
        start.check_corpus(rehearsed)
        own_fingerprint = corpus.fingerprint
        corpus, old_texts = rehearse(corpus, rehearsed, config, old_config=start.run.config())
        warn_of_learnt_test_texts(start.run, old_texts)
    if isinstance(corpus, TokenizedCorpus):
        texts, tokenized = None, corpus
        if corpus.tokenizer == config.tokenizer:  # which may hold the function of the user's own that shards only name
            tokenized = dataclasses.replace(corpus, tokenizer=config.tokenizer)
    else:
        texts, tokenized = corpus, tokenize_corpus(corpus.records(), tokenizer=config.tokenizer)
    known_tokens, known_labels = (start.vocabulary, start.labels) if start else ((), ())
    encoded = encode(config, tokenized, known_tokens=known_tokens, known_labels=known_labels)
    config = dataclasses.replace(config, dimensions=encoded.dimensions)
    folds = _deal(config, tokenized, encoded) if config.inner_folds else None
    if start:
        learnt_before = start.run.learnt()
        warn_of_learnt_texts(start.run, learnt_before, tokenized, encoded)
        log_lines(start.compare_labels(encoded.label_counts, config, rehearsed=rehearsed is not None))
        return Prepared(config, texts, tokenized, encoded, folds, start, learnt_before, old_texts, own_fingerprint)
    config, encoded = _fit_length(config, encoded)
    return Prepared(size_ngrams(config, encoded), texts, tokenized, encoded, folds)


def count_texts(config: TrainConfig, corpus: Corpus | TokenizedCorpus) -> dict[str, int]:
    """Counts the texts that remain once the test is split off, and the validation texts; `resolved` needs both."""
    if isinstance(corpus, TokenizedCorpus):
        counts = {name: int((corpus.splits == position).sum()) for position, name in enumerate(SPLITS)}
    else:
        counts = {name: corpus.splits.count(name) for name in SPLITS} if corpus.splits else {"train": len(corpus)}
    texts = counts.get("train", 0)
    if not counts.get("test"):
        texts = round(texts * (1 - (1 / config.folds if config.folds else config.fractions["test_fraction"] or 0)))
    return {"texts": texts, "validation_texts": counts.get("validation", 0)}


def _check_fractions(config: TrainConfig, corpus: Corpus | TokenizedCorpus) -> None:
    """Raises InputError if the settings give the fraction of a split that the corpus already has."""
    for position, name in enumerate(SPLITS):
        there = name in corpus.splits if isinstance(corpus, Corpus) else position in corpus.splits
        if there and position != TRAIN and getattr(config, f"{name}_fraction"):
            raise InputError(f"--{name}-fraction does not apply: the corpus has its own {name} texts; leave it out")


def _deal(config: TrainConfig, tokenized: TokenizedCorpus, encoded: Encoded) -> np.ndarray:
    """The fold of each training text, from `deal_folds`."""
    hashes = tokenized.hashes[encoded.splits == TRAIN]
    targets = encoded.examples["train"].sparse_targets
    folds = deal_folds(targets, hashes, folds=config.inner_folds or 0, seed=config.seed)
    if folds.max() < 2 and len(np.unique(hashes)) < len(hashes):
        apart = np.arange(len(hashes), dtype=np.uint64)  # as if no text were repeated
        folds = deal_folds(targets, apart, folds=config.inner_folds or 0, seed=config.seed)
        logger.warning(
            "every label has a single text, repeated: held-out texts are in training too and flatter the scores"
        )
    if folds.max() < 2:
        raise InputError(
            "every label has a single training text, so none can be held out to check the others; add texts, or give "
            "--validation-data and --inner-folds 0"
        )
    if (folds > 0).sum() <= (most := most_deciding(len(encoded.labels))):
        return folds
    folds = limit_held_out(folds, hashes, most=most)
    logger.info(f"cross-validation holds out {(folds > 0).sum():,} of {len(folds):,} training texts, to limit memory")
    return folds


def _fit_length(config: TrainConfig, encoded: Encoded) -> tuple[TrainConfig, Encoded]:
    """Limits a model of fixed length to the longest training text, and cuts the texts to that length."""
    if not config.family.fixed_length:
        return config, encoded
    longest = int(encoded.examples["train"].lengths.max())
    fitting_length = max(longest, config.family.shortest_text(config.windows, config.pooling))
    tokens = min(config.maximum_tokens, fitting_length)
    examples = {
        name: dataclasses.replace(texts, lengths=np.minimum(texts.lengths, tokens))
        for name, texts in encoded.examples.items()
    }
    return dataclasses.replace(config, maximum_tokens=tokens), dataclasses.replace(encoded, examples=examples)
