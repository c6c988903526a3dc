"""What `spec.json` of a `model.textcnn` says, checked: a file may come from anyone."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_textcnn.presets import TOKENIZERS

MOST_TOKENS = 2**31 - 1
LARGEST = float(np.finfo(np.float32).max)
MOST_LAYERS, LONGEST_NGRAM, LARGEST_POOLING = 1_000, 100, 10_000


@dataclasses.dataclass(frozen=True)
class Spec:
    """A model apart from its weights.

    Attributes:
        model: The name of its kind, as in `presets.MODELS`.
        labels: Names by output.
        temperature: The logits are divided by it.
        thresholds: float32 (num_classes,) if a text may have several labels, otherwise None.
        tokenizer: One of `presets.TOKENIZERS`.
        maximum_tokens: Longer texts are cut to this many tokens.
        fixed_length: Whether all texts are padded to this many tokens.
        network: What `WindowNetwork` or `ChainNetwork` takes.
    """

    model: str
    labels: list[str]
    temperature: float
    thresholds: np.ndarray | None
    tokenizer: str
    maximum_tokens: int
    fixed_length: bool
    network: dict[str, Any]

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> "Spec":
        """The spec in a JSON object.

        Raises:
            ValueError: Something in it is missing, or is not what it must be.
        """
        spec = cls(**{field.name: content[field.name] for field in dataclasses.fields(cls)})
        labels = check_strings("labels", spec.labels)
        if len(set(labels)) < len(labels):
            raise ValueError("two labels have one name")
        if spec.tokenizer not in TOKENIZERS:
            raise ValueError(f"its tokenizer is {spec.tokenizer!r}")
        if not isinstance(spec.network, dict):
            raise ValueError("it has no network")
        check_size("maximum_tokens", spec.maximum_tokens, 1, MOST_TOKENS)
        if np.float32(check_number("temperature", spec.temperature)) <= 0:
            raise ValueError(f"its temperature is {spec.temperature!r}")
        if spec.thresholds is None:
            return spec
        thresholds = [check_number("threshold", one) for one in spec.thresholds]
        if len(thresholds) != len(labels):
            raise ValueError("its thresholds are not a number for each label")
        return dataclasses.replace(spec, thresholds=np.array(thresholds, np.float32))


def check_strings(what: str, values: Any) -> list[str]:
    """A list of strings, from JSON; ValueError if it is something else, or empty."""
    if not isinstance(values, list) or not values or not all(isinstance(one, str) for one in values):
        raise ValueError(f"its {what} are no list of strings")
    "".join(values).encode()  # half of a surrogate pair cannot be written anywhere
    return values


def check_size(what: str, value: Any, least: int, most: int) -> int:
    """A whole number in a range, from JSON; ValueError if it is something else."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"its {what} is {value!r}")
    return value


def check_number(what: str, value: Any) -> float:
    """A number that float32 can hold, from JSON; ValueError if it is something else."""
    if type(value) not in (int, float) or not abs(value) <= LARGEST:
        raise ValueError(f"its {what} is {value!r}")
    return float(value)
