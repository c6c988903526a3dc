"""The accuracy of a network of one's own, `attention.py`, next to that of `conv1d`.

    python tests/benchmarks/own_network.py FOLDER [CORPUS]

Trains each on CORPUS (default: reuters-r8) with three seeds, or with ten folds if it has no test split, and prints the
test accuracy and macro F1 in percent, their standard deviation, and the seconds of one run. Finished runs are kept in
FOLDER and not repeated.
"""

import json
import subprocess
import sys
from pathlib import Path

from corpora import CONVOLUTION

ATTENTION = ["--builder", f"{Path(__file__).with_name('attention.py')}:build"]
NETWORKS = {"`conv1d`": [], "`conv1d`, the convolution alone": CONVOLUTION, "attention": ATTENTION}
FOLDED = ("sentence_polarity", "subjectivity")  # corpora without a test split


def measure(output: Path, options: list[str], own: list[str]) -> dict[str, object]:
    """The summary of the runs with these options; an interrupted training goes on."""
    summary = output / "repeats.json"
    if not summary.exists() or "scores" not in json.loads(summary.read_text()):
        arguments = ["--resume", str(output), *own] if summary.exists() else ["--output", str(output), *options]
        subprocess.run([sys.executable, "-m", "keras_textcnn.train", *arguments], check=True, stdout=subprocess.DEVNULL)
    return json.loads(summary.read_text())


def main() -> None:
    """Trains and prints a line for each network."""
    folder, corpus = Path(sys.argv[1]), (sys.argv[2:] or ["reuters-r8"])[0]
    repeats = ["--folds", "10"] if corpus in FOLDED else ["--seeds", "3"]
    print(f"| {corpus} | test accuracy | macro F1 | seconds a run |\n|---|---|---|---|")
    for number, (name, options) in enumerate(NETWORKS.items()):
        own = options if options is ATTENTION else []
        summary = measure(folder / f"{corpus}-{number}", ["--data", corpus, *repeats, *options], own)
        scores = [summary["scores"]["test"][score] for score in ("accuracy", "macro_f1")]
        shown = " | ".join(f"{100 * score['mean']:.2f} ± {100 * score['deviation']:.2f}" for score in scores)
        print(f"| {name} | {shown} | {summary['seconds'] / summary['runs']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
