import dataclasses

import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.errors import InputError


def test_is_read_only() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().seed = 1


def test_second_phase_has_the_lower_learning_rate() -> None:
    assert TrainConfig().unfrozen_learning_rate < TrainConfig().learning_rate


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filters": 0}, "--filters must be at least 1; received: 0"),
        ({"dropout": 1.0}, r"--dropout must be in \[0, 1\); received: 1.0"),
        ({"dropout": float("nan")}, "--dropout must be"),
        ({"validation_fraction": 0.6}, r"--validation-fraction must be in \(0, 0.5\]; received: 0.6"),
        ({"windows": ()}, "--windows must be"),
        ({"windows": (2, 0)}, "--windows must be numbers of at least 1"),
        ({"windows": (2, 2)}, "--windows must be different numbers"),
        ({"learning_rate": -1.0}, "--learning-rate must be a positive number; received: -1.0"),
        ({"frozen_epochs": 0, "unfrozen_epochs": 0}, "--unfrozen-epochs must be"),
        ({"seed": 2**32}, r"--seed must be at least 0 and below 2\*\*32; received: 4294967296"),
        ({"vocabulary_size": 2}, "--vocabulary-size must be at least 3"),
    ],
)
def test_refuses_a_setting_out_of_range(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrainConfig(**settings)
