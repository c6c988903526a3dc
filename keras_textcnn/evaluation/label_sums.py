"""Scores of predicted labels, whichever probabilities led to them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

CONFUSIONS = 10  # kept in `metrics.json`


class LabelSums:
    """Scores of predicted labels, which may arrive in blocks of texts.

    Attributes:
        texts: The number of texts so far.
        support: int64 (num_classes,), how many of them have each label.

    Example:
        sums = LabelSums(3)
        sums.add(np.array([0, 2]), np.array([0, 1]))
        print(sums.scores()["accuracy"])
    """

    def __init__(self, num_classes: int) -> None:
        self.texts = self._right = 0
        self.support, self._predicted = np.zeros((2, num_classes), np.int64)
        self._pairs = sparse.csr_array((num_classes, num_classes), dtype=np.int64)

    def add(self, targets: np.ndarray | sparse.csr_array, predicted: np.ndarray | sparse.csr_array) -> None:
        """Adds a block of texts.

        Args:
            targets: int (texts,), the outputs of the true labels; or (texts, num_classes), which may be sparse, 1 for
                each label of a text.
            predicted: The predicted labels, in the same form.
        """
        num_classes = len(self.support)
        true, given = (_rows(labels, num_classes) for labels in (targets, predicted))
        differences = true - given
        differences.eliminate_zeros()
        self.texts += true.shape[0]
        self._right += int((np.diff(differences.indptr) == 0).sum())
        self.support += true.sum(axis=0)
        self._predicted += given.sum(axis=0)
        self._pairs = self._pairs + true.T @ given

    @property
    def confusions(self) -> np.ndarray:
        """Texts by true (row) and predicted (column) label: int64 (num_classes, num_classes).

        A text with several labels counts in every row of its true labels and every column of its predicted ones.
        """
        return self._pairs.toarray()

    def scores(self) -> dict[str, float | None]:
        """accuracy and macro_f1, in [0, 1]; None if undefined.

        Where a text may have several labels, accuracy is the share of texts whose labels are all right. Macro F1 is the
        mean over the labels that occur in the targets, so that two models are measured by the same labels. It is
        undefined if no text has a label; both are undefined if there are no texts.
        """
        present = self.support > 0
        f1 = _ratio(2.0 * self._pairs.diagonal(), self.support + self._predicted)
        return {
            "accuracy": self._right / self.texts if self.texts else None,
            "macro_f1": float(np.mean(f1[present])) if present.any() else None,
        }

    @property
    def micro_f1(self) -> float | None:
        """F1 over all pairs of a text and a label; None if no text has a label or is given one."""
        pairs = int(self.support.sum() + self._predicted.sum())
        return float(2 * self._pairs.diagonal().sum() / pairs) if pairs else None

    def per_label(self, labels: Sequence[str]) -> dict[str, dict[str, float]]:
        """precision, recall, f1 and support of each label; a ratio with a zero denominator is 0."""
        right = self._pairs.diagonal()
        columns = (
            _ratio(right, self._predicted),
            _ratio(right, self.support),
            _ratio(2.0 * right, self.support + self._predicted),
            self.support,
        )
        rows = zip(labels, *(column.tolist() for column in columns), strict=True)
        return {label: {"precision": p, "recall": r, "f1": f, "support": n} for label, p, r, f, n in rows}

    def rank_confusions(self, labels: Sequence[str]) -> list[dict[str, Any]]:
        """The most frequent pairs of a true label and another, predicted one, of texts with one label.

        Returns:
            At most `CONFUSIONS` pairs, the most frequent first: true, predicted, and how many texts.
        """
        pairs = self._pairs.tocoo()
        wrong = pairs.row != pairs.col
        true, given, texts = pairs.row[wrong], pairs.col[wrong], pairs.data[wrong]
        order = np.lexsort((given, true, -texts))[:CONFUSIONS]
        return [
            {"true": labels[true[pair]], "predicted": labels[given[pair]], "texts": int(texts[pair])} for pair in order
        ]


def _rows(labels: np.ndarray | sparse.csr_array, num_classes: int) -> sparse.csr_array:
    """Labels as int64 (texts, num_classes), 1 for each label of a text."""
    if labels.ndim > 1:
        return sparse.csr_array(labels).astype(np.int64)
    texts = len(labels)
    return sparse.csr_array((np.ones(texts, np.int64), labels, np.arange(texts + 1)), shape=(texts, num_classes))


def _ratio(numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    """Ratios, 0 where the denominator is 0."""
    return np.divide(numerators, denominators, out=np.zeros(len(numerators)), where=denominators > 0)
