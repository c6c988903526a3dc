"""Tokenizers of the user's own, checked before any text is read."""

import functools
from collections.abc import Callable

import tensorflow as tf

from keras_textcnn.errors import InputError
from keras_textcnn.own_functions import describe_failure, file_of

EXAMPLES = ["", "A text, with 7 words; (and) more.\n", "one two,three;four|five\tsix\nseven"]
SEPARATORS = (" ", ",", ";", "|", "\t", "\n", "")
PYTHON = ("PyFunc", "PyFuncStateless", "EagerPyFunc")  # operations that call back into this process

Split = Callable[[tf.Tensor], tf.RaggedTensor]


@functools.cache  # the same function for the same tokenizer, so that it is traced once
def check_tokenizer(function: Split, *, name: str) -> Split:
    """A user's function as a tokenizer: its tokens are UTF-8, and empty ones are left out.

    Args:
        function: From texts, string (batch,), to their tokens, ragged string (batch, tokens).
        name: Its name, for messages.

    Raises:
        InputError: It fails, returns something else, or does something that a SavedModel cannot hold.
    """
    plain = tf.autograph.experimental.do_not_convert(function)
    try:
        traced = tf.function(plain, autograph=False).get_concrete_function(tf.TensorSpec([None], tf.string))
        tokens = plain(tf.constant(EXAMPLES))
    except Exception as error:
        raise InputError(f"{name} failed: {describe_failure(error, file_of(function))}") from error
    ragged = isinstance(tokens, tf.RaggedTensor) and (tokens.dtype, tokens.shape.rank) == (tf.string, 2)
    if not ragged or tokens.nrows() != len(EXAMPLES):
        made = type(tokens).__name__
        if isinstance(tokens, tf.Tensor | tf.RaggedTensor):
            made += f" of {tokens.dtype.name}, {tokens.shape}"
        raise InputError(
            f"{name} must return a row of tokens for each text, a ragged string (batch, tokens), such as "
            f"tf.strings.split returns; for {len(EXAMPLES)} texts it returns: {made}"
        )
    if (foreign := _operations(traced) & {*PYTHON}) or any(one.dtype == tf.resource for one in traced.captured_inputs):
        what = "Python code" if foreign else "a table or a variable"
        raise InputError(f"{name} uses {what}, which a SavedModel cannot hold; use TensorFlow operations and constants")

    def split(texts: tf.Tensor) -> tf.RaggedTensor:
        tokens = plain(texts).with_row_splits_dtype(tf.int64)
        valid = tf.strings.unicode_transcode(tokens.flat_values, "UTF-8", "UTF-8", errors="replace")
        return tf.ragged.boolean_mask(tokens.with_flat_values(valid), tokens.with_flat_values(valid != ""))

    return split


@functools.cache
def find_separator(function: Split, *, name: str) -> str | None:
    """What joins the tokens of a text into one that is split into the same tokens again, if anything does.

    Args:
        function, name: As for `check_tokenizer`.

    Raises:
        InputError: As for `check_tokenizer`.
    """
    split = check_tokenizer(function, name=name)
    tokens = split(tf.constant(EXAMPLES)).to_list()
    for separator in SEPARATORS:
        if split(tf.constant([separator.encode().join(row) for row in tokens])).to_list() == tokens:
            return separator
    return None


def _operations(function: tf.types.experimental.ConcreteFunction) -> set[str]:
    """The kinds of operations in a function, and in those that it calls."""
    graph = function.graph.as_graph_def()
    return {node.op for nodes in (graph.node, *(one.node_def for one in graph.library.function)) for node in nodes}
