"""Which texts a run has learnt from."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class LearntTexts:
    """Which texts a run has learnt from, by their hashes (`numbering.hash_text`), so that it is not praised for these.

    Attributes:
        fitted: uint64 (texts,), sorted: those that its weights were fitted to; with `--from` also those that the run
            was fitted to that it started from.
        chosen: uint64 (texts,), sorted: those that only chose its epochs, scale, temperature and thresholds.
    """

    fitted: np.ndarray
    chosen: np.ndarray

    @classmethod
    def of(cls, fitted: np.ndarray, chosen: np.ndarray, before: "LearntTexts | None" = None) -> "LearntTexts":
        """From the hashes of a run's own texts, and what the run has learnt from that it started from."""
        if before:
            fitted, chosen = np.concatenate([fitted, before.fitted]), np.concatenate([chosen, before.chosen])
        fitted = np.unique(fitted.astype(np.uint64))
        return cls(fitted, np.setdiff1d(chosen.astype(np.uint64), fitted))

    def find(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of some texts, uint64 (texts,), are among the fitted and among the chosen ones: bool (texts,) each."""
        return np.isin(hashes, self.fitted), np.isin(hashes, self.chosen)
