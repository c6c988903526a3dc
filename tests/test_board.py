from pathlib import Path

import pytest
import tensorflow as tf

from keras_textcnn.board import TensorBoard
from tests.test_reporting import HISTORY


def test_scalars_can_be_read_by_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = TensorBoard(tmp_path)
    for row in HISTORY:
        board.write(row)
    events = EventAccumulator(str(tmp_path / "validation"), size_guidance={"tensors": 0})
    events.Reload()
    values = {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors("loss")}
    assert values == pytest.approx({1: 2.0, 2: 1.0, 3: 2 / 3})
