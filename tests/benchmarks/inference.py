"""Texts per second from raw strings, and the latency of one text, on Reuters R8.

    pip install ".[benchmark,fast]"
    python tests/benchmarks/inference.py [RUN]

RUN is a directory that `python -m keras_textcnn.train` wrote; if it is not given, a run is trained first. The package
answers from `model.textcnn` with compiled loops and with NumPy alone, and with the SavedModel; the others with a model
that was trained for one epoch or as long as they need. Each returns the probabilities or scores of all labels.
Every contestant has a process of its own. They take turns with rounds of 1,024 test texts at once, 32 at a time, and
200 one by one.
"""

import functools
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
from corpora import read_texts

DATA, ROUNDS, TEXTS, ONE_BY_ONE = "reuters-r8", 7, 1024, 200


def load_light(run: str, *, fast: bool) -> Labeller:
    """`model.textcnn`, with compiled loops or NumPy alone."""
    from keras_textcnn import LightPredictor

    light = LightPredictor(run, fast=fast)
    return lambda texts: [light.labels[output] for output in light.probabilities(texts).argmax(axis=1)]


def load_saved_model(run: str) -> Labeller:
    """The exported model, loaded as in the README."""
    import tensorflow as tf

    model = tf.saved_model.load(f"{run}/saved_model/1")

    def label_texts(texts: Sequence[str]) -> list[str]:
        answers = model.signatures["serving_default"](text=tf.constant(texts))
        return [label.decode() for label in answers["label"].numpy()]

    return label_texts


OURS: dict[str, Callable[[str], Labeller]] = {
    "light, [fast]": functools.partial(load_light, fast=True),
    "light, NumPy": functools.partial(load_light, fast=False),
    "SavedModel": load_saved_model,
}


def prepare(name: str) -> Callable[..., Callable[[], Round]]:
    """A contestant that labels texts."""

    def prepare_contestant(run: str) -> Callable[[], Round]:
        splits = read_texts(DATA)
        texts = splits["test"][0][:TEXTS]
        label = OURS[name](run) if name in OURS else next(PEERS[name](*splits["train"]))
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


def main() -> None:
    """Runs the contest and prints the tables."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(sys.argv[1] if len(sys.argv) > 1 else Path(folder, "run"))
        if not run.exists():
            command = [sys.executable, "-m", "keras_textcnn.train", DATA, "--output", str(run)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        results = compete(CONTESTANTS, str(run), rounds=ROUNDS)
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


CONTESTANTS = {name: prepare(name) for name in (*OURS, *PEERS)}

if __name__ == "__main__":
    take_part(CONTESTANTS)
    main()
