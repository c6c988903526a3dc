"""`TextVectorizer`: from texts to ids, as a Keras layer."""

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_textcnn.errors import InputError
from keras_textcnn.own_functions import OwnFunction
from keras_textcnn.presets import CHARACTERS, SPACES, TOKENIZERS, WORDS, Tokenizer, find_tokenizer
from keras_textcnn.text.tokenizers import in_parts
from keras_textcnn.text.vocabulary import PADDING, UNKNOWN, build_vocabulary, encode, lookup_table
from keras_textcnn.utils.inputs import as_texts

UNITS = {"word": WORDS, "character": CHARACTERS, "space": SPACES}
CHUNK = 1024  # texts at a time
NO_VOCABULARY = "this vectorizer has no vocabulary; call adapt with the training texts first"

Split = Callable[[tf.Tensor], tf.RaggedTensor]


@functools.cache  # otherwise TensorFlow warns that it is built again and again
def trace_split(split: Split) -> Split:
    """A function that splits texts into tokens, string (batch,) to ragged string (batch, tokens), as a traced graph."""
    return tf.function(lambda texts: in_parts(split, texts), input_signature=[tf.TensorSpec([None], tf.string)])


@keras.saving.register_keras_serializable("keras_textcnn")
class TextVectorizer(keras.layers.Layer):
    """Texts to ids: a sibling of Keras's `TextVectorization`, with this package's tokenizers.

    It takes Unicode as a reader does (`CAFÉ` and `café`, wide and composed forms are equal), and a model that holds it
    can be saved and loaded. Id 0 is padding, 1 is an unknown token.

    Args:
        unit: "word": lower-case words, with punctuation separate; "character": lower-case characters; "space": what is
            between spaces, unchanged. Or a function from string (batch,) to tokens, ragged string (batch, tokens), made
            of TensorFlow operations; register it with Keras if the layer is to be loaded.
        maximum_tokens: Longer texts are cut to this many tokens.
        fixed_length: Whether to pad each text to `maximum_tokens`, for conv1d-stack and conv2d; otherwise to the
            longest one of the batch.
        vocabulary_size: The largest number of ids; the most frequent tokens are kept.
        minimum_count: Tokens that are rarer in the texts of `adapt` are unknown.
        vocabulary: The tokens by id, as from `get_vocabulary`; without it, `adapt` finds them.

    Input shape:
        string (batch,) or (): a tensor; a list, array or Series of strings; or one string.

    Output shape:
        int32 (batch, tokens), or (tokens,) for one string.

    Example:
        vectorizer = TextVectorizer(unit="word", maximum_tokens=400)
        vectorizer.adapt(["a good film", "a bad film"])
        print(vectorizer.get_vocabulary(), vectorizer(["a film"]))
    """

    def __init__(
        self,
        unit: str | Split = "word",
        *,
        maximum_tokens: int = 400,
        fixed_length: bool = False,
        vocabulary_size: int = 50_000,
        minimum_count: int = 1,
        vocabulary: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._convert_input_args, self._allow_non_tensor_positional_args = False, True  # as TextVectorization does
        if maximum_tokens < 1:
            raise InputError(f"maximum_tokens must be at least 1; received: {maximum_tokens}")
        self.unit, self.maximum_tokens, self.fixed_length = unit, maximum_tokens, fixed_length
        self.vocabulary_size, self.minimum_count = vocabulary_size, minimum_count
        self.tokenizer = _tokenizer_of(unit)
        self.split: Split = self.tokenizer.load()
        self._vocabulary: tuple[str, ...] = (PADDING, UNKNOWN)
        self.table: tf.lookup.StaticHashTable | None = None
        if len(vocabulary):
            self.set_vocabulary(vocabulary)

    def adapt(self, texts: Any) -> None:
        """Makes the vocabulary from texts: a list, array, Series or iterator of strings, or a `tf.data.Dataset`.

        Raises:
            InputError: A text is missing or not a string, which is said by its position; or there are no tokens.
        """
        counts = Counter[bytes]()
        for chunk in _chunks(texts):
            counts.update(trace_split(self.split)(chunk).flat_values.numpy().tolist())
        tokens = ((token.decode(), count) for token, count in counts.items())
        kept = build_vocabulary(tokens, size=self.vocabulary_size, minimum_count=self.minimum_count)
        if not kept:
            raise InputError("the texts have no tokens: all are empty, or rarer than minimum_count")
        self.set_vocabulary([PADDING, UNKNOWN, *kept])

    def get_vocabulary(self) -> list[str]:
        """The tokens by id, first padding and the unknown token."""
        return list(self._vocabulary)

    def set_vocabulary(self, vocabulary: Sequence[str]) -> None:
        """Sets the tokens by id; the first two must be those of padding and of unknown tokens."""
        vocabulary = as_texts(vocabulary, "token")
        if vocabulary[:2] != [PADDING, UNKNOWN] or len(vocabulary) < 3 or len(set(vocabulary)) < len(vocabulary):
            raise InputError(
                f"a vocabulary must begin with {PADDING} and {UNKNOWN}, have other tokens, and none of them twice"
            )
        self._vocabulary = tuple(vocabulary)
        self.table = lookup_table(vocabulary)

    def encode(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """The ids of texts, string (batch,), without padding: int32 (batch, tokens), ragged."""
        if self.table is None:
            raise InputError(NO_VOCABULARY)
        return encode(self.split(texts), self.table, maximum_tokens=self.maximum_tokens)

    def pad(self, rows: tf.RaggedTensor) -> tf.Tensor:
        """Rows of ids or tokens, (batch, tokens), padded with 0 or "", at least one column wide."""
        if self.fixed_length:
            return rows.to_tensor(shape=[None, self.maximum_tokens])
        padded = rows.to_tensor()
        return tf.pad(padded, [[0, 0], [0, tf.maximum(1 - tf.shape(padded)[1], 0)]])

    def __call__(self, texts: Any, **kwargs: Any) -> Any:  # Keras would wrap the errors of `call` in lines of its own
        if self.table is None:
            raise InputError(NO_VOCABULARY)
        if not (tf.is_tensor(texts) or isinstance(texts, keras.KerasTensor)):
            texts = tf.constant(texts if isinstance(texts, str | bytes) else as_texts(texts), tf.string)
        return super().__call__(texts, **kwargs)

    def call(self, texts: tf.Tensor) -> tf.Tensor:
        padded = self.pad(self.encode(tf.reshape(texts, [-1])))
        return padded if texts.shape.rank else padded[0]

    def compute_output_spec(self, texts: keras.KerasTensor) -> keras.KerasTensor:
        width = self.maximum_tokens if self.fixed_length else None
        return keras.KerasTensor((texts.shape[0], width), dtype="int32")

    def get_config(self) -> dict[str, Any]:
        names = ("maximum_tokens", "fixed_length", "vocabulary_size", "minimum_count")
        unit = keras.saving.serialize_keras_object(self.unit) if callable(self.unit) else self.unit
        settings = {name: getattr(self, name) for name in names}
        return {
            **super().get_config(),
            "unit": unit,
            **settings,
            "vocabulary": self.get_vocabulary() if self.table else [],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "TextVectorizer":
        """The layer that `get_config` describes."""
        if isinstance(config["unit"], dict):
            config = {**config, "unit": keras.saving.deserialize_keras_object(config["unit"])}
        return cls(**config)


def _tokenizer_of(unit: str | Split) -> Tokenizer:
    if callable(unit) and not isinstance(unit, str):
        return find_tokenizer(OwnFunction.of(unit, setting="unit"))
    if not isinstance(unit, OwnFunction) and unit not in (*UNITS, *TOKENIZERS):
        raise InputError(f"`unit` must be one of {', '.join(UNITS)}, or a function; received: unit={unit!r}")
    return find_tokenizer(UNITS.get(unit, unit))


def _chunks(texts: Any) -> Iterator[tf.Tensor]:
    if isinstance(texts, tf.data.Dataset):
        if not isinstance(texts.element_spec, tf.TensorSpec):
            raise InputError("adapt needs a dataset of texts alone; leave the labels out with map")
        for batch in texts if texts.element_spec.shape.rank else texts.batch(CHUNK):
            yield tf.reshape(batch, [-1])
        return
    texts = as_texts(texts)
    for begin in range(0, len(texts), CHUNK):
        yield tf.constant(texts[begin : begin + CHUNK])
