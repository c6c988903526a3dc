from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_textcnn.training.callbacks import SCORES
from keras_textcnn.training.phases import Phase
from keras_textcnn.training.tensorboard import TensorBoard
from tests.evaluation.test_plots import HISTORY


def show(board: TensorBoard, rows: list[dict[str, Any]]) -> None:
    """Plays the epochs of a history to a callback."""
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(9, name="dense")(inputs))
    model.compile("sgd")
    model.get_layer("dense").kernel.assign(np.arange(9.0)[None])
    board.set_model(model)
    for row in rows:
        board.on_phase_begin(Phase(row["phase"], 1, 0.1))
        board.on_epoch_end(row["epoch"] - 1, {name: row[name] for name in SCORES if name in row})


def test_scalars_can_be_read_by_tensorboard(tmp_path: Path) -> None:
    show(TensorBoard(tmp_path), HISTORY)
    events = EventAccumulator(str(tmp_path / "validation"), size_guidance={"tensors": 0})
    events.Reload()
    values = {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors("loss")}
    assert values == pytest.approx({1: 2.0, 2: 1.0, 3: 2 / 3})


def test_what_has_another_loss_or_starts_anew_is_another_chart(tmp_path: Path) -> None:
    """In a single line, the start of the next model would look like a crash."""
    phases = ["frozen", "n-grams", "refit frozen", "refit n-grams"]
    rows = []
    for epoch, phase in enumerate(phases, 1):
        validation = {} if "refit" in phase else {"val_loss": 0.5, "val_accuracy": 0.5}
        row = {"phase": phase, "epoch": epoch, "learning_rate": 0.1, "loss": 1.0, "accuracy": 0.5}
        rows.append(row | validation)
    show(TensorBoard(tmp_path), rows)
    for name, charts in (("training", ["", "n-grams/", "refit/", "refit/n-grams/"]), ("validation", ["", "n-grams/"])):
        events = EventAccumulator(str(tmp_path / name), size_guidance={"tensors": 0})
        events.Reload()
        for epoch, chart in enumerate(charts, 1):
            assert [event.step for event in events.Tensors(f"{chart}loss")] == [epoch]


def test_phases_and_histograms_can_be_read_by_tensorboard(tmp_path: Path) -> None:
    show(TensorBoard(tmp_path, histograms=True), HISTORY)
    events = EventAccumulator(str(tmp_path / "training"), size_guidance={"tensors": 0})
    events.Reload()
    phases = [tf.make_ndarray(event.tensor_proto).ravel()[0].decode() for event in events.Tensors("phase")]
    assert phases == ["frozen", "frozen", "unfrozen"]
    *_, histogram = events.Tensors("dense/kernel")
    assert tf.make_ndarray(histogram.tensor_proto)[:, 2].sum() == 9


def test_the_projector_serves_each_token_with_its_vector(tmp_path: Path) -> None:
    from tensorboard.plugins.projector import projector_config_pb2, projector_plugin

    tokens = ["[PAD]", "[UNK]", "the", "\n", " ", *(f"w{number}" for number in range(6000))]
    matrix = np.random.default_rng(0).normal(size=(len(tokens), 3)).astype(np.float32)
    TensorBoard(tmp_path).write_projector(tokens, matrix)
    config = projector_config_pb2.ProjectorConfig()
    text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), config)
    (embedding,) = config.embeddings
    names = (tmp_path / embedding.metadata_path).read_text().splitlines()
    served = projector_plugin._read_tensor_tsv_file(str(tmp_path / embedding.tensor_path))
    assert (len(names), names[:5]) == (5000, ["[PAD]", "[UNK]", "the", "(line end)", "(space)"])
    np.testing.assert_allclose(served, matrix[:5000], rtol=1e-3)
