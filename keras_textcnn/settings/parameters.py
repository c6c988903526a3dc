"""The names that settings have in Python, for messages that name the options of the command line."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping

from keras_textcnn.errors import InputError
from keras_textcnn.settings.data import DataSettings
from keras_textcnn.settings.fields import option_name
from keras_textcnn.settings.model import ModelSettings
from keras_textcnn.settings.text import TextSettings
from keras_textcnn.settings.training import TrainingSettings

_GROUPS = (DataSettings, TextSettings, ModelSettings, TrainingSettings)
NAMES = {option_name(field): field.name for group in _GROUPS for field in dataclasses.fields(group)}


@contextlib.contextmanager
def naming_parameters(others: Mapping[str, str]) -> Iterator[None]:
    """Within it, an `InputError` names parameters in place of options.

    Args:
        others: Parameters that do not have the name of the setting, by option.
    """
    names = {**NAMES, **others}
    try:
        yield
    except InputError as error:
        message = re.sub(r"--[a-z]+(-[a-z]+)*", lambda option: names.get(option[0], option[0]), str(error))
        raise InputError(message) from error
