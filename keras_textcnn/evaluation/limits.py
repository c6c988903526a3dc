"""What a run is bad at, as lines: only what its own scores say."""

from collections.abc import Iterator, Mapping
from typing import Any

from keras_textcnn.evaluation.descriptions import percent, reported_split, reported_texts
from keras_textcnn.utils.visible import shown

LISTED = 5  # labels or pairs of labels in a line


def describe_limits(run_metrics: Mapping[str, Any], *, maximum_tokens: int) -> list[str]:
    """One line for each thing that a run is bad at, measured on the test texts or what takes their place.

    Args:
        run_metrics: The content of `metrics.json`.
        maximum_tokens: How many tokens of a text the model reads.
    """
    scores, kind = run_metrics[reported_split(run_metrics)], reported_texts(run_metrics)
    held_out = kind == "held-out training"
    reading = run_metrics["texts"]["train" if held_out else reported_split(run_metrics)]
    return [
        *_weak_labels(scores["per_label"], kind),
        *_confusions(scores, kind),
        *_unread(reading, "training" if held_out else kind, maximum_tokens),
        *_without_vectors(run_metrics["coverage"]),
        _other_texts(several=run_metrics["calibration"]["thresholds"] is not None),
    ]


def _weak_labels(per_label: Mapping[str, Mapping[str, Any]], kind: str) -> Iterator[str]:
    """The labels with the lowest F1, at most half of them, and those that have no scores."""
    scored = [(scores["f1"], label) for label, scores in per_label.items() if scores["support"]]
    weak = [pair for pair in sorted(scored)[: min(len(scored) // 2, LISTED)] if pair[0] < 1]
    if weak:
        named = (f"{shown(label)} {percent(f1)} ({_texts(per_label[label]['support'])})" for f1, label in weak)
        yield f"labels with the lowest F1 on the {kind} texts, in percent: {', '.join(named)}"
    if unscored := [shown(label) for label, scores in per_label.items() if not scores["support"]]:
        more = f" and {len(unscored) - LISTED:,} more" if unscored[LISTED:] else ""
        yield f"labels without {kind} texts, and so without scores: {', '.join(unscored[:LISTED])}{more}"


def _confusions(scores: Mapping[str, Any], kind: str) -> Iterator[str]:
    if confused := scores["confused"]:
        support = {label: its["support"] for label, its in scores["per_label"].items()}
        named = (
            f"{shown(pair['true'])} taken for {shown(pair['predicted'])} "
            f"({pair['texts']:,} of {_texts(support[pair['true']])})"
            for pair in confused[:LISTED]
        )
        yield f"most frequent confusions on the {kind} texts: {', '.join(named)}"


def _unread(reading: Mapping[str, Any], kind: str, maximum_tokens: int) -> Iterator[str]:
    """What the model does not see of a text."""
    whole = f"of {reading['texts']:,} {kind} texts"
    cut = f"{reading['cut']:,} {whole} {'is' if reading['cut'] == 1 else 'are'} longer"
    yield f"only the first {maximum_tokens:,} tokens of a text are read: {cut}"
    if reading["empty"]:
        yield f"a text without tokens gets the same answer as any other such text: {reading['empty']:,} {whole}"
    if unknown := reading.get("unknown_tokens"):
        yield f"tokens outside the vocabulary are all read as the same one: {unknown:.1%} of those in the {kind} texts"


def _without_vectors(coverage: Mapping[str, Any] | None) -> Iterator[str]:
    if coverage and coverage["running_tokens"] < 1:
        without = 1 - coverage["running_tokens"]
        yield f"{without:.1%} of the running tokens of the training texts have no pretrained vector"


def _other_texts(*, several: bool) -> str:
    if several:
        return "a text about something else may be given labels all the same, and a text may be given none"
    return "every text is given one of these labels, also a text about something else (see --reject-below)"


def _texts(number: int) -> str:
    return f"{number:,} text{'' if number == 1 else 's'}"
