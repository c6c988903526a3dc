"""The Keras layers that the models are built from."""
