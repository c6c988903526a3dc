"""Tokens per second that the pipeline delivers alone, and the share of a training epoch that waits for it.

    python tests/benchmarks/pipeline.py [CORPUS ...]

Takes turns, round after round: an epoch of batches that are not used; a frozen epoch, the fastest kind, fed by the
pipeline; and the same epoch from batches that are ready in memory. The time by which the second exceeds the third is
waiting. Also measures the memory that the pipeline takes for a million texts, in addition to their ids.
"""

import collections
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from corpora import MANY, save_ids

CORPORA, ROUNDS, MILLION, TOKENS = ("sentence_polarity", "reuters-r8"), 7, 1_000_000, 60


def main() -> None:
    """Prints a line for each corpus, and one for the memory."""
    import tensorflow as tf

    from keras_textcnn.config import TrainConfig
    from keras_textcnn.data.batching import Examples, length_boundaries, padded_batches, plan_batches
    from keras_textcnn.data.tokenized import ArrayIds
    from keras_textcnn.models import factory
    from keras_textcnn.training import plans
    from keras_textcnn.training.compilation import compile_phase

    config = TrainConfig(dimensions=100, vectors="glove.6B.100d.30k", ngrams=0).resolved(texts=MANY)
    boundaries = length_boundaries(config.maximum_tokens)

    def pipeline_of(ids: np.ndarray, lengths: np.ndarray, targets: np.ndarray) -> tf.data.Dataset:
        starts = np.cumsum(lengths, dtype=np.int64) - lengths
        same = np.arange(ids.max() + 1, dtype=np.int32)
        examples = Examples(ArrayIds(ids), starts, lengths, same, np.arange(len(lengths)), targets)
        plan = plan_batches(lengths, boundaries=boundaries, batch_size=config.batch_size, seed=(0, 0))
        return padded_batches(examples, plan, boundaries=boundaries)

    print("| | pipeline alone, tokens/s | times the training rate | of a training epoch, waiting |\n|---|---|---|---|")
    for data in sys.argv[1:] or CORPORA:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "ids.npz")
            save_ids(data, path)
            arrays = dict(np.load(path))
        ids, lengths, targets = (arrays[f"train_{part}"] for part in ("ids", "lengths", "targets"))
        model = factory.build_model(config, vocabulary_size=int(ids.max()) + 1, num_classes=int(targets.max()) + 1)
        compile_phase(model, plans.plan_phases(config)[0])
        fed = pipeline_of(ids, lengths, targets)
        ready = fed.cache()
        model.fit(ready, verbose=0)
        seconds: dict[str, list[float]] = {"alone": [], "fed": [], "ready": []}
        for _ in range(ROUNDS):
            for name, batches in (("alone", fed), ("fed", fed), ("ready", ready)):
                started = time.perf_counter()
                if name == "alone":
                    collections.deque(batches, maxlen=0)
                else:
                    model.fit(batches, verbose=0)
                seconds[name].append(time.perf_counter() - started)
        times = [fed / alone for alone, fed in zip(seconds["alone"], seconds["fed"], strict=True)]
        waiting = [1 - ready / fed for ready, fed in zip(seconds["ready"], seconds["fed"], strict=True)]
        print(
            f"| {data} | {lengths.sum() / statistics.median(seconds['alone']):,.0f} | {statistics.median(times):.1f} "
            f"({min(times):.1f} to {max(times):.1f}) | {statistics.median(waiting):.0%} "
            f"({min(waiting):.0%} to {max(waiting):.0%}) |",
            flush=True,
        )

    random = np.random.default_rng(0)
    lengths = np.full(MILLION, TOKENS, np.int32)
    ids = random.integers(1, 50_000, MILLION * TOKENS, dtype=np.int32)
    before = resident()
    peak = before
    for number, _ in enumerate(pipeline_of(ids, lengths, np.zeros(MILLION, np.int32))):
        if number % 500 == 0:
            peak = max(peak, resident())
    print(
        f"{MILLION:,} texts of {TOKENS} tokens: ids {ids.nbytes / 2**20:.0f} MiB, pipeline {peak - before:.0f} MiB more"
    )


def resident() -> float:
    """The resident memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    main()
