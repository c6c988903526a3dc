"""The exported model under load: many threads at once, texts from empty to a megabyte."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.persistence.run import SAVED_MODEL
from tests.conftest import WORDS

THREADS = 8
SIZES = (0, 1, 10, 100, 1000, 10_000, 100_000, 2**20)  # characters
STRANGE = ["é" * 500, "日本" * 1000, "\0" * 100, "🦊 " * 50]


def make_texts() -> list[str]:
    random = np.random.default_rng(0)
    return [" ".join(random.choice([*WORDS, "the", "of"], size // 4 + 1))[:size] for size in SIZES] + STRANGE


def ask_at_once(ask: Callable[[list[str]], np.ndarray], alone: list[np.ndarray], calls: int, seed: int) -> None:
    """Each thread sends a number of batches of random texts; every answer must be the one that the text gets alone."""
    texts, wrong = make_texts(), []

    def work(thread: int) -> None:
        random = np.random.default_rng([seed, thread])
        for _ in range(calls):
            chosen = random.integers(0, len(texts), random.integers(1, 5)).tolist()
            answers = ask([texts[text] for text in chosen])
            wrong.extend(text for text, row in zip(chosen, answers, strict=True) if abs(row - alone[text]).max() > 1e-6)

    threads = [threading.Thread(target=work, args=[thread]) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.fixture(scope="module")
def ask(finished_run: Path) -> Callable[[list[str]], np.ndarray]:
    """A function that asks the SavedModel."""
    model = tf.saved_model.load(str(finished_run / SAVED_MODEL))
    return lambda texts: model.signatures["serving_default"](text=tf.constant(texts))["probabilities"].numpy()


@pytest.fixture(scope="module")
def alone(ask: Callable[[list[str]], np.ndarray]) -> list[np.ndarray]:
    """The answer that each text gets alone."""
    return [ask([text])[0] for text in make_texts()]


def test_threads_get_the_answers_that_each_text_gets_alone(
    ask: Callable[[list[str]], np.ndarray], alone: list[np.ndarray]
) -> None:
    assert [len(text) for text in make_texts()[: len(SIZES)]] == list(SIZES)
    ask_at_once(ask, alone, calls=20, seed=0)


def resident() -> int:
    """The resident memory of this process, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


@pytest.mark.stress
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_flat(ask: Callable[[list[str]], np.ndarray], alone: list[np.ndarray]) -> None:
    ask_at_once(ask, alone, calls=500, seed=1)
    before = resident()
    for seed in range(2, 6):
        ask_at_once(ask, alone, calls=2000, seed=seed)
    grown = resident() - before
    print(f"{THREADS} threads, {4 * THREADS * 2000:,} calls: {before} MiB after a warm-up, {grown:+} MiB after all")
    assert grown < 50
