"""`load_vectors`: pretrained vectors for the embedding of any model."""

from collections.abc import Sequence
from pathlib import Path

import keras

from keras_textcnn.errors import InputError
from keras_textcnn.layers.embedding import find_embedding, set_embedding
from keras_textcnn.presets import GLOVE_TABLE, TOKENIZERS, WORDS
from keras_textcnn.text.pretrained_vectors import embedding_matrix, find_vector, read_vectors
from keras_textcnn.utils.inputs import as_texts


def load_vectors(
    model: keras.Model, vocabulary: Sequence[str], source: str | Path = GLOVE_TABLE, *, tokenizer: str = WORDS
) -> float:
    """Loads pretrained vectors into a model's embedding; padding and tokens without a vector become zeros.

    Args:
        model: A model with a `TokenEmbedding` or a `keras.layers.Embedding`, as wide as the vectors.
        vocabulary: Tokens by id, as from `TextVectorizer.get_vocabulary`.
        source: A file, a name such as glove.6B.100d (see `read_vectors`), or the table in the package, which has 100
            dimensions.
        tokenizer: What made the tokens, a name in `presets.TOKENIZERS`: it decides which words of the file they match.

    Returns:
        The fraction of the tokens that have a vector, in [0, 1].

    Raises:
        InputError: The model has no embedding, or of another size; or the vectors cannot be read, or have none of the
            tokens.

    Example:
        covered = load_vectors(model, vectorizer.get_vocabulary(), "glove.6B.100d")
        print(f"{covered:.0%} of the vocabulary have a vector")
    """
    if tokenizer not in TOKENIZERS:
        raise InputError(f"tokenizer must be one of {', '.join(TOKENIZERS)}; received: {tokenizer}")
    vocabulary = as_texts(vocabulary, "token")
    if (embedding := find_embedding(model)) is None:
        raise InputError(f"model {model.name} has no embedding to load vectors into")
    if not embedding.built:  # a Sequential model knows its input only from the first batch
        embedding.build(None)
    rows, dimensions = embedding.embeddings.shape
    if rows != len(vocabulary):
        raise InputError(
            f"the embedding of model {model.name} has {rows:,} rows for {len(vocabulary):,} tokens; "
            "build the model with vocabulary_size=len(vocabulary)"
        )
    found = read_vectors(str(source), vocabulary[2:], dimensions=dimensions, tokenizer=tokenizer)
    covered = [token for token in vocabulary[2:] if find_vector(found, token) is not None]
    if not covered:
        raise InputError(f"no token of the vocabulary has a vector in {source}; give another file")
    set_embedding(model, embedding_matrix(vocabulary, found, dimensions=dimensions))
    return len(covered) / len(vocabulary[2:])
