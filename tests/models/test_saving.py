"""Models in Keras's own format are read in a process that has imported Keras and the package."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_textcnn
from keras_textcnn import build_charcnn, build_conv1d
from tests.conftest import make_ids, randomize

# Keras comes last: our classes are registered as soon as one of our modules imports it.
READ = """
import sys, keras_textcnn, keras_textcnn.config
from keras_textcnn import LazyAdam
import keras, numpy as np
for path in sys.argv[1:]:
    model = keras.models.load_model(path)
    np.save(path + ".npy", model.predict(np.load(path + ".ids.npy"), verbose=0))
"""


def test_keras_loads_models_of_the_package_in_another_process(tmp_path: Path) -> None:
    random, expected = np.random.default_rng(0), {}
    sizes = {"vocabulary_size": 40, "num_classes": 3, "dimensions": 4, "filters": 5}
    models = {
        "conv1d": build_conv1d(
            **sizes, multichannel=True, ngrams=2, ngram_buckets=32, ngram_svm=True, vector_mean=True
        ),
        "charcnn": build_charcnn(**sizes, windows=(3, 2), pooling=2),
    }
    for name, model in models.items():
        randomize(model, random)
        ids = make_ids(random, [9, 12, 20], 20).astype(np.int32)
        path = str(tmp_path / f"{name}.keras")
        model.save(path)
        np.save(f"{path}.ids.npy", ids)
        expected[path] = model.predict(ids, verbose=0)
    done = subprocess.run([sys.executable, "-c", READ, *expected], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for path, logits in expected.items():
        np.testing.assert_array_equal(np.load(f"{path}.npy"), logits)


@pytest.mark.parametrize("name", ["TokenEmbedding", "PooledConv1D", "NgramLogits", "LazyAdam"])
def test_classes_are_registered_once_keras_and_the_package_are_imported(name: str) -> None:
    assert keras.saving.get_registered_object(f"keras_textcnn>{name}").__name__ == name


def test_every_registering_module_is_imported_for_keras() -> None:
    package = Path(keras_textcnn.__file__).parent
    decorator = "@keras.saving.register_keras_serializable"
    modules = {path for path in package.rglob("*.py") if decorator in path.read_text("utf-8")}
    names = {path.relative_to(package).with_suffix("").as_posix().replace("/", ".") for path in modules}
    assert names == {*keras_textcnn._SAVED}
