"""From a corpus to a finished run."""

from keras_textcnn.utils.tensorflow import import_tensorflow

import_tensorflow()  # quietly, before a module of this room does

import keras  # noqa: E402, F401  and before one whose classes are registered once Keras is imported
