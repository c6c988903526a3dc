"""The phases of a fit, and its progress through them."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from keras_textcnn.presets import VAL_ACCURACY, VAL_LOSS

if TYPE_CHECKING:
    import keras

KERNELS = "kernels"
Rate: TypeAlias = "float | keras.optimizers.schedules.LearningRateSchedule"


TUNED = {"head": ("embedding", "trunk"), "bias": ("embedding", KERNELS), "all": ()}  # and the parts that each freezes


@dataclasses.dataclass(frozen=True)
class Phase:
    """One compile and fit with one set of trainable weights and one learning rate.

    Attributes:
        name: Its name in the history.
        epochs: The maximum number of epochs.
        learning_rate: The learning rate of the optimizer, which is new in each phase, or a schedule for it.
        frozen: Parts of the model that are not trained: "embedding", "trunk", "head" (see `parts_of`), or "kernels":
            all of the trunk but the biases, including the rows of n-grams.
        optimizer: The name of the optimizer, as for `optimizers.build_optimizer`.
        weight_decay: The weight decay of adamw.
        embedding_factor: Multiplies the learning rate of the embedding's rows.
    """

    name: str
    epochs: int
    learning_rate: Rate
    frozen: tuple[str, ...] = ()
    optimizer: str = "adam"
    weight_decay: float | None = None
    embedding_factor: float = 1.0


@dataclasses.dataclass
class Progress:
    """The progress of a fit: all that decides, in addition to the weights, how it continues.

    Attributes:
        phase: Position of the current phase.
        epoch: Finished epochs of the current phase.
        batches: Finished batches of the current epoch, if the fit was stopped within it.
        seconds: The time that these batches took.
        stopped: Whether a callback has ended the current phase.
        waited: Epochs of the current phase since the best one so far.
        best_rank: The lowest `rank` so far, over all phases.
        best_epoch: The epoch with this rank, as its row of the history numbers it; 0 before the first one.
        history: One row per epoch: phase, epoch (from 1), learning_rate, loss, accuracy, seconds and, if there is a
            validation, val_loss and val_accuracy.
    """

    phase: int = 0
    epoch: int = 0
    batches: int = 0
    seconds: float = 0.0
    stopped: bool = False
    waited: int = 0
    best_rank: float = math.inf
    best_epoch: int = 0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def next_epoch(self) -> None:
        """Moves on to the next epoch."""
        self.epoch, self.batches, self.seconds = self.epoch + 1, 0, 0.0

    def next_phase(self) -> None:
        """Moves on to the next phase; the last one may have ended early, even within an epoch."""
        self.phase, self.epoch, self.batches, self.seconds = self.phase + 1, 0, 0, 0.0
        self.stopped, self.waited = False, 0

    def kept_phases(self, phases: Sequence[Phase], monitor: str) -> list[Phase]:
        """The phases that led to the best epoch, each up to its own best epoch, without those that brought no gain.

        Args:
            phases: All phases.
            monitor: As for `rank`.
        """
        kept, best = [], math.inf
        for phase in phases:
            ranks = [rank(row, monitor) for row in self.history if row["phase"] == phase.name]
            if lower := [its for its in ranks if its < best]:  # NaN is not lower
                best = min(lower)
                kept.append(dataclasses.replace(phase, epochs=ranks.index(best) + 1))
        return kept


def rank(scores: Mapping[str, float], monitor: str) -> float:
    """What the best epoch has least of: the validation loss, or the share of validation texts that are not right.

    Args:
        scores: The scores of an epoch, such as its row of the history.
        monitor: One of `MONITORS`.

    Raises:
        ValueError: The accuracy was not measured.
    """
    if monitor not in scores:
        raise ValueError(f"no {monitor} among {', '.join(scores)}; compile the model with metrics=['accuracy']")
    return scores[VAL_LOSS] if monitor == VAL_LOSS else 1 - scores[VAL_ACCURACY]


def summarize_phases(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The name, learning_rate, epochs and seconds of each phase, from the rows of its epochs."""
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
    learning_rate: Rate,
    unfrozen_learning_rate: Rate,
    frozen: tuple[str, ...] = ("embedding",),
    tune: str = "all",
    optimizer: str = "adam",
    weight_decay: float | None = None,
    embedding_factor: float = 1.0,
) -> list[Phase]:
    """A phase with some parts frozen, then one that trains everything; a phase without epochs is left out.

    With nothing frozen, the phases are called fast and slow, and differ only in the learning rate. The second phase may
    also train only the logits ("head"), or the logits and all biases ("bias"; Ben Zaken et al., 2022,
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
