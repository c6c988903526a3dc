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

from keras_textcnn.config import TrainConfig
from keras_textcnn.fitting import Phase, compile_phase
from keras_textcnn.training import build_model

CONFIG = TrainConfig(dimensions=100)
TOKENS, LABELS, STEPS, ROUNDS = 96, 8, 20, 5


def stock_model(rows: int) -> keras.Model:
    """The same layers as Keras has them, with Adam."""
    ids = keras.Input((None,), dtype="int32")
    embedded = layers.Embedding(rows, CONFIG.dimensions)(ids)
    embedded = layers.SpatialDropout1D(CONFIG.embedding_dropout)(embedded)
    convolutions = [layers.Conv1D(CONFIG.filters, window, activation="relu") for window in CONFIG.windows]
    pooled = layers.Concatenate()([layers.GlobalMaxPooling1D()(convolve(embedded)) for convolve in convolutions])
    logits = layers.Dense(LABELS)(layers.Dropout(CONFIG.dropout)(pooled))
    model = keras.Model(ids, logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss, metrics=["accuracy"], jit_compile=False)
    return model


def our_model(rows: int, phase: Phase) -> keras.Model:
    """The package's model, compiled as in a phase."""
    model = build_model(CONFIG, vocabulary_size=rows, labels=LABELS)
    compile_phase(model, phase)
    return model


def step_timer(model: keras.Model, rows: int) -> Callable[[], float]:
    """A function that takes some steps and returns the median milliseconds of one."""
    random = np.random.default_rng(0)
    # Word frequencies fall as 1 / rank: most of a batch is a few hundred words.
    batches = [
        (
            np.minimum(random.zipf(1.2, (CONFIG.batch_size, TOKENS)), rows - 1).astype(np.int32),
            random.integers(0, LABELS, CONFIG.batch_size),
        )
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
    print(f"the default recipe, batches of {CONFIG.batch_size} x {TOKENS} tokens; ms a step (times the frozen one)")
    for rows in map(int, sys.argv[1:] or ["20000", "400000"]):
        contestants = {
            "frozen": our_model(rows, Phase("frozen", 1, 1e-3, frozen=("embedding",))),
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
