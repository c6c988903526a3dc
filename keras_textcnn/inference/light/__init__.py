"""Answers without TensorFlow: `model.textcnn`, one file, and what answers from it with NumPy alone."""

from keras_textcnn.inference.light.predictor import LightPredictor

__all__ = ["LightPredictor"]
