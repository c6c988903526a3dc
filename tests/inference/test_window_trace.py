"""What each window adds to the logits, where that is exact."""

import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.inference.window_trace import trace_windows
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.models.conv2d import build_conv2d
from keras_textcnn.utils import devices
from tests.conftest import make_ids, randomize


@pytest.mark.parametrize("poolings", [("max",), ("average",), ("max", "average")])
@pytest.mark.parametrize("multichannel", [False, True])
@pytest.mark.parametrize("ngrams", [0, 3])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_windows_add_and_the_bias_are_the_logits(
    poolings: tuple[str, ...], multichannel: bool, ngrams: int, precision: str
) -> None:
    random = np.random.default_rng(0)
    with devices.computing_in(precision):
        model = build_conv1d(
            vocabulary_size=30, num_classes=4, dimensions=5, windows=(1, 2, 4), filters=7, poolings=poolings,
            multichannel=multichannel, ngrams=ngrams, ngram_buckets=13,
        )  # fmt: skip
    randomize(model, random)
    ids = make_ids(random, [0, 1, 2, 9, 17], 17).astype(np.int32)
    trace = trace_windows(model)
    added, bias = trace.added(tf.constant(ids)).numpy(), trace.bias().numpy()
    assert trace.windows == [1, 2, 4, *range(1, ngrams + 1)]
    assert added.shape == (5, len(trace.windows), 17, 4)
    np.testing.assert_allclose(added.sum(axis=(1, 2)) + bias, model(ids), rtol=1e-5, atol=1e-5)


def test_a_window_adds_what_the_formula_says() -> None:
    random = np.random.default_rng(1)
    model = build_conv1d(vocabulary_size=30, num_classes=2, dimensions=3, windows=(2,), filters=6)
    randomize(model, random)
    ids = make_ids(random, [8], 8).astype(np.int32)
    weights = {variable.path: variable.numpy() for variable in model.weights}
    vectors = weights["embedding/embeddings"][ids[0]]
    kernel, bias = weights["conv_2/kernel"], weights["conv_2/bias"]
    features = np.array([np.einsum("wd,wdf->f", vectors[i : i + 2], kernel) + bias for i in range(7)])
    expected = np.zeros((8, 2))
    for filter, winner in enumerate(features.argmax(axis=0)):
        expected[winner] += max(features[winner, filter], 0) * weights["logits/kernel"][filter]
    added = trace_windows(model).added(tf.constant(ids)).numpy()[0, 0]
    np.testing.assert_allclose(added, expected, atol=1e-5)


def test_models_through_which_windows_do_not_add_up_are_not_traced() -> None:
    assert trace_windows(build_conv1d(vocabulary_size=9, num_classes=2, dimensions=3, hidden=(4,))) is None
    assert trace_windows(build_conv2d(vocabulary_size=9, num_classes=2, tokens=9, dimensions=8)) is None
