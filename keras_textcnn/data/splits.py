"""Chooses the splits that a corpus lacks, stratified by label, or by all labels if a text may have several."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from keras_textcnn.data.corpus import (
    SPLITS,
    TEST,
    TRAIN,
    Corpus,
    Label,
    advise_data,
    assign_splits,
    check_fold,
    labels_of,
    missing_parts,
)
from keras_textcnn.data.label_counts import count_labels, rare_labels
from keras_textcnn.data.stratification import choose_fold, choose_part, count_having
from keras_textcnn.errors import InputError


def split_corpus(
    corpus: Corpus,
    *,
    validation_fraction: float | None,
    test_fraction: float | None,
    seed: int,
    fold: tuple[int, int] | None = None,
) -> Corpus:
    """The corpus with the missing splits, as `split_texts` makes them.

    Raises:
        InputError: No label is frequent enough to be split, or a fold is given but the corpus has test texts.
    """
    label_sets = sorted(set(corpus.labels))
    ranks = {label: rank for rank, label in enumerate(label_sets)}
    rows = np.array([ranks[label] for label in corpus.labels], np.int32)
    splits = np.array([SPLITS.index(record.split) for record in corpus.records()], np.int8)
    assigned, _ = split_texts(
        label_sets,
        rows,
        splits,
        validation_fraction=validation_fraction,
        test_fraction=test_fraction,
        seed=seed,
        fold=fold,
    )
    return dataclasses.replace(corpus, splits=[SPLITS[part] for part in assigned.tolist()])


def deal_folds(targets: np.ndarray | sparse.csr_array, hashes: np.ndarray, *, folds: int, seed: int) -> np.ndarray:
    """Deals texts to the folds of a cross-validation, stratified by label.

    Equal texts share a fold, so that no text is both trained on and held out. Every label has a text outside each fold,
    so that a model knows all labels of the texts that are held out from it.

    Args:
        targets: int (texts,), or (texts, num_classes), 1 for each label of a text, which may be sparse.
        hashes: uint64 (texts,), the same for equal texts.
        folds: Number of folds; there are fewer if there are not as many texts.
        seed: Determines which texts are in which fold.

    Returns:
        int (texts,): the fold of each text, from 1; 0 for texts that are never held out, the only ones of a label.
    """
    _, first, text_of = np.unique(hashes, return_index=True, return_inverse=True)
    rows = sparse.csr_array(targets[first]) if targets.ndim > 1 else None
    if rows is None:
        dealt = _deal_by_label(targets[first], folds=folds, seed=seed)[text_of]
        having = (np.flatnonzero(targets == label) for label in np.unique(targets))
    else:
        its = [labels.tolist() or [rows.shape[1]] for labels in np.split(rows.indices, rows.indptr[1:-1])]
        texts = np.arange(len(its))
        counts = count_having(its, texts)
        alone = np.array([(counts[labels] < 2).any() for labels in its])
        dealt = np.zeros(len(its), np.int64)
        for fold in range(1, min(folds, int((~alone).sum())) + 1):
            dealt[choose_fold(its, texts, alone, fold=(fold, folds), seed=seed)] = fold
        dealt = dealt[text_of]
        columns = sparse.csc_array(targets)
        having = (columns.indices[begin:end] for begin, end in itertools.pairwise(columns.indptr))
    for texts_of_label in having:
        places = np.unique(dealt[texts_of_label])
        if len(places) == 1:
            dealt[texts_of_label] = 0
    return np.unique(np.append(dealt, 0), return_inverse=True)[1][:-1]  # without gaps


def limit_held_out(folds: np.ndarray, hashes: np.ndarray, *, most: int) -> np.ndarray:
    """Folds of which about `most` texts, and not more, are held out, chosen by hash; 0 for the others.

    Args:
        folds: int (texts,), from `deal_folds`; more than `most` are held out.
        hashes: uint64 (texts,), evenly distributed, the same for equal texts, which stay together.
        most: The largest number of texts.
    """
    first_left_out = np.sort(hashes[folds > 0])[most]
    return np.unique(np.append(np.where(hashes < first_left_out, folds, 0), 0), return_inverse=True)[1][:-1]


def _deal_by_label(labels: np.ndarray, *, folds: int, seed: int) -> np.ndarray:
    """Deals texts to folds label by label, like cards: int (texts,), 0 for the only text of a label."""
    random = np.random.default_rng(seed)
    by_label = [random.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    dealt = np.zeros(len(labels), np.int64)
    texts = np.concatenate([positions for positions in by_label if len(positions) > 1] or [np.zeros(0, np.int64)])
    dealt[texts] = np.arange(len(texts)) % min(folds, max(len(texts), 1)) + 1
    return dealt


def split_texts(
    label_sets: Sequence[Label], rows: np.ndarray, splits: np.ndarray, **settings: Any
) -> tuple[np.ndarray, list[str]]:
    """Splits the missing parts off the training texts.

    Args:
        label_sets: The distinct labels, or sets of labels, of the texts, sorted.
        rows: int (texts,), each text's position in `label_sets`.
        splits: int (texts,), positions in `SPLITS`.
        settings: validation_fraction, test_fraction, seed and fold, as for `assign_splits`.

    Returns:
        int (texts,), positions in `SPLITS`; and the labels with too few texts to split, which stay in training.

    Raises:
        InputError: No label is frequent enough to be split, or a fold is given but the corpus has test texts.
    """
    counts = count_labels(label_sets, rows[splits == TRAIN])
    wanted = {
        "validation": settings["validation_fraction"] is not None,
        "test": bool(settings["test_fraction"] or settings.get("fold")),
    }
    if any(isinstance(label_set, tuple) for label_set in label_sets):
        assigned = assign_label_sets(label_sets, rows, splits, **settings)
        return assigned, [label for label, count in counts.items() if 0 < count <= len(missing_parts(splits, **wanted))]
    rare = rare_labels(counts, rows, splits, **wanted)
    return assign_splits(splits, rows, **settings), rare


def assign_label_sets(
    label_sets: Sequence[Label],
    rows: np.ndarray,
    splits: np.ndarray,
    *,
    validation_fraction: float | None,
    test_fraction: float | None,
    seed: int,
    fold: tuple[int, int] | None = None,
) -> np.ndarray:
    """Does what `assign_splits` does if texts may have several labels, by iterative stratification.

    If a label has fewer training texts than there are parts, all of them stay in training. Every other label keeps a
    training text. Texts without labels count as if they had a label of their own.

    Args:
        label_sets: The distinct sets of labels of the texts, sorted.
        rows: int (texts,), each text's position in `label_sets`.
        splits, validation_fraction, test_fraction, seed, fold: As for `assign_splits`.

    Returns:
        int (texts,), positions in `SPLITS`.

    Raises:
        InputError: A part would have no texts, or a fold is given but the corpus has test texts.
    """
    complete = splits.copy()
    parts = missing_parts(splits, validation=validation_fraction is not None, test=bool(fold or test_fraction))
    check_fold(fold, parts)
    names = sorted({label for label_set in label_sets for label in labels_of(label_set)})
    numbers = {label: number for number, label in enumerate(names)}
    numbered = [[numbers[label] for label in labels_of(row)] or [len(names)] for row in label_sets]
    counts = count_having(numbered, rows[splits == TRAIN])
    frequent = np.array([(counts[its] > len(parts)).all() for its in numbered], bool)
    for part in parts:
        training = np.flatnonzero(complete == TRAIN)
        kept = ~frequent[rows[training]]
        fraction = (test_fraction if part == TEST else validation_fraction) or 0.0
        if fold and part == TEST:
            chosen = choose_fold(numbered, rows[training], kept, fold=fold, seed=seed)
        else:
            chosen = choose_part(numbered, rows[training], kept, fraction=fraction, seed=seed)
        if not chosen.any():
            raise InputError(
                f"no texts to split off for {SPLITS[part]}: every text has a label with too few texts to split, "
                f"at least {1 + len(parts)} are needed; add texts, or give {advise_data(parts)}"
            )
        complete[training[chosen]] = part
    return complete
