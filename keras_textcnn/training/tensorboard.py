"""Writes a run for TensorBoard: curves, phases, histograms, the embedding for the projector."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_textcnn.layers.names import NGRAMS, TITLES, VECTOR_MEAN
from keras_textcnn.utils import devices

LINEAR = TITLES[NGRAMS], TITLES[VECTOR_MEAN]  # phases of the parts with another loss
PROJECTED = 5_000  # the most frequent tokens, as many as the projector can still show smoothly in a browser
NAMES = {"\n": "(line end)", " ": "(space)"}  # names of tokens that would not make a line of a table
PROJECTOR = """embeddings {
  tensor_name: "embedding"
  tensor_path: "embedding.tsv"
  metadata_path: "tokens.tsv"
}
"""


class TensorBoard:
    """Writes a history for TensorBoard: training and validation are two lines in one chart, phases are named.

    Args:
        folder: Where the event files go; a resumed run adds to the files of the interrupted one.
    """

    @devices.writing()
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers = {name: tf.summary.create_file_writer(str(folder / name)) for name in ("training", "validation")}

    @devices.writing()
    def write(self, row: dict[str, Any]) -> None:
        """Adds a row of the history; a refit, and linear parts, which have another loss, get charts of their own."""
        refit = "refit/" if row["phase"].startswith("refit ") else ""
        model = row["phase"].removeprefix("refit ")
        chart = refit + (f"{model}/" if model in LINEAR else "")
        for name, prefix in (("training", ""), ("validation", "val_")):
            with self._writers[name].as_default(step=row["epoch"]):
                for scalar in ("loss", "accuracy"):
                    if prefix + scalar in row:  # a refit has no validation
                        tf.summary.scalar(chart + scalar, row[prefix + scalar])
        with self._writers["training"].as_default(step=row["epoch"]):
            tf.summary.scalar("learning_rate", row["learning_rate"])
            tf.summary.text("phase", row["phase"])
        for writer in self._writers.values():
            writer.flush()

    @devices.writing()
    def write_histograms(self, weights: Sequence[keras.Variable], epoch: int) -> None:
        """Adds the distribution of each weight of a model after an epoch."""
        with self._writers["training"].as_default(step=epoch):
            for variable in weights:
                tf.summary.histogram(variable.path, variable.value)
        self._writers["training"].flush()

    def write_projector(self, tokens: Sequence[str], embedding: np.ndarray) -> None:
        """Writes the first tokens' vectors for the projector, with the tokens as their names.

        Args:
            tokens: Tokens by id, including padding and unknown.
            embedding: float (tokens, dimensions).
        """
        shown = tokens[:PROJECTED]
        names = "".join(f"{NAMES.get(token, token)}\n" for token in shown)
        (self._folder / "tokens.tsv").write_text(names, "utf-8")
        np.savetxt(self._folder / "embedding.tsv", embedding[: len(shown)], fmt="%.4g", delimiter="\t")
        (self._folder / "projector_config.pbtxt").write_text(PROJECTOR, "utf-8")
