"""Ways to treat rare labels, compared on Reuters R52, whose labels have from 1 to 2,556 training texts.

    python tests/benchmarks/unequal_labels.py FOLDER

Prints accuracy, macro F1 and calibration error on the test texts, in percent, as means over three seeds. Then prints
them for a corpus with several labels per text: pairs of R52's texts, joined, with the labels of both. Finished runs are
kept in FOLDER and not repeated.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from corpora import CONVOLUTION

WAYS = {
    "default": [],
    "`--class-weight square-root`": ["--class-weight", "square-root"],
    "`--class-weight balanced`": ["--class-weight", "balanced"],
    "`--sampling balanced`": ["--sampling", "balanced"],
    "`--focal-gamma 2`": ["--focal-gamma", "2"],
}
SEEDS, SCORES = range(3), ("accuracy", "macro_f1", "calibration_error")


def write_pairs(folder: Path) -> Path:
    """Writes a folder with train.csv and test.csv, whose texts are pairs of R52's texts, each text in one pair."""
    from keras_textcnn import Corpus, Reader, fetch

    corpus = Corpus.of(Reader().records(fetch("reuters-r52")))
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "test"):
        texts = [record for record in corpus.records() if record.split == split]
        order = np.random.default_rng(0).permutation(len(texts))[: len(texts) // 2 * 2].reshape(-1, 2)
        pairs = [[texts[position] for position in pair] for pair in order.tolist()]
        rows = [[f"{one.text} {other.text}", ";".join(sorted({one.label, other.label}))] for one, other in pairs]
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["text", "label"], *rows])
    return folder


def measure(output: Path, options: list[str]) -> list[float]:
    """The scores, in percent, of a run with these options."""
    if not (output / "metrics.json").exists():
        command = [sys.executable, "-m", "keras_textcnn.train", "--output", str(output), *CONVOLUTION, *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    scores = json.loads((output / "metrics.json").read_text())["test"]
    return [100 * scores[name] for name in SCORES]


def main() -> None:
    """Trains and prints a line for each way."""
    folder = Path(sys.argv[1])
    pairs = write_pairs(folder / "pairs")
    corpora = {"R52": ["--data", "reuters-r52"], "pairs": ["--data", str(pairs), "--multi-label", ";"]}
    print("| corpus | | accuracy | macro F1 | calibration error |\n|---|---|---|---|---|")
    for corpus, data in corpora.items():
        for name, options in WAYS.items():
            if corpus == "pairs" and {"--sampling", "--focal-gamma", "balanced"} & {*options}:
                continue  # the rarer of two labels says little about a text; the losses differ as they do above
            runs = [
                measure(folder / f"{corpus}{''.join(options)}-{seed}", [*data, *options, "--seed", str(seed)])
                for seed in SEEDS
            ]
            shown = " | ".join(f"{score:.2f}" for score in np.mean(runs, axis=0))
            print(f"| {corpus} | {name} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
