"""Poolings against NumPy."""

import numpy as np
import pytest

from keras_textcnn.layers.pooling import TextAveragePooling, TextMaxPooling


@pytest.mark.parametrize("pooling", [TextMaxPooling, TextAveragePooling])
@pytest.mark.parametrize("window", [1, 2, 4])
def test_pooling_takes_the_windows_that_start_in_the_text(pooling: type, window: int) -> None:
    random = np.random.default_rng(window)
    lengths = [0, 1, 3, 6]
    ids = np.array([[1] * length + [0] * (6 - length) for length in lengths])
    features = random.normal(size=(4, 6, 5)).astype(np.float32)
    pool = {TextMaxPooling: np.max, TextAveragePooling: np.mean}[pooling]
    expected = [pool(features[i, : max(length - window + 1, 1)], axis=0) for i, length in enumerate(lengths)]
    np.testing.assert_allclose(pooling(window)(features, ids), expected, rtol=1e-5)
