"""Small models of every kind with random weights, and random texts for them."""

import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_textcnn.models.charcnn import build_charcnn, build_charcnn_zhang
from keras_textcnn.models.conv1d import build_conv1d, build_conv1d_stack
from keras_textcnn.models.conv2d import build_conv2d, build_conv2d_windows
from keras_textcnn.text.vectorizer import TextVectorizer
from keras_textcnn.text.vocabulary import PADDING, UNKNOWN
from tests.conftest import randomize

DEVIATIONS = {"charcnn-zhang": 0.08, "conv2d": 0.6, "conv1d-stack": 0.3}  # of the weights
LABELS = ["a", "b", "c", "d"]
WORDS = [PADDING, UNKNOWN, *(f"w{number}" for number in range(90)), "é", "日", "n't"]
CHARACTERS = [PADDING, UNKNOWN, *"abcdefghijklmnopqrstuvwxyz0123456789 .,\né한日"]
SIZES = {"dimensions": 8, "filters": 6}

Build = Callable[..., keras.Model]

# By what is special about each: its builder, its sizes, and those of the vectorizer.
MODELS: dict[str, tuple[Build, dict[str, Any], dict[str, Any]]] = {
    "conv1d": (build_conv1d, SIZES, {"maximum_tokens": 40}),
    "conv1d, everything": (
        build_conv1d,
        {
            **SIZES,
            "windows": (4, 1, 3),
            "poolings": ("average", "max"),
            "multichannel": True,
            "ngrams": 3,
            "ngram_buckets": 97,
            "ngram_words": 60,
            "vector_mean": True,
        },
        {"maximum_tokens": 40},
    ),
    "conv1d, weighted n-grams": (
        build_conv1d,
        {**SIZES, "windows": (2,), "ngrams": 2, "ngram_buckets": 97, "ngram_svm": True},
        {"maximum_tokens": 40, "unit": "space"},
    ),
    "conv1d, hidden layers": (build_conv1d, {**SIZES, "hidden": (7, 5), "ngrams": 1}, {"maximum_tokens": 40}),
    "conv1d, by character": (build_conv1d, SIZES, {"maximum_tokens": 50, "unit": "character"}),
    "conv1d-stack": (
        build_conv1d_stack,
        {**SIZES, "windows": (5, 3), "pooling": 3, "tokens": 60, "hidden": (9,)},
        {"maximum_tokens": 60, "fixed_length": True},
    ),
    "conv1d-stack, three layers": (
        build_conv1d_stack,
        {**SIZES, "windows": (2, 3, 3), "pooling": 3, "tokens": 61, "hidden": ()},
        {"maximum_tokens": 61, "fixed_length": True},
    ),
    "conv2d": (build_conv2d, {**SIZES, "tokens": 30}, {"maximum_tokens": 30, "fixed_length": True}),
    "conv2d, two layers": (
        build_conv2d,
        {"dimensions": 11, "filters": 5, "windows": (4, 3), "pooling": 3, "tokens": 31, "hidden": ()},
        {"maximum_tokens": 31, "fixed_length": True},
    ),
    "conv2d-windows": (build_conv2d_windows, {**SIZES, "windows": (4, 3)}, {"maximum_tokens": 31}),
    "charcnn": (build_charcnn, SIZES, {"maximum_tokens": 100, "unit": "character"}),
    "charcnn, one-hot": (
        build_charcnn,
        {"filters": 6, "windows": (4, 5, 2), "pooling": 2, "embedding": "one-hot"},
        {"maximum_tokens": 100, "unit": "character"},
    ),
    "charcnn-zhang": (
        build_charcnn_zhang,
        {"tokens": 200},
        {"maximum_tokens": 200, "unit": "character", "fixed_length": True},
    ),
    "charcnn-zhang, learned": (
        build_charcnn_zhang,
        {"tokens": 201, "embedding": "learned", "dimensions": 5},
        {"maximum_tokens": 201, "unit": "character", "fixed_length": True},
    ),
}


def make_model(name: str, *, seed: int = 0) -> tuple[keras.Model, TextVectorizer]:
    """A model with random weights, and its vectorizer."""
    build, sizes, options = MODELS[name]
    vocabulary = CHARACTERS if options.get("unit") == "character" else WORDS
    model = build(len(vocabulary), len(LABELS), **sizes)
    random_numbers = np.random.default_rng(seed)
    randomize(model, random_numbers, DEVIATIONS.get(name.split(",")[0], 0.2))
    for layer in model.layers:
        if layer.name == "vector_mean":
            layer.known.assign(random_numbers.integers(0, 2, layer.known.shape))
    vectorizer = TextVectorizer(vocabulary=vocabulary, **options)
    logits = np.asarray(model(vectorizer(make_texts(20)), training=False))
    last, spread = model.get_layer("logits"), logits.std(axis=0).max()
    last.kernel.assign(last.kernel / spread)  # so that texts have different probabilities
    last.bias.assign((last.bias - logits.mean(axis=0)) / spread)
    return model, vectorizer


def make_texts(count: int, *, seed: int = 0) -> list[str]:
    """Texts of 0 to 70 pieces, some of them unknown or odd."""
    chance = random.Random(seed)
    odd = ["xx", "한국", "日本", ".", "<br />", "don't", "É", "a\u0301", "x " * 40]
    return [
        " ".join(
            chance.choice(WORDS[2:]) if chance.random() < 0.8 else chance.choice(odd)
            for _ in range(chance.choice([0, 1, 2, 3, 4, 5, 8, 20, 45, 70]))
        )
        for _ in range(count)
    ]
