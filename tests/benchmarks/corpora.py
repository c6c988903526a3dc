"""A corpus as the package reads and encodes it, the same for every contestant."""

import os
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

MANY = 10_000  # texts, enough for the default recipe to let validation texts decide

# The command's default recipe, without the linear model and other parts that the competitors lack.
CONVOLUTION = ["--ngrams", "0", "--vocabulary", "train", "--unfrozen-epochs", "8", "--no-refit"]


def read_texts(data: str) -> dict[str, tuple[list[str], list[str]]]:
    """The texts and labels of each split; a tenth becomes the test split if the corpus has none."""
    from keras_textcnn.data.datasets import fetch, is_named
    from keras_textcnn.data.readers import Reader

    path = fetch(data) if is_named(data) else Path(data)
    splits: dict[str, tuple[list[str], list[str]]] = {}
    for record in Reader().records(path):
        texts, labels = splits.setdefault(record.split, ([], []))
        texts.append(record.text)
        labels.append(record.label)
    if "test" not in splits:
        order = np.random.default_rng(0).permutation(len(splits["train"][0]))
        cut = len(order) // 10
        splits = {
            name: tuple([column[row] for row in rows] for column in splits["train"])
            for name, rows in (("test", order[:cut]), ("train", order[cut:]))
        }
    return splits


def save_ids(data: str, path: Path, *, vectors: str | None = None) -> None:
    """Writes ids, lengths and targets of each split, and the matrix of vectors, as NumPy arrays."""
    from keras_textcnn.config import TrainConfig
    from keras_textcnn.data.corpus import Corpus
    from keras_textcnn.data.preprocessing import encode_corpus
    from keras_textcnn.data.tokenized import tokenize_corpus
    from keras_textcnn.text.pretrained_vectors import embedding_matrix

    splits = read_texts(data)
    rows = [(name, *pair) for name, pairs in splits.items() for pair in zip(*pairs, strict=True)]
    corpus = Corpus([row[1] for row in rows], [row[2] for row in rows], splits=[row[0] for row in rows])
    config = TrainConfig(data=data, vectors=vectors, vocabulary="train")
    encoded = encode_corpus(config, tokenize_corpus(corpus.records()))
    arrays = {"vectors": embedding_matrix(encoded.vocabulary, encoded.found, dimensions=encoded.dimensions)}
    for name, examples in encoded.examples.items():
        texts = zip(examples.starts.tolist(), examples.lengths.tolist(), strict=True)
        ids = [examples.renumber[examples.ids.read(start, length)] for start, length in texts]
        arrays |= {f"{name}_ids": np.concatenate(ids), f"{name}_lengths": examples.lengths}
        arrays[f"{name}_targets"] = examples.targets
    np.savez(path, **arrays)
