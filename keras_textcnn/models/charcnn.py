"""Character CNNs: the networks of Zhang, Zhao and LeCun (2015), and a small one for a laptop."""

from collections.abc import Sequence
from typing import Literal

import keras
from keras import layers, ops

from keras_textcnn.layers.embedding import OneHotEmbedding, TokenEmbedding
from keras_textcnn.layers.masking import TextMask
from keras_textcnn.layers.names import EMBEDDING, EMBEDDING_DROPOUT
from keras_textcnn.layers.pooling import TextAveragePooling, TextMaxPooling
from keras_textcnn.models.heads import check_fractions, check_length, check_sizes, classify, shortest_text

# Table 1 of the paper: six convolutions and the pooling after each. Tables 1 and 2 and section 2.3: the two sizes.
ZHANG_WINDOWS, ZHANG_POOLINGS = (7, 7, 3, 3, 3, 3), (3, 3, 1, 1, 1, 3)
ZHANG_SIZES = {"small": (256, 1024, 0.05), "large": (1024, 2048, 0.02)}  # filters, units, deviation of the weights


def build_charcnn(
    vocabulary_size: int,
    num_classes: int,
    *,
    dimensions: int = 16,
    windows: Sequence[int] = (7, 5),
    filters: int = 128,
    pooling: int = 3,
    embedding: Literal["learned", "one-hot"] = "learned",
    embedding_dropout: float = 0.0,
    dropout: float = 0.5,
) -> keras.Model:
    """A character CNN of few, wide convolutions, uncompiled; padding does not change its predictions.

    Shapes:
        ids:      int32 (batch, tokens), characters; 0 is padding, 1 is unknown
        embedded: float32 (batch, tokens, dimensions); one-hot: as wide as the alphabet
        features: float32 (batch, positions, filters); each pooling divides the positions by `pooling`
        pooled:   float32 (batch, 2 * filters), maximum and mean over the text's positions
        logits:   float32 (batch, num_classes)

    Args:
        vocabulary_size: Characters, including padding and unknown.
        num_classes: Outputs.
        dimensions: Columns of the embedding; one-hot vectors are as wide as the alphabet.
        windows: Positions that each convolution sees; for the first one, these are characters.
        filters: Feature maps of each convolution.
        pooling: Positions over which the maximum is taken between two convolutions.
        embedding: How characters are embedded, learned or one-hot.
        embedding_dropout: Fraction of the embedding's dimensions dropped for a whole text in training, in [0, 1).
        dropout: Fraction of the pooled features dropped in training, in [0, 1).

    Raises:
        ValueError: A size is not positive or a dropout is outside [0, 1).

    Source: after Zhang, Zhao and LeCun (2015), https://arxiv.org/abs/1509.01626, with a third of the layers.
    """
    check_sizes(vocabulary_size=vocabulary_size, num_classes=num_classes, dimensions=dimensions, filters=filters)
    check_fractions(embedding_dropout=embedding_dropout, dropout=dropout)
    check_sizes(windows=min(windows, default=0), pooling=pooling)

    ids = places = keras.Input((None,), dtype="int32", name="ids")
    embedded = _embed(ids, vocabulary_size, dimensions, embedding)
    features = layers.SpatialDropout1D(embedding_dropout, name=EMBEDDING_DROPOUT)(embedded)

    for number, window in enumerate(windows, 1):
        if number > 1:
            padded = layers.ZeroPadding1D((0, pooling - 1), name=f"padding_{number}")(features)  # keeps the remainder
            features = layers.MaxPooling1D(pooling, name=f"pooling_{number - 1}")(padded)
            places = places[:, ::pooling]  # 0 where only padding is left
            normalize = layers.BatchNormalization(momentum=0.9, name=f"normalization_{number - 1}")
            features = normalize(features, mask=ops.not_equal(places, 0))
            features = TextMask(name=f"normalized_text_{number - 1}")(features, places)
        features = layers.Conv1D(filters, window, padding="same", activation="relu", name=f"conv_{number}")(features)
        features = TextMask(name=f"text_{number}")(features, places)
    maximum = TextMaxPooling(1, name="max_pooling")(features, places)
    mean = TextAveragePooling(1, name="average_pooling")(features, places)
    pooled = layers.Concatenate(name="pooled")([maximum, mean])

    dropped = layers.Dropout(dropout, name="dropout")(pooled)
    return keras.Model(ids, classify(dropped, num_classes=num_classes), name="charcnn")


def shortest_zhang(*_: object) -> int:
    """The fewest characters that the layers of `build_charcnn_zhang`, whose sizes are fixed, can take."""
    return shortest_text(ZHANG_WINDOWS, ZHANG_POOLINGS)


def build_charcnn_zhang(
    vocabulary_size: int,
    num_classes: int,
    *,
    tokens: int = 1014,
    size: Literal["small", "large"] = "small",
    dimensions: int = 16,
    embedding: Literal["learned", "one-hot"] = "one-hot",
    dropout: float = 0.5,
) -> keras.Model:
    """The character CNN of Zhang, Zhao and LeCun (2015), uncompiled: six convolutions and three dense layers.

    Shapes:
        ids:       int32 (batch, tokens), characters; 0 is padding, 1 is unknown
        embedded:  float32 (batch, tokens, vocabulary_size - 2), one-hot; or (batch, tokens, dimensions), learned
        features:  float32 (batch, positions, filters): 1,014 characters become 1,008 / 336, 330 / 110, 108, 106, 104
                   and 102 / 34 positions
        flattened: float32 (batch, positions * filters): 34 * 256 in the small model, 34 * 1,024 in the large one
        logits:    float32 (batch, num_classes)

    Args:
        vocabulary_size: Characters, including padding and unknown; 69 + 2 with the paper's alphabet.
        num_classes: Outputs.
        tokens: The length in characters that all texts are padded or cut to.
        size: small: 256 filters, 1,024 units, weights from N(0, 0.05); large: 1,024, 2,048 and N(0, 0.02).
        dimensions: Columns of the learned embedding.
        embedding: How characters are embedded, one-hot as in the paper, or learned.
        dropout: Fraction of each hidden layer dropped in training, in [0, 1).

    Raises:
        ValueError: A size is not positive, `size` or `embedding` is unknown, the dropout is outside [0, 1), or `tokens`
            is too small for the layers.

    Differs from the paper: characters are in the order of the text, not reversed.
    Source: Zhang, Zhao and LeCun (2015), https://arxiv.org/abs/1509.01626, sections 2.2 and 2.3.
    """
    check_sizes(vocabulary_size=vocabulary_size, num_classes=num_classes, dimensions=dimensions)
    check_fractions(dropout=dropout)
    if size not in ZHANG_SIZES:
        raise ValueError(f"`size` must be one of {', '.join(ZHANG_SIZES)}. Received: size={size}")
    check_length(tokens, shortest_zhang())
    filters, units, deviation = ZHANG_SIZES[size]

    def initializer() -> keras.initializers.Initializer:
        return keras.initializers.RandomNormal(0.0, deviation)  # one per layer, or all draw the same numbers

    ids = keras.Input((tokens,), dtype="int32", name="ids")
    features = _embed(ids, vocabulary_size, dimensions, embedding)

    for number, (window, pooling) in enumerate(zip(ZHANG_WINDOWS, ZHANG_POOLINGS, strict=True), 1):
        conv = layers.Conv1D(
            filters, window, activation="relu", kernel_initializer=initializer(), name=f"conv_{number}"
        )
        features = conv(features)
        if pooling > 1:
            features = layers.MaxPooling1D(pooling, name=f"pooling_{number}")(features)
    flattened = layers.Flatten(name="flattened")(features)

    logits = classify(
        flattened, num_classes=num_classes, hidden=(units, units), dropout=dropout, initializer=initializer
    )
    return keras.Model(ids, logits, name=f"charcnn-zhang-{size}")


def _embed(ids: keras.KerasTensor, vocabulary_size: int, dimensions: int, embedding: str) -> keras.KerasTensor:
    if embedding == "one-hot":
        if vocabulary_size < 3:
            raise ValueError(f"`vocabulary_size` must be at least 3. Received: vocabulary_size={vocabulary_size}")
        return OneHotEmbedding(vocabulary_size, name=EMBEDDING)(ids)
    if embedding == "learned":
        return TokenEmbedding(vocabulary_size, dimensions, name=EMBEDDING)(ids)
    raise ValueError(f"`embedding` must be learned or one-hot. Received: embedding={embedding}")
