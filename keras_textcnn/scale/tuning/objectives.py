"""The scores that a search can be for."""

from typing import Any

Scores = dict[str, float | None]

OBJECTIVES = {"log_loss": "minimize", "accuracy": "maximize", "macro_f1": "maximize"}
TITLES = {"log_loss": "log loss", "accuracy": "accuracy", "macro_f1": "macro F1"}
# What an epoch is judged by, as Keras names it: macro F1 is not known after an epoch.
OF_EPOCH = {"log_loss": "val_loss", "accuracy": "val_accuracy", "macro_f1": "val_accuracy"}


def best_of(objective: str, values: list[float]) -> float:
    """The best of some scores."""
    return min(values) if OBJECTIVES[objective] == "minimize" else max(values)


def pick_scores(block: dict[str, Any]) -> Scores:
    """The scores that a search may be for, from a block of `metrics.json`."""
    return {name: block[name] for name in OBJECTIVES}
