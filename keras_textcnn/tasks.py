"""The two kinds of classification: a text has exactly one label, or it may have any number of labels.

`SOFT_LABELS` is the first kind, learnt from probabilities.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    import keras
    from scipy import sparse


class OneLabel:
    """Each text has exactly one label: its target is the label's output, and the most probable label is the answer."""

    several: ClassVar[bool] = False
    description: ClassVar[str] = "each text has one label"
    activation: ClassVar[str] = "softmax"  # from logits to probabilities, in `tf.nn`

    def encode(self, label_sets: Sequence[Any], outputs: Mapping[str, int]) -> np.ndarray:
        """The targets of texts, int32 (texts,), from their labels and the output of each label."""
        return np.array([outputs[str(label)] for label in label_sets], np.int32)

    def name(self, target: Any, labels: Sequence[str]) -> str:
        """The target of one text, or its answer, in words."""
        return labels[int(target)]

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """The probabilities that belong to logits, (texts, num_classes)."""
        from scipy import special

        return special.softmax(logits, axis=1)

    def losses(self, logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The log loss of each text, (texts,), and its gradient with respect to the logits, (texts, num_classes)."""
        from scipy import special

        right = np.arange(len(targets)), targets
        gradient = special.softmax(logits, axis=1)
        gradient[right] -= 1
        return special.logsumexp(logits, axis=1) - logits[right], gradient

    def choose(self, probabilities: np.ndarray, thresholds: np.ndarray | float | None = None) -> np.ndarray:
        """The answers, in the form of targets, int (texts,), from (texts, num_classes); `thresholds` do not matter."""
        return probabilities.argmax(axis=1)

    def all_right(self, targets: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Whether each text's answer is right: bool (texts,)."""
        return predicted == targets

    def confidence(self, targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """The probability of each text's target: float (texts,)."""
        return probabilities[np.arange(len(targets)), targets]

    def build_loss(self) -> "keras.losses.Loss":
        """The cross-entropy of logits."""
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def build_accuracy(self) -> "keras.metrics.Metric":
        """The share of texts whose answer is right."""
        import keras

        return keras.metrics.SparseCategoricalAccuracy("accuracy")


class SoftLabels(OneLabel):
    """Each text has one label, but what is learnt in its place is a probability for each label."""

    def build_loss(self) -> "keras.losses.Loss":
        """The cross-entropy of logits, expected over the probabilities."""
        import keras

        return keras.losses.CategoricalCrossentropy(from_logits=True)

    def build_accuracy(self) -> "keras.metrics.Metric":
        """The share of texts whose answer is the most probable label."""
        import keras

        return keras.metrics.CategoricalAccuracy("accuracy")


class SeveralLabels:
    """A text may have any number of labels: its target is 0 or 1 for each, and each label has its own probability."""

    several: ClassVar[bool] = True
    description: ClassVar[str] = "a text may have several labels"
    activation: ClassVar[str] = "sigmoid"

    def encode(self, label_sets: Sequence[Any], outputs: Mapping[str, int]) -> "sparse.csr_array":
        """The targets of texts, float32 (texts, num_classes), from their labels and the output of each label.

        Args:
            label_sets: A tuple of labels for each text, or a string if it has one.
            outputs: The output of each label.
        """
        from scipy import sparse

        sets = [(labels,) if isinstance(labels, str) else labels for labels in label_sets]
        columns = [sorted(outputs[label] for label in labels) for labels in sets]
        ends = np.cumsum([0, *map(len, columns)])
        ones = np.ones(ends[-1], np.float32)
        indices = np.fromiter(itertools.chain.from_iterable(columns), np.int32, ends[-1])
        return sparse.csr_array((ones, indices, ends), shape=(len(label_sets), len(outputs)))

    def name(self, target: np.ndarray, labels: Sequence[str]) -> str:
        """The target of one text, or its answer, in words; empty without a label."""
        return ", ".join(labels[output] for output in np.flatnonzero(target).tolist())

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """The probabilities that belong to logits, (texts, num_classes)."""
        from scipy import special

        return special.expit(logits)

    def losses(self, logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The log loss of each text and label and its gradient by the logits, both (texts, num_classes)."""
        from scipy import special

        return np.logaddexp(0, logits) - targets * logits, special.expit(logits) - targets

    def choose(self, probabilities: np.ndarray, thresholds: np.ndarray | float | None = None) -> np.ndarray:
        """The answers, int32 (texts, num_classes): 1 for each label whose probability reaches its threshold, or 0.5."""
        return (probabilities >= (0.5 if thresholds is None else thresholds)).astype(np.int32)

    def all_right(self, targets: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Whether all labels of each text are right: bool (texts,)."""
        return (predicted == targets).all(axis=1)

    def confidence(self, targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """The probability of the least probable part of each text's target: float (texts,)."""
        return np.where(targets > 0, probabilities, 1 - probabilities).min(axis=1)

    def build_loss(self) -> "keras.losses.Loss":
        """The cross-entropy of logits, mean over the labels."""
        import keras

        return keras.losses.BinaryCrossentropy(from_logits=True)

    def build_accuracy(self) -> "keras.metrics.Metric":
        """The share of texts whose labels are exactly those with a probability above 0.5."""
        import keras

        def all_right(targets: Any, logits: Any) -> Any:
            right = keras.ops.equal(keras.ops.cast(logits > 0, targets.dtype), targets)
            return keras.ops.cast(keras.ops.all(right, axis=-1), "float32")

        return keras.metrics.MeanMetricWrapper(all_right, name="accuracy")


Task = OneLabel | SeveralLabels
ONE_LABEL, SOFT_LABELS, SEVERAL_LABELS = OneLabel(), SoftLabels(), SeveralLabels()


def task_of(targets: "np.ndarray | sparse.csr_array") -> Task:
    """The task that targets belong to: (texts,), or (texts, num_classes) where a text may have several labels."""
    return ONE_LABEL if targets.ndim == 1 else SEVERAL_LABELS


def task_with(thresholds: np.ndarray | None) -> Task:
    """The task of a model whose labels have these thresholds: None if each text has one label."""
    return ONE_LABEL if thresholds is None else SEVERAL_LABELS
