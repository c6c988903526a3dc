"""CPU seconds of tokenizing with and without folding to Unicode's compatibility forms, and what the tables take.

    python tests/benchmarks/folding.py

10,000 texts of 60 words, drawn from a sentence of each language; in Japanese, of 60 characters. The two ways take
turns; printed are medians of five rounds. The last line has the bytes of the tables, and by how much they make a
SavedModel of the tokenizer larger.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

TEXTS, WORDS, ROUNDS = 10_000, 60, 5
SENTENCES = {
    "English": "The old train left the station late again, and nobody on the platform was surprised.",
    "French": "Le vieux train a de nouveau quitté la gare en retard, et sur le quai personne n'a été étonné.",
    "Vietnamese": "Chuyến tàu cũ lại rời ga muộn, và không ai trên sân ga ngạc nhiên về điều đó.",
    "Korean": "낡은 기차는 또 늦게 역을 떠났고 승강장에 있던 사람들은 아무도 놀라지 않았다.",
    "Japanese": "古い列車はまた遅れて駅を出たが、ホームにいた人は誰も驚かなかった。",
}


def make_texts(sentence: str) -> list[str]:
    """Texts of the sentence's words, or of its characters if it has no spaces."""
    words, between = (sentence.split(), " ") if " " in sentence else (list(sentence), "")
    drawn = np.random.default_rng(0).integers(0, len(words), (TEXTS, WORDS)).tolist()
    return [between.join(words[word] for word in text) for text in drawn]


def measure(split: Callable[[Any], Any], texts: Any) -> Iterator[float]:
    """Median CPU seconds without folding and with it."""
    from keras_textcnn.text import tokenizers

    seconds: dict[bool, list[float]] = {False: [], True: []}
    for round_number in range(1 + ROUNDS):
        for folded, taken in seconds.items():
            change = tokenizers.decompose if folded else lambda unchanged: unchanged
            with mock.patch.object(tokenizers, "decompose", change):
                started = time.process_time()
                split(texts)
            if round_number:  # in the first round, everything is set up
                taken.append(time.process_time() - started)
    return map(statistics.median, seconds.values())


def saved_bytes() -> int:
    """The size of a SavedModel that only tokenizes."""
    import tensorflow as tf

    from keras_textcnn.text.tokenizers import tokenize

    module = tf.Module()
    module.tokens = tf.function(
        lambda texts: tokenize(texts).to_tensor(), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder)
        return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def main() -> None:
    """Prints a line for each language, and the sizes."""
    import tensorflow as tf

    from keras_textcnn.text import folding, tokenizers

    print("| | words, without | words, with | characters, without | characters, with |\n|---|---|---|---|---|")
    for language, sentence in SENTENCES.items():
        texts = tf.constant(make_texts(sentence))
        found = [*measure(tokenizers.tokenize, texts), *measure(tokenizers.split_characters, texts)]
        print(f"| {language} | {' | '.join(f'{seconds:.2f}' for seconds in found)} |", flush=True)
    table = folding.decompositions()
    codes = (table.rows, table.classes)
    arrays = [table.lengths, table.starts, table.values, *(part for one in codes for part in (one.pages, one.entries))]
    whole = saved_bytes()
    with mock.patch.object(tokenizers, "decompose", lambda unchanged: unchanged):
        without = saved_bytes()
    print(f"\ntables {sum(array.nbytes for array in arrays):,} bytes, in the SavedModel {whole - without:,} more")


if __name__ == "__main__":
    main()
