"""Texts per second in training, frozen and unfrozen, compared with PyTorch and Keras, and the resulting accuracy.

    pip install ".[benchmark]"
    python tests/benchmarks/training.py sentence_polarity
    python tests/benchmarks/training.py aclImdb_v1.tar.gz --texts 2000

All have the same architecture (windows 3, 4, 5 of 100 filters, 100 dimensions, dropout 0.5), vectors and ids, batches
of 64, float32 and Adam. Every contestant has a process of its own. A round is an epoch of each, in turns: five frozen,
then six unfrozen; the first of each kind, in which everything is set up, is not counted. Without --texts, the accuracy
at the lowest validation loss is shown as well. Learning rates differ: Adam at 1e-3 for PyTorch and Keras, the default
recipe's rates for the package.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from contest import Round, compete, show_ratios, take_part
from contestants import BATCH, DROPOUT, FILTERS, WINDOWS, KerasExample, Texts, TorchTextCNN
from corpora import save_ids

FROZEN, UNFROZEN = 5, 6


class Ours:
    """The package's model, pipeline and phases."""

    def __init__(self, vectors: np.ndarray, labels: int, *, seed: int) -> None:
        import keras

        from keras_textcnn import build_conv1d
        from keras_textcnn.layers.embedding import set_embedding

        keras.utils.set_random_seed(seed)
        sizes = {"vocabulary_size": len(vectors), "dimensions": vectors.shape[1], "num_classes": labels}
        self.model = build_conv1d(**sizes, windows=WINDOWS, filters=FILTERS, dropout=DROPOUT)
        set_embedding(self.model, vectors)
        self.seed, self.epoch = seed, 0

    def fit(self, texts: Texts, *, frozen: bool) -> None:
        """Trains an epoch."""
        from keras_textcnn.config import TrainConfig
        from keras_textcnn.data import batching
        from keras_textcnn.training import compilation, phases

        if self.epoch in (0, FROZEN):
            config = TrainConfig()
            rates = config.resolved().learning_rate, config.resolved().unfrozen_learning_rate
            phases = phases.two_phases(
                frozen_epochs=FROZEN, unfrozen_epochs=UNFROZEN, learning_rate=rates[0], unfrozen_learning_rate=rates[1],
                embedding_factor=config.resolved().embedding_factor,
            )  # fmt: skip
            compilation.compile_phase(self.model, phases[0 if frozen else 1])
        boundaries = batching.length_boundaries(int(texts.lengths.max()))
        plan = batching.plan_batches(
            texts.lengths, boundaries=boundaries, batch_size=BATCH, seed=(self.seed, self.epoch)
        )
        self.epoch += 1
        batches = batching.padded_batches(self._examples(texts), plan, boundaries=boundaries)
        self.model.fit(batches, shuffle=False, verbose=0)

    def predict(self, texts: Texts) -> np.ndarray:
        """Logits of a corpus with one label per text, (texts, labels)."""
        from keras_textcnn.data import batching, prediction

        boundaries = batching.length_boundaries(int(texts.lengths.max()))
        return prediction.predict_logits(self.model, self._examples(texts), boundaries=boundaries, batch_size=256)

    def _examples(self, texts: Texts) -> object:
        from keras_textcnn.data.batching import Examples
        from keras_textcnn.data.tokenized import ArrayIds

        same = np.arange(texts.ids.max() + 1, dtype=np.int32)
        rows = np.arange(len(texts.targets))
        return Examples(ArrayIds(texts.ids), texts.starts, texts.lengths, same, rows, texts.targets.astype(np.int32))


MODELS = {
    "keras_textcnn": Ours,
    "PyTorch, padded to the longest": lambda *sizes, seed: TorchTextCNN(*sizes, longest=True, seed=seed),
    "PyTorch, padded by batch": lambda *sizes, seed: TorchTextCNN(*sizes, longest=False, seed=seed),
    "Keras's example": KerasExample,
}


def prepare(name: str) -> Callable[..., Callable[[], Round]]:
    """A contestant that trains one epoch per round."""

    def prepare_contestant(path: str, limit: str, seed: str) -> Callable[[], Round]:
        arrays = np.load(path)
        splits = {
            split: Texts(*(arrays[f"{split}_{part}"] for part in ("ids", "lengths", "targets")))
            for split in ("train", "validation", "test")
        }
        train = splits["train"]
        if int(limit):
            chosen = np.random.default_rng(0).permutation(len(train.rows))[: int(limit)]
            rows = [train.rows[text] for text in chosen]
            train = Texts(np.concatenate(rows), train.lengths[chosen], train.targets[chosen])
        model = MODELS[name](arrays["vectors"], int(train.targets.max()) + 1, seed=int(seed))
        epochs = itertools.count()

        def take_round() -> Round:
            frozen = next(epochs) < FROZEN
            started = time.perf_counter()
            model.fit(train, frozen=frozen)
            phase = "frozen" if frozen else "unfrozen"
            figures = {f"{phase}, texts/s": len(train.rows) / (time.perf_counter() - started)}
            if not int(limit):
                for split in ("validation", "test"):
                    logits, targets = model.predict(splits[split]), splits[split].targets
                    figures[f"{split} accuracy"] = 100 * float((logits.argmax(axis=1) == targets).mean())
                    shifted = logits - logits.max(axis=1, keepdims=True)
                    right = shifted[np.arange(len(targets)), targets] - np.log(np.exp(shifted).sum(axis=1))
                    figures[f"{split} loss"] = -float(right.mean())
            return figures

        return take_round

    return prepare_contestant


def main() -> None:
    """Runs the contest and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="a corpus, as keras_textcnn.train takes it")
    parser.add_argument("--texts", type=int, default=0, help="texts per epoch (default: all training texts)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ids.npz")
        save_ids(arguments.data, path)
        sizes = str(path), str(arguments.texts), str(arguments.seed)
        results = compete(CONTESTANTS, *sizes, rounds=FROZEN + UNFROZEN)
    for phase, rounds in (("frozen", slice(1, FROZEN)), ("unfrozen", slice(FROZEN + 1, None))):
        show_ratios({name: all_[rounds] for name, all_ in results.items()}, {f"{phase}, texts/s": "{:,.0f}"})
    if not arguments.texts:
        for name, rounds in results.items():
            best = min(rounds, key=lambda figures: figures["validation loss"])
            print(f"{name}: test accuracy {best['test accuracy']:.2f}, validation {best['validation accuracy']:.2f}")


CONTESTANTS = {name: prepare(name) for name in MODELS}

if __name__ == "__main__":
    take_part(CONTESTANTS)
    main()
