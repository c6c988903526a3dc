"""TensorFlow is imported without its start-up lines, and with all lines if that fails."""

import os
import subprocess
import sys
from pathlib import Path

FORMATS = Path(__file__).parents[1] / "system" / "formats"
IMPORT = "from keras_textcnn.utils.tensorflow import import_tensorflow; "
NOISE = "import os; os.write(2, b'I0000 noise of C++\\n')\n"


def run(code: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Runs code in a new process, in which no variable silences TensorFlow."""
    variables = {name: value for name, value in os.environ.items() if name not in ("TF_CPP_MIN_LOG_LEVEL",)}
    variables["PYTHONPATH"] = os.pathsep.join([*map(str, paths), *sys.path])
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables, timeout=120)


def test_import_and_prediction_print_nothing() -> None:
    code = f"""
import sys, keras_textcnn
names = [name for name, home in keras_textcnn._HOMES.items() if not home.startswith(keras_textcnn._WITH_TENSORFLOW)]
assert all(getattr(keras_textcnn, name) for name in names) and "tensorflow" not in sys.modules
for format in ("6", "7"):
    predictor = keras_textcnn.Predictor({str(FORMATS)!r} + "/" + format)
    for text in ("iron", "iron and zinc", "the wave"):
        predictor(text), predictor([text] * 3), predictor.explain(text)
        keras_textcnn.tokenize(text)
print(predictor(["iron and zinc"])[0]["label"])
"""
    done = run(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "metal\n", "")


def test_lines_of_the_import_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(NOISE)
    done = run(f"{IMPORT}import_tensorflow(); import sys; print('after', file=sys.stderr)", tmp_path)
    assert (done.returncode, done.stderr) == (0, "after\n")


def test_an_import_that_fails_shows_all_lines(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(f"{NOISE}raise ImportError('no such instruction')\n")
    done = run(f"{IMPORT}import_tensorflow()", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("I0000 noise of C++\nTraceback")
    assert done.stderr.endswith("ImportError: no such instruction\n")


def test_an_earlier_import_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(NOISE)
    look = "import logging, os; print(logging.getLogger('tensorflow').level, 'TF_CPP_MIN_LOG_LEVEL' in os.environ)"
    done = run(f"import tensorflow; {IMPORT}assert import_tensorflow() is tensorflow; {look}", tmp_path)
    assert (done.stdout, done.stderr) == ("0 False\n", "I0000 noise of C++\n")


def test_a_process_without_standard_error_imports_it_too(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("")
    done = run(f"import os, sys; os.close(2); sys.stderr = None; {IMPORT}import_tensorflow(); print('done')", tmp_path)
    assert (done.returncode, done.stdout) == (0, "done\n")
