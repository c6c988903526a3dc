"""CNNs over windows of words: parallel windows, as in Kim (2014), or stacked convolutions."""

from collections.abc import Sequence

import keras
from keras import layers

from keras_textcnn.layers.embedding import TokenEmbedding
from keras_textcnn.layers.names import (
    DISTINCT_TOKENS,
    EMBEDDING,
    EMBEDDING_DROPOUT,
    NGRAMS,
    STATIC_EMBEDDING,
    SUM,
    VECTOR_MEAN,
)
from keras_textcnn.layers.ngram_logits import NgramLogits
from keras_textcnn.layers.pooled_conv1d import DistinctTokens, PooledConv1D
from keras_textcnn.layers.scaled_sum import ScaledSum
from keras_textcnn.layers.vector_mean_logits import VectorMeanLogits
from keras_textcnn.models.heads import check_fractions, check_length, check_sizes, classify, shortest_text
from keras_textcnn.presets import POOLINGS


def build_conv1d(
    vocabulary_size: int,
    num_classes: int,
    *,
    dimensions: int = 100,
    windows: Sequence[int] = (3, 4, 5),
    filters: int = 100,
    poolings: Sequence[str] = ("max",),
    hidden: Sequence[int] = (),
    multichannel: bool = False,
    embedding_dropout: float = 0.0,
    dropout: float = 0.5,
    max_norm: float | None = None,
    ngrams: int = 0,
    ngram_buckets: int = 2**18,
    ngram_words: int | None = None,
    ngram_svm: bool = False,
    vector_mean: bool = False,
) -> keras.Model:
    """The one-layer text CNN of Kim (2014), uncompiled; padding does not change its predictions.

    Shapes:
        ids:      int32 (batch, tokens); 0 is padding, 1 is unknown
        rows:     int32 (rows,), the distinct ids of the batch
        embedded: float32 (rows, dimensions), twice as wide if multichannel
        pooled:   float32 (batch, len(windows) * len(poolings) * filters)
        logits:   float32 (batch, num_classes)

    Args:
        vocabulary_size: Rows of the embedding, including padding and unknown.
        num_classes: Outputs.
        dimensions: Columns of the embedding.
        windows: Tokens that each convolution sees.
        filters: Feature maps of each window.
        poolings: "max", "average" or both, over the windows of the text.
        hidden: Units of hidden layers between the pooled features and the logits.
        multichannel: Whether there is a second, static copy of the embedding, which keeps the vectors as loaded.
        embedding_dropout: Fraction of a vector dropped in training, in [0, 1); the same dimensions wherever its token
            occurs in a batch.
        dropout: Fraction of the pooled features, and of each hidden layer, dropped in training, in [0, 1).
        max_norm: The maximum norm of a label's weights (Kim: 3); None: no limit.
        ngrams: Tokens in the longest n-grams of a linear model whose logits are added (`NgramLogits`); 0: none.
        ngram_buckets: Rows that the n-grams of two or more tokens share.
        ngram_words: Ids below this number have a row of their own in that model, others have none; None: all have one.
        ngram_svm: Whether the n-grams have weights, for `linear_models.solve_ngrams`.
        vector_mean: Whether the logits of a linear model of the mean vector are added (`VectorMeanLogits`).

    Raises:
        ValueError: A size is not positive, a dropout is outside [0, 1), windows repeat or a pooling is unknown.

    Differs from the paper: dropout on the embedding as well; separate filter weights for each channel; the added linear
    models.
    Source: Kim (2014), https://arxiv.org/abs/1408.5882, section 2.
    """
    check_sizes(vocabulary_size=vocabulary_size, num_classes=num_classes, dimensions=dimensions, filters=filters)
    check_fractions(embedding_dropout=embedding_dropout, dropout=dropout)
    check_sizes(windows=min(windows, default=0), hidden=min(hidden, default=1))
    check_sizes(ngrams=ngrams or 1, ngram_buckets=ngram_buckets, ngram_words=ngram_words or 1)
    if not poolings or not set(poolings) <= set(POOLINGS):
        raise ValueError(f"`poolings` must be chosen from {', '.join(POOLINGS)}. Received: poolings={tuple(poolings)}")

    ids = keras.Input((None,), dtype="int32", name="ids")
    rows, token_rows, text_spans = DistinctTokens(max(windows) - 1, name=DISTINCT_TOKENS)(ids)
    embedded = TokenEmbedding(vocabulary_size, dimensions, name=EMBEDDING)(rows)
    if multichannel:
        static = TokenEmbedding(vocabulary_size, dimensions, trainable=False, name=STATIC_EMBEDDING)(rows)
        embedded = layers.Concatenate(name="channels")([static, embedded])
    embedded = layers.Dropout(embedding_dropout, name=EMBEDDING_DROPOUT)(embedded)

    convolutions = [PooledConv1D(filters, window, poolings, name=f"conv_{window}") for window in windows]
    pooled = [convolve(embedded, token_rows, text_spans) for convolve in convolutions]
    joined = layers.Concatenate(name="pooled")(pooled) if len(pooled) > 1 else pooled[0]

    dropped = layers.Dropout(dropout, name="dropout")(joined)
    logits = classify(dropped, num_classes=num_classes, hidden=hidden, dropout=dropout, max_norm=max_norm)
    parts = [logits]
    if ngrams:
        words = min(vocabulary_size, ngram_words or vocabulary_size)
        linear = NgramLogits(words, num_classes, longest=ngrams, buckets=ngram_buckets, weighted=ngram_svm, name=NGRAMS)
        parts.append(linear(ids))
    if vector_mean:
        parts.append(VectorMeanLogits(vocabulary_size, num_classes, name=VECTOR_MEAN)(ids))
    return keras.Model(ids, ScaledSum(name=SUM)(parts) if len(parts) > 1 else logits, name="conv1d")


def shortest_stack(windows: Sequence[int], pooling: int) -> int:
    """The fewest tokens that the layers of `build_conv1d_stack` can take."""
    return shortest_text(windows, [*[pooling] * (len(windows) - 1), 1])


def build_conv1d_stack(
    vocabulary_size: int,
    num_classes: int,
    *,
    tokens: int,
    dimensions: int = 100,
    windows: Sequence[int] = (5, 5),
    filters: int = 128,
    pooling: int = 5,
    hidden: Sequence[int] = (128,),
    embedding_dropout: float = 0.0,
    dropout: float = 0.5,
) -> keras.Model:
    """Stacked convolutions with poolings between them, as in the GloVe tutorial, uncompiled.

    Shapes:
        ids:      int32 (batch, tokens); 0 is padding, 1 is unknown
        embedded: float32 (batch, tokens, dimensions)
        features: float32 (batch, positions, filters); a convolution leaves n - window + 1 of n positions, a pooling
                  divides them by `pooling`
        pooled:   float32 (batch, filters), the maximum over the last convolution's positions
        logits:   float32 (batch, num_classes)

    Args:
        vocabulary_size: Rows of the embedding, including padding and unknown.
        num_classes: Outputs.
        tokens: The length that all texts are padded or cut to.
        dimensions: Columns of the embedding.
        windows: Positions that each convolution sees; for the first one, these are tokens.
        filters: Feature maps of each convolution.
        pooling: Positions over which the maximum is taken between two convolutions.
        hidden: Units of hidden layers.
        embedding_dropout: Fraction of the embedding's dimensions dropped for a whole text in training, in [0, 1).
        dropout: Fraction of the pooled features, and of each hidden layer, dropped in training, in [0, 1).

    Raises:
        ValueError: A size is not positive, a dropout is outside [0, 1), or `tokens` is too small for the layers.

    Differs from the tutorial: dropout; padding with zeros on the right.
    Source: the GloVe tutorial, section 4.2; F. Chollet, "Using pre-trained word embeddings in a Keras model" (2016).
    """
    check_sizes(vocabulary_size=vocabulary_size, num_classes=num_classes, dimensions=dimensions, filters=filters)
    check_fractions(embedding_dropout=embedding_dropout, dropout=dropout)
    check_sizes(windows=min(windows, default=0), pooling=pooling, hidden=min(hidden, default=1))
    check_length(tokens, shortest_stack(windows, pooling))

    ids = keras.Input((tokens,), dtype="int32", name="ids")
    embedded = TokenEmbedding(vocabulary_size, dimensions, name=EMBEDDING)(ids)
    features = layers.SpatialDropout1D(embedding_dropout, name=EMBEDDING_DROPOUT)(embedded)

    for number, window in enumerate(windows, 1):
        if number > 1:
            features = layers.MaxPooling1D(pooling, name=f"pooling_{number - 1}")(features)
        features = layers.Conv1D(filters, window, activation="relu", name=f"conv_{number}")(features)
    pooled = layers.GlobalMaxPooling1D(name="pooled")(features)

    dropped = layers.Dropout(dropout, name="dropout")(pooled)
    logits = classify(dropped, num_classes=num_classes, hidden=hidden, dropout=dropout)
    return keras.Model(ids, logits, name="conv1d-stack")
