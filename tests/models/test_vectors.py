"""`load_vectors` puts the vectors of a file into the embedding of any model."""

from pathlib import Path

import keras
import numpy as np
import pytest

from keras_textcnn.errors import InputError
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.models.vectors import load_vectors
from keras_textcnn.text.pretrained_vectors import read_vectors

VOCABULARY = ["[PAD]", "[UNK]", "the", "xyzzy", "film"]


def plain(rows: int = 5, dimensions: int = 100) -> keras.Model:
    ids = keras.Input((None,), dtype="int32")
    return keras.Model(ids, keras.layers.Embedding(rows, dimensions, name="words")(ids))


@pytest.mark.parametrize("build", [lambda: build_conv1d(5, 2, multichannel=True), plain])
def test_each_token_has_the_vector_of_the_table(build: object) -> None:
    model = build()
    assert load_vectors(model, VOCABULARY) == pytest.approx(2 / 3)
    found = read_vectors("glove.6B.100d.30k", ["the", "film"])
    layers = [layer for layer in model.layers if hasattr(layer, "embeddings")]
    assert len(layers) == (2 if model.name == "conv1d" else 1)
    for layer in layers:
        table = layer.embeddings.numpy()
        np.testing.assert_array_equal(table[2], found["the"])
        np.testing.assert_array_equal(table[4], found["film"])
        np.testing.assert_array_equal(table[[0, 1, 3]], 0)


def test_what_is_wrong_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("gnu 1 2\n")
    with pytest.raises(InputError, match=r"has 7 rows for 5 tokens; build the model with vocabulary_size=len"):
        load_vectors(plain(7), VOCABULARY)
    with pytest.raises(InputError, match="no token of the vocabulary has a vector"):
        load_vectors(plain(dimensions=2), VOCABULARY, path)
    inputs = keras.Input((3,))
    with pytest.raises(InputError, match="no embedding"):
        load_vectors(keras.Model(inputs, keras.layers.Dense(2)(inputs)), VOCABULARY)
    with pytest.raises(InputError, match="dimensions|numbers"):
        load_vectors(plain(dimensions=3), VOCABULARY, path)
