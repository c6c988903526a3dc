"""The same seed gives the same weights, bit for bit: by threads, with --deterministic, in memory and streamed."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

MODELS = ("conv1d", "conv1d-stack", "conv2d", "charcnn")

# Prints a digest of the weights by model and place. Each number of threads needs a process: it can be set only once.
SCRIPT = """
import hashlib, json, sys
from pathlib import Path
import numpy as np
import tensorflow as tf

folder, threads, deterministic, models, places = json.loads(sys.argv[1])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)
from keras_textcnn import Corpus, TrainConfig, load_model
from keras_textcnn.data.shards import write_shards
from keras_textcnn.training.trainer import train
from tests.conftest import WORDS, make_texts
from tests.runs import leave_out_exports
from pytest import MonkeyPatch

leave_out_exports(MonkeyPatch())
rows = make_texts(150, 1)
corpus = Corpus([text for text, _ in rows], [label for _, label in rows])
vectors = Path(folder, "vectors.txt")
random = np.random.default_rng(2)
vectors.write_text("".join(f"{word} {' '.join(map(str, random.normal(size=50).round(4)))}\\n" for word in WORDS))
options = {
    "conv1d": {"windows": [1, 2], "ngram_buckets": 4096, "ngram_epochs": 2, "inner_folds": 2},
    "conv1d-stack": {"maximum_tokens": 60, "inner_folds": 0},
    "conv2d": {"maximum_tokens": 40, "inner_folds": 0},
    "charcnn": {"maximum_tokens": 300, "inner_folds": 0},
}
for model in models:
    words = {} if model == "charcnn" else {"vectors": str(vectors)}
    config = TrainConfig(
        model=model,
        frozen_epochs=int(model == "conv1d"),
        unfrozen_epochs=1,
        deterministic=model in deterministic,
        **words,
        **options[model],
    )
    for place in places:
        texts = corpus
        if place == "streamed":
            tokenizer = config.resolved().tokenizer
            shards = Path(folder, f"shards-{tokenizer}")
            texts = write_shards(corpus.records(), shards, memory=256, tokenizer=tokenizer)
        run = train(config, texts, Path(folder, f"{model}-{place}"))
        digest = hashlib.sha256(b"".join(weight.tobytes() for weight in load_model(run).get_weights()))
        print(json.dumps([model, place, digest.hexdigest()]), flush=True)
"""


def weights_of(
    folder: Path, threads: int, deterministic: tuple[str, ...], models: tuple[str, ...], places: tuple[str, ...]
) -> dict[tuple[str, str], str]:
    """A digest of the weights by model and place; `deterministic` are the models trained with --deterministic."""
    folder.mkdir()
    arguments = json.dumps([str(folder), threads, deterministic, models, places])
    done = subprocess.run([sys.executable, "-c", SCRIPT, arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {(model, place): digest for model, place, digest in map(json.loads, done.stdout.splitlines())}


def test_twice_the_same(tmp_path: Path) -> None:
    """In two processes, one in memory, the other streamed; the last model with --deterministic, which stays on."""
    models, last = ("conv1d", "charcnn"), ("charcnn",)
    ours = weights_of(tmp_path / "a", 2, last, models, ("memory",))
    theirs = weights_of(tmp_path / "b", 2, last, models, ("streamed",))
    assert [ours[model, "memory"] for model in models] == [theirs[model, "streamed"] for model in models]


@pytest.mark.stress
def test_the_whole_matrix(tmp_path: Path) -> None:
    """Each cell in two processes; convolutions of looked-up products do not even depend on the number of threads."""
    cells: dict[tuple[str, bool, int], str] = {}
    for threads, deterministic in itertools.product([1, 2], [False, True]):
        for attempt in ("a", "b"):
            folder = tmp_path / f"{attempt}-{threads}-{deterministic}"
            digests = weights_of(folder, threads, MODELS if deterministic else (), MODELS, ("memory", "streamed"))
            for (model, _), digest in digests.items():
                assert cells.setdefault((model, deterministic, threads), digest) == digest
    for model, deterministic in itertools.product(("conv1d", "conv1d-stack"), [False, True]):
        assert cells[model, deterministic, 1] == cells[model, deterministic, 2]
    print(f"{len(cells)} cells of model, threads and --deterministic, each trained 4 times: the same bits")
