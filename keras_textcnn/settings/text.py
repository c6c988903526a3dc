"""Settings of the text: tokens, vocabulary, vectors."""

import dataclasses

from keras_textcnn.presets import GLOVE_TABLE, NO_VECTORS, TOKENIZERS, ZHANG
from keras_textcnn.settings.fields import NOT_NEGATIVE, at_least, model_option, option
from keras_textcnn.settings.spaces import Interval


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings:
    """Tokens, vocabulary and vectors."""

    tokenizer: str = model_option(
        "tokenizer",
        "tokens: lower-case words, with punctuation separate; lower-case characters; or whatever is between spaces, "
        "unchanged, for texts that another program has tokenized",
        choices=tuple(TOKENIZERS),
    )
    vocabulary_size: int = model_option(
        "vocabulary_size",
        "largest number of tokens in the vocabulary; the most frequent ones are kept",
        allowed=at_least(3),
        metavar="N",
    )
    minimum_count: int = option(
        1, "tokens that are rarer in the training texts count as unknown", allowed=at_least(1), metavar="N"
    )
    maximum_tokens: int = model_option(
        "maximum_tokens",
        "longer texts are cut to this many tokens, which are characters for charcnn; conv1d-stack, conv2d and "
        "charcnn-zhang cut and pad all texts to the length of the longest training text, if that is less",
        allowed=at_least(1, most=2**31 - 1),
        brief="longer texts are cut (default: by the model)",
        metavar="N",
    )
    vocabulary: str = model_option(
        "vocabulary",
        "tokens of the training texts only, or also the most frequent words that only the vectors file has, up to "
        "--vocabulary-size; without vectors and with --from, those of the training texts",
        choices=("train", "train+vectors"),
    )
    alphabet: str | None = model_option(
        "alphabet",
        "characters of the training texts, or the 69 of Zhang, Zhao and LeCun (2015)",
        choices=("corpus", ZHANG),
    )
    vectors: str = model_option(
        "vectors",
        "pretrained vectors: a GloVe, word2vec or fastText .vec file (also .gz, .zip, word2vec's .bin), a name that "
        f"glove_download.sh knows, such as glove.6B.100d, {GLOVE_TABLE} (in the package), or none",
        brief="GloVe, word2vec or fastText vectors, or none",
        metavar="FILE",
    )
    dimensions: int | None = model_option(
        "dimensions",
        "width of the embedding; vectors have their own",
        allowed=at_least(1),
        search=(Interval(8, 32, scale="log", models=("charcnn",)),),
        metavar="N",
    )
    missing_deviation: float = option(
        0.0,
        "words without a vector start from noise with this many times the vectors' standard deviation; 0: from zero",
        unless=({"vectors": NO_VECTORS},),
        allowed=NOT_NEGATIVE,
        metavar="F",
    )
