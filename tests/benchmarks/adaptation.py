"""A character CNN on 200 sentences: trained from scratch, or from a run that was trained on other texts.

    python -m keras_textcnn.train --data aclImdb_v1.tar.gz --model charcnn --output imdb
    python tests/benchmarks/adaptation.py imdb FOLDER

For each of five seeds, takes 200 sentences of `sentence_polarity` to train on, a fifth of them for validation, and
2,000 others for the test. Trains on them once from scratch, and once from the run for each `--tune`. Prints the
accuracy on the 2,000, in percent. Finished runs are kept in FOLDER and not repeated.
"""

import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

SEEDS, TRAINING, TEST = range(5), 200, 2_000


def write_corpus(folder: Path, seed: int) -> Path:
    """Writes a folder with train.csv and test.csv."""
    from keras_textcnn import Corpus, Reader, fetch

    corpus = Corpus.of(Reader().records(fetch("sentence_polarity")))
    chosen = np.random.default_rng(seed).permutation(len(corpus))[: TRAINING + TEST]
    folder.mkdir(parents=True, exist_ok=True)
    for name, positions in (("train", chosen[:TRAINING]), ("test", chosen[TRAINING:])):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = ([corpus.texts[text], corpus.labels[text]] for text in positions)
            csv.writer(file).writerows([["text", "label"], *rows])
    return folder


def measure(folder: Path, corpus: Path, seed: int, options: list[str]) -> float:
    """The test accuracy, in percent, of a run with these options."""
    if not (folder / "metrics.json").exists():
        command = [sys.executable, "-m", "keras_textcnn.train", "--data", str(corpus), "--output", str(folder)]
        command += ["--seed", str(seed), "--validation-fraction", "0.2", *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return 100 * json.loads((folder / "metrics.json").read_text())["test"]["accuracy"]


def main() -> None:
    """Trains and prints a line for each way."""
    run, folder = sys.argv[1], Path(sys.argv[2])
    ways = {"from nothing": ["--model", "charcnn"]}
    ways |= {f"--from IMDB --tune {tune}": ["--from", run, "--tune", tune] for tune in ("head", "bias", "all")}
    corpora = {seed: write_corpus(folder / f"corpus-{seed}", seed) for seed in SEEDS}
    print("| | " + " | ".join(f"seed {seed}" for seed in SEEDS) + " | mean | deviation |")
    print("|---" * (len(SEEDS) + 3) + "|")
    for name, options in ways.items():
        found = [
            measure(folder / f"{name.split()[-1]}-{seed}", corpus, seed, options) for seed, corpus in corpora.items()
        ]
        shown = " | ".join(f"{accuracy:.2f}" for accuracy in found)
        print(f"| {name} | {shown} | {statistics.mean(found):.2f} | {statistics.stdev(found):.2f} |", flush=True)


if __name__ == "__main__":
    main()
