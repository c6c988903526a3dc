"""Describes a Keras model for `model.textcnn`: what `WindowNetwork` or `ChainNetwork` needs, and its arrays."""

from typing import Any

import keras
import numpy as np
from keras import layers

from keras_textcnn.errors import InputError
from keras_textcnn.layers.embedding import OneHotEmbedding, TokenEmbedding
from keras_textcnn.layers.masking import TextMask
from keras_textcnn.layers.names import EMBEDDING, LOGITS, NGRAMS, STATIC_EMBEDDING, SUM, VECTOR_MEAN
from keras_textcnn.layers.ngram_logits import NgramLogits
from keras_textcnn.layers.pooled_conv1d import DistinctTokens, PooledConv1D
from keras_textcnn.layers.pooling import TextAveragePooling, TextMaxPooling
from keras_textcnn.layers.scaled_sum import ScaledSum
from keras_textcnn.layers.vector_mean_logits import VectorMeanLogits

Described = tuple[dict[str, Any], dict[str, np.ndarray]]

# Layers that do nothing in a prediction, only change a shape, or set to zero what is never computed here.
SILENT = (layers.InputLayer, layers.Dropout, layers.SpatialDropout1D, layers.Reshape, layers.Concatenate, TextMask)


def describe_network(model: keras.Model) -> Described:
    """The network of a model from one of this package's builders, and its arrays by name.

    Raises:
        InputError: It is another model.
    """
    if model.name == "conv1d":
        return _describe_windows(model)
    if model.name == "conv2d-windows":
        return _describe_images(model)
    return _describe_chain(model)


def _unknown(model: keras.Model, layer: keras.Layer) -> InputError:
    return InputError(f"{model.name} has a {type(layer).__name__}, which needs TensorFlow; use export_saved_model")


def _describe_windows(model: keras.Model) -> Described:
    known = (*SILENT, DistinctTokens, TokenEmbedding, PooledConv1D, layers.Dense, NgramLogits, VectorMeanLogits)
    _check(model, (*known, ScaledSum))
    convolutions = [layer for layer in model.layers if isinstance(layer, PooledConv1D)]
    vectors = [_array(layer.embeddings) for layer in model.layers if isinstance(layer, TokenEmbedding)]
    if any(layer.name == STATIC_EMBEDDING for layer in model.layers):
        vectors = [_array(model.get_layer(name).embeddings) for name in (STATIC_EMBEDDING, EMBEDDING)]
    arrays = {"embedding": np.concatenate(vectors, axis=1)}
    for layer in convolutions:
        arrays |= _named(f"conv_{layer.window}", kernel=layer.kernel, bias=layer.bias)
    hidden = _add_dense(model, arrays)
    linear = {layer.name: layer for layer in model.layers if layer.name in (NGRAMS, VECTOR_MEAN)}
    ngrams = linear.get(NGRAMS)
    for name, layer in linear.items():
        arrays |= _named(name, embeddings=layer.embeddings, bias=layer.bias)
    if ngrams is not None:
        hashed = {"hashed": ngrams.hashed} if ngrams.longest > 1 else {}
        weights = zip(("weights", "hashed_weights"), ngrams.row_weights, strict=False) if ngrams.weighted else ()
        arrays |= _named(NGRAMS, **hashed, **dict(weights))
    if VECTOR_MEAN in linear:
        arrays |= _named(VECTOR_MEAN, known=linear[VECTOR_MEAN].known)
    if linear:
        arrays["scales"] = _array(model.get_layer(SUM).scales)
    spec = {
        "windows": [layer.window for layer in convolutions],
        "poolings": list(convolutions[0].poolings),
        "hidden": hidden,
        "ngrams": ngrams.longest if ngrams is not None else 0,
        "weighted": bool(ngrams is not None and ngrams.weighted),
        "vector_mean": VECTOR_MEAN in linear,
    }
    return spec, _without_padding(arrays)


def _describe_images(model: keras.Model) -> Described:
    """conv2d-windows: kernels as wide as the image are those of conv1d."""
    _check(
        model,
        (*SILENT, TokenEmbedding, layers.ZeroPadding2D, layers.Conv2D, TextMaxPooling, layers.ReLU, layers.Dense),
    )
    arrays = {"embedding": _array(model.get_layer(EMBEDDING).embeddings)}
    windows = []
    for layer in (layer for layer in model.layers if isinstance(layer, layers.Conv2D)):
        windows.append(int(layer.kernel_size[0]))
        arrays |= _named(f"conv_{windows[-1]}", bias=layer.bias)
        arrays[f"conv_{windows[-1]}.kernel"] = _array(layer.kernel)[:, :, 0]
    hidden = _add_dense(model, arrays)
    spec = {"windows": windows, "poolings": ["max"], "hidden": hidden}
    return {**spec, "ngrams": 0, "weighted": False, "vector_mean": False}, _without_padding(arrays)


def _describe_chain(model: keras.Model) -> Described:
    arrays: dict[str, np.ndarray] = {}
    described: list[dict[str, Any]] = []
    one_hot, rest, factor = False, False, 1.0
    for layer in model.layers:
        match layer:
            case TokenEmbedding():
                arrays["embedding"] = _array(layer.embeddings)
            case OneHotEmbedding():
                one_hot = True
            case layers.Conv1D():
                arrays |= _named(layer.name, kernel=layer.kernel, bias=layer.bias)
                kind = {"kind": "convolution"} if described else {"kind": "embedded_convolution", "one_hot": one_hot}
                described.append({**kind, "name": layer.name, "padding": layer.padding})
            case layers.Conv2D():
                arrays |= _named(layer.name, kernel=layer.kernel, bias=layer.bias)
                described += [] if described else [{"kind": "embedding"}]
                described.append({"kind": "square_convolution", "name": layer.name})
            case layers.ZeroPadding1D():
                rest = True
            case layers.MaxPooling1D() | layers.MaxPooling2D():
                square = isinstance(layer, layers.MaxPooling2D)
                size = int(layer.pool_size[0])
                described.append({"kind": "pooling", "size": size, "rest": rest, "square": square})
            case layers.BatchNormalization():
                scale = _array(layer.gamma) / np.sqrt(_array(layer.moving_variance) + np.float32(layer.epsilon))
                arrays[f"{layer.name}.scale"] = scale
                arrays[f"{layer.name}.shift"] = _array(layer.beta) - _array(layer.moving_mean) * scale
                described.append({"kind": "normalization", "name": layer.name})
            case layers.Flatten():
                described.append({"kind": "flattening"})
            case layers.Rescaling():
                factor = float(layer.scale)
            case layers.GlobalMaxPooling1D() | TextMaxPooling():
                described.append({"kind": "last_pooling", "mean": isinstance(layer, TextMaxPooling)})
            case TextAveragePooling() | layers.Dense():
                pass
            case _ if not isinstance(layer, SILENT):
                raise _unknown(model, layer)
    described = [one | ({"factor": factor} if one["kind"] == "flattening" else {}) for one in described]
    return {"layers": described, "hidden": _add_dense(model, arrays)}, _without_padding(arrays)


def _check(model: keras.Model, known: tuple[type, ...]) -> None:
    for layer in model.layers:
        if not isinstance(layer, known):
            raise _unknown(model, layer)


def _add_dense(model: keras.Model, arrays: dict[str, np.ndarray]) -> int:
    """Adds the weights of the hidden layers and the logits, and returns the number of hidden layers."""
    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    for layer in dense:
        arrays |= _named(layer.name, kernel=layer.kernel, bias=layer.bias)
    hidden = [layer.name for layer in dense if layer.name != LOGITS]
    if hidden != [f"hidden_{number}" for number in range(1, len(hidden) + 1)]:
        raise _unknown(model, dense[0])
    return len(hidden)


def _named(layer: str, **weights: Any) -> dict[str, np.ndarray]:
    return {f"{layer}.{name}": _array(weight) for name, weight in weights.items()}


def _array(weight: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(weight), np.float32)


def _without_padding(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays, with zeros for the vector of padding, which the layer multiplies by zero."""
    if "embedding" in arrays:
        arrays["embedding"] = arrays["embedding"].copy()
        arrays["embedding"][0] = 0
    return arrays
