"""Peak memory of a training whose held-out texts have many scores: one for each text and label.

    python tests/benchmarks/scoring_memory.py FOLDER [--texts N] [--labels N] [--several]

Writes 20,000 training texts and N texts (200,000), half of them for validation and half for the test, of N labels
(500), and trains on them for an epoch. With `--several`, a text has two labels. Prints the seconds, the peak resident
memory of that process, and that of a process that has only imported the libraries.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from streaming_memory import IMPORT, peak

TRAINING, WORDS, LENGTH = 20_000, 2_000, 10  # training texts; different words; words of a text
OPTIONS = ["--vectors", "none", "--dimensions", "16", "--windows", "2", "--filters", "32", "--frozen-epochs", "0"]
OPTIONS += ["--unfrozen-epochs", "1", "--ngram-epochs", "1", "--ngram-buckets", "1024", "--inner-folds", "0"]
OPTIONS += ["--memory", "16384", "--batch-size", "256"]


def write_texts(path: Path, texts: int, *, labels: int, several: bool, seed: int) -> None:
    """Writes JSON lines of random words, one or two of which tell the labels."""
    random = np.random.default_rng(seed)
    with path.open("w") as file:
        for _ in range(texts):
            words = random.integers(0, WORDS, LENGTH)
            has = random.integers(0, labels, 1 + several)
            text = " ".join([*(f"mark{label}" for label in has), *(f"w{word}" for word in words)])
            file.write(
                json.dumps({"text": text, "label": ";".join(f"label{label}" for label in sorted(set(has)))}) + "\n"
            )


def main() -> None:
    """Writes texts, trains on them and prints the memory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--texts", type=int, default=200_000)
    parser.add_argument("--labels", type=int, default=500)
    parser.add_argument("--several", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    sizes = {"train": TRAINING, "validation": given.texts // 2, "test": given.texts // 2}
    files = {name: given.folder / f"{name}-{given.labels}-{size}-{given.several}.jsonl" for name, size in sizes.items()}
    for seed, (name, path) in enumerate(files.items()):
        write_texts(path, sizes[name], labels=given.labels, several=given.several, seed=seed)
    options = ["--data", str(files["train"]), "--validation-data", str(files["validation"])]
    options += ["--test-data", str(files["test"]), "--output", str(given.folder / f"run-{time.time_ns()}"), *OPTIONS]
    options += ["--multi-label", ";"] if given.several else []
    libraries = peak(["-c", IMPORT], given.folder)
    started = time.perf_counter()
    used = peak(["-m", "keras_textcnn.train", *options], given.folder)
    print(
        f"{given.texts:,} texts, {given.labels:,} labels, {time.perf_counter() - started:.0f} s: peak {used:.0f} MiB, "
        f"libraries {libraries:.0f} MiB, difference {used - libraries:.0f} MiB"
    )


if __name__ == "__main__":
    main()
