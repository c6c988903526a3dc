"""Keeps the predictions of a run while it is scored; `predictions_table.py` writes them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from keras_textcnn.persistence.run import Run
from keras_textcnn.utils.blocks import slice_texts

MOST_PROBABILITIES = 10**7  # of a split: 40 MB on the disk, then about 110 MB of `predictions.csv`

Targets: TypeAlias = "np.ndarray | sparse.csr_array"


class KeptPredictions:
    """The predictions of a split's texts, which arrive in blocks.

    Memory grows by a few numbers a text: all probabilities wait in a file or, if they are more than
    `MOST_PROBABILITIES`, only those of the true and the predicted labels are kept.

    Args:
        path: The file for the probabilities; an existing one is replaced.
        texts: How many texts there are.
        num_classes: The number of labels.
    """

    def __init__(self, path: Path, *, texts: int, num_classes: int) -> None:
        self.complete = texts * num_classes <= MOST_PROBABILITIES
        self._path, self._num_classes = path, num_classes
        self._texts: list[np.ndarray] = []
        self._targets: list[Targets] = []
        self._predicted: list[Targets] = []
        self._some: list[sparse.csr_array] = []
        path.unlink(missing_ok=True)  # left by an interrupted attempt

    @classmethod
    def of(cls, run: Run | None, name: str, *, texts: int, num_classes: int) -> "KeptPredictions | None":
        """Those of a split of an unfinished run, whose `checkpoints/` keep the probabilities; None without a run."""
        if run is None:
            return None
        return cls(run.checkpoints / f"probabilities-{name}.bin", texts=texts, num_classes=num_classes)

    def add(self, texts: np.ndarray, targets: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray) -> None:
        """Adds a block of texts.

        Args:
            texts: int (texts,), their positions in the split.
            targets: int (texts,), the outputs of the true labels; or (texts, num_classes), 1 for each label of a text.
            predicted: The predicted labels, in the same form.
            probabilities: float32 (texts, num_classes).
        """
        self._texts.append(texts.astype(np.int32))
        self._targets.append(_compact(targets))
        self._predicted.append(_compact(predicted))
        if self.complete:
            with self._path.open("ab") as file:
                file.write(np.ascontiguousarray(probabilities, np.float32).tobytes())
        else:
            self._some.append(pick_given(targets, predicted, probabilities))

    def rows(self) -> Iterator[tuple[np.ndarray, Targets, Targets, np.ndarray | sparse.csr_array]]:
        """Yields blocks of texts in order: positions, targets, predicted labels and probabilities."""
        texts, targets, predicted = (_stack(blocks) for blocks in (self._texts, self._targets, self._predicted))
        order = np.argsort(texts)
        if self.complete:
            kept: Any = np.memmap(self._path, np.float32, "r", shape=(len(texts), self._num_classes))
        else:
            kept = sparse.vstack(self._some, format="csr")
        for block in slice_texts(len(texts), self._num_classes):
            places = order[block]
            yield texts[places], targets[places], predicted[places], kept[places]


def _compact(labels: np.ndarray) -> Targets:
    """Labels in the form of targets, sparse if a text may have several."""
    if labels.ndim == 1:
        return labels.astype(np.int32)
    given = labels > 0
    return _sparse_rows(given, np.ones(np.count_nonzero(given), np.int8))


def _sparse_rows(chosen: np.ndarray, values: np.ndarray) -> sparse.csr_array:
    """The values at the chosen places, row by row, with positions of 4 bytes; SciPy would take 8."""
    ends = np.zeros(len(chosen) + 1, np.int32)
    np.cumsum(chosen.sum(axis=1), out=ends[1:])
    return sparse.csr_array((values, np.nonzero(chosen)[1].astype(np.int32), ends), shape=chosen.shape)


def _stack(blocks: Sequence[Any]) -> Any:
    return sparse.vstack(blocks, format="csr") if sparse.issparse(blocks[0]) else np.concatenate(blocks)


def pick_given(targets: Targets, predicted: Targets, probabilities: np.ndarray) -> sparse.csr_array:
    """The probabilities of the true and the predicted labels; those of 0 are stored too."""
    chosen = np.zeros(probabilities.shape, bool)
    for labels in (targets, predicted):
        if labels.ndim == 1:
            chosen[np.arange(len(labels)), labels] = True
        else:
            chosen |= sparse.csr_array(labels).toarray() > 0
    return _sparse_rows(chosen, probabilities[chosen])
