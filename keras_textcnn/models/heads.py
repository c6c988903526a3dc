"""Functions that the builders share: checks of sizes, the hidden layers and the logits."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from keras_textcnn.layers.names import LOGITS


def check_sizes(**sizes: int) -> None:
    """Raises ValueError for a size below 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}")


def check_fractions(**fractions: float) -> None:
    """Raises ValueError for a dropout outside [0, 1)."""
    for name, fraction in fractions.items():
        if not 0 <= fraction < 1:
            raise ValueError(f"`{name}` must be in [0, 1). Received: {name}={fraction}")


def shortest_text(windows: Sequence[int], poolings: Sequence[int]) -> int:
    """The fewest tokens that leave one position after convolutions without padding, each followed by a pooling.

    Args:
        windows: Positions that each convolution sees: n positions become n - window + 1.
        poolings: Positions that each pooling reduces to one; 1: no pooling.
    """
    tokens = 1
    for window, pooling in zip(reversed(windows), reversed(poolings), strict=True):
        tokens = tokens * pooling + window - 1
    return tokens


def check_length(tokens: int, shortest: int) -> None:
    """Raises ValueError if `tokens` is too small for the model's layers."""
    if tokens < shortest:
        raise ValueError(f"`tokens` must be at least {shortest} for these layers. Received: tokens={tokens}")


def classify(
    features: keras.KerasTensor,
    *,
    num_classes: int,
    hidden: Sequence[int] = (),
    dropout: float = 0.5,
    max_norm: float | None = None,
    initializer: Callable[[], keras.initializers.Initializer] = keras.initializers.GlorotUniform,
) -> keras.KerasTensor:
    """Hidden layers, each with ReLU and dropout, then the logits.

    Args:
        features: float32 (batch, features).
        num_classes: Outputs.
        hidden: Units of each hidden layer.
        dropout: Fraction of a hidden layer's units dropped in training, in [0, 1).
        max_norm: The maximum norm of a label's weights; None: no limit.
        initializer: Creates the initializer of each layer's weights; a shared one would draw the same numbers.

    Returns:
        float32 (batch, num_classes).
    """
    for number, units in enumerate(hidden, 1):
        features = layers.Dense(units, "relu", kernel_initializer=initializer(), name=f"hidden_{number}")(features)
        features = layers.Dropout(dropout, name=f"hidden_dropout_{number}")(features)
    constraint = keras.constraints.MaxNorm(max_norm, axis=0) if max_norm else None
    # float32 in any precision: softmax and loss need every digit of a logit.
    dense = layers.Dense(
        num_classes, kernel_initializer=initializer(), kernel_constraint=constraint, dtype="float32", name=LOGITS
    )
    return dense(features)
