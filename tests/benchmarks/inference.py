"""Texts per second from raw strings, latency of one text, and the first answer of a fresh process, on Reuters R8.

    pip install ".[benchmark]"
    python tests/benchmarks/inference.py [RUN]

RUN is a directory that `python -m keras_textcnn.train` wrote; if it is not given, a run is trained first. The package
predicts with the exported SavedModel, the others with a model that was trained for one epoch or as long as they need.
Every contestant has a process of its own. They take turns with rounds of 1,024 test texts at once, 32 at a time, and
200 one by one.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from contest import Round, compete, show_ratios, take_part
from contestants import PEERS, Labeller
from corpora import CONVOLUTION, read_texts

DATA, ROUNDS, TEXTS, ONE_BY_ONE = "reuters-r8", 7, 1024, 200


def load_ours(saved_model: str) -> Labeller:
    """The exported model, loaded as in the README."""
    import tensorflow as tf

    model = tf.saved_model.load(saved_model)

    def label_texts(texts: Sequence[str]) -> list[str]:
        answers = model.signatures["serving_default"](text=tf.constant(texts))
        return [label.decode() for label in answers["label"].numpy()]

    return label_texts


def prepare(name: str) -> Callable[..., Callable[[], Round]]:
    """A contestant that labels texts."""

    def prepare_contestant(saved_model: str) -> Callable[[], Round]:
        splits = read_texts(DATA)
        texts = splits["test"][0][:TEXTS]
        label = load_ours(saved_model) if name == "keras_textcnn" else next(PEERS[name](*splits["train"]))
        for batch in (TEXTS, 32, 1):  # everything is set up in the first calls
            label(texts[:batch])

        def take_round() -> Round:
            milliseconds = [1000 * seconds for seconds in _time(label, texts[:ONE_BY_ONE], 1)]
            return {
                "1,024 at once, texts/s": TEXTS / sum(_time(label, texts, TEXTS)),
                "32 at once, texts/s": TEXTS / sum(_time(label, texts, 32)),
                "one, median ms": statistics.median(milliseconds),
                "one, 90% ms": float(np.percentile(milliseconds, 90)),
                "one, 99% ms": float(np.percentile(milliseconds, 99)),
            }

        return take_round

    return prepare_contestant


def _time(label: Labeller, texts: Sequence[str], batch: int) -> list[float]:
    """Seconds of each batch."""
    seconds = []
    for begin in range(0, len(texts), batch):
        started = time.perf_counter()
        label(texts[begin : begin + batch])
        seconds.append(time.perf_counter() - started)
    return seconds


def first_answers(run: Path) -> dict[str, list[float]]:
    """The seconds of `predict` for one text in a fresh process, and of a process that only imports TensorFlow."""
    commands = {
        "predict, one text, fresh process": ["-m", "keras_textcnn.predict", str(run)],
        "import tensorflow alone": ["-c", "import tensorflow"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(5):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(
                [sys.executable, *command],
                input=b"profits rose in the second quarter\n",
                capture_output=True,
                check=True,
            )
            seconds[name].append(time.perf_counter() - started)
    return seconds


def main() -> None:
    """Runs the contest and prints the tables."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(sys.argv[1] if len(sys.argv) > 1 else Path(folder, "run"))
        if not run.exists():
            command = [sys.executable, "-m", "keras_textcnn.train", "--data", DATA, "--output", str(run), *CONVOLUTION]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        results = compete(CONTESTANTS, str(run / "saved_model" / "1"), rounds=ROUNDS)
        show_ratios(
            results,
            {
                "1,024 at once, texts/s": "{:,.0f}",
                "32 at once, texts/s": "{:,.0f}",
                "one, median ms": "{:.2f}",
                "one, 90% ms": "{:.2f}",
                "one, 99% ms": "{:.2f}",
            },
        )
        for name, seconds in first_answers(run).items():
            print(f"{name}: {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})")


CONTESTANTS = {name: prepare(name) for name in ("keras_textcnn", *PEERS)}

if __name__ == "__main__":
    take_part(CONTESTANTS)
    main()
