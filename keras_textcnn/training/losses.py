"""The losses of a fit: cross-entropy, plain, weighted by label or focal; or that of a support vector machine."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.tasks import Task


class _WeightedLoss(keras.losses.Loss):
    """The base of the losses, with a weight for each label.

    Args:
        several_labels: Whether a text may have several labels: targets are then float32 (batch, num_classes), otherwise
            int32 (batch,).
        label_weights: float (num_classes,), the weight of each label; or, where a text may have several labels,
            (2, num_classes), the weights of not having a label and of having it; None: all are 1.
    """

    def __init__(self, *, several_labels: bool = False, label_weights: np.ndarray | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.several_labels = several_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights, np.float32)

    def _weights(self, targets: tf.Tensor) -> tf.Tensor:
        """The weights of each text and label, or of each text if it has one label; 1 without label weights."""
        if self.label_weights is None:
            return tf.ones(())
        if self.several_labels:
            lacking, having = self.label_weights
            return having * targets + lacking * (1 - targets)
        return tf.gather(self.label_weights, _outputs(targets))

    def get_config(self) -> dict[str, Any]:
        weights = None if self.label_weights is None else self.label_weights.tolist()
        return {**super().get_config(), "several_labels": self.several_labels, "label_weights": weights}


@keras.saving.register_keras_serializable("keras_textcnn")
class LabelLoss(_WeightedLoss):
    """Cross-entropy of logits, in nats, with label weights and less weight on texts that are already learnt well.

    Args:
        several_labels: Whether a text may have several labels: targets are then float32 (batch, num_classes), otherwise
            int32 (batch,).
        label_weights: float (num_classes,), the weight of each label; or, where a text may have several labels,
            (2, num_classes), the weights of not having a label and of having it; None: all are 1.
        focal_gamma: The cross-entropy is multiplied by (1 - p)**focal_gamma; p is the true label's probability.

    Source of the focal factor: Lin et al. (2017), https://arxiv.org/abs/1708.02002, section 3.2.
    """

    def __init__(self, *, focal_gamma: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.focal_gamma = focal_gamma

    def call(self, targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        if self.several_labels:
            losses = self._sharpen(-tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))
            return tf.reduce_mean(losses * self._weights(targets), axis=-1)
        losses = self._sharpen(-tf.nn.sparse_softmax_cross_entropy_with_logits(_outputs(targets), logits))
        return losses * self._weights(targets)

    def _sharpen(self, log_probability: tf.Tensor) -> tf.Tensor:
        """The loss for the logarithm of the true label's probability."""
        if not self.focal_gamma:
            return -log_probability
        # At 1 - p = 0, a power below 1 would have an infinite gradient.
        return -log_probability * tf.maximum(-tf.math.expm1(log_probability), 1e-7) ** self.focal_gamma

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "focal_gamma": self.focal_gamma}


@keras.saving.register_keras_serializable("keras_textcnn")
class MarginLoss(_WeightedLoss):
    """The sum of the squared hinge losses of each label against all others: max(0, 1 - y * logit)**2, y is 1 or -1.

    Args:
        several_labels: Whether a text may have several labels: targets are then float32 (batch, num_classes), otherwise
            int32 (batch,).
        label_weights: As for `LabelLoss`.
        soft_targets: Whether targets are probabilities, float32 (batch, num_classes): the loss of a label is then the
            one expected, p * max(0, 1 - logit)**2 + (1 - p) * max(0, 1 + logit)**2.

    Source: Tang (2013), https://arxiv.org/abs/1306.0239, section 2; scikit-learn's `LinearSVC` minimizes the same loss
    plus a penalty on the weights.
    """

    def __init__(self, *, soft_targets: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.soft_targets = soft_targets

    def call(self, targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        if self.soft_targets:
            having, lacking = (tf.maximum(1 - sign * logits, 0) ** 2 for sign in (1, -1))
            return tf.reduce_sum(targets * having + (1 - targets) * lacking, axis=-1)
        having = targets if self.several_labels else tf.one_hot(_outputs(targets), logits.shape[-1])
        losses = tf.maximum(1 - (2 * having - 1) * logits, 0) ** 2
        if self.several_labels:
            return tf.reduce_sum(losses * self._weights(targets), axis=-1)
        return tf.reduce_sum(losses, axis=-1) * self._weights(targets)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "soft_targets": self.soft_targets}


def _outputs(targets: tf.Tensor) -> tf.Tensor:
    """Targets as int32 (batch,): Keras passes them as a column of floats."""
    return tf.reshape(tf.cast(targets, tf.int32), [-1])


def build_loss(task: Task, *, label_weights: np.ndarray | None = None, focal_gamma: float = 0.0) -> keras.losses.Loss:
    """The task's own cross-entropy if neither label weights nor focal loss are asked for, otherwise a `LabelLoss`."""
    if label_weights is not None or focal_gamma:
        return LabelLoss(several_labels=task.several, label_weights=label_weights, focal_gamma=focal_gamma)
    return task.build_loss()


class EqualTexts(keras.losses.Loss):
    """A loss whose gradient weighs all texts of a batch equally, although devices may have different numbers of them.

    Each device of a `tf.distribute` strategy takes the mean over its own texts, and Keras averages these means. Of a
    batch of 3 texts on two devices, one text would count as much as the other two together. Here the gradient of each
    device is multiplied by its share of the texts. The value of the loss stays the mean over the device's texts: Keras
    weighs values by the numbers of texts.

    Args:
        loss: The loss.
    """

    def __init__(self, loss: keras.losses.Loss) -> None:
        super().__init__(name=loss.name, reduction=loss.reduction)
        self.loss = loss

    def __call__(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> tf.Tensor:
        value = self.loss(y_true, y_pred, sample_weight)
        context = tf.distribute.get_replica_context()
        texts = tf.cast(tf.shape(y_pred)[0], value.dtype)
        all_texts = context.all_reduce(tf.distribute.ReduceOp.SUM, texts)
        weighed = value * texts * context.num_replicas_in_sync / all_texts
        return weighed + tf.stop_gradient(value - weighed)
