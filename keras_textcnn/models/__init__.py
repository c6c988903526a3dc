"""Builders by name: each returns an uncompiled functional model from ids to logits."""

from keras_textcnn.models.conv1d import build_conv1d

BUILDERS = {"conv1d": build_conv1d}
