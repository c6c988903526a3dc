"""What settings choose from by name: the models, each with its builder and default settings, tokenizers, poolings."""

import dataclasses
import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from keras_textcnn.own_functions import OwnFunction, is_own, read_signature, require_function

GLOVE_TABLE = "glove.6B.100d.30k"  # the vectors that ship with the package
NO_VECTORS = "none"
ONE_HOT, ZHANG = "one-hot", "zhang"  # an embedding, an alphabet
WORDS, CHARACTERS, SPACES = "words", "characters", "spaces"  # tokenizers
VAL_LOSS, VAL_ACCURACY = MONITORS = ("val_loss", "val_accuracy")  # what the best epoch has most or least of
POOLINGS = ("max", "average")  # over the windows of a text, in `layers/pooled_conv1d.py`


@dataclasses.dataclass(frozen=True)
class Tokenizer:
    """A tokenizer that `--tokenizer` knows.

    To add one, write its function in `keras_textcnn/text/tokenizers.py`, and add an entry to `TOKENIZERS` below.

    Attributes:
        function: `MODULE.FUNCTION` below `keras_textcnn.text`: from texts, string (batch,), to their tokens, ragged
            string (batch, tokens), in TensorFlow operations, so that the SavedModel can hold it.
        separator: Joins tokens into a text that is split into the same tokens again; None if nothing does.
        longest_ngram: Tokens of the longest n-grams of the linear model that runs are compared with.
        token_of: `MODULE.FUNCTION` below `keras_textcnn.text`: from a word of a vectors file and its `fold_case` to the
            token that the tokenizer makes of it; None if it makes several.
    """

    function: str
    separator: str | None = " "
    longest_ngram: int = 2
    token_of: str = "vector_words.unspaced_word"

    def load(self) -> Callable[..., Any]:
        """The function that splits texts."""
        if is_own(self.function):
            function = require_function(self.function, setting="tokenizer")
            return _load("text", "own_tokenizer.check_tokenizer")(function, name=self.function)
        return _load("text", self.function)

    def load_token_of(self) -> Callable[[str, str], str | None]:
        """The function from words of a vectors file to tokens."""
        return _load("text", self.token_of)


TOKENIZERS = {
    WORDS: Tokenizer("tokenizers.tokenize", token_of="vector_words.spoken_word"),
    CHARACTERS: Tokenizer(
        "tokenizers.split_characters", separator="", longest_ngram=4, token_of="vector_words.single_character"
    ),
    SPACES: Tokenizer("tokenizers.split_at_spaces"),
}


def find_tokenizer(name: str) -> Tokenizer:
    """The tokenizer that `--tokenizer` names, or that is a function of the user's own."""
    if not isinstance(name, OwnFunction):
        return Tokenizer(name) if is_own(name) else TOKENIZERS[name]
    return Tokenizer(name, separator=_load("text", "own_tokenizer.find_separator")(name.function, name=name))


@dataclasses.dataclass(frozen=True)
class ModelFamily:
    """A model that `--model` knows.

    To add one, write its builder in a module of `keras_textcnn/models/`, and add an entry to `MODELS` below.

    Attributes:
        builder: `MODULE.FUNCTION` below `keras_textcnn.models`, which takes sizes as keywords and returns an uncompiled
            functional model from ids to logits. An argument that is named like a setting gets that setting.
        defaults: The settings of the model with their defaults; settings that no model lists apply to all.
        arguments: Arguments of the builder in addition to the settings.
        shortest: `MODULE.FUNCTION`, for a model that pads all texts to one length: from its windows and pooling to the
            smallest number of tokens that it can read. None: any length.
        side_by_side: Whether its windows are parallel convolutions, which must differ, rather than a stack.
        required: Settings that must be given, because there is no default.
    """

    builder: str
    defaults: Mapping[str, Any]
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    shortest: str | None = None
    side_by_side: bool = False
    required: tuple[str, ...] = ()

    @property
    def reads_characters(self) -> bool:
        """Whether its tokens are always characters."""
        return "alphabet" in self.defaults

    @property
    def fixed_length(self) -> bool:
        """Whether all texts are padded or cut to one length."""
        return self.shortest is not None

    def load_builder(self) -> Callable[..., Any]:
        """The function that builds the model."""
        if is_own(self.builder):
            return require_function(self.builder, setting="model")
        return functools.partial(_load("models", self.builder), **self.arguments)

    def shortest_text(self, windows: tuple[int, ...] | None, pooling: int | None) -> int:
        """The smallest number of tokens that the model can read with these windows and this pooling."""
        return int(_load("models", self.shortest)(windows, pooling)) if self.shortest else 1


def _load(room: str, name: str) -> Callable[..., Any]:
    module, _, function = name.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(f"keras_textcnn.{room}.{module}"), function)
    return found


_WORDS = {
    "tokenizer": WORDS,
    "vectors": GLOVE_TABLE,
    "dimensions": 100,
    "vocabulary": "train",
    "vocabulary_size": 50_000,
    "maximum_tokens": 400,
    "embedding_dropout": 0.2,
    "dropout": 0.5,
    "frozen_epochs": 4,
    "unfrozen_epochs": 8,
    "learning_rate": 2e-3,
    "unfrozen_learning_rate": 1e-3,
    "embedding_factor": 5.0,
    "batch_size": 64,
    "refit": False,
}
_WINDOWS = {"windows": (1, 2, 3), "filters": 100}
_CHARACTERS = {
    **_WORDS,
    "tokenizer": CHARACTERS,
    "vectors": NO_VECTORS,
    "dimensions": 16,
    "vocabulary_size": 5_000,
    "maximum_tokens": 1014,
    "alphabet": "corpus",
    "embedding": "learned",
    "embedding_dropout": 0.0,
    "frozen_epochs": 9,
    "unfrozen_epochs": 3,
    "unfrozen_learning_rate": 5e-4,
    "embedding_factor": 1.0,
    "batch_size": 32,
}
_ZHANG = {
    **{name: value for name, value in _CHARACTERS.items() if name != "embedding_dropout"},
    "alphabet": ZHANG,
    "embedding": ONE_HOT,
}

MODELS = {
    "conv1d": ModelFamily(
        builder="conv1d.build_conv1d",
        defaults={
            **_WORDS,
            **_WINDOWS,
            "vocabulary": "train+vectors",
            "unfrozen_epochs": 24,
            "refit": True,
            "poolings": ("max",),
            "hidden": (),
            "multichannel": False,
            "max_norm": None,
            "ngrams": 2,
            "ngram_buckets": None,
            "ngram_words": None,
            "ngram_svm": False,
            "subwords": None,
            "vector_mean": False,
            "ngram_epochs": 20,
            "ngram_learning_rate": 0.01,
        },
        side_by_side=True,
    ),
    "conv1d-stack": ModelFamily(
        builder="conv1d.build_conv1d_stack",
        defaults={
            **_WORDS,
            "windows": (5, 5),
            "filters": 128,
            "pooling": 5,
            "hidden": (128,),
            "unfrozen_epochs": 20,
        },
        shortest="conv1d.shortest_stack",
    ),
    "conv2d": ModelFamily(
        builder="conv2d.build_conv2d",
        defaults={
            **_WORDS,
            "windows": (3,),
            "filters": 8,
            "pooling": 2,
            "hidden": (64,),
            "frozen_epochs": 1,
            "learning_rate": 5e-4,
            "unfrozen_learning_rate": 3e-4,
            "embedding_factor": 10.0,
        },
        shortest="conv2d.shortest_image",
    ),
    "conv2d-windows": ModelFamily(
        builder="conv2d.build_conv2d_windows", defaults={**_WORDS, **_WINDOWS}, side_by_side=True
    ),
    "charcnn": ModelFamily(
        builder="charcnn.build_charcnn",
        defaults={**_CHARACTERS, "maximum_tokens": 2_000, "windows": (7, 5), "filters": 128, "pooling": 3},
    ),
    "charcnn-zhang-small": ModelFamily(
        builder="charcnn.build_charcnn_zhang",
        defaults=_ZHANG,
        arguments={"size": "small"},
        shortest="charcnn.shortest_zhang",
    ),
    "charcnn-zhang-large": ModelFamily(
        builder="charcnn.build_charcnn_zhang",
        defaults=_ZHANG,
        arguments={"size": "large"},
        shortest="charcnn.shortest_zhang",
    ),
}

# The settings that a builder of the user's own may take.
OWN_SETTINGS = (
    *("dimensions", "embedding_dropout", "dropout", "windows", "filters", "poolings", "pooling", "hidden"),
    *("multichannel", "max_norm"),
)


def find_model(name: str) -> ModelFamily:
    """The family that `--model` names, or that of a builder of the user's own.

    Such a family has the defaults of word models; those of its builder, if it has any, come first. Vectors are only a
    default for a builder that takes `dimensions`. If there is only a name, nothing is known and no setting is refused.

    Raises:
        InputError: The builder's arguments are not those of a builder.
    """
    if not is_own(name):
        return MODELS[name]
    if not isinstance(name, OwnFunction):
        return ModelFamily(name, defaults=dict.fromkeys((*_WORDS, *OWN_SETTINGS)))
    taken = read_signature(name, OWN_SETTINGS)
    fixed = taken.pop("tokens", None) is not None
    defaults = {setting: value for setting, value in _WORDS.items() if setting not in OWN_SETTINGS}
    if "dimensions" not in taken:
        defaults["vectors"] = NO_VECTORS
    for setting, value in taken.items():
        defaults[setting] = _WORDS.get(setting) if value is inspect.Parameter.empty else value
    return ModelFamily(
        name,
        defaults=defaults,
        shortest="own_model.shortest_text" if fixed else None,
        required=tuple(name for name in taken if taken[name] is inspect.Parameter.empty and name not in _WORDS),
    )


# Below this many training texts, a tenth of them is too few to decide anything: cross-validation within the training
# texts decides instead, and linear models with a single best solution are added to the convolution.
FEW_TEXTS, FEW_VALIDATION_TEXTS = 2_000, 200
INNER_FOLDS, FEW_EPOCHS = 5, 6  # folds of that cross-validation, and unfrozen epochs, which nothing ends early
REHEARSED = 0.3  # of the training texts
# Subwords are solved in seconds up to this many running training tokens, labels, and tokens times labels.
MOST_SUBWORD_TOKENS, MOST_SUBWORD_LABELS, MOST_SUBWORD_WORK = 1_000_000, 1_000, 50_000_000
OWN_RATES = {"adadelta": 1.0}  # the learning rates of optimizers for which Adam's would be too low; of both phases
FRACTION = 0.1  # of the texts, for validation or test if the corpus has none
DEFAULT_CORPUS = "reuters-r8"  # of the command; in Python, a run has texts that need no name
