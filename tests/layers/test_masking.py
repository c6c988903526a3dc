"""Padding becomes zero."""

import numpy as np

from keras_textcnn.layers.masking import TextMask


def test_mask_zeroes_padding() -> None:
    features = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    ids = np.array([[2, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(TextMask()(features, ids), features * (ids != 0)[:, :, None])
