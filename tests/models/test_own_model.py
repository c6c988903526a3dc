"""Builders of the user's own: what they get, and what is said about a model that is not one."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_textcnn import TrainConfig, build_conv1d
from keras_textcnn.data.preprocessing import Encoded
from keras_textcnn.errors import InputError
from keras_textcnn.inference.window_trace import trace_windows
from keras_textcnn.models.factory import build_model, load_encoded_vectors
from keras_textcnn.models.own_model import check_texts
from keras_textcnn.presets import GLOVE_TABLE
from tests.benchmarks import attention

SIZES = {"vocabulary_size": 9, "num_classes": 3}


def ids_of(tokens: int | None = None, dtype: str = "int32") -> keras.KerasTensor:
    return keras.Input((tokens,), dtype=dtype)


def pooled(ids: keras.KerasTensor, vocabulary_size: int) -> keras.KerasTensor:
    return layers.GlobalMaxPooling1D()(layers.Embedding(vocabulary_size, 4, name="embedding")(ids))


def plain(vocabulary_size: int, num_classes: int) -> keras.Model:
    ids = ids_of()
    return keras.Model(ids, layers.Dense(num_classes)(pooled(ids, vocabulary_size)))


def sequential(vocabulary_size: int, num_classes: int) -> keras.Model:
    return keras.Sequential(
        [ids_of(), layers.Embedding(vocabulary_size, 4), layers.GlobalMaxPooling1D(), layers.Dense(num_classes)]
    )


def nested(vocabulary_size: int, num_classes: int) -> keras.Model:
    ids = ids_of()
    return keras.Model(ids, plain(vocabulary_size, num_classes)(ids))


def stacked(*, vocabulary_size: int, num_classes: int, tokens: int, filters: int = 5) -> keras.Model:
    ids = ids_of(tokens)
    features = layers.Conv1D(filters, 5)(layers.Embedding(vocabulary_size, 4)(ids))
    return keras.Model(ids, layers.Dense(num_classes)(layers.GlobalMaxPooling1D()(features)))


@pytest.mark.parametrize("builder", [plain, sequential, nested, attention.build])
def test_a_model_from_ids_to_logits_is_taken(builder: object) -> None:
    model = build_model(TrainConfig(model=builder), **SIZES)
    assert (model.input_shape, model.output_shape) == ((None, None), (None, 3))


def test_a_builder_gets_the_settings_that_it_names_and_its_own_defaults() -> None:
    config = TrainConfig(model=stacked).resolved()
    assert (config.filters, config.windows, config.vectors) == (5, None, "none")
    assert build_model(TrainConfig(model=stacked, filters=7, maximum_tokens=11), **SIZES).layers[2].filters == 7
    assert build_model(TrainConfig(model=stacked, maximum_tokens=11), **SIZES).input_shape == (None, 11)
    word_model = TrainConfig(model=attention.build).resolved()
    assert (word_model.vectors, word_model.dropout, word_model.maximum_tokens) == (GLOVE_TABLE, 0.5, 400)
    assert TrainConfig(model=attention.build, vectors="none").resolved().dimensions == 100


def float_ids(vocabulary_size: int, num_classes: int) -> keras.Model:
    ids = keras.Input((None,))
    return keras.Model(ids, layers.Dense(num_classes)(pooled(ids, vocabulary_size)))


def fixed_ids(vocabulary_size: int, num_classes: int) -> keras.Model:
    ids = ids_of(20)
    return keras.Model(ids, layers.Dense(num_classes)(pooled(ids, vocabulary_size)))


def two_labels(vocabulary_size: int, num_classes: int) -> keras.Model:
    ids = ids_of()
    return keras.Model(ids, layers.Dense(2)(pooled(ids, vocabulary_size)))


def two_outputs(vocabulary_size: int, num_classes: int) -> keras.Model:
    ids = ids_of()
    logits = layers.Dense(num_classes)(pooled(ids, vocabulary_size))
    return keras.Model(ids, [logits, logits])


def softmax_layer(vocabulary_size: int, num_classes: int) -> keras.Model:
    ids = ids_of()
    return keras.Model(ids, layers.Dense(num_classes, "softmax")(pooled(ids, vocabulary_size)))


def sigmoid_operation(vocabulary_size: int, num_classes: int) -> keras.Model:
    model = plain(vocabulary_size, num_classes)
    return keras.Model(model.input, ops.sigmoid(model.output))


def nested_softmax(vocabulary_size: int, num_classes: int) -> keras.Model:
    ids = ids_of()
    return keras.Model(ids, softmax_layer(vocabulary_size, num_classes)(ids))


def half_precision(vocabulary_size: int, num_classes: int) -> keras.Model:
    ids = ids_of()
    return keras.Model(ids, layers.Dense(num_classes, dtype="bfloat16")(pooled(ids, vocabulary_size)))


class Subclassed(keras.Model):
    def __init__(self, vocabulary_size: int, num_classes: int) -> None:
        super().__init__()


def nothing(vocabulary_size: int, num_classes: int) -> None:
    pass


def broken(vocabulary_size: int, num_classes: int) -> keras.Model:
    ids = ids_of()
    return keras.Model(ids, layers.Conv1D(2, 3)(ids))


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        (float_ids, r'input of .*float_ids must be ids, int32 \(any, any\): keras.Input\(\(None,\), dtype="int32"\)'),
        (fixed_ids, r"must be ids, int32 \(any, any\): .* it is: int32 \(any, 20\)"),
        (two_labels, r"must be logits, float32 \(any, 3\): keras.layers.Dense\(3\); it is: float32 \(any, 2\)"),
        (two_outputs, r"it is: float32 \(any, 3\), float32 \(any, 3\)"),
        (half_precision, r'dtype="float32" in the last layer; it is: bfloat16 \(any, 3\)'),
        (softmax_layer, "must return logits, but its last layer applies softmax"),
        (sigmoid_operation, "must return logits, but its last layer applies sigmoid"),
        (nested_softmax, "must return logits, but its last layer applies softmax"),
        (Subclassed, r"must return a functional model, keras.Model\(ids, logits\); it returns: Subclassed"),
        (nothing, "it returns: NoneType"),
        (broken, r"broken failed: ValueError: .*min_ndim=3.* \(test_own_model.py:\d+\)"),
    ],
)
def test_what_is_wrong_with_a_model_is_one_line(builder: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        build_model(TrainConfig(model=builder), **SIZES)
    assert "\n" not in str(raised.value)


def test_a_text_of_one_token_must_be_read() -> None:
    def build(vocabulary_size: int, num_classes: int) -> keras.Model:
        ids = ids_of()
        features = layers.Conv1D(4, 5)(layers.Embedding(vocabulary_size, 4)(ids))
        return keras.Model(ids, layers.Dense(num_classes)(layers.GlobalMaxPooling1D()(features)))

    model = build_model(TrainConfig(model=build), **SIZES)
    with pytest.raises(InputError, match="cannot read a text of one token; pad inside, or take `tokens`") as raised:
        check_texts("m:build", model, vocabulary_size=9)
    assert "\n" not in str(raised.value)
    fixed = build_model(TrainConfig(model=stacked, maximum_tokens=11), **SIZES)
    assert check_texts("m:stacked", fixed, vocabulary_size=9) == []


def test_answers_that_depend_on_padding_are_warned_of() -> None:
    config = TrainConfig(model=attention.build, vectors="none", dimensions=4)
    assert check_texts("m:build", build_model(config, **SIZES), vocabulary_size=9) == []

    def mean(vocabulary_size: int, num_classes: int) -> keras.Model:
        ids = ids_of()
        average = layers.GlobalAveragePooling1D()(layers.Embedding(vocabulary_size, 4)(ids))
        return keras.Model(ids, layers.Dense(num_classes)(average))

    (line,) = check_texts("m:mean", build_model(TrainConfig(model=mean), **SIZES), vocabulary_size=9)
    assert line.startswith("padding changes what m:mean answers")


def test_vectors_go_into_the_plain_embedding_or_are_said_not_to(logged: list[str]) -> None:
    found = {"apple": np.arange(4, dtype=np.float32)}
    encoded = Encoded(["[PAD]", "[UNK]", "apple"], None, found, 4, {"a": 1}, np.zeros(1), {})
    config = TrainConfig(model=attention.build, vectors="a.txt", dimensions=4)
    model = build_model(config, vocabulary_size=3, num_classes=2)
    load_encoded_vectors(config, model, encoded)
    np.testing.assert_array_equal(model.get_layer("embedding").embeddings.numpy()[2], found["apple"])

    def without(vocabulary_size: int, num_classes: int) -> keras.Model:
        ids = ids_of()
        bag = ops.max(ops.one_hot(ids, vocabulary_size), axis=1)
        return keras.Model(ids, layers.Dense(num_classes)(bag))

    config = TrainConfig(model=without, vectors="a.txt")
    load_encoded_vectors(config, build_model(config, vocabulary_size=3, num_classes=2), encoded)
    assert logged[-1].endswith("without has no embedding, so the vectors a.txt are not used")

    def narrow(vocabulary_size: int, num_classes: int) -> keras.Model:
        ids = ids_of()
        return keras.Model(ids, layers.Dense(num_classes)(layers.GlobalMaxPooling1D()(layers.Embedding(3, 2)(ids))))

    config = TrainConfig(model=narrow, vectors="a.txt")
    with pytest.raises(InputError, match=r"vectors of 4 dimensions for the embedding of .*narrow, which has 2; take"):
        load_encoded_vectors(config, build_model(config, vocabulary_size=3, num_classes=2), encoded)


def test_an_own_model_of_our_layers_is_not_traced() -> None:
    """It may do anything with them."""

    def build(vocabulary_size: int, num_classes: int) -> keras.Model:
        model = build_conv1d(vocabulary_size, num_classes, dimensions=3)
        return keras.Model(model.input, 2.0 * model.output, name="conv1d")

    assert trace_windows(build_model(TrainConfig(model=build), **SIZES)) is None


def test_sizes_may_be_given_by_position() -> None:
    model = build_conv1d(5_000, 2, dimensions=3)
    assert (model.get_layer("embedding").vocabulary_size, model.output_shape) == (5_000, (None, 2))


def test_the_example_of_the_readme_is_the_model_that_is_tested() -> None:
    root = Path(attention.__file__).parents[2]
    assert f"```python\n{Path(attention.__file__).read_text('utf-8')}```" in (
        root / "keras_textcnn" / "models" / "README.md"
    ).read_text("utf-8")
