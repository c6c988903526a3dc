"""Scores, what they mean, and how they are shown."""

from keras_textcnn.utils.tensorflow import import_tensorflow

import_tensorflow()  # quietly, before a module of this room does
