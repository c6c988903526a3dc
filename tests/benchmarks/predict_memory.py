"""Peak memory of `predict` for ten thousand and for a million lines.

    python tests/benchmarks/predict_memory.py RUN FOLDER [SUFFIX]

Writes lines of up to 25 words of the run's vocabulary into FOLDER and predicts them. With SUFFIX, such as `.csv`, the
answers go into a table with `--output`, otherwise to standard output. Prints the seconds and the peak resident memory
of the whole process.
"""

import sys
import time
from pathlib import Path

import numpy as np
from streaming_memory import peak

from keras_textcnn import Run

SIZES, LONGEST = (10_000, 1_000_000), 25  # lines; words of a line


def main() -> None:
    """Writes and predicts the lines of each size, and prints the results."""
    run, folder = Run.open(Path(sys.argv[1])), Path(sys.argv[2])
    output = ["--output", str(folder / f"answered{sys.argv[3]}")] if sys.argv[3:] else []
    folder.mkdir(parents=True, exist_ok=True)
    words = np.array(run.read_lines("vocabulary.txt")[2:])
    print("| lines | seconds | lines a second | peak MiB |\n|---|---|---|---|")
    for size in SIZES:
        path = folder / f"{size}.txt"
        random = np.random.default_rng(0)
        with path.open("w", encoding="utf-8") as file:
            for length in random.integers(0, LONGEST, size).tolist():
                file.write(" ".join(words[random.integers(0, len(words), length)]) + "\n")
        started = time.perf_counter()
        used = peak(["-m", "keras_textcnn.predict", str(run.directory), str(path), *output], folder)
        seconds = time.perf_counter() - started
        print(f"| {size:,} | {seconds:.1f} | {size / seconds:,.0f} | {used:.0f} |", flush=True)


if __name__ == "__main__":
    main()
