"""Seconds from raw texts to a given accuracy on the test texts, compared with what a user might pick instead.

    pip install ".[benchmark]"
    python tests/benchmarks/time_to_accuracy.py reuters-r8 97
    python tests/benchmarks/time_to_accuracy.py sentence_polarity 77

Each contestant starts from texts in memory, with its libraries imported, and trains in its own way, epoch by epoch if
it has epochs, until it reaches the accuracy. The time to measure the accuracy is left out. Every contestant has a
process of its own, and they take turns.
"""

import argparse
import importlib
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from contest import Round, compete, take_part
from contestants import PEERS, Labeller
from corpora import MANY, read_texts

LONGEST_SECONDS = 60  # after which a contestant gives up
# The library of each, imported before its clock starts.
LIBRARIES = {
    "keras_textcnn": "keras_textcnn.training.trainer",
    "PyTorch TextCNN": "torch",
    "Keras's example": "keras_textcnn.training.trainer",
    "spaCy TextCatCNN": "spacy",
    "fastText": "fasttext",
    "TF-IDF + LinearSVC": "sklearn.svm",
}


def our_epochs(data: str, splits: dict[str, tuple[list[str], list[str]]]) -> Iterator[Labeller]:
    """The package with its default recipe, one epoch at a time."""
    from keras_textcnn.config import TrainConfig
    from keras_textcnn.data import batching, prediction
    from keras_textcnn.data.corpus import Corpus
    from keras_textcnn.data.preprocessing import encode_corpus
    from keras_textcnn.data.tokenized import tokenize_corpus
    from keras_textcnn.models import factory
    from keras_textcnn.training import plans
    from keras_textcnn.training.compilation import compile_phase

    rows = [(name, *pair) for name, pairs in splits.items() for pair in zip(*pairs, strict=True)]
    corpus = Corpus([row[1] for row in rows], [row[2] for row in rows], [row[0] for row in rows])
    config = TrainConfig(data=data, ngrams=0).resolved(texts=MANY)
    encoded = encode_corpus(config, tokenize_corpus(corpus.records()))
    model = factory.build_model(config, vocabulary_size=len(encoded.vocabulary), num_classes=len(encoded.labels))
    factory.load_encoded_vectors(config, model, encoded)
    boundaries = batching.length_boundaries(config.maximum_tokens)
    examples, epochs = encoded.examples, itertools.count()

    def label_texts(texts: Sequence[str]) -> list[str]:
        found = prediction.predict_logits(model, examples["test"], boundaries=boundaries, batch_size=256)
        return [encoded.labels[output] for output in found.argmax(axis=1)]

    for phase in plans.plan_phases(config):
        compile_phase(model, phase)
        for epoch in itertools.islice(epochs, phase.epochs):
            plan = batching.plan_batches(
                examples["train"].lengths, boundaries=boundaries, batch_size=config.batch_size, seed=(0, epoch)
            )
            model.fit(batching.padded_batches(examples["train"], plan, boundaries=boundaries), shuffle=False, verbose=0)
            yield label_texts


def prepare(name: str) -> Callable[..., Callable[[], Round]]:
    """A contestant that trains, in each round, until it reaches the target accuracy on the test texts."""

    def prepare_contestant(data: str, target: str) -> Callable[[], Round]:
        splits = read_texts(data)
        importlib.import_module(LIBRARIES[name])

        def take_round() -> Round:
            texts, targets = splits["test"]
            entered = our_epochs(data, splits) if name == "keras_textcnn" else PEERS[name](*splits["train"])
            seconds, best = 0.0, 0.0
            while best < float(target) and seconds < LONGEST_SECONDS:
                started = time.perf_counter()
                label_texts: Labeller | None = next(entered, None)
                seconds += time.perf_counter() - started
                if label_texts is None:
                    break
                right = [found == label for found, label in zip(label_texts(texts), targets, strict=True)]
                best = max(best, 100 * sum(right) / len(right))
            return {"seconds": seconds, "accuracy": best}

        return take_round

    return prepare_contestant


def main() -> None:
    """Runs the contest and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="a corpus, as keras_textcnn.train takes it")
    parser.add_argument("accuracy", type=float, help="percent")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    results = compete(CONTESTANTS, arguments.data, str(arguments.accuracy), rounds=arguments.rounds)
    print("| | seconds | test accuracy reached |\n|---|---|---|")
    for name, rounds in results.items():
        seconds = [figures["seconds"] for figures in rounds]
        spread = f"{statistics.median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"
        print(f"| {name} | {spread} | {statistics.median(figures['accuracy'] for figures in rounds):.2f} |")


CONTESTANTS = {name: prepare(name) for name in ("keras_textcnn", *PEERS)}

if __name__ == "__main__":
    take_part(CONTESTANTS)
    main()
