"""What a phase is, and how far a fit of several has come."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

KERNELS = "kernels"


TUNED = {"head": ("embedding", "trunk"), "bias": ("embedding", KERNELS), "all": ()}  # and what each leaves as it is


@dataclasses.dataclass(frozen=True)
class Phase:
    """One compile and fit with one set of trainable weights and one learning rate.

    Attributes:
        name: As it stands in the history.
        epochs: The most epochs.
        learning_rate: Of the optimizer, which starts anew.
        frozen: Parts of the model that stay as they are: "embedding", "trunk", "head" (see `part_of`), or "kernels":
            what of the trunk is no bias, the rows of n-grams too.
        optimizer: Its name, as `optimizers.build_optimizer` knows it.
        weight_decay: Of adamw.
        embedding_factor: How many times as fast the embedding's rows learn.
    """

    name: str
    epochs: int
    learning_rate: float
    frozen: tuple[str, ...] = ()
    optimizer: str = "adam"
    weight_decay: float | None = None
    embedding_factor: float = 1.0


@dataclasses.dataclass
class Progress:
    """How far a fit has come: all that, beside the weights, decides how it goes on.

    Attributes:
        phase: Position of the current phase.
        epoch: Epochs done of the current phase.
        batches: Batches done of the current epoch, where the fit was stopped within it, and
        seconds: how long they took.
        waited: Epochs of the current phase since the last lower validation loss.
        best_loss: The lowest validation loss so far, of all phases.
        best_epoch: The epoch that had it, counted from 1 over all phases; 0 before the first.
        history: One row an epoch.
    """

    phase: int = 0
    epoch: int = 0
    batches: int = 0
    seconds: float = 0.0
    waited: int = 0
    best_loss: float = math.inf
    best_epoch: int = 0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def next_epoch(self) -> None:
        """An epoch is done, and was no better than the best one as far as is known."""
        self.epoch, self.waited, self.batches, self.seconds = self.epoch + 1, self.waited + 1, 0, 0.0

    def next_phase(self) -> None:
        """A phase is done, or has ended early, even within an epoch."""
        self.phase, self.epoch, self.waited, self.batches, self.seconds = self.phase + 1, 0, 0, 0, 0.0

    def kept_phases(self, phases: Sequence[Phase]) -> list[Phase]:
        """What led to the best epoch of these phases: each as long as to its own best, none that brought no better."""
        kept, best = [], math.inf
        for phase in phases:
            losses = [row["val_loss"] for row in self.history if row["phase"] == phase.name]
            lower = [loss for loss in losses if loss < best]
            if lower:
                best = min(lower)
                kept.append(dataclasses.replace(phase, epochs=losses.index(best) + 1))
        return kept


def summarize_phases(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each phase name, learning_rate, epochs and seconds, from the rows of its epochs."""
    phases = []
    for name, grouped in itertools.groupby(history, key=lambda row: row["phase"]):
        rows = list(grouped)
        seconds = round(sum(row["seconds"] for row in rows), 1)
        phases.append(
            {"name": name, "learning_rate": rows[0]["learning_rate"], "epochs": len(rows), "seconds": seconds}
        )
    return phases


def two_phases(
    *,
    frozen_epochs: int,
    unfrozen_epochs: int,
    learning_rate: float,
    unfrozen_learning_rate: float,
    frozen: tuple[str, ...] = ("embedding",),
    tune: str = "all",
    optimizer: str = "adam",
    weight_decay: float | None = None,
    embedding_factor: float = 1.0,
) -> list[Phase]:
    """Some parts frozen, then everything trained; a phase without epochs is left out.

    With nothing frozen the phases, fast and slow, differ in the learning rate alone. The second phase may also train no
    more than the logits ("head"), or these and all biases ("bias"; Ben Zaken et al., 2022,
    https://arxiv.org/abs/2106.10199).
    """
    names = ("frozen", "unfrozen" if tune == "all" else tune) if frozen else ("fast", "slow")
    phases = [
        Phase(names[0], frozen_epochs, learning_rate, frozen, optimizer, weight_decay, embedding_factor),
        Phase(
            names[1], unfrozen_epochs, unfrozen_learning_rate, TUNED[tune], optimizer, weight_decay, embedding_factor
        ),
    ]
    return [phase for phase in phases if phase.epochs]
