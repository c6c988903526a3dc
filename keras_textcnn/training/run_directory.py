"""The directory of a run: started, or opened again after an interruption."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from keras_textcnn.data.corpus import SPLITS
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.run import Run
from keras_textcnn.training.preparation import Prepared
from keras_textcnn.utils.log import logger

VERSIONS_OF = ("keras_textcnn", "tensorflow", "keras", "numpy", "scikit-learn")


def create_run(directory: Path, prepared: Prepared, device: str, recipe: Mapping[str, Any] | None = None) -> Run:
    """Starts a run in a directory, missing or empty.

    Args:
        directory: The directory.
        prepared: The corpus and the settings.
        device: The name of the device that it is trained on.
        recipe: What `Recipe.record` says of the settings; None: they come from no recipe.
    """
    encoded = prepared.encoded
    facts = _facts(prepared, device) | ({"recipe": recipe} if recipe else {})
    return Run.create(directory, prepared.config, facts, vocabulary=encoded.vocabulary, labels=encoded.labels)


def reopen_run(directory: Path, prepared: Prepared, device: str) -> Run:
    """The unfinished run in a directory, which must have the same settings, texts and vectors.

    It may continue on another device, or on another number of them, with a warning.

    Raises:
        InputError: Something differs.
    """
    run, config = Run.open_unfinished(directory), prepared.config
    if run.config() != config:
        raise InputError(f"the settings differ from those that {directory} was started with; choose another --output")
    if run.read_json("config.json")["corpus"] != _facts(prepared, device)["corpus"]:
        raise InputError(
            f"the corpus is not the one that {directory} was started with ({config.data}); restore it, or choose "
            "another --output"
        )
    if run.read_lines("vocabulary.txt") != prepared.encoded.vocabulary:
        raise InputError(
            f"the vectors are not those that {directory} was started with: {config.vectors}; restore them, or choose "
            "another --output"
        )
    if (its := run.read_json("config.json")["device"]) != device:
        logger.warning(f"the run was started on {its} and continues on {device}, so its weights will differ slightly")
    return run


def _facts(prepared: Prepared, device: str) -> dict[str, Any]:
    """What `config.json` holds besides the settings."""
    own = {"own_fingerprint": prepared.own_fingerprint} if prepared.own_fingerprint else {}
    sizes = {name: int((prepared.encoded.splits == position).sum()) for position, name in enumerate(SPLITS)}
    return {
        "corpus": {"fingerprint": prepared.tokenized.fingerprint, **own, **sizes},
        "versions": {name: version(name) for name in VERSIONS_OF},
        "device": device,
    }
