"""Stratified splits of texts that may have several labels: every part gets its share of every label."""

from collections.abc import Sequence

import numpy as np


def deal_texts(
    label_sets: Sequence[Sequence[int]],
    rows: np.ndarray,
    wanted: np.ndarray,
    sizes: Sequence[float],
    random: np.random.Generator,
) -> np.ndarray:
    """Deals texts to subsets by iterative stratification.

    The label with the fewest texts left comes first: each of its texts goes to the subset that still wants the most
    texts of this label. If several subsets want equally many, the text goes to the one that wants the most texts of all
    its labels (an addition to the paper, which makes folds as even by label as possible), then to the one that wants
    the most texts.

    Args:
        label_sets: The labels of each distinct set, at least one, as numbers from 0.
        rows: int (texts,), each text's position in `label_sets`.
        wanted: float (labels, subsets), how many texts of each label each subset should have.
        sizes: How many texts each subset should have.
        random: Determines which texts go where.

    Returns:
        int (texts,), the subset of each text.

    Source: Sechidis, Tsoumakas and Vlahavas (2011), On the Stratification of Multi-Label Data, algorithm 1.
    """
    missing, missing_texts = wanted.tolist(), list(sizes)
    dealt = np.zeros(len(rows), np.int64)
    order = np.argsort(rows, kind="stable")
    texts_of = np.bincount(rows, minlength=len(label_sets))
    ends, waiting = np.cumsum(texts_of), texts_of > 0
    sets_with, left = _index_label_sets(label_sets, texts_of, len(wanted))
    while left.any():
        label = int(np.where(left > 0, left, np.iinfo(left.dtype).max).argmin())
        sets = [row for row in sets_with[label] if waiting[row]]
        texts = random.permutation(np.concatenate([order[ends[row] - texts_of[row] : ends[row]] for row in sets]))
        chosen = []
        for row in rows[texts].tolist():
            subset = _neediest(missing, label, label_sets[row], missing_texts)
            chosen.append(subset)
            missing_texts[subset] -= 1
            for other in label_sets[row]:
                missing[other][subset] -= 1
        dealt[texts] = chosen
        for row in sets:
            waiting[row] = False
            left[list(label_sets[row])] -= texts_of[row]
    return dealt


def _index_label_sets(
    label_sets: Sequence[Sequence[int]], texts: np.ndarray, labels: int
) -> tuple[list[list[int]], np.ndarray]:
    """The sets that have each label; and int64 (labels,), how many texts have it."""
    sets_with: list[list[int]] = [[] for _ in range(labels)]
    left = np.zeros(labels, np.int64)
    for row, label_set in enumerate(label_sets):
        for label in label_set:
            sets_with[label].append(row)
            left[label] += texts[row]
    return sets_with, left


def _neediest(
    missing: Sequence[list[float]], label: int, label_set: Sequence[int], missing_texts: Sequence[float]
) -> int:
    """The subset that a text with these labels goes to; `label` is the one whose turn it is."""
    most = max(missing[label])
    if missing[label].count(most) == 1:
        return missing[label].index(most)
    equal = [subset for subset, its in enumerate(missing[label]) if its == most]
    return max(equal, key=lambda subset: (sum(missing[its][subset] for its in label_set), missing_texts[subset]))


def count_having(label_sets: Sequence[Sequence[int]], rows: np.ndarray) -> np.ndarray:
    """Counts the texts that have each label: int64 (labels,)."""
    texts = np.bincount(rows, minlength=len(label_sets))
    sizes = [len(label_set) for label_set in label_sets]
    labels = np.fromiter((label for label_set in label_sets for label in label_set), np.int64, sum(sizes))
    return np.bincount(labels, weights=np.repeat(texts, sizes)).astype(np.int64)


def choose_part(
    label_sets: Sequence[Sequence[int]], rows: np.ndarray, kept: np.ndarray, *, fraction: float, seed: int
) -> np.ndarray:
    """Chooses a test or validation part so that the remaining texts still have every label.

    Args:
        label_sets: The labels of each distinct set, at least one, as numbers from 0.
        rows: int (texts,), each text's position in `label_sets`.
        kept: bool (texts,), texts that are not chosen.
        fraction: Fraction of each label's texts to choose, at least one text if some are not kept.
        seed: Determines which texts are chosen.

    Returns:
        bool (texts,): at least one text is chosen, if that is possible without losing a label.
    """
    counts, free = (count_having(label_sets, texts) for texts in (rows, rows[~kept]))
    of_part = np.maximum(fraction * counts, 1)
    wanted = np.stack([free - of_part, of_part], axis=1)
    size = fraction * len(rows)
    chosen = np.zeros(len(rows), bool)
    dealt = deal_texts(label_sets, rows[~kept], wanted, (len(rows) - size, size), np.random.default_rng(seed))
    chosen[~kept] = dealt == 1
    return _return_lost_labels(label_sets, rows, chosen, kept)


def choose_fold(
    label_sets: Sequence[Sequence[int]], rows: np.ndarray, kept: np.ndarray, *, fold: tuple[int, int], seed: int
) -> np.ndarray:
    """Chooses the test part of one fold of a cross-validation, as `choose_part` does for a fraction.

    Args:
        label_sets, rows, kept: As for `choose_part`; texts that are kept are in no fold.
        fold: The fold, counted from 1, and the number of folds.
        seed: Determines which texts are chosen; with the same seed, the folds partition the texts that are not kept.
    """
    number, folds = fold
    free = np.flatnonzero(~kept)
    counts = count_having(label_sets, rows[free])
    wanted = np.repeat(counts[:, None] / folds, folds, axis=1)
    sizes = [len(free) / folds] * folds
    dealt = deal_texts(label_sets, rows[free], wanted, sizes, np.random.default_rng(seed))
    _spread_labels(label_sets, rows[free], dealt, folds)
    chosen = np.zeros(len(rows), bool)
    chosen[free] = dealt == number - 1
    return _return_lost_labels(label_sets, rows, chosen, kept)


def _spread_labels(label_sets: Sequence[Sequence[int]], rows: np.ndarray, dealt: np.ndarray, folds: int) -> None:
    """Moves a text of each label that is in one fold only, so that the training texts of no fold lack the label."""
    having = np.stack([count_having(label_sets, rows[dealt == fold]) for fold in range(folds)])
    whole = having.sum(axis=0)
    for label in np.flatnonzero((having.max(axis=0, initial=0) == whole) & (whole > 1)).tolist():
        source = int(having[:, label].argmax())
        if having[source, label] < whole[label]:  # spread by an earlier move
            continue
        for text in np.flatnonzero(dealt == source).tolist():
            its = list(label_sets[rows[text]])
            targets = [fold for fold in range(folds) if fold != source and (having[fold, its] + 1 < whole[its]).all()]
            if label in its and targets:
                target = min(targets, key=lambda fold: int((dealt == fold).sum()))
                having[source, its] -= 1
                having[target, its] += 1
                dealt[text] = target
                break


def _return_lost_labels(
    label_sets: Sequence[Sequence[int]], rows: np.ndarray, chosen: np.ndarray, kept: np.ndarray
) -> np.ndarray:
    """The choice without texts whose labels would be lost; if it becomes empty, with one text that can be spared."""
    staying = count_having(label_sets, rows[~chosen])
    for text in np.flatnonzero(chosen).tolist() if (staying == 0).any() else ():
        its = list(label_sets[rows[text]])
        if (staying[its] == 0).any():
            chosen[text] = False
            staying[its] += 1
    if not chosen.any():
        spare = (text for text in np.flatnonzero(~kept) if (staying[list(label_sets[rows[text]])] > 1).all())
        chosen[[*spare][:1]] = True
    return chosen
