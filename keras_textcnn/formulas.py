"""The tutorials' formulas in NumPy, one text or image at a time: slow, but exactly as they are written.

No model uses them; the tests compare every model with them, and `notebooks/04_convolution_by_hand.ipynb` works with
them.
"""

import numpy as np


def discrete_convolution(f: np.ndarray, g: np.ndarray) -> np.ndarray:
    """(f * g)[n] = sum over m of f[m] g[n - m]: float (len(f),), float (len(g),) -> (len(f) + len(g) - 1,)."""
    result = np.zeros(len(f) + len(g) - 1)
    for n in range(len(result)):
        for m in range(len(f)):
            if 0 <= n - m < len(g):
                result[n] += f[m] * g[n - m]
    return result


def convolve(x: np.ndarray, w: np.ndarray, b: np.ndarray | float = 0.0) -> np.ndarray:
    """c_i = sum over j of w_j . x_(i+j) + b, for each of n - k + 1 positions i.

    This is what neural networks call a convolution: unlike in `discrete_convolution`, the kernel is not flipped.

    Args:
        x: float (n, dimensions), a text's vectors.
        w: float (k, dimensions, filters).
        b: float (filters,).

    Returns:
        float (n - k + 1, filters).
    """
    k = len(w)
    places = [np.einsum("jd,jdf->f", x[i : i + k], w) + b for i in range(len(x) - k + 1)]
    return np.array(places).reshape(-1, w.shape[2])


def convolve_image(x: np.ndarray, w: np.ndarray, b: np.ndarray | float = 0.0) -> np.ndarray:
    """Y[i, j] = sum over k1, k2 and c of X[i + k1, j + k2, c] W[k1, k2, c] + b.

    Args:
        x: float (rows, columns, channels).
        w: float (k1, k2, channels, filters).
        b: float (filters,).

    Returns:
        float (rows - k1 + 1, columns - k2 + 1, filters).
    """
    k1, k2 = w.shape[:2]
    rows, columns = x.shape[0] - k1 + 1, x.shape[1] - k2 + 1
    patches = [[x[i : i + k1, j : j + k2] for j in range(columns)] for i in range(rows)]
    return np.einsum("ijklc,klcf->ijf", np.array(patches), w) + b


def pad(x: np.ndarray, window: int) -> np.ndarray:
    """Adds zeros around the first axis so that a convolution keeps the length; if they are odd, one more at the end."""
    return np.pad(x, [((window - 1) // 2, window // 2), *[(0, 0)] * (x.ndim - 1)])


def max_pool(x: np.ndarray, pooling: int) -> np.ndarray:
    """The maximum of every `pooling` positions: float (n, filters) -> (n // pooling, filters)."""
    return _pieces(x, pooling).max(axis=1)


def average_pool(x: np.ndarray, pooling: int) -> np.ndarray:
    """The mean of every `pooling` positions: float (n, filters) -> (n // pooling, filters)."""
    return _pieces(x, pooling).mean(axis=1)


def _pieces(x: np.ndarray, size: int) -> np.ndarray:
    whole = len(x) // size
    return x[: whole * size].reshape(whole, size, *x.shape[1:])


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0)."""
    return np.maximum(x, 0)


def softmax(z: np.ndarray) -> np.ndarray:
    """exp(z_i) / sum over j of exp(z_j), over the last axis, less the maximum, so that exp does not overflow."""
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))


def cross_entropy(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Mean of -log of the true label's probability, in nats: float (texts, num_classes), int (texts,) -> float."""
    return float(-np.log(probabilities[np.arange(len(targets)), targets]).mean())


def binary_cross_entropy(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Mean of -(y log p + (1 - y) log(1 - p)): float (texts, num_classes), 0 or 1 of the same shape -> float."""
    return float(-(targets * np.log(probabilities) + (1 - targets) * np.log(1 - probabilities)).mean())
