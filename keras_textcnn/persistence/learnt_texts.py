"""The texts that a run was trained on."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class LearntTexts:
    """The hashes (`corpus.hash_text`) of the texts that a run was trained on, so that scores can leave these out.

    Attributes:
        fitted: uint64 (texts,), sorted: the texts that its weights were fitted to; with `--from`, also those that the
            starting run was fitted to.
        chosen: uint64 (texts,), sorted: the texts that only chose its epochs, scale, temperature and thresholds.
    """

    fitted: np.ndarray
    chosen: np.ndarray

    @classmethod
    def of(cls, fitted: np.ndarray, chosen: np.ndarray, before: "LearntTexts | None" = None) -> "LearntTexts":
        """Combines the hashes of a run's own texts with those of the run that it started from, if any."""
        if before:
            fitted, chosen = np.concatenate([fitted, before.fitted]), np.concatenate([chosen, before.chosen])
        fitted = np.unique(fitted.astype(np.uint64))
        return cls(fitted, np.setdiff1d(chosen.astype(np.uint64), fitted))

    def find(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether each text, uint64 (texts,), is among the fitted and among the chosen ones: bool (texts,) each."""
        return _among(hashes, self.fitted), _among(hashes, self.chosen)


def _among(hashes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Whether each hash is among sorted ones: `np.isin`, which would sort these again for every block of texts."""
    return np.searchsorted(known, hashes, "right") > np.searchsorted(known, hashes, "left")
