"""CPU seconds to split off validation and test texts, and one fold of ten, where texts have several labels.

    python tests/benchmarks/stratification.py

200,000 made-up texts, each with one to four of 50 labels, of which the most frequent has 50 times the texts of the
rarest.
"""

import time

import numpy as np

TEXTS, LABELS, MOST = 200_000, 50, 4


def main() -> None:
    """Splits, and prints the seconds."""
    from keras_textcnn import Corpus
    from keras_textcnn.data.splits import split_corpus

    random = np.random.default_rng(0)
    share = 1 / np.arange(1, LABELS + 1)
    drawn = random.choice(LABELS, (TEXTS, MOST), p=share / share.sum())
    sizes = random.integers(1, MOST, TEXTS, endpoint=True).tolist()
    labels = [
        sorted({f"label {number}" for number in row[:size]}) for row, size in zip(drawn.tolist(), sizes, strict=True)
    ]
    corpus = Corpus([""] * TEXTS, labels)
    for name, test_fraction, fold in (("validation and test texts", 0.1, None), ("one fold of ten", None, (1, 10))):
        started = time.process_time()
        split_corpus(corpus, validation_fraction=0.1, test_fraction=test_fraction, seed=0, fold=fold)
        print(f"{name}: {time.process_time() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
