"""Floating-point operations per second of a training step, as a share of this machine's own matrix product.

    python tests/benchmarks/roofline.py [CORPUS]

Takes turns, round after round: products of 2,048 x 2,048 matrices, and steps of the default recipe's convolution over
the same batches, frozen and unfrozen, in float32 and bfloat16. Operations are counted in two ways. As the model defines
them: every token times every place of each window, forward, for the kernels' gradient and, if unfrozen, for the
vectors' gradient, as in the literature's model FLOPs utilization. As they are done: each distinct token of a batch
once.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from corpora import MANY, save_ids
from vocabulary_scaling import our_batches

SIZE, ROUNDS = 2048, 7


def main() -> None:
    """Prints the table."""
    import tensorflow as tf

    from keras_textcnn.config import TrainConfig
    from keras_textcnn.models import factory
    from keras_textcnn.training import plans
    from keras_textcnn.training.compilation import compile_phase

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ids.npz")
        save_ids(sys.argv[1] if len(sys.argv) > 1 else "reuters-r8", path)
        rows, labels = len(np.load(path)["vectors"]), int(np.load(path)["train_targets"].max()) + 1
        batches = list(our_batches(str(path), rows))
    contestants = {}
    for precision, dtype in (("float32", tf.float32), ("bfloat16", tf.bfloat16)):
        matrix = tf.cast(tf.random.normal((SIZE, SIZE)), dtype)
        product = tf.function(tf.matmul)
        contestants[f"product, {precision}"] = (lambda m=matrix, p=product: p(m, m).numpy()), 2 * SIZE**3, 2 * SIZE**3
        config = TrainConfig(dimensions=100, vectors="glove.6B.100d.30k", ngrams=0, precision=precision)
        config = config.resolved(texts=MANY)
        a_token = 2 * sum(config.windows) * config.dimensions * config.filters
        running, distinct = (sum(count(ids) for ids, _ in batches) for count in (np.count_nonzero, _distinct))
        for passes, phase in enumerate(plans.plan_phases(config), 2):
            model = factory.build_model(config, vocabulary_size=rows, num_classes=labels)
            compile_phase(model, phase)
            signature = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)
            step = tf.function(lambda *batch, model=model: model.train_step(batch), input_signature=signature)
            tensors = [tuple(map(tf.constant, batch)) for batch in batches]
            contestants[f"{phase.name} step, {precision}"] = (
                lambda step=step, tensors=tensors: [step(*batch) for batch in tensors],
                passes * running * a_token,
                passes * distinct * a_token,
            )
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for round_number in range(1 + ROUNDS):
        for name, (run, *_) in contestants.items():
            started = time.perf_counter()
            run()
            if round_number:  # in the first round, everything is set up
                seconds[name].append(time.perf_counter() - started)
    print("| | as the model defines them, GFLOP/s | of the float32 product | as they are done, GFLOP/s | share |")
    print("|---|---|---|---|---|")
    reference = [2 * SIZE**3 / time_ for time_ in seconds["product, float32"]]
    for name, (_, defined, done) in contestants.items():
        cells = []
        for operations in (defined, done):
            rates = [operations / time_ for time_ in seconds[name]]
            share = statistics.median(rate / product for rate, product in zip(rates, reference, strict=True))
            cells += [f"{statistics.median(rates) / 1e9:.0f}", f"{share:.0%}"]
        print(f"| {name} | {' | '.join(cells)} |")


def _distinct(ids: np.ndarray) -> int:
    return len(np.unique(ids))


if __name__ == "__main__":
    main()
