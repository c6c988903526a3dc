"""Milliseconds a training step by rows of the embedding: frozen, unfrozen, and unfrozen with Keras's own layers.

    python tests/benchmarks/vocabulary_scaling.py [ROWS ...]

The three take turns, round after round, in one process; each figure is the median of the rounds' medians.
"""

import statistics
import sys
import time
from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from keras_textcnn.fitting import Phase
from keras_textcnn.fitting import _compile as compile_phase
from keras_textcnn.models import build_conv1d

BATCH, TOKENS, LABELS, STEPS, ROUNDS = 64, 100, 8, 20, 3


def stock_model(rows: int) -> keras.Model:
    """The same layers as Keras has them, with Adam."""
    ids = keras.Input((None,), dtype="int32")
    embedded = layers.Embedding(rows, 100)(ids)
    pooled = [layers.GlobalMaxPooling1D()(layers.Conv1D(100, w, activation="relu")(embedded)) for w in (3, 4, 5)]
    logits = layers.Dense(LABELS)(layers.Dropout(0.5)(layers.Concatenate()(pooled)))
    model = keras.Model(ids, logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss, metrics=["accuracy"], jit_compile=False)
    return model


def our_model(rows: int, phase: Phase) -> keras.Model:
    """The package's model, compiled as in a phase."""
    model = build_conv1d(vocabulary_size=rows, labels=LABELS)
    compile_phase(model, phase)
    return model


def step_timer(model: keras.Model, rows: int) -> Callable[[], float]:
    """A function that takes some steps and returns the median milliseconds of one."""
    random = np.random.default_rng(0)
    # Word frequencies fall as 1 / rank: most of a batch is a few hundred words.
    batches = [
        (np.minimum(random.zipf(1.2, (BATCH, TOKENS)), rows - 1).astype(np.int32), random.integers(0, LABELS, BATCH))
        for _ in range(STEPS)
    ]
    for batch in batches[:3]:
        model.train_on_batch(*batch)

    def measure() -> float:
        times = []
        for batch in batches:
            started = time.perf_counter()
            model.train_on_batch(*batch)
            times.append(time.perf_counter() - started)
        return 1000 * statistics.median(times)

    return measure


def main() -> None:
    """Prints a line for each number of rows."""
    print(f"batch {BATCH} x {TOKENS} tokens, 3 windows x 100 filters, 100 dimensions; ms a step (share of frozen)")
    for rows in map(int, sys.argv[1:] or ["20000", "400000"]):
        contestants = {
            "frozen": our_model(rows, Phase("frozen", 1, 1e-3, frozen_layers=("embedding",))),
            "unfrozen": our_model(rows, Phase("unfrozen", 1, 1e-3)),
            "stock Embedding and Adam": stock_model(rows),
        }
        timers = {name: step_timer(model, rows) for name, model in contestants.items()}
        rounds: dict[str, list[float]] = {name: [] for name in timers}
        for _ in range(ROUNDS):
            for name, measure in timers.items():
                rounds[name].append(measure())
        shown = []
        for name, times in rounds.items():
            ratios = [own / frozen for own, frozen in zip(times, rounds["frozen"], strict=True)]
            shown.append(f"{name} {statistics.median(times):.1f} ({statistics.median(ratios):.2f})")
        print(f"{rows:9,} rows: {', '.join(shown)}", flush=True)


if __name__ == "__main__":
    main()
