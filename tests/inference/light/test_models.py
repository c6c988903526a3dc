"""The light runtime computes what Keras does, for every kind of model."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.errors import InputError
from keras_textcnn.inference.light import LightPredictor
from keras_textcnn.inference.light.encoder import Encoder
from keras_textcnn.inference.light.export import export_light
from keras_textcnn.inference.light.windows import BLOCK
from keras_textcnn.inference.predictor import Predictor
from keras_textcnn.inference.saved_model import export_saved_model
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.text.code_points import read_code_points
from keras_textcnn.text.plain_tokenizers import PlainTokenizer
from keras_textcnn.text.vectorizer import TextVectorizer
from keras_textcnn.utils import devices
from tests.inference.light.models import LABELS, MODELS, WORDS, make_model, make_texts

TEMPERATURE = 1.3


def expected_probabilities(model: keras.Model, vectorizer: TextVectorizer, texts: list[str]) -> np.ndarray:
    logits = np.asarray(model(vectorizer(texts), training=False)) / TEMPERATURE
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def export(model: keras.Model, vectorizer: TextVectorizer, path: Path, **options: object) -> Path:
    export_light(model, vectorizer, LABELS, path / "model.textcnn", temperature=TEMPERATURE, **options)
    return path / "model.textcnn"


@pytest.mark.parametrize("name", MODELS)
def test_probabilities_are_those_of_keras(name: str, tmp_path: Path) -> None:
    model, vectorizer = make_model(name)
    light = LightPredictor(export(model, vectorizer, tmp_path))
    texts = make_texts(80)
    expected = expected_probabilities(model, vectorizer, texts)
    assert expected.std(axis=0).max() > 0.01, "the texts would all have the same probabilities"
    np.testing.assert_allclose(light.probabilities(texts), expected, atol=1e-6)
    np.testing.assert_allclose(light.probabilities(texts[3]), expected[3], atol=1e-6)
    assert light.probabilities([]).shape == (0, len(LABELS))


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith(("conv1d", "conv2d-windows"))])
def test_compiled_loops_give_the_same_answers(name: str, tmp_path: Path) -> None:
    path = export(*make_model(name), tmp_path)
    texts = make_texts(80)
    slow, fast = LightPredictor(path, fast=False), LightPredictor(path, fast=True)
    np.testing.assert_allclose(fast.probabilities(texts), slow.probabilities(texts), atol=2e-7)


def test_compiled_loops_are_loaded_once_they_pay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    light = LightPredictor(export(*make_model("conv1d"), tmp_path))
    loaded: list[object] = []
    monkeypatch.setattr(type(light.network), "use", lambda network, kernels: loaded.append(kernels))
    monkeypatch.setattr("keras_textcnn.inference.light.predictor.ANSWERED", 20)
    light.probabilities(make_texts(19))
    assert not loaded
    light.probabilities(make_texts(1))
    light.probabilities(make_texts(30))
    assert len(loaded) == 1


@pytest.mark.parametrize(
    "name", ["conv1d", "conv1d, everything", "conv1d, weighted n-grams", "charcnn", "conv1d-stack"]
)
def test_explanations_are_those_of_the_saved_model(name: str, tmp_path: Path) -> None:
    model, vectorizer = make_model(name)
    export_saved_model(model, vectorizer, LABELS, tmp_path / "saved", temperature=TEMPERATURE)
    heavy, light = Predictor(tmp_path / "saved"), LightPredictor(export(model, vectorizer, tmp_path))
    assert light.exact == heavy.exact
    texts = make_texts(12 if light.exact else 3, seed=4)
    for one, other in zip(light.explain(texts), heavy.explain(texts), strict=True):
        assert (one.label, one.tokens) == (other.label, other.tokens)
        assert one.probability == pytest.approx(other.probability, abs=1e-6)
        added = [{(each.start, each.tokens): each.added for each in two.ngrams} for two in (one, other)]
        for place in added[0].keys() | added[1].keys():
            assert added[0].get(place, 0) == pytest.approx(added[1].get(place, 0), abs=1e-4)
        if light.exact:
            assert one.logit == pytest.approx(sum(added[0].values()) + one.bias, abs=1e-4)


def test_several_labels(tmp_path: Path) -> None:
    model, vectorizer = make_model("conv1d")
    thresholds = np.array([0.2, 0.5, 0.9, 0.6], np.float32)
    light = LightPredictor(export(model, vectorizer, tmp_path, thresholds=thresholds))
    texts = make_texts(20)
    logits = np.asarray(model(vectorizer(texts), training=False), np.float64)
    expected = 1 / (1 + np.exp(-logits / TEMPERATURE))
    np.testing.assert_allclose(light.probabilities(texts), expected, atol=1e-6)
    for answer, row in zip(light(texts), expected, strict=True):
        assert answer["labels"] == [
            label for label, p, least in zip(LABELS, row, thresholds, strict=True) if p >= least
        ]
        assert answer["label"] == LABELS[int(row.argmax())]
        assert [*answer] == ["label", "probability", "labels", "probabilities"]


def test_float16_halves_the_file_and_hardly_changes_the_answers(tmp_path: Path) -> None:
    model = build_conv1d(5000, len(LABELS), dimensions=50)
    vectorizer = TextVectorizer(vocabulary=[*WORDS, *(f"more{number}" for number in range(5000 - len(WORDS)))])
    whole = export(model, vectorizer, tmp_path)
    (tmp_path / "half").mkdir()
    half = export(model, vectorizer, tmp_path / "half", weights="float16")
    tables = 250_000  # the vocabulary and the code points, which stay as they are
    assert half.stat().st_size - tables < 0.55 * (whole.stat().st_size - tables)
    texts = make_texts(100)
    differences = LightPredictor(half).probabilities(texts) - LightPredictor(whole).probabilities(texts)
    assert 0 < np.abs(differences).max() < 1e-3


def test_float16_keeps_weights_that_it_cannot_hold(tmp_path: Path) -> None:
    model, vectorizer = make_model("conv1d")
    model.get_layer("logits").bias.assign([1e6, 0, 0, 0])
    light = LightPredictor(export(model, vectorizer, tmp_path, weights="float16"))
    assert light("w1")["label"] == "a"


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_mark_after_the_last_piece_that_is_read_belongs_to_it(most: int) -> None:
    vectorizer = TextVectorizer(vocabulary=WORDS, maximum_tokens=most)
    encoder = Encoder(PlainTokenizer("words", read_code_points()), WORDS, maximum_tokens=most)
    for text in ("w1 \u0301w2 w3 w4", "w1 w2 \u0301w3 w4", "w1 w2 w3 \u0301w4", "\u0301w1 w2"):
        expected = [id for id in vectorizer(text).numpy().tolist() if id]
        assert encoder.encode(text) == expected


def test_loops_that_cannot_be_kept_on_disk_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = export(*make_model("conv1d"), tmp_path)
    expected = LightPredictor(path, fast=False).probabilities("w1 w2")

    def fail(*arguments: object) -> None:
        raise OSError(27, "File too large")

    monkeypatch.setattr("keras_textcnn.inference.light.kernels.pool", fail)
    light = LightPredictor(path)
    light.load_kernels()
    np.testing.assert_array_equal(light.probabilities("w1 w2"), expected)
    with pytest.raises(InputError, match="cannot be written to disk"):
        LightPredictor(path, fast=True)


def test_longer_texts_than_a_block(tmp_path: Path) -> None:
    model = build_conv1d(len(WORDS), len(LABELS), dimensions=4, filters=3, poolings=("max", "average"), ngrams=2)
    vectorizer = TextVectorizer(vocabulary=WORDS, maximum_tokens=10**6)
    light = LightPredictor(export(model, vectorizer, tmp_path))
    random = np.random.default_rng(0)
    lengths = [BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 2, 2 * BLOCK + 3]
    texts = [" ".join(random.choice(WORDS[2:80], length)) for length in lengths]
    expected = expected_probabilities(model, vectorizer, texts)
    np.testing.assert_allclose(light.probabilities(texts), expected, atol=2e-6)


def test_a_full_table_of_products_begins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keras_textcnn.inference.light.products.MOST_BYTES", 0)
    monkeypatch.setattr("keras_textcnn.inference.light.products.FEWEST", 65)
    model, vectorizer = make_model("conv1d")
    light = LightPredictor(export(model, vectorizer, tmp_path), fast=False)
    products = light.network._products
    assert products.capacity == 65 < len(WORDS)
    texts = make_texts(200)
    before, _ = products.find(np.array([2]))
    np.testing.assert_allclose(light.probabilities(texts), expected_probabilities(model, vectorizer, texts), atol=1e-6)
    after, _ = products.find(np.array([2]))
    assert after is not before


def other(name: str) -> keras.Model:
    """A model of the user's own."""
    ids = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Embedding(len(WORDS), 4)(ids)
    return keras.Model(ids, keras.layers.Dense(len(LABELS))(keras.layers.GlobalMaxPooling1D()(vectors)), name=name)


def doubled() -> keras.Model:
    """A model of conv1d's layers that is not conv1d."""
    model, _ = make_model("conv1d")
    return keras.Model(model.input, model.output * 2, name="conv1d")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: other("mine"), "a model of your own needs TensorFlow; use export_saved_model"),
        (lambda: other("conv1d"), "conv1d has a Embedding, which needs TensorFlow; use export_saved_model"),
        (doubled, "conv1d is not what its builder makes; use export_saved_model"),
    ],
)
def test_other_models_are_refused(build: Callable[[], keras.Model], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        export(build(), TextVectorizer(vocabulary=WORDS), tmp_path)
    assert not [*tmp_path.iterdir()]


def split_at_commas(texts: tf.Tensor) -> tf.RaggedTensor:
    return tf.strings.split(texts, ",")


def test_other_tokenizers_and_bfloat16_are_refused(tmp_path: Path) -> None:
    model, vectorizer = make_model("conv1d")
    with pytest.raises(InputError, match="a tokenizer of your own needs TensorFlow; use export_saved_model"):
        export(model, TextVectorizer(split_at_commas, vocabulary=WORDS), tmp_path)
    with devices.computing_in("bfloat16"):
        rounded, _ = make_model("conv1d")
    with pytest.raises(InputError, match="a model in bfloat16 needs TensorFlow"):
        export(rounded, vectorizer, tmp_path)
    with pytest.raises(InputError, match="float32 or float16; received: 'int8'"):
        export(model, vectorizer, tmp_path, weights="int8")
