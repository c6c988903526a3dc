"""What a phase freezes."""

import keras
import numpy as np
import pytest

from keras_textcnn.models.charcnn import build_charcnn
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.training.compilation import compile_phase
from keras_textcnn.training.phases import Phase
from tests.training.fits import fit, make_model


@pytest.mark.parametrize(
    ("frozen", "still", "optimizer"),
    [
        (("embedding",), {"embedding"}, "adam"),
        (("embedding",), {"embedding"}, "sgd"),
        (("trunk",), {"conv_1", "conv_2", "hidden_1"}, "sgd"),
        (("embedding", "trunk"), {"embedding", "conv_1", "conv_2", "hidden_1"}, "adam"),
        (("head",), {"logits"}, "adam"),
        ((), set(), "adam"),
    ],
)
def test_a_phase_moves_what_it_does_not_freeze(frozen: tuple[str, ...], still: set[str], optimizer: str) -> None:
    keras.utils.set_random_seed(4)
    model = build_conv1d(
        vocabulary_size=20, num_classes=2, dimensions=6, windows=(1, 2), filters=4, hidden=(5,), multichannel=True
    )
    before = {layer.name: [weight.numpy() for weight in layer.weights] for layer in model.layers if layer.weights}
    fit(model, [Phase("first", 1, 0.01, frozen, optimizer)])
    same = {
        name
        for name, weights in before.items()
        if all(np.array_equal(*pair) for pair in zip(weights, model.get_layer(name).weights, strict=True))
    }
    assert same == still | {"static_embedding"}  # Kim's second channel is never trained


def test_a_frozen_trunk_keeps_its_normalization() -> None:
    keras.utils.set_random_seed(4)
    model = build_charcnn(vocabulary_size=20, num_classes=2, dimensions=6, filters=4)
    before = [weight.numpy() for weight in model.get_layer("normalization_1").weights]
    fit(model, [Phase("frozen", 1, 0.01, ("trunk",))])
    for ours, theirs in zip(model.get_layer("normalization_1").weights, before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    fit(model, [Phase("unfrozen", 1, 0.01)])
    assert all(
        np.any(ours.numpy() != theirs)
        for ours, theirs in zip(model.get_layer("normalization_1").weights, before, strict=True)
    )


def test_a_phase_after_one_of_biases_trains_everything() -> None:
    model = make_model()
    compile_phase(model, Phase("bias", 2, 0.02, ("embedding", "kernels")))
    assert {variable.path for variable in model.trainable_variables} == {
        "conv_1/bias", "conv_2/bias", "logits/kernel", "logits/bias",
    }  # fmt: skip
    compile_phase(model, Phase("all", 2, 0.005))
    assert model.trainable_variables == model.weights
