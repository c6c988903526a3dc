"""What each window of tokens adds to each logit."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_textcnn.layers.names import DISTINCT_TOKENS, EMBEDDING_DROPOUT, LOGITS, SUM
from keras_textcnn.layers.ngram_logits import NgramLogits
from keras_textcnn.layers.pooled_conv1d import PooledConv1D
from keras_textcnn.layers.vector_mean_logits import VectorMeanLogits


@dataclasses.dataclass(frozen=True)
class WindowTrace:
    """What windows of tokens add to the logits.

    Attributes:
        windows: Tokens of each window.
        added: From ids, int32 (batch, tokens), to float32 (batch, len(windows), tokens, labels), by the first token of
            the window; the logits of a text are the sum over its windows plus the bias.
        bias: Returns float32 (num_classes,).
    """

    windows: list[int]
    added: Callable[[tf.Tensor], tf.Tensor]
    bias: Callable[[], tf.Tensor]


def trace_windows(model: keras.Model) -> WindowTrace | None:
    """What each window of tokens, each n-gram and each token's vector adds to each logit of a conv1d model.

    None if it has hidden layers, whose outputs are not sums over windows, and for every other model, including those of
    the user's own, which may do anything with such layers.
    """
    convolutions = [layer for layer in model.layers if isinstance(layer, PooledConv1D)]
    if model.name != "conv1d" or any(layer.name.startswith("hidden") for layer in model.layers):
        return None
    _, token_rows, text_spans = model.get_layer(DISTINCT_TOKENS).output
    looked_up = keras.Model(model.input, [model.get_layer(EMBEDDING_DROPOUT).input, token_rows, text_spans])
    logits = model.get_layer(LOGITS)
    linear = [layer for layer in model.layers if isinstance(layer, (NgramLogits, VectorMeanLogits))]

    def scales() -> list[tf.Tensor]:
        return tf.unstack(model.get_layer(SUM).scales.value) if linear else [tf.ones(())]

    def add(ids: tf.Tensor) -> tf.Tensor:
        vectors, token_rows, text_spans = looked_up(ids, training=False)
        kernels = tf.split(logits.kernel.value, len(convolutions))
        first, *others = scales()
        traced = []
        for layer, kernel in zip(convolutions, kernels, strict=True):
            added, begins = layer.trace(vectors, token_rows, text_spans, kernel)
            traced.append((first * added, begins))
        for scale, layer in zip(others, linear, strict=True):
            traced += [(scale * added, begins) for added, begins in layer.trace(ids)]
        shape = [*tf.unstack(tf.shape(ids)), model.output_shape[-1]]
        return tf.stack([tf.scatter_nd(begins, added, shape) for added, begins in traced], axis=1)

    def bias() -> tf.Tensor:
        layers = [logits, *linear]
        return tf.add_n([scale * layer.bias.value for scale, layer in zip(scales(), layers, strict=True)])

    windows = [layer.window for layer in convolutions]
    windows += [size for layer in linear for size in range(1, getattr(layer, "longest", 1) + 1)]
    return WindowTrace(windows, add, bias)
