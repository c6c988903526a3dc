"""Lines that describe metrics.json, for the terminal, report.txt and report.html alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras_textcnn.data.corpus import SPLITS
from keras_textcnn.utils.log import WARNING

UNDEFINED = "–"  # a score that cannot be computed
CHANCE = 0.05  # the p-value, as it is shown, from which on a difference may be chance
SMALLEST = 0.001  # the smallest p-value that is shown


def percent(share: float | None) -> str:
    """A score in [0, 1], in percent; a dash for one that cannot be computed."""
    return UNDEFINED if share is None else f"{100 * share:.2f}"


def points(difference: float) -> str:
    """A difference between two scores in [0, 1], in percentage points with its sign; 0 has a plus."""
    return f"{round(100 * difference, 2) + 0:+.2f}"  # -0.0 + 0 is 0.0


def mean_and_deviation(score: Mapping[str, float | None]) -> str:
    """A mean with its standard deviation, in percent."""
    return UNDEFINED if score["mean"] is None else f"{percent(score['mean'])} ± {percent(score['deviation'])}"


def describe_difference(compared: Mapping[str, Any]) -> str:
    """By how much one model is ahead of another on the same texts, and whether this may be chance.

    Args:
        compared: The content of a `Comparison`, such as the block `significance` of `metrics.json`.
    """
    first, second = compared["names"]
    return (
        f"{first} against {second}: {points(compared['difference'])} points of accuracy on {compared['texts']:,} "
        f"{describe_kind(compared)} ({describe_uncertainty(compared['interval'], compared['p'])})"
    )


def describe_kind(compared: Mapping[str, Any]) -> str:
    """The texts of a comparison, such as "test texts"; a star marks those that chose something of a model."""
    return f"{compared['kind']} texts{'*' if compared['chosen'] else ''}".strip()


def describe_left_out(compared: Mapping[str, Any]) -> list[str]:
    """Lines about texts that a model has learnt from, which are left out of a comparison; none if there are none."""
    learnt = [*zip(compared["names"], compared["learnt"], strict=True)]
    unknown = [
        f"{WARNING}it is not known which of these texts were used to train {name}"
        for name, number in learnt
        if number is None
    ]
    if not compared["left_out"]:
        return unknown
    used = " and ".join(f"{name} ({number:,})" for name, number in learnt if number)
    every = compared["texts"] + compared["left_out"]
    return [f"left out: {compared['left_out']:,} of {every:,} texts, which were used to train {used}", *unknown]


def describe_uncertainty(interval: Sequence[float], p: float) -> str:
    """The interval of a difference, in points, and its p-value."""
    low, high = map(points, interval)
    return f"95% interval {low} to {high}, {describe_p(p)}{'; this may be chance' if round(p, 3) >= CHANCE else ''}"


def describe_p(p: float) -> str:
    """A p-value."""
    return f"p < {SMALLEST}" if p < SMALLEST else f"p = {p:.3f}"


def brief_difference(compared: Mapping[str, Any]) -> str:
    """The difference of a comparison in points with its 95% interval and its p-value, for a cell of a table."""
    difference, low, high = map(points, (compared["difference"], *compared["interval"]))
    return f"{difference} ({low} to {high}), {describe_p(compared['p'])}"


def describe_sampling(compared: Mapping[str, Any]) -> str:
    """The sampling error of an accuracy, which its deviation over seeds does not show."""
    low, high = (percent(end) for end in compared["intervals"][0])
    return (
        f"with {compared['texts']:,} texts, an accuracy of {percent(compared['accuracies'][0])} is compatible with a "
        f"true one of {low} to {high} (95% interval)"
    )


def describe_epoch(row: Mapping[str, Any]) -> str:
    """The line of an epoch, from its row of the history."""
    validation = ""
    if "val_loss" in row:
        validation = f"  validation loss {row['val_loss']:.4f}  accuracy {row['val_accuracy']:.4f}"
    return (
        f"epoch {row['epoch']:2} {row['phase']:8}  loss {row['loss']:.4f}  accuracy {row['accuracy']:.4f}{validation}  "
        f"({row['seconds']:.1f} s)"
    )


def reported_split(run_metrics: Mapping[str, Any]) -> str:
    """The split that a report is about in detail: "test" or, in a run without test texts, "validation".

    Args:
        run_metrics: The content of `metrics.json`.
    """
    return "test" if run_metrics["test"] else "validation"


def reported_texts(run_metrics: Mapping[str, Any]) -> str:
    """The kind of the texts that a report is about in detail: test, validation or held-out training.

    Args:
        run_metrics: The content of `metrics.json`.
    """
    if run_metrics["test"]:
        return "test"
    decided = run_metrics["decided"]
    crossed = decided["by"] == "cross-validation" and decided["validation"] != "own"
    return "held-out training" if crossed else "validation"


def describe_scores(run_metrics: Mapping[str, Any]) -> str:
    """The line of one run among several."""
    validation, test = (run_metrics[split] and f"{percent(run_metrics[split]['accuracy'])}%" for split in SPLITS[1:])
    decided = run_metrics["decided"]
    chosen = ", ".join(decided["decided"])
    texts = {
        "own": f"{validation} of the validation texts right",
        "validation": f"{validation} of the validation texts right (these chose its {chosen})",
        "cross-validation": f"{validation} of the held-out training texts right (these chose its {chosen})",
    }
    line = texts["own" if decided["validation"] == "own" else decided["by"]]
    return f"{line}, {test} of the test texts right" if test else line


def describe_choices(run_metrics: Mapping[str, Any]) -> str:
    """The footnote to a run's validation scores: what was chosen, and by which texts.

    Args:
        run_metrics: The content of `metrics.json`.
    """
    decided = run_metrics["decided"]
    chosen = ", ".join(decided["decided"])
    if decided["by"] == "validation":
        return f"* chosen on these texts: {chosen}"
    crossed = f"{decided['folds']}-fold cross-validation on the training texts"
    if decided["validation"] == "own":
        return f"{crossed} chose {chosen}"
    return f"* {crossed}; it also chose this run's {chosen}, so its scores may be a little too high"


def describe_calibration(run_metrics: Mapping[str, Any]) -> str:
    """The temperature, and what it changed."""
    split = reported_split(run_metrics)
    before, after = (
        blocks[split]["calibration_error"] for blocks in (run_metrics["calibration"]["before"], run_metrics)
    )
    texts = "cross-validation" if run_metrics["decided"]["by"] == "cross-validation" else "the validation texts"
    return (
        f"temperature {run_metrics['calibration']['temperature']:.2f} from {texts}: calibration error on the "
        f"{reported_texts(run_metrics)} texts {before:.1%} before, {after:.1%} after"
    )


def describe_old_texts(scores: Mapping[str, Any]) -> str:
    """What a fine-tuned run still knows: its accuracy on the test texts of the run that it started from."""
    before, after = (percent(scores[name]["accuracy"]) for name in ("before", "after"))
    return f"the old run's {scores['texts']:,} test texts: {before}% right before, {after}% after"


def describe_learnt(learnt: Mapping[str, Any] | None, texts: int) -> str:
    """How many of the evaluated texts the run was trained on; "" if none.

    Args:
        learnt: From `Evaluation.learnt`; None: not known.
        texts: Number of evaluated texts.
    """
    if learnt is None:
        return (
            f"{WARNING}the run has no learnt_texts.bin, so it is not known whether it was trained on these texts; try "
            "texts that are newer than the run"
        )
    if not learnt["texts"]:
        return ""
    found = f"{WARNING}{learnt['texts']:,} of {texts:,} texts were used to train the run"
    chosen = f" ({learnt['chosen']:,} of them only chose its epochs and temperature)" if learnt["chosen"] else ""
    if not learnt["without"]:
        return f"{found}; there are no others{chosen}; try texts that it has not seen"
    return f"{found}; without them, accuracy is {learnt['without']['accuracy']:.2%}{chosen}"
