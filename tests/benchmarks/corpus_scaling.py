"""Seconds and peak memory of training by number of texts, in memory and from shards on disk.

    python tests/benchmarks/corpus_scaling.py FOLDER [TEXTS ...]

For each number of texts, writes texts of 20 to 100 words as JSON lines in FOLDER and trains on them for one epoch of
each phase: with `--memory 2048` and, if they fit, in memory, with the linear model. Prints how far the peak resident
memory exceeds that of a process that has only imported the libraries, and the size of the ids.
"""

import sys
import time
from pathlib import Path

from streaming_memory import IMPORT, OPTIONS, peak, write_corpus

SIZES, MEMORY, TOKENS = (10_000, 100_000, 1_000_000), 2048, 60  # texts; MiB; tokens of a text, on average
IN_MEMORY_AT_MOST = 100_000  # a linear model of a million texts' word pairs exceeds this machine's memory


def main() -> None:
    """Writes texts, trains on them and prints a line for each way."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    libraries = peak(["-c", IMPORT], folder)
    print(f"libraries alone: {libraries:.0f} MiB\n")
    print("| texts | ids, MiB | way | seconds | peak MiB over the libraries |\n|---|---|---|---|---|")
    for texts in map(int, sys.argv[2:] or SIZES):
        corpus = folder / f"{texts}.jsonl"
        if not corpus.exists():
            write_corpus(corpus, texts=texts, longest=2 * TOKENS - 20)
        for name, options in (("--memory 2048", ["--memory", str(MEMORY)]), ("in memory, with the linear model", [])):
            if not options and texts > IN_MEMORY_AT_MOST:
                continue
            started = time.perf_counter()
            output = folder / f"run-{time.time_ns()}"
            used = peak(
                ["-m", "keras_textcnn.train", "--data", str(corpus), "--output", str(output), *OPTIONS, *options],
                folder,
            )
            ids = texts * TOKENS * 4 / 2**20
            seconds = time.perf_counter() - started
            print(f"| {texts:,} | {ids:.0f} | {name} | {seconds:.0f} | {used - libraries:.0f} |", flush=True)


if __name__ == "__main__":
    main()
