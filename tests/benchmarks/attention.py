"""A text classifier of one's own for `--builder`: the mean of a text's vectors, weighted by attention."""

import keras
from keras import layers, ops


def build(vocabulary_size: int, num_classes: int, dimensions: int = 100, dropout: float = 0.5) -> keras.Model:
    ids = keras.Input((None,), dtype="int32")
    vectors = layers.Embedding(vocabulary_size, dimensions, name="embedding")(ids)  # (batch, tokens, dimensions)
    scores = layers.Dense(1)(layers.Dense(dimensions, "tanh")(vectors))  # (batch, tokens, 1)
    weights = layers.Softmax(axis=1)(scores, mask=ops.not_equal(ids, 0)[:, :, None])  # id 0 is padding
    text = ops.sum(weights * vectors, axis=1)  # (batch, dimensions)
    return keras.Model(ids, layers.Dense(num_classes)(layers.Dropout(dropout)(text)))
