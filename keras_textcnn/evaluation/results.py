"""What `metrics.json` says, as rows and lines that a terminal, a text and a page show alike."""

from collections.abc import Mapping
from typing import Any

from keras_textcnn.data.corpus import SPLITS

UNDEFINED = "–"  # a score that cannot be computed, in a table


def results_rows(run_metrics: Mapping[str, Any]) -> list[tuple[str, list[float | None]]]:
    """The rows of the results: accuracy and macro F1 on validation and test, in [0, 1]; None where there are no texts.

    Args:
        run_metrics: What `metrics.json` holds.
    """
    splits = {split: run_metrics[split] for split in SPLITS[1:]}
    rows = {"this run": splits}
    if any("without_learnt" in block for block in splits.values()):
        rows["without texts learnt before"] = {
            split: block.get("without_learnt", block) or {} for split, block in splits.items()
        }
    if baseline := run_metrics["baseline"]:
        rows[baseline["name"]] = baseline
    return [
        (name, [blocks[split].get(score) for split in SPLITS[1:] for score in ("accuracy", "macro_f1")])
        for name, blocks in rows.items()
    ]


def percent(share: float | None) -> str:
    """A score in [0, 1] in percent; that of nothing is no number."""
    return UNDEFINED if share is None else f"{100 * share:.2f}"


def validation_columns(run_metrics: Mapping[str, Any]) -> tuple[str, str]:
    """The headings of accuracy and macro F1 on the texts that stand for validation; with a mark if they chose anything.

    Args:
        run_metrics: What `metrics.json` holds.
    """
    decided = run_metrics["decided"]
    if decided["validation"] == "own":
        return "validation accuracy", "macro F1"
    crossed = decided["by"] == "cross-validation"
    return "cross-validated*" if crossed else "validation accuracy*", "macro F1*"


def describe_choices(run_metrics: Mapping[str, Any]) -> str:
    """The footnote to a run's validation scores: what was chosen by which texts.

    Args:
        run_metrics: What `metrics.json` holds.
    """
    decided = run_metrics["decided"]
    chosen = ", ".join(decided["decided"])
    if decided["by"] == "validation":
        return f"* chosen on these texts: {chosen}"
    crossed = f"{decided['folds']}-fold cross-validation on the training texts"
    if decided["validation"] == "own":
        return f"{crossed} chose {chosen}"
    return f"* {crossed}; it also chose this run's {chosen}, so that its scores may be a little too high"
