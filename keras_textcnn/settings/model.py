"""Settings of the model: its layers and their sizes."""

import argparse
import dataclasses

from keras_textcnn.presets import FEW_TEXTS, MODELS, NO_VECTORS, ONE_HOT, POOLINGS
from keras_textcnn.settings.fields import (
    DROPOUT,
    POSITIVE_NUMBER,
    SIZES,
    SIZES_OR_NONE,
    Range,
    at_least,
    model_option,
    option,
)
from keras_textcnn.settings.spaces import Choice, Interval

MOST_USED = "conv1d, conv2d, charcnn"  # models that the short help names
MOST_NGRAMS = 5  # tokens in an n-gram; longer ones rarely occur in two texts
POOLING_NAMES = Range(
    lambda names: bool(names) and set(names) <= {*POOLINGS} and len(set(names)) == len(names),
    f"{', '.join(POOLINGS)} or {','.join(POOLINGS)}",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """The layers of the model and their sizes."""

    model: str = option("conv1d", "architecture", brief=f"{MOST_USED} ... (default: conv1d)", choices=tuple(MODELS))
    windows: tuple[int, ...] | None = model_option(
        "windows",
        "tokens that each convolution sees, separated by commas: in parallel in conv1d and conv2d-windows, stacked in "
        "the others",
        allowed=SIZES,
        search=(
            Choice(((1, 2, 3), (2, 3, 4), (3, 4, 5), (1, 2, 3, 4), (1, 3, 5)), models=("conv1d", "conv2d-windows")),
            Choice(((5, 5), (3, 3), (7, 5), (5, 5, 5)), models=("conv1d-stack",)),
            Choice(((3,), (5,), (3, 3)), models=("conv2d",)),
            Choice(((7, 5), (5, 3), (7, 7), (7, 5, 3)), models=("charcnn",)),
        ),
        metavar="N,N,...",
    )
    filters: int | None = model_option(
        "filters",
        "feature maps of each convolution",
        allowed=at_least(1),
        search=(Interval(4, 32, scale="log", models=("conv2d",)), Interval(50, 300, scale="log")),
        metavar="N",
    )
    poolings: tuple[str, ...] | None = model_option(
        "poolings",
        f"pooling over the windows of a text: {POOLING_NAMES.rule}",
        allowed=POOLING_NAMES,
        search=(Choice((("max",), ("max", "average"))),),
        metavar="NAME,...",
    )
    pooling: int | None = model_option(
        "pooling",
        "positions that a pooling between layers reduces to one",
        allowed=at_least(1),
        search=(Interval(2, 5),),
        metavar="N",
    )
    hidden: tuple[int, ...] | None = model_option(
        "hidden",
        "units of hidden layers before the logits, separated by commas, or none",
        allowed=SIZES_OR_NONE,
        search=(Choice(((), (100,)), models=("conv1d",)), Choice(((64,), (128,), (256,)))),
        metavar="N,N,...",
    )
    multichannel: bool | None = option(None, "conv1d: add a second copy of the vectors, which is never trained")
    ngrams: int | None = model_option(
        "ngrams",
        "train a linear model of n-grams of up to this many tokens in addition to the convolution, and add its logits; "
        "0: none",
        allowed=at_least(0, most=MOST_NGRAMS),
        search=(Interval(1, 3),),
        metavar="N",
    )
    ngram_buckets: int | None = option(
        None,
        "rows that n-grams of two or more tokens share, by a hash (default: a power of two, at least 8 for each "
        "distinct n-gram of the training texts, at most 2**18, and at most 2**25 numbers over all labels)",
        unless=({"ngrams": 0}, {"ngrams": 1}),
        allowed=at_least(1),
        metavar="N",
    )
    ngram_words: int | None = option(
        None,
        "number of most frequent tokens that have a row of their own besides these; rarer ones have none (default: "
        "all, but at most 2**24 numbers over all labels)",
        unless=({"ngrams": 0},),
        allowed=at_least(1),
        metavar="N",
    )
    ngram_svm: bool | None = option(
        None,
        "make the linear model of n-grams a support vector machine on TF-IDF, solved without epochs, with the n-grams "
        f"of all texts in memory (default: below {FEW_TEXTS:,} training texts)",
        unless=({"ngrams": 0},),
        action=argparse.BooleanOptionalAction,
    )
    vector_mean: bool | None = option(
        None,
        "conv1d: add a logistic regression on the mean of a text's pretrained vectors to the logits (default: below "
        f"{FEW_TEXTS:,} training texts)",
        unless=({"vectors": NO_VECTORS, "from_run": None},),
        search=(Choice((False, True)),),
        action=argparse.BooleanOptionalAction,
    )
    embedding: str | None = model_option("embedding", "embedding of the characters", choices=("learned", ONE_HOT))
    embedding_dropout: float | None = model_option(
        "embedding_dropout",
        "fraction of the token vectors dropped in training, in [0, 1)",
        allowed=DROPOUT,
        search=(Interval(0.0, 0.5),),
        metavar="F",
    )
    dropout: float = model_option(
        "dropout",
        "fraction of the pooled features and hidden units dropped in training, in [0, 1)",
        allowed=DROPOUT,
        search=(Interval(0.1, 0.8),),
        metavar="F",
    )
    max_norm: float | None = option(
        None,
        "conv1d: the largest norm that a label's weights may have (default: no limit)",
        allowed=POSITIVE_NUMBER,
        search=(Choice((None, 1.0, 3.0)),),
        metavar="F",
    )
