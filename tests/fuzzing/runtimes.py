"""Compares the light runtime with TensorFlow on many random texts: tokens of every tokenizer, answers of every model.

    python -m tests.fuzzing.runtimes --texts 50000 --answers 2000 --seed 1

The models have random weights and the sizes of `tests/inference/light/models.py`, and answer through their SavedModels.
With --run, the answers of a trained run are compared as well. The command fails if a token differs, if a probability
differs by more than 1e-6, or if a label does where its margin is above 2e-6.
"""

import argparse
import itertools
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_textcnn import LightPredictor, Predictor, export_light, export_saved_model
from keras_textcnn.presets import TOKENIZERS
from keras_textcnn.text.code_points import read_code_points
from keras_textcnn.text.plain_tokenizers import PlainTokenizer
from tests.inference.light.models import LABELS, MODELS, make_model, make_texts
from tests.text.odd_texts import SURROGATES, odd_texts

LARGEST_DIFFERENCE, MARGIN = 1e-6, 2e-6
CHUNK = 2048


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(
        "python -m tests.fuzzing.runtimes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=50_000, help="for each tokenizer, before those of code points")
    parser.add_argument("--answers", type=int, default=2000, help="texts for each model")
    parser.add_argument("--run", type=Path, action="append", default=[])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    failures = sum(compare_tokens(name, arguments.texts, arguments.seed) for name in TOKENIZERS)
    texts = [*make_texts(arguments.answers // 2, seed=arguments.seed)]
    texts += [_decoded(text) for text in odd_texts(arguments.seed, arguments.answers - len(texts))]
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            model, vectorizer = make_model(name, seed=arguments.seed)
            export_light(model, vectorizer, LABELS, Path(folder, "model.textcnn"))
            export_saved_model(model, vectorizer, LABELS, Path(folder, "saved"))
            light = LightPredictor(Path(folder, "model.textcnn"), fast=False)
            failures += compare_answers(name, light, Predictor(Path(folder, "saved")), texts)
    for run in arguments.run:
        for fast in (False, True):
            light = LightPredictor(run, fast=fast)
            failures += compare_answers(f"{run.name}, {'compiled' if fast else 'NumPy'}", light, Predictor(run), texts)
    return int(failures > 0)


def compare_tokens(name: str, count: int, seed: int) -> int:
    """Compares a tokenizer's tokens, prints a line, and returns the number of texts that differ."""
    tokenizer, split = PlainTokenizer(name, read_code_points()), TOKENIZERS[name].load()
    compared = differing = 0
    texts = itertools.chain(odd_texts(seed, count), code_point_texts())
    while chunk := list(itertools.islice(texts, CHUNK)):
        for text, tokens in zip(chunk, split(tf.constant(chunk)).to_list(), strict=True):
            compared += 1
            if tokenizer.split(_decoded(text)) != [token.decode() for token in tokens]:
                differing += 1
                print(f"  {ascii(text)[:200]}", file=sys.stderr)
    print(f"{name}: {compared:,} texts, {differing:,} with other tokens", flush=True)
    return differing


def code_point_texts() -> Iterator[str]:
    """Every assigned code point, alone, between letters, and around capital sigmas."""
    for code in range(0x110000):
        one = chr(code)
        if code not in SURROGATES and unicodedata.category(one) not in ("Cn", "Co"):
            yield f"{one} a{one}b ΑΣ{one} {one}Σ{one}Α \u0301{one}'s"


def compare_answers(name: str, light: LightPredictor, heavy: Predictor, texts: list[str]) -> int:
    """Compares the answers of two predictors, prints a line, and returns the number of texts that differ."""
    one, other = (np.asarray(predictor.probabilities(texts), np.float64) for predictor in (light, heavy))
    differences = np.abs(one - other).max(axis=1)
    best = np.sort(other, axis=1)
    clear = best[:, -1] - best[:, -2] > MARGIN
    labels = int(((one.argmax(1) != other.argmax(1)) & clear).sum())
    failures = int((differences > LARGEST_DIFFERENCE).sum()) + labels
    print(
        f"{name}: {len(texts):,} texts, largest difference {differences.max():.1e}, {labels} other labels", flush=True
    )
    return failures


def _decoded(text: str | bytes) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text


if __name__ == "__main__":
    sys.exit(main())
