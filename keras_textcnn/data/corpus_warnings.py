"""Warnings about a corpus before training, each with something to try."""

import math
import unicodedata
from collections.abc import Iterable, Mapping

from keras_textcnn.data.survey import Survey

SHOWN = 3
FEW_TEXTS = 2  # per label
MOST_CUT = 0.5  # of the texts
ENTITIES = ("amp", "quot", "nbsp", "lt", "gt", "apos", "39", "#39", "x27")  # tokens of &amp; and so on
LEAST_ENTITIES = 10
ENTITIES_A_TOKEN = 1e-3


def warn_of_corpus(survey: Survey, counts: Mapping[str, int], *, maximum_tokens: int, data: str) -> list[str]:
    """One line for each thing that looks wrong.

    Args:
        survey: The counts of the corpus.
        counts: The tokens of the training texts, with the number of occurrences of each.
        maximum_tokens: How many tokens of a text the model reads.
        data: The corpus as the user named it.
    """
    found = (
        _cut_texts(survey, maximum_tokens),
        _similar_labels(survey.labels),
        _few_texts(survey, data),
        _html_entities(counts),
    )
    return [line for line in found if line]


def similar_labels(labels: Iterable[str]) -> list[list[str]]:
    """Groups of labels that differ only in case, spaces or Unicode form, or like 1 and 1.0."""
    groups: dict[str, list[str]] = {}
    for label in labels:
        groups.setdefault(_key(label), []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def _key(label: str) -> str:
    plain = "".join(unicodedata.normalize("NFKC", label).casefold().split())
    try:
        return repr(float(plain))
    except ValueError:
        return plain


def _cut_texts(survey: Survey, maximum_tokens: int) -> str:
    texts = sum(survey.texts.values())
    if survey.cut <= MOST_CUT * texts:
        return ""
    *_, high, _ = survey.lengths
    step = 10 ** max(math.floor(math.log10(max(high, 1))) - 1, 0)
    return (
        f"most texts, {survey.cut:,} of {texts:,}, are cut to {maximum_tokens:,} tokens; try --maximum-tokens "
        f"{-(-high // step) * step}, which cuts one in twenty"
    )


def _similar_labels(labels: Iterable[str]) -> str:
    if not (groups := similar_labels(labels)):
        return ""
    named = "; ".join(" and ".join(map(repr, group)) for group in groups[:SHOWN]) + (" ..." if groups[SHOWN:] else "")
    return f"labels that differ only in case, spaces or form: {named}; try one spelling for each"


def _few_texts(survey: Survey, data: str) -> str:
    few = [label for label, counts in survey.labels.items() if sum(counts.values()) <= FEW_TEXTS]
    if len(few) <= len(survey.labels) / 2:
        return ""
    advice = "another --label-column"
    if any("," in label for label in few):
        after_label = data.endswith(".txt") and "a space instead of a comma after each __label__NAME"
        advice = after_label or "--multi-label , if each is several labels"
    most = f"most labels, {len(few):,} of {len(survey.labels):,}"
    return f"{most}, have one or two texts, such as {few[-1]!r}; try {advice}"


def _html_entities(counts: Mapping[str, int]) -> str:
    number = min(sum(counts.get(name, 0) for name in ENTITIES), counts.get("&", 0), counts.get(";", 0))
    if number < LEAST_ENTITIES or number < ENTITIES_A_TOKEN * sum(counts.values()):
        return ""
    return f"about {number:,} HTML entities such as &amp; are among the tokens; try unescaping them"
