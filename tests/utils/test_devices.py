import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.config import TrainConfig
from keras_textcnn.models.factory import build_model
from keras_textcnn.persistence.loading import load_model
from keras_textcnn.persistence.run import Run
from keras_textcnn.presets import MODELS
from keras_textcnn.utils import devices
from tests.conftest import make_ids

# A second CPU device, which every machine can have, takes the place of a GPU: nothing may depend on the first device.
TWO = """
import sys
from pathlib import Path
import tensorflow as tf

processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
from keras_textcnn import Corpus, TrainConfig, load_model
from keras_textcnn.training.trainer import train
from tests.conftest import make_texts
from tests.runs import leave_out_exports
from pytest import MonkeyPatch

leave_out_exports(MonkeyPatch())
texts, labels = zip(*make_texts(60, 1))
sizes = {"windows": (1, 2), "filters": 4, "dimensions": 6, "vectors": "none", "freeze": "embedding"}
config = TrainConfig(**sizes, frozen_epochs=1, unfrozen_epochs=1, refit=False, inner_folds=0)
for device in ("CPU:0", "CPU:1"):
    with tf.device(device):
        run = train(config, Corpus(texts, labels), Path(sys.argv[1], device))
        print({weight.value.device for weight in load_model(run).weights}, file=sys.stderr)
"""


def test_a_run_on_another_device_trains_to_the_same_weights(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", TWO, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    placed = [line for line in done.stderr.splitlines() if line.startswith("{")]
    assert ["CPU:0" in placed[0], "CPU:1" in placed[1]] == [True, True]
    one, other = (Run(tmp_path / device) for device in ("CPU:0", "CPU:1"))
    for first, second in zip(load_model(one).get_weights(), load_model(other).get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert one.read_json("config.json") == other.read_json("config.json")
    assert one.read_json("config.json")["device"] == devices.name_device()


@pytest.mark.parametrize("name", ["conv1d", "conv1d-stack", "conv2d", "conv2d-windows", "charcnn"])
def test_bfloat16_computes_nearly_the_same_from_the_same_float32_weights(name: str) -> None:
    models = {}
    for precision in ("float32", "bfloat16"):
        config = TrainConfig(model=name, precision=precision, vectors="none", dimensions=16, maximum_tokens=32)
        keras.utils.set_random_seed(3)
        models[precision] = build_model(config, vocabulary_size=30, num_classes=3)
    assert keras.config.dtype_policy().name == "float32"  # unchanged outside the block
    ids = make_ids(np.random.default_rng(0), [1, 7, 32], 32)
    logits = {precision: model(ids) for precision, model in models.items()}
    assert {variable.dtype for variable in models["bfloat16"].weights} == {"float32"}
    assert models["bfloat16"].get_layer("conv_1").compute_dtype == "bfloat16"
    assert logits["bfloat16"].dtype == tf.float32
    assert float(abs(logits["float32"] - logits["bfloat16"]).numpy().max()) > 0
    np.testing.assert_allclose(*logits.values(), atol=0.05 * float(abs(logits["float32"]).numpy().max()) + 0.02)


def test_every_builder_ends_in_float32_logits() -> None:
    for name in MODELS:
        config = TrainConfig(model=name, precision="bfloat16", maximum_tokens=128, vectors="none")
        assert build_model(config, vocabulary_size=30, num_classes=2).output.dtype == "float32"


def test_the_gain_of_bfloat16_is_a_ratio() -> None:
    assert 0.001 < devices.bfloat16_gain() < 1000
