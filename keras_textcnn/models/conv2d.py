"""CNNs that read the text as an image: tokens down, the embedding's dimensions across, one channel."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from keras_textcnn.layers.embedding import TokenEmbedding
from keras_textcnn.layers.masking import TextMask
from keras_textcnn.layers.names import EMBEDDING, EMBEDDING_DROPOUT
from keras_textcnn.layers.pooling import TextMaxPooling
from keras_textcnn.models.heads import check_fractions, check_length, check_sizes, classify

SCALE = 0.03  # for 80,000 features: a step of Adam at 3e-4 then moves a hidden unit by less than 1


def shortest_image(windows: Sequence[int], pooling: int) -> int:
    """The fewest tokens, and the fewest dimensions, that the layers of `build_conv2d` can take."""
    return pooling ** len(windows)


def build_conv2d(
    vocabulary_size: int,
    num_classes: int,
    *,
    tokens: int,
    dimensions: int = 100,
    windows: Sequence[int] = (3,),
    filters: int = 64,
    pooling: int = 2,
    hidden: Sequence[int] = (64,),
    embedding_dropout: float = 0.0,
    dropout: float = 0.5,
) -> keras.Model:
    """The Conv2D tutorial's model, uncompiled: square filters, square poolings, flattened features.

    In the tutorial's form, its accuracy stays at chance. There are tens of thousands of flattened features, none of
    them negative, and those of padding are all alike, so one step of Adam moves a hidden unit further than its ReLU can
    recover from. Therefore each feature map is normalized over the places of the texts, set to zero at padding, and
    scaled down.

    Shapes:
        ids:       int32 (batch, tokens); 0 is padding, 1 is unknown
        image:     float32 (batch, tokens, dimensions, 1)
        features:  float32 (batch, rows, columns, filters); each pooling divides rows and columns by `pooling`
        flattened: float32 (batch, rows * columns * filters)
        logits:    float32 (batch, num_classes)

    Args:
        vocabulary_size: Rows of the embedding, including padding and unknown.
        num_classes: Outputs.
        tokens: The length that all texts are padded or cut to.
        dimensions: Columns of the embedding.
        windows: Side of each convolution's square, in tokens and dimensions; convolutions keep the image's size.
        filters: Feature maps of each convolution.
        pooling: Side of the square over which the maximum is taken after each convolution.
        hidden: Units of hidden layers.
        embedding_dropout: Fraction of the embedding's dimensions dropped for a whole text in training, in [0, 1).
        dropout: Fraction of the flattened features, and of each hidden layer, dropped in training, in [0, 1).

    Raises:
        ValueError: A size is not positive, a dropout is outside [0, 1), or `tokens` or `dimensions` is too small for
            the poolings.

    Differs from the tutorial: the image has one channel, where the tutorial feeds ragged arrays; normalization and
    scaling; dropout; logits instead of a softmax.
    Source: the Conv2D tutorial, section 5.2.
    """
    check_sizes(vocabulary_size=vocabulary_size, num_classes=num_classes, dimensions=dimensions, filters=filters)
    check_fractions(embedding_dropout=embedding_dropout, dropout=dropout)
    check_sizes(windows=min(windows, default=0), pooling=pooling, hidden=min(hidden, default=1))
    shortest = shortest_image(windows, pooling)
    check_length(tokens, shortest)
    if dimensions < shortest:
        raise ValueError(
            f"`dimensions` must be at least {shortest} for these layers. Received: dimensions={dimensions}"
        )

    ids = places = keras.Input((tokens,), dtype="int32", name="ids")
    embedded = TokenEmbedding(vocabulary_size, dimensions, name=EMBEDDING)(ids)
    embedded = layers.SpatialDropout1D(embedding_dropout, name=EMBEDDING_DROPOUT)(embedded)
    features = layers.Reshape((tokens, dimensions, 1), name="image")(embedded)

    for number, window in enumerate(windows, 1):
        features = layers.Conv2D(filters, window, padding="same", activation="relu", name=f"conv_{number}")(features)
        features = layers.MaxPooling2D(pooling, name=f"pooling_{number}")(features)
        places = places[:, : features.shape[1] * pooling : pooling]  # 0 where only padding is left
        # Repeated for each column: Keras 3.15 expects a mask of (batch, rows, columns) and counts its entries.
        inside = ops.repeat(ops.not_equal(places, 0)[:, :, None], features.shape[2], axis=2)
        normalize = layers.BatchNormalization(momentum=0.9, name=f"normalization_{number}")
        features = normalize(features, mask=inside)
        features = TextMask(name=f"text_{number}")(features, places)
    flattened = layers.Flatten(name="flattened")(features)
    small = layers.Rescaling(SCALE, name="scaled")(flattened)

    dropped = layers.Dropout(dropout, name="dropout")(small)
    logits = classify(dropped, num_classes=num_classes, hidden=hidden, dropout=dropout)
    return keras.Model(ids, logits, name="conv2d")


def build_conv2d_windows(
    vocabulary_size: int,
    num_classes: int,
    *,
    dimensions: int = 100,
    windows: Sequence[int] = (3, 4, 5),
    filters: int = 100,
    embedding_dropout: float = 0.0,
    dropout: float = 0.5,
) -> keras.Model:
    """Filters as wide as the image, uncompiled: the same function as `build_conv1d`, written with Conv2D.

    A filter of (window, dimensions) fits in one place across and in `tokens - window + 1` places down, so it is a
    one-dimensional convolution. The two models have weights with the same names and sizes, and give the same logits.

    Shapes:
        ids:      int32 (batch, tokens); 0 is padding, 1 is unknown
        image:    float32 (batch, tokens, dimensions, 1)
        features: float32 (batch, tokens, 1, filters), for each window
        pooled:   float32 (batch, len(windows) * filters)
        logits:   float32 (batch, num_classes)

    Args:
        vocabulary_size: Rows of the embedding, including padding and unknown.
        num_classes: Outputs.
        dimensions: Columns of the embedding.
        windows: Tokens that each convolution sees.
        filters: Feature maps of each window.
        embedding_dropout: Fraction of the embedding's dimensions dropped for a whole text in training, in [0, 1).
        dropout: Fraction of the pooled features dropped in training, in [0, 1).

    Raises:
        ValueError: A size is not positive or a dropout is outside [0, 1).

    Source: Zhang and Wallace (2015), https://arxiv.org/abs/1510.03820, figure 1.
    """
    check_sizes(vocabulary_size=vocabulary_size, num_classes=num_classes, dimensions=dimensions, filters=filters)
    check_fractions(embedding_dropout=embedding_dropout, dropout=dropout)
    check_sizes(windows=min(windows, default=0))

    ids = keras.Input((None,), dtype="int32", name="ids")
    embedded = TokenEmbedding(vocabulary_size, dimensions, name=EMBEDDING)(ids)
    embedded = layers.SpatialDropout1D(embedding_dropout, name=EMBEDDING_DROPOUT)(embedded)
    image = layers.Reshape((-1, dimensions, 1), name="image")(embedded)

    pooled = []
    for window in windows:
        padded = layers.ZeroPadding2D(((0, window - 1), (0, 0)), name=f"padding_{window}")(image)
        features = layers.Conv2D(filters, (window, dimensions), name=f"conv_{window}")(padded)
        column = layers.Reshape((-1, filters), name=f"column_{window}")(features)
        pooled.append(TextMaxPooling(window, name=f"pooling_{window}")(column, ids))
    joined = layers.Concatenate(name="pooled")(pooled) if len(pooled) > 1 else pooled[0]
    active = layers.ReLU(name="relu")(joined)

    dropped = layers.Dropout(dropout, name="dropout")(active)
    return keras.Model(ids, classify(dropped, num_classes=num_classes), name="conv2d-windows")
