"""Milliseconds per training step by rows of the embedding: frozen, unfrozen, and unfrozen with Keras's own layers.

    python tests/benchmarks/vocabulary_scaling.py [ROWS ...]

The batches are the default recipe's for Reuters R8, with the words spread over the rows at random. Every contestant has
a process of its own. A round is the same 40 steps of each, in turns (only the first 4 with Keras's own layers, whose
steps take seconds with many rows).
"""

import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from contest import Round, compete, show_ratios, take_part
from contestants import Texts
from corpora import MANY, save_ids

DATA, ROWS, ROUNDS, STEPS, STOCK_STEPS = "reuters-r8", (20_000, 400_000, 2_000_000), 7, 40, 4
STOCK = "Keras's Embedding and Adam"


def stock_model(rows: int, labels: int) -> object:
    """The same model of Keras's own layers, with Adam."""
    import keras
    from keras import layers

    from keras_textcnn.config import TrainConfig

    config = TrainConfig(dimensions=100, vectors="none").resolved()
    ids = keras.Input((None,), dtype="int32")
    embedded = layers.Embedding(rows, config.dimensions)(ids)
    embedded = layers.SpatialDropout1D(config.embedding_dropout)(embedded)
    convolutions = [layers.Conv1D(config.filters, window, activation="relu") for window in config.windows]
    pooled = layers.Concatenate()([layers.GlobalMaxPooling1D()(convolve(embedded)) for convolve in convolutions])
    model = keras.Model(ids, layers.Dense(labels)(layers.Dropout(config.dropout)(pooled)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss, metrics=["accuracy"], jit_compile=False)
    return model


def our_model(rows: int, labels: int, phase: str) -> object:
    """The package's model, compiled as in a phase of the default recipe."""
    from keras_textcnn.config import TrainConfig
    from keras_textcnn.models import factory
    from keras_textcnn.training import plans
    from keras_textcnn.training.compilation import compile_phase

    config = TrainConfig(vectors="glove.6B.100d.30k", dimensions=100, ngrams=0).resolved(texts=MANY)
    model = factory.build_model(config, vocabulary_size=rows, num_classes=labels)
    compile_phase(model, next(part for part in plans.plan_phases(config) if part.name == phase))
    return model


def prepare(name: str) -> Callable[..., Callable[[], Round]]:
    """A contestant whose round is some training steps."""

    def prepare_contestant(path: str, rows: str) -> Callable[[], Round]:
        import tensorflow as tf

        batches = list(our_batches(path, int(rows)))[: STOCK_STEPS if name == STOCK else STEPS]
        labels = int(max(targets.max() for _, targets in batches)) + 1
        model = stock_model(int(rows), labels) if name == STOCK else our_model(int(rows), labels, name)
        signature = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)
        dataset = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(batches))).cache()
        model.fit(dataset, verbose=0)  # fills the cache, and sets up everything in the first step

        def take_round() -> Round:
            started = time.perf_counter()
            model.fit(dataset, verbose=0)
            return {"ms a step": 1000 * (time.perf_counter() - started) / len(batches)}

        return take_round

    return prepare_contestant


def our_batches(path: str, rows: int) -> object:
    """The pipeline's batches of the first epoch, (ids, targets), with the words' ids redrawn from `rows` ids."""
    from keras_textcnn.config import TrainConfig
    from keras_textcnn.data import batching

    config = TrainConfig().resolved()
    arrays = np.load(path)
    texts = Texts(*(arrays[f"train_{part}"] for part in ("ids", "lengths", "targets")))
    spread = np.random.default_rng(0).permutation(rows - 2).astype(np.int32) + 2
    boundaries = batching.length_boundaries(config.maximum_tokens)
    plan = batching.plan_batches(texts.lengths, boundaries=boundaries, batch_size=config.batch_size, seed=(0, 0))
    for chosen in itertools.islice(plan, STEPS):
        width = boundaries[int(np.searchsorted(boundaries, texts.lengths[chosen].max()))]
        ids = texts.padded(chosen, width)
        yield np.where(ids < 2, ids, spread[ids - 2]).astype(np.int32), texts.targets[chosen].astype(np.int32)


def main() -> None:
    """Prints a table for each number of rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ids.npz")
        save_ids(DATA, path)
        for rows in map(int, sys.argv[1:] or ROWS):
            print(f"\n{rows:,} rows:\n")
            show_ratios(compete(CONTESTANTS, str(path), str(rows), rounds=ROUNDS), {"ms a step": "{:.1f}"})


CONTESTANTS = {name: prepare(name) for name in ("unfrozen", "frozen", STOCK)}

if __name__ == "__main__":
    take_part(CONTESTANTS)
    main()
