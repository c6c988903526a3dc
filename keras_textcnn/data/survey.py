"""Counts what is in a corpus, before it is trained on."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np
import rich.box
from rich.markup import escape
from rich.table import Table

from keras_textcnn.data.corpus import SPLITS, TEST, TRAIN, VALIDATION, Label, labels_of
from keras_textcnn.utils.terminal import render
from keras_textcnn.utils.visible import shown


@dataclasses.dataclass(frozen=True)
class Survey:
    """Counts of what is in a corpus.

    Attributes:
        labels: Number of texts of each label by split, the most frequent label first.
        rare: Labels with too few training texts for every split; all of them stay in training.
        lengths: Quantiles of the tokens per text: 0, 5, 25, 50, 75, 95 and 100%.
        cut: Texts that are longer than the model reads.
        empty: Texts without tokens.
        duplicates: Texts that occurred in their split before.
        leaked: Texts of validation and test that are also training texts, by split.
        conflicting: Distinct texts that occur with different labels.
        texts: Number of texts by split: not the sum over the labels, if a text may have several or none.
    """

    labels: dict[str, dict[str, int]]
    rare: list[str]
    lengths: list[int]
    cut: int
    empty: int
    duplicates: int
    leaked: dict[str, int]
    conflicting: int
    texts: dict[str, int]


def survey_corpus(
    label_sets: Sequence[Label],
    *,
    rows: np.ndarray,
    splits: np.ndarray,
    rare: Sequence[str],
    lengths: np.ndarray,
    hashes: np.ndarray,
    maximum_tokens: int,
) -> Survey:
    """Counts what is worth knowing before training.

    Args:
        label_sets: The distinct labels, or sets of labels, of the texts.
        rows: int (texts,), each text's position in `label_sets`.
        splits: int (texts,), positions in `SPLITS`.
        rare: Labels that could not be split.
        lengths: int (texts,), tokens of each text.
        hashes: uint64 (texts,): texts with the same hash are the same.
        maximum_tokens: How many tokens of a text the model reads.
    """
    by_split = np.stack([np.bincount(rows[splits == split], minlength=len(label_sets)) for split in range(3)], axis=1)
    counts: Counter[str] = Counter()
    table: dict[str, np.ndarray] = {}
    for label_set, numbers in zip(label_sets, by_split, strict=True):
        for label in labels_of(label_set):
            counts[label] += int(numbers.sum())
            table[label] = table.get(label, np.zeros(3, np.int64)) + numbers
    different = {split: np.unique(hashes[splits == split]) for split in range(3)}
    order = np.lexsort((rows, hashes))
    same_text = np.diff(hashes[order]) == 0
    return Survey(
        labels={
            label: dict(zip(SPLITS, table[label].tolist(), strict=True))
            for label in sorted(counts, key=lambda label: (-counts[label], label))
        },
        rare=list(rare),
        lengths=np.quantile(lengths, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1], method="nearest").tolist(),
        cut=int((lengths > maximum_tokens).sum()),
        empty=int((lengths == 0).sum()),
        duplicates=len(hashes) - sum(map(len, different.values())),
        leaked={
            SPLITS[split]: int(np.isin(hashes[splits == split], different[TRAIN]).sum()) for split in (VALIDATION, TEST)
        },
        conflicting=len(np.unique(hashes[order][1:][same_text & (np.diff(rows[order]) != 0)])),
        texts=dict(zip(SPLITS, by_split.sum(axis=0).tolist(), strict=True)),
    )


LISTED_LABELS = 20  # in a survey


def describe_survey(survey: Survey, *, maximum_tokens: int) -> str:
    """A few lines about a corpus: its labels by split, its text lengths, and what is odd about it.

    Args:
        survey: The counts.
        maximum_tokens: How many tokens of a text the model reads.
    """
    table = Table("label", box=rich.box.SIMPLE_HEAD, pad_edge=False)
    splits = [split for split in SPLITS if any(counts[split] for counts in survey.labels.values())]
    for split in splits:
        table.add_column(split, justify="right")
    rows = [
        (escape(shown(label)), *(f"{counts[split]:,}" for split in splits)) for label, counts in survey.labels.items()
    ]
    hidden = len(rows) - LISTED_LABELS
    if hidden > 1:
        rows[LISTED_LABELS // 2 : -LISTED_LABELS // 2] = [(f"... {hidden} more labels", *[""] * len(splits))]
    for row in rows:
        table.add_row(*row)
    lines = [line for line in render(table, width=100) if line]

    _, low, lower, middle, upper, high, most = (f"{length:,}" for length in survey.lengths)
    lines.append(
        f"tokens per text: median {middle}, half have {lower} to {upper}, 5% below {low}, 5% above {high}, "
        f"at most {most}"
    )
    odd = (
        (survey.cut, f"texts are cut to {maximum_tokens:,} tokens"),
        (survey.empty, "empty texts"),
        (survey.duplicates, "duplicates within a split"),
        (survey.conflicting, "texts appear with different labels"),
    )
    lines += [", ".join(f"{number:,} {what}" for number, what in odd if number)] if any(n for n, _ in odd) else []
    if survey.rare:
        named = ", ".join(map(shown, survey.rare[:10])) + (" ..." if survey.rare[10:] else "")
        lines.append(f"warning: too few texts to split, all left in training: {named}")
    for split, number in survey.leaked.items():
        if number:
            shared = f"{number:,} of {survey.texts[split]:,} {split} texts"
            lines.append(f"warning: {shared} are also in training, which inflates the {split} scores")
    return "\n".join(lines)
