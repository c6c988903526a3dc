"""An HTTP server of runs, with the REST interface of TensorFlow Serving."""
