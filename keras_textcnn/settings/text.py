"""Settings of the text: tokens, vocabulary, vectors."""

import dataclasses

from keras_textcnn.presets import CHARACTERS, GLOVE_TABLE, NO_VECTORS, SPACES, WORDS, ZHANG
from keras_textcnn.settings.fields import NOT_NEGATIVE, at_least, model_option, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings:
    """Tokens, vocabulary and vectors."""

    tokenizer: str = model_option(
        "tokenizer",
        "tokens: words in lower case with punctuation apart; characters in lower case; or what is between spaces, "
        "unchanged, for texts that another program has tokenized",
        choices=(WORDS, CHARACTERS, SPACES),
    )
    vocabulary_size: int = model_option(
        "vocabulary_size",
        "tokens in the vocabulary at most, the most frequent ones",
        allowed=at_least(3),
        metavar="N",
    )
    minimum_count: int = option(
        1, "rarer tokens of the training texts count as unknown", allowed=at_least(1), metavar="N"
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
        "tokens of the training texts, or also words that only the vectors file has, the most frequent ones, up to "
        "--vocabulary-size; without vectors and with --from those of the training texts",
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
        f"glove_download.sh brings such as glove.6B.100d, {GLOVE_TABLE} (in the package) or none",
        brief="GloVe, word2vec or fastText vectors, or none",
        metavar="FILE",
    )
    dimensions: int | None = model_option(
        "dimensions", "width of the embedding; vectors bring their own", allowed=at_least(1), metavar="N"
    )
    missing_deviation: float = option(
        0.0,
        "words without a vector start from noise of this many times the vectors' deviation; 0: from zero",
        unless=({"vectors": NO_VECTORS},),
        allowed=NOT_NEGATIVE,
        metavar="F",
    )
