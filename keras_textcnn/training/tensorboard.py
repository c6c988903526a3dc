"""Writes a run for TensorBoard: curves, phases, histograms, the embedding for the projector."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_textcnn.layers.names import NGRAMS, TITLES, VECTOR_MEAN
from keras_textcnn.training.callbacks import PhaseCallback
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


class TensorBoard(PhaseCallback):
    """Writes a training for TensorBoard: training and validation are two lines in one chart, phases are named.

    Args:
        folder: Where the event files go; a resumed run adds to the files of the interrupted one.
        histograms: Whether to write the distribution of each weight after each epoch as well.

    Example:
        model.fit(train, validation_data=validation, epochs=5, callbacks=[TensorBoard("logs")])
    """

    @devices.writing()
    def __init__(self, folder: Path | str, *, histograms: bool = False) -> None:
        super().__init__()
        self._folder, self._histograms = Path(folder), histograms
        names = ("training", "validation")
        self._writers = {name: tf.summary.create_file_writer(str(self._folder / name)) for name in names}

    @devices.writing()
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        phase = self.phase.name if self.phase else ""
        chart = chart_of(phase)
        for name, prefix in (("training", ""), ("validation", "val_")):
            with self._writers[name].as_default(step=epoch + 1):
                for scalar in ("loss", "accuracy"):
                    if prefix + scalar in logs:  # a refit has no validation
                        tf.summary.scalar(chart + scalar, logs[prefix + scalar])
        with self._writers["training"].as_default(step=epoch + 1):
            tf.summary.scalar("learning_rate", self.model.optimizer.learning_rate)
            tf.summary.text("phase", phase)
            for variable in self.model.weights if self._histograms else ():
                tf.summary.histogram(variable.path, variable.value)
        for writer in self._writers.values():
            writer.flush()

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


def chart_of(phase: str) -> str:
    """The prefix of a phase's charts: a refit, and linear parts, which have another loss, have charts of their own."""
    refit = "refit/" if phase.startswith("refit ") else ""
    model = phase.removeprefix("refit ")
    return refit + (f"{model}/" if model in LINEAR else "")
