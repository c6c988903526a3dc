"""A run as TensorBoard shows it."""

from pathlib import Path
from typing import Any

import tensorflow as tf


class TensorBoard:
    """Writes a history for TensorBoard: training and validation are two lines in one chart.

    Args:
        folder: Where the event files go; those of an interrupted run are added to.
    """

    def __init__(self, folder: Path) -> None:
        self._writers = {name: tf.summary.create_file_writer(str(folder / name)) for name in ("training", "validation")}

    def write(self, row: dict[str, Any]) -> None:
        """Adds a row of the history."""
        for name, prefix in (("training", ""), ("validation", "val_")):
            with self._writers[name].as_default(step=row["epoch"]):
                for scalar in ("loss", "accuracy"):
                    tf.summary.scalar(scalar, row[prefix + scalar])
        with self._writers["training"].as_default(step=row["epoch"]):
            tf.summary.scalar("learning_rate", row["learning_rate"])
        for writer in self._writers.values():
            writer.flush()
