"""Builders of uncompiled functional models from ids to logits; `presets.MODELS` lists them by name."""

from keras_textcnn.utils.tensorflow import import_tensorflow

import_tensorflow()  # quietly, before a module of this room does
