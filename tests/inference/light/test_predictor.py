"""`LightPredictor` needs NumPy alone, and answers from threads, after forks, and to texts of a megabyte."""

import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn import Predictor
from keras_textcnn.errors import InputError
from keras_textcnn.inference.light import LightPredictor
from keras_textcnn.inference.runtime import open_predictor
from tests.runs import Cli
from tests.text.odd_texts import odd_texts

# Run first in another process, so that there is nothing but NumPy and the standard library.
NUMPY_ALONE = """
import sys
class Bare:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in {"numpy", "keras_textcnn", *sys.stdlib_module_names}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Bare())
"""


@pytest.fixture(scope="module")
def light(finished_run: Path) -> LightPredictor:
    return LightPredictor(finished_run)


def test_a_run_answers_the_same_with_both(light: LightPredictor, predictor: Predictor) -> None:
    texts = ["the apple and some iron.", "", "wave", "it's " * 30 + "zinc", "Ａｐｐｌｅ <BR> é", *odd_texts(3, 150)]
    np.testing.assert_allclose(light.probabilities(texts), predictor.probabilities(texts), atol=1e-6)
    assert light.labels == predictor.labels
    assert [answer["label"] for answer in light(texts)] == [answer["label"] for answer in predictor(texts)]


@pytest.mark.parametrize("fast", [False, True])
def test_threads_get_the_answers_of_one(fast: bool, finished_run: Path) -> None:
    random = np.random.default_rng(0)
    words = ["the", "apple", "pear", "iron", "zinc", "wave", "reef", "of", "and", "some", "strange", "é"]
    texts = [" ".join(random.choice(words, random.integers(0, 40))) for _ in range(600)]
    expected = LightPredictor(finished_run, fast=fast).probabilities(texts)
    shared = LightPredictor(finished_run, fast=fast)
    with ThreadPoolExecutor(8) as threads:
        answers = [*threads.map(shared.probabilities, [texts[begin:] for begin in range(0, 160, 10)])]
    for number, answer in enumerate(answers):
        np.testing.assert_allclose(answer, expected[number * 10 :], atol=1e-6)


def test_a_forked_process_answers(light: LightPredictor) -> None:
    texts = ["the apple", "zinc and reef"] * 400
    expected = light.probabilities(texts)
    results = multiprocessing.get_context("fork").SimpleQueue()
    child = multiprocessing.get_context("fork").Process(target=lambda: results.put(light.probabilities(texts)))
    child.start()
    np.testing.assert_array_equal(results.get(), expected)
    child.join(timeout=60)
    assert child.exitcode == 0


def test_numpy_alone_is_enough(finished_run: Path, light: LightPredictor) -> None:
    code = """
from keras_textcnn.inference.light import LightPredictor
light = LightPredictor(sys.argv[1])
print(light("the apple é")["label"], light.explain("the apple").to_json()["reasons"][0]["ngram"], light.task.several)
"""
    done = run_bare(code, finished_run / "model.textcnn")
    assert done.split() == [light("the apple é")["label"], *light.explain("the apple").ngrams[0].text.split(), "False"]


def test_the_command_needs_numpy_alone(finished_run: Path, cli: Cli) -> None:
    code = "from keras_textcnn.predict import main; sys.exit(main())"
    for model in (finished_run / "model.textcnn", finished_run):
        assert run_bare(code, model, "the apple") == cli("predict", model, "the apple").out


def run_bare(code: str, *arguments: object) -> str:
    command = [sys.executable, "-W", "error", "-c", NUMPY_ALONE + code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("piece", ["apple ", "a", "é ", "日", "<br", "\u0301", "apple<", "😀"])
def test_a_text_of_a_megabyte_takes_little_memory(piece: str, finished_run: Path) -> None:
    code = """
import resource
from keras_textcnn.inference.light import LightPredictor
light = LightPredictor(sys.argv[1])
light(["the apple é <", "😀"])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
light(sys.argv[2] * (2**20 // len(sys.argv[2].encode())))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    assert int(run_bare(code, finished_run / "model.textcnn", piece)) < 200_000  # KiB


def test_which_runtime_answers(finished_run: Path, tmp_path: Path) -> None:
    assert isinstance(open_predictor(finished_run), LightPredictor)
    assert open_predictor(finished_run).directory == finished_run
    assert isinstance(open_predictor(finished_run / "model.textcnn"), LightPredictor)
    assert isinstance(open_predictor(finished_run / "saved_model" / "1"), Predictor)
    with pytest.raises(InputError, match="is a file, which TensorFlow cannot load"):
        open_predictor(finished_run / "model.textcnn", runtime="tensorflow")
    with pytest.raises(InputError, match=r"there is no model\.textcnn in .*; leave --runtime out, or train again"):
        open_predictor(finished_run / "saved_model" / "1", runtime="light")
    with pytest.raises(InputError, match="no saved_model/1 in"):
        open_predictor(tmp_path)
    with pytest.raises(InputError, match=r"no such file: nowhere\.textcnn; give a model\.textcnn or a run directory"):
        open_predictor("nowhere.textcnn")


def test_commands_take_either_runtime(cli: Cli, finished_run: Path, corpus_file: Path) -> None:
    answers = [cli("predict", finished_run, "the apple", "--runtime", name).out for name in ("light", "tensorflow")]
    assert answers[0][:30] == answers[1][:30]
    scores = [
        cli("evaluate", finished_run, corpus_file, "--runtime", name, "--name", name).out.split("Saved")[0]
        for name in ("light", "tensorflow")
    ]
    assert scores[0] == scores[1]


def test_predict_and_evaluate_do_not_import_tensorflow(finished_run: Path, corpus_file: Path) -> None:
    for command in (["predict", finished_run, "the apple"], ["evaluate", finished_run, corpus_file, "--name", "bare"]):
        code = f"""
import sys
sys.argv = {list(map(str, command))}
from keras_textcnn.{command[0]} import main
assert main() == 0
assert not {{"tensorflow", "keras"}} & sys.modules.keys()
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
