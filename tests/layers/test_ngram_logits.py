import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.layers.ngram_logits import NEXT, SCATTER, NgramLogits, count_ngrams
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.training.part_fits import split_parts
from tests.conftest import make_ids, randomize, weights_of

BITS = 2**64


def bucket_of(ids: list[int], buckets: int) -> int:
    """The hash in integers: each id is added to a product modulo 2**64; then folded, multiplied and cut to 31 bits."""
    found = ids[0]
    for id in ids[1:]:
        found = (found * (NEXT % BITS) + id) % BITS
    return ((found ^ found >> 32) * (SCATTER % BITS) % BITS >> 32) % 2**31 % buckets


def forward(weights: dict[str, np.ndarray], ids: np.ndarray, longest: int) -> np.ndarray:
    """The rows of all n-grams, added up and divided by the root of their number, plus the bias."""
    logits = []
    for row in ids:
        words = row[row != 0].tolist()
        rows = [weights["ngrams/embeddings"][word] for word in words]
        for size in range(2, longest + 1):
            for start in range(len(words) - size + 1):
                bucket = bucket_of(words[start : start + size], len(weights["ngrams/hashed"]))
                rows.append(weights["ngrams/hashed"][bucket])
        logits.append(np.sum(rows, axis=0) / np.sqrt(max(len(rows), 1)) + weights["ngrams/bias"])
    return np.array(logits)


@pytest.mark.parametrize("longest", [1, 2, 4])
def test_equals_the_formula(longest: int) -> None:
    random = np.random.default_rng(longest)
    ids = make_ids(random, [0, 1, 2, 3, 9, 15], 15).astype(np.int32)
    layer = NgramLogits(30, 3, longest=longest, buckets=11, name="ngrams")
    inputs = keras.Input((None,), dtype="int32")
    model = keras.Model(inputs, layer(inputs))
    randomize(model, random)
    expected = forward(weights_of(model), ids, longest)
    np.testing.assert_allclose(model(ids), expected, atol=1e-5)
    np.testing.assert_array_equal(model(np.pad(ids, [(0, 0), (0, 5)])), model(ids))
    np.testing.assert_array_equal(model(ids[:1, :0]), layer.bias[None])
    restored = NgramLogits.from_config(layer.get_config())
    restored.build((None, None))
    restored.set_weights(layer.get_weights())
    np.testing.assert_array_equal(restored(ids), layer(ids))


def test_hashes_spread_and_know_the_order() -> None:
    pairs = [[first, second] for first in range(2, 302) for second in range(2, 302)]
    buckets = np.array([bucket_of(pair, 2**18) for pair in pairs])
    assert len(np.unique(buckets)) == pytest.approx(2**18 * (1 - np.exp(-len(pairs) / 2**18)), rel=0.02)
    assert bucket_of([5, 9], 2**18) != bucket_of([9, 5], 2**18)


def test_the_model_is_the_sum_of_its_parts() -> None:
    random = np.random.default_rng(4)
    model = build_conv1d(
        vocabulary_size=30, num_classes=3, dimensions=4, windows=(1, 2), filters=5, ngrams=2, ngram_buckets=7
    )
    alone = build_conv1d(vocabulary_size=30, num_classes=3, dimensions=4, windows=(1, 2), filters=5)
    assert model.count_params() == alone.count_params() + (30 + 7 + 1) * 3 + 2
    randomize(model, random)
    ids = make_ids(random, [0, 2, 7], 7).astype(np.int32)
    weights = weights_of(model)
    for variable in alone.weights:
        variable.assign(weights[variable.path])
    first, second = split_parts(model)
    np.testing.assert_array_equal(first(ids), alone(ids))
    np.testing.assert_allclose(second(ids), forward(weights, ids, 2), atol=1e-5)
    scales = weights["sum/scales"]
    np.testing.assert_allclose(model(ids), scales[0] * first(ids) + scales[1] * second(ids), atol=1e-5)
    assert split_parts(alone) == [alone]


def test_rows_of_other_ngrams_stay_as_they_are() -> None:
    from keras_textcnn.training.compilation import compile_phase
    from keras_textcnn.training.phases import Phase

    model = split_parts(build_conv1d(vocabulary_size=30, num_classes=2, ngrams=2, ngram_buckets=5_000))[1]
    compile_phase(model, Phase("n-grams", 1, 0.1))
    model.fit(tf.constant([[3, 4, 0], [5, 0, 0]]), tf.constant([0, 1]), epochs=2, verbose=0)
    embeddings, _, hashed = model.get_layer("ngrams").get_weights()
    assert np.flatnonzero(embeddings.any(axis=1)).tolist() == [3, 4, 5]
    assert np.flatnonzero(hashed.any(axis=1)).tolist() == [bucket_of([3, 4], 5_000)]


@pytest.mark.parametrize("longest", [1, 2, 3])
def test_tokens_without_a_row_say_nothing(longest: int) -> None:
    random = np.random.default_rng(0)
    ids = make_ids(random, [0, 1, 4, 9, 12], 12).astype(np.int32)
    inputs = keras.Input((None,), dtype="int32")
    model = keras.Model(inputs, NgramLogits(10, 3, longest=longest, buckets=11, name="ngrams")(inputs))
    randomize(model, random)
    weights = weights_of(model)
    assert weights["ngrams/embeddings"].shape == (10, 3)
    rows = np.concatenate([weights["ngrams/embeddings"], np.zeros((20, 3))])
    expected = forward({**weights, "ngrams/embeddings": rows}, ids, longest)
    np.testing.assert_allclose(model(ids), expected, atol=1e-5)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(ids))
    gradient = tape.gradient(loss, model.get_layer("ngrams").embeddings.value)
    assert set(gradient.indices.numpy().tolist()) == {id for row in ids for id in row if 0 < id < 10}


@pytest.mark.parametrize("longest", [1, 2, 3, 5])
@pytest.mark.parametrize("texts_a_block", [1, 7, 100])
def test_different_ngrams_are_counted_within_their_texts(longest: int, texts_a_block: int) -> None:
    random = np.random.default_rng(longest)
    texts = [random.integers(1, 9, random.integers(0, 12)) for _ in range(60)]
    expected = {
        tuple(text[start : start + size].tolist())
        for text in texts
        for size in range(2, longest + 1)
        for start in range(len(text) - size + 1)
    }
    blocks = [texts[first : first + texts_a_block] for first in range(0, 60, texts_a_block)]
    flat = [(np.concatenate(block).astype(np.int32), np.array([len(text) for text in block])) for block in blocks]
    assert count_ngrams(flat, longest=longest, most=10**6) == len(expected)
    assert count_ngrams(flat, longest=longest, most=3) >= min(len(expected), 4)
