"""Hidden layers and logits in NumPy: `models/heads.py`."""

import numpy as np

from keras_textcnn.inference.light.arrays import Arrays
from keras_textcnn.inference.light.spec import MOST_LAYERS, check_size


class Head:
    """Hidden layers with ReLU, and the layer of the logits.

    Args:
        arrays: Holds kernel and bias of hidden_1, hidden_2 ..., and of logits.
        features: Number of features that come in.
        hidden: Number of hidden layers.

    Attributes:
        kernels: float32 (inputs, outputs), of each layer.
        biases: float32 (outputs,), of each layer.
    """

    def __init__(self, arrays: Arrays, features: int, *, hidden: int) -> None:
        self.kernels, self.biases = [], []
        layers = check_size("number of hidden layers", hidden, 0, MOST_LAYERS)
        for name in [*(f"hidden_{number}" for number in range(1, layers + 1)), "logits"]:
            kernel, bias = arrays.take_dense(name, features)
            features = kernel.shape[1]
            self.kernels.append(kernel)
            self.biases.append(bias)

    @property
    def num_classes(self) -> int:
        """Number of logits."""
        return len(self.biases[-1])

    def logits(self, features: np.ndarray) -> np.ndarray:
        """float32 (texts, num_classes), from float32 (texts, features)."""
        for number, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True), 1):
            features = features @ kernel + bias
            if number < len(self.kernels):
                features = np.maximum(features, 0)
        return features
