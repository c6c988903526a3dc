"""The labels of a corpus: how many texts each has, their order as a model's outputs, and which are rare."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from keras_textcnn.data.corpus import SPLITS, TRAIN, Label, advise_data, labels_of, missing_parts
from keras_textcnn.errors import InputError


def count_labels(label_sets: Sequence[Label], rows: np.ndarray) -> dict[str, int]:
    """Counts the texts of each label, in alphabetical order of the labels.

    Args:
        label_sets: The distinct labels, or sets of labels, of the texts.
        rows: int (texts,), each text's position in `label_sets`.
    """
    counts: Counter[str] = Counter()
    for row, number in enumerate(np.bincount(rows, minlength=len(label_sets)).tolist()):
        for label in labels_of(label_sets[row]) if number else ():
            counts[label] += number
    return dict(sorted(counts.items()))


def number_labels(
    label_sets: Sequence[Label],
    rows: np.ndarray,
    splits: np.ndarray,
    *,
    known: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> dict[str, int]:
    """The labels in the order of the model's outputs, with their numbers of training texts.

    Args:
        label_sets: The distinct labels, or sets of labels, of the texts.
        rows: int (texts,), each text's position in `label_sets`.
        splits: int (texts,), positions in `SPLITS`.
        known: Labels of a model that is fine-tuned: all are kept, in their order, if a training text has one of them.
        columns: Labels that texts have a probability of: all are kept, even if no text has them as its label.

    Returns:
        The number of training texts of each label: known labels first, then the others in alphabetical order.

    Raises:
        InputError: The training texts have fewer than two labels, or a split has a label that the model would lack.
    """
    present = {name: count_labels(label_sets, rows[splits == split]) for split, name in enumerate(SPLITS)}
    counts = present["train"]
    if len(counts) < 2:
        named = f"only one label: {next(iter(counts))!r}" if counts else "no labels"
        advice = "; mix in texts of the original run with --rehearse" if known else ""
        raise InputError(f"the training texts have {named}; a classifier needs at least two{advice}")
    counts = dict(sorted({**dict.fromkeys(columns, 0), **counts}.items()))
    kept = known if set(known) & set(counts) else ()
    labels = {label: counts.get(label, 0) for label in [*kept, *counts]}
    for name in SPLITS[1:]:
        if unknown := sorted(set(present[name]) - set(labels)):
            named = ", ".join(unknown[:5]) + (" ..." if unknown[5:] else "")
            raise InputError(f"the {name} texts have labels that no training text has: {named}")
    return labels


def rare_labels(
    counts: Mapping[str, int], strata: np.ndarray, splits: np.ndarray, *, validation: bool = True, test: bool = True
) -> list[str]:
    """The labels with too few training texts for training and every missing part.

    Args:
        counts: The number of training texts of each label.
        strata: int (texts,), the label of each text.
        splits: int (texts,), positions in `SPLITS`.
        validation, test: Whether such a split is wanted.

    Raises:
        InputError: No label is frequent enough to be split.
    """
    parts = missing_parts(splits, validation=validation, test=test)
    if parts and np.bincount(strata[splits == TRAIN]).max() <= len(parts):
        label, count = max(counts.items(), key=lambda item: item[1])
        raise InputError(
            f"every label has too few texts to split: {label!r} has {count}, at least {1 + len(parts)} are needed; add "
            f"texts, or give {advise_data(parts)}"
        )
    return [label for label, count in counts.items() if parts and count <= len(parts)]
