"""Builders by name: each returns an uncompiled functional model from ids to logits."""

import functools
from collections.abc import Callable

import keras

from keras_textcnn.models.charcnn import SHORTEST_ZHANG, build_charcnn, build_charcnn_zhang
from keras_textcnn.models.conv1d import build_conv1d, build_conv1d_stack, shortest_stack
from keras_textcnn.models.conv2d import build_conv2d, build_conv2d_windows, shortest_image

BUILDERS: dict[str, Callable[..., keras.Model]] = {
    "conv1d": build_conv1d,
    "conv1d-stack": build_conv1d_stack,
    "conv2d": build_conv2d,
    "conv2d-windows": build_conv2d_windows,
    "charcnn": build_charcnn,
    "charcnn-zhang-small": functools.partial(build_charcnn_zhang, size="small"),
    "charcnn-zhang-large": functools.partial(build_charcnn_zhang, size="large"),
}

# Of the models that pad every text to one length, the fewest tokens it may have, for these windows and this pooling.
SHORTEST: dict[str, Callable[..., int]] = {
    "conv1d-stack": shortest_stack,
    "conv2d": shortest_image,
    "charcnn-zhang-small": lambda windows, pooling: SHORTEST_ZHANG,
    "charcnn-zhang-large": lambda windows, pooling: SHORTEST_ZHANG,
}
