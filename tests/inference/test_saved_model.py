import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.errors import InputError
from keras_textcnn.inference.predictor import Predictor
from keras_textcnn.inference.saved_model import export_saved_model
from keras_textcnn.models.charcnn import build_charcnn
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.models.conv2d import build_conv2d
from keras_textcnn.persistence.run import Run
from keras_textcnn.text.tokenizers import tokenize
from keras_textcnn.text.vectorizer import TextVectorizer
from keras_textcnn.text.vocabulary import encode, lookup_table
from tests.conftest import randomize

STRANGE = [
    b"", b" \n ", b"apple " * 16_000 + b"pear", "😀😀👩‍👩‍👧".encode(), "我爱苹果。".encode(), b"apple\x00 pear\x00",
    b"\xff\xfe\x80apple", b"\x00", "Ａｐｐｌｅ\u2028é̂̃".encode(), b"[PAD] [UNK]", b"'" * 999,
]  # fmt: skip


@pytest.fixture(scope="module")
def serve(finished_run: Path) -> tf.types.experimental.Callable:
    model = tf.saved_model.load(str(finished_run / "saved_model" / "1"))
    signature = model.signatures["serving_default"]
    signature.keep_alive = model
    return signature


def probabilities_of(serve: tf.types.experimental.Callable, texts: list[bytes]) -> np.ndarray:
    return serve(text=tf.constant(texts, tf.string))["probabilities"].numpy()


def test_equals_the_model(serve: tf.types.experimental.Callable, finished_run: Path) -> None:
    from keras_textcnn.persistence.loading import load_model

    run = Run.open(finished_run)
    temperature = run.read_json("metrics.json")["calibration"]["temperature"]
    texts = [b"The apple and a pear.", b"zinc", b"unheard-of words", b"It's the reef of the tide"]
    table = lookup_table(run.read_lines("vocabulary.txt"))
    ids = encode(tokenize(tf.constant(texts)), table, maximum_tokens=run.config().maximum_tokens)
    for text, row in zip(texts, ids.to_list(), strict=True):
        expected = tf.nn.softmax(load_model(run)(np.array([row])) / temperature)
        np.testing.assert_allclose(probabilities_of(serve, [text]), expected, atol=1e-6)


def test_a_text_has_the_same_probabilities_in_every_company(serve: tf.types.experimental.Callable) -> None:
    random = np.random.default_rng(0)
    words = np.array([b"apple", b"zinc", b"reef", b"the", b"of", b"strange"])
    texts = [b" ".join(random.choice(words, random.integers(0, 40))) for _ in range(299)]
    long = b" ".join(random.choice(words, 2000))
    together = probabilities_of(serve, [*texts, long])
    for position in (0, 1, 17, 298):
        text = texts[position]
        for other in (probabilities_of(serve, [text]), probabilities_of(serve, [long, text])[1:]):
            np.testing.assert_allclose(other[0], together[position], atol=1e-6)


def test_no_text_gets_no_answer(serve: tf.types.experimental.Callable) -> None:
    answers = serve(text=tf.constant([], tf.string))
    assert (answers["label"].shape, answers["probabilities"].shape) == ((0,), (0, 3))


def test_any_bytes_get_an_answer(serve: tf.types.experimental.Callable) -> None:
    answers = serve(text=tf.constant(STRANGE, tf.string))
    np.testing.assert_allclose(answers["probabilities"].numpy().sum(axis=1), 1, atol=1e-5)
    assert set(answers["label"].numpy()) <= {b"fruit", b"metal", b"sea"}
    assert answers["label"].numpy()[2] == answers["label"].numpy()[5] == b"fruit"
    np.testing.assert_array_equal(probabilities_of(serve, STRANGE[:1]), probabilities_of(serve, [b" \n "]))


@pytest.mark.parametrize(
    ("build", "sizes"),
    [
        (build_conv1d, {"multichannel": True, "ngrams": 2, "ngram_buckets": 2_000}),
        (build_conv2d, {"tokens": 16}),
        (build_charcnn, {}),
    ],
)
def test_every_weight_is_stored_once(build: Callable[..., keras.Model], sizes: dict[str, Any], tmp_path: Path) -> None:
    model = build(vocabulary_size=900, num_classes=3, dimensions=30, **sizes)
    randomize(model, np.random.default_rng(0))
    vocabulary = ["[PAD]", "[UNK]", "of", "iron", *map(str, range(896))]
    fixed = model.input_shape[1] is not None
    vectorizer = TextVectorizer(maximum_tokens=16, fixed_length=fixed, vocabulary=vocabulary)
    export_saved_model(model, vectorizer, ["a", "b", "c"], tmp_path / "model")
    stored = sum(path.stat().st_size for path in (tmp_path / "model" / "variables").iterdir())
    assert stored <= 1.1 * sum(weight.nbytes for weight in model.get_weights())
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    ids = np.zeros((1, 16), np.int32)
    ids[0, :3] = [2, 3, 1]
    found = loaded.signatures["serving_default"](text=tf.constant(["of iron strange"]))["probabilities"]
    np.testing.assert_allclose(found, tf.nn.softmax(model(ids)), atol=1e-5)


def test_a_vectorizer_of_another_length_is_refused(tmp_path: Path) -> None:
    model = build_conv2d(vocabulary_size=4, num_classes=2, dimensions=8, tokens=16)
    with pytest.raises(InputError, match="reads texts of 16 tokens, .* maximum_tokens=16, fixed_length=True"):
        export_saved_model(model, TextVectorizer(maximum_tokens=16), ["a", "b"], tmp_path / "model")


def test_what_does_not_fit_together_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    vectorizer = TextVectorizer(vocabulary=["[PAD]", "[UNK]", "apple", "iron"])
    model = build_conv1d(vocabulary_size=4, num_classes=2, dimensions=8, filters=4)
    probabilities = keras.Model(model.input, keras.ops.softmax(model.output))
    small = build_conv1d(vocabulary_size=3, num_classes=2, dimensions=8, filters=4)
    (tmp_path / "there").mkdir()
    for said, arguments in {
        "2 outputs; give as many labels": (model, vectorizer, ["a", "b", "c"], "new"),
        "all different: a, a": (model, vectorizer, ["a", "a"], "new"),
        "is a softmax, not logits": (probabilities, vectorizer, ["a", "b"], "new"),
        "has 3 rows for 4 tokens": (small, vectorizer, ["a", "b"], "new"),
        "call adapt": (model, TextVectorizer(), ["a", "b"], "new"),
        "there exists; remove it": (model, vectorizer, ["a", "b"], "there"),
    }.items():
        *most, folder = arguments
        with pytest.raises(InputError, match=said):
            export_saved_model(*most, tmp_path / folder)
    with pytest.raises(InputError, match=r"thresholds of shape \(1,\)"):
        export_saved_model(model, vectorizer, ["a", "b"], tmp_path / "new", thresholds=np.array([0.5]))
    assert not (tmp_path / "new").exists()
    export_saved_model(model, vectorizer, [0, 1], tmp_path / "new")
    assert Predictor(tmp_path / "new").labels == ["0", "1"]


ALONE = """
import json, sys
sys.modules["keras_textcnn"] = None  # to import it would be an error
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
answers = model.signatures["serving_default"](text=tf.constant(json.loads(sys.argv[2])))
labels = model.signatures["labels"]()["labels"]
print(json.dumps([[x.decode() for x in labels.numpy()], [x.decode() for x in answers["label"].numpy()],
                  answers["probabilities"].numpy().tolist()]))
"""


def test_a_process_with_tensorflow_alone(serve: tf.types.experimental.Callable, finished_run: Path) -> None:
    texts = ["the apple", "of iron", "a wave and a reef"]
    command = [sys.executable, "-c", ALONE, str(finished_run / "saved_model" / "1"), json.dumps(texts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    labels, answers, probabilities = json.loads(done.stdout)
    assert labels == ["fruit", "metal", "sea"]
    assert answers == ["fruit", "metal", "sea"]
    np.testing.assert_allclose(probabilities, probabilities_of(serve, [text.encode() for text in texts]), atol=1e-6)
