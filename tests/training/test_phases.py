"""Phases, and which of them are kept for a refit."""

import pytest

from keras_textcnn.training.phases import Phase, Progress, two_phases


def test_phases_that_freeze_nothing_are_a_fast_one_and_a_slow_one() -> None:
    phases = two_phases(
        frozen_epochs=3, unfrozen_epochs=1, learning_rate=0.1, unfrozen_learning_rate=0.01, frozen=(),
        optimizer="adamw", weight_decay=0.5, embedding_factor=2.0,
    )  # fmt: skip
    assert phases == [
        Phase("fast", 3, 0.1, (), "adamw", 0.5, 2.0),
        Phase("slow", 1, 0.01, (), "adamw", 0.5, 2.0),
    ]


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        ({"frozen": [3, 2, 4], "unfrozen": [2.5, 1.5, 1.0, 1.2]}, [("frozen", 2), ("unfrozen", 3)]),
        ({"frozen": [3, 2, 4], "unfrozen": [2.5, 2.1]}, [("frozen", 2)]),
        ({"frozen": [float("nan")], "unfrozen": [2.5, float("nan")]}, [("unfrozen", 1)]),
    ],
)
def test_kept_phases_lead_to_the_best_epoch(losses: dict[str, list[float]], kept: list[tuple[str, int]]) -> None:
    history = [{"phase": phase, "val_loss": loss} for phase, its in losses.items() for loss in its]
    phases = two_phases(frozen_epochs=9, unfrozen_epochs=9, learning_rate=0.1, unfrozen_learning_rate=0.01)
    found = Progress(history=history).kept_phases(phases, "val_loss")
    assert [(phase.name, phase.epochs) for phase in found] == kept
    assert {phase.learning_rate for phase in found} <= {0.1, 0.01}


def test_kept_phases_by_accuracy() -> None:
    rows = [("frozen", 0.9, 0.6), ("frozen", 0.8, 0.7), ("unfrozen", 0.7, 0.8), ("unfrozen", 0.9, 0.85)]
    history = [{"phase": phase, "val_loss": loss, "val_accuracy": accuracy} for phase, loss, accuracy in rows]
    phases = two_phases(frozen_epochs=9, unfrozen_epochs=9, learning_rate=0.1, unfrozen_learning_rate=0.01)
    kept = {
        monitor: [(phase.name, phase.epochs) for phase in Progress(history=history).kept_phases(phases, monitor)]
        for monitor in ("val_loss", "val_accuracy")
    }
    assert kept == {"val_loss": [("frozen", 2), ("unfrozen", 1)], "val_accuracy": [("frozen", 2), ("unfrozen", 2)]}
