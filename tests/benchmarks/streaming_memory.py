"""Peak memory of a training on a generated file of JSON lines that is larger than the memory it may take.

    python tests/benchmarks/streaming_memory.py FOLDER [GIGABYTES]

Writes the file (2 GB by default) and the shards to FOLDER, trains with `--memory 1024`, and prints the peak resident
memory of that process, that of a process that has only imported the libraries, and the difference.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from corpora import CONVOLUTION

MEMORY, WORDS, LABELS, TEXTS = 1024, 300_000, 4, 2000  # MiB; different words; labels; texts written at once
OPTIONS = [*CONVOLUTION, "--maximum-tokens", "64", "--frozen-epochs", "1", "--unfrozen-epochs", "1"]
OPTIONS += ["--batch-size", "256"]
IMPORT = (
    "from keras_textcnn.utils.tensorflow import import_tensorflow; import_tensorflow(); "
    "import keras_textcnn.training.trainer"
)


def write_corpus(path: Path, *, texts: float = float("inf"), size: float = float("inf"), longest: int = 300) -> None:
    """Writes texts of 20 or more words, whose frequencies fall as 1 / rank, each with a word that tells its label.

    Args:
        path: The file of JSON lines.
        texts: The number of texts, in steps of 2,000.
        size: The size of the file in bytes, as an alternative.
        longest: The maximum number of words in a text.
    """
    random = np.random.default_rng(0)
    words = np.array([f"w{number:x}" for number in range(WORDS)])
    shares = np.cumsum(1 / np.arange(1, WORDS + 1))
    with path.open("w") as file:
        written = 0
        while file.tell() < size and written < texts:
            written += TEXTS
            lengths, labels = random.integers(20, longest, TEXTS), random.integers(0, LABELS, TEXTS)
            running = words[np.searchsorted(shares, random.random(lengths.sum()) * shares[-1])]
            for text, label in zip(np.split(running, np.cumsum(lengths)[:-1]), labels, strict=True):
                row = {"text": " ".join([f"mark{label}", *text]), "label": f"label{label}"}
                file.write(json.dumps(row) + "\n")


def peak(arguments: list[str], home: Path) -> float:
    """Runs Python and returns its peak resident memory in MiB."""
    environment = {**os.environ, "KERAS_TEXTCNN_HOME": str(home)}
    process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1024


def main() -> None:
    """Writes texts, trains on them and prints the memory."""
    folder = Path(sys.argv[1])
    corpus = folder / "corpus.jsonl"
    if not corpus.exists():
        write_corpus(corpus, size=float(sys.argv[2] if len(sys.argv) > 2 else 2) * 1e9)
    libraries = peak(["-c", IMPORT], folder)
    started = time.perf_counter()
    output = folder / f"run-{time.time_ns()}"
    options = ["--data", str(corpus), "--memory", str(MEMORY), "--output", str(output), *OPTIONS]
    training = peak(["-m", "keras_textcnn.train", *options], folder)
    print(
        f"{corpus.stat().st_size / 1e9:.2f} GB, {time.perf_counter() - started:.0f} s: peak {training:.0f} MiB, "
        f"libraries {libraries:.0f} MiB, difference {training - libraries:.0f} of {MEMORY} MiB"
    )


if __name__ == "__main__":
    main()
