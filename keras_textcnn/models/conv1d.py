"""Windows of words side by side: Kim (2014)."""

from collections.abc import Sequence

import keras
from keras import layers

from keras_textcnn.layers import TextMaxPooling, TokenEmbedding


def build_conv1d(
    *,
    vocabulary_size: int,
    labels: int,
    dimensions: int = 100,
    windows: Sequence[int] = (3, 4, 5),
    filters: int = 100,
    embedding_dropout: float = 0.0,
    dropout: float = 0.5,
) -> keras.Model:
    """The one-layer text CNN of Kim (2014), uncompiled; its prediction does not depend on the padding.

    Shapes:
        ids:      int32 (batch, tokens); 0 is padding, 1 is unknown
        embedded: float32 (batch, tokens, dimensions)
        features: float32 (batch, tokens, filters), for each window
        pooled:   float32 (batch, len(windows) * filters)
        logits:   float32 (batch, labels)

    Args:
        vocabulary_size: Rows of the embedding, padding and unknown included.
        labels: Outputs.
        dimensions: Columns of the embedding.
        windows: Tokens that each convolution sees.
        filters: Feature maps of each window.
        embedding_dropout: Fraction of the embedding's dimensions dropped in a text in training, in [0, 1).
        dropout: Fraction of the pooled features dropped in training, in [0, 1).

    Raises:
        ValueError: A size is not positive or a dropout is outside [0, 1).

    Differs from the paper: no max-norm on the output weights; dropout on the embedding too.
    Source: Kim (2014), https://arxiv.org/abs/1408.5882, section 2.
    """
    _check(vocabulary_size=vocabulary_size, labels=labels, dimensions=dimensions, filters=filters)
    _check(windows=min(windows, default=0))

    ids = keras.Input((None,), dtype="int32", name="ids")
    embedded = TokenEmbedding(vocabulary_size, dimensions, name="embedding")(ids)
    embedded = layers.SpatialDropout1D(embedding_dropout, name="embedding_dropout")(embedded)

    pooled = []
    for window in windows:
        padded = layers.ZeroPadding1D((0, window - 1), name=f"padding_{window}")(embedded)
        features = layers.Conv1D(filters, window, name=f"conv_{window}")(padded)
        pooled.append(TextMaxPooling(window, name=f"pooling_{window}")(features, ids))
    joined = layers.Concatenate(name="pooled")(pooled) if len(pooled) > 1 else pooled[0]
    # ReLU is monotone: after the maximum it gives what it gives before, for a fraction of the work.
    active = layers.ReLU(name="relu")(joined)

    dropped = layers.Dropout(dropout, name="dropout")(active)
    logits = layers.Dense(labels, name="logits")(dropped)
    return keras.Model(ids, logits, name="conv1d")


def _check(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}")
