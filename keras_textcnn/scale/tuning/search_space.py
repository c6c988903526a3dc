"""From the spaces that stand next to the settings to the settings of one trial."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_textcnn.config import TrainConfig, without_effect
from keras_textcnn.presets import MODELS
from keras_textcnn.settings.fields import show
from keras_textcnn.settings.spaces import Choice, Interval, Space

if TYPE_CHECKING:
    import optuna

DIGITS = 3  # of a number that is tried, so that a command can repeat it
OF_MODELS = {name for family in MODELS.values() for name in family.defaults}


@dataclasses.dataclass(frozen=True)
class SearchSpace:
    """What a search may try.

    Attributes:
        given: The settings that all trials have, besides the model.
        models: The models to try, the first of which is in trial 0.
        texts, validation_texts: As for `TrainConfig.resolved`.
    """

    given: Mapping[str, Any]
    models: Sequence[str]
    texts: int
    validation_texts: int = 0

    def suggest(self, trial: "optuna.trial.BaseTrial") -> dict[str, Any]:
        """The settings of a trial; those with their default value are left out."""
        model = self.models[0]
        if len(self.models) > 1:
            model = trial.suggest_categorical("model", list(self.models))
        return self._walk(model, lambda name, space, default: _suggest(trial, self._key(model, name), space))

    def defaults(self) -> dict[str, Any]:
        """The parameters of trial 0, which is the default recipe of the first model, as `Study.enqueue_trial` takes."""
        model = self.models[0]
        parameters: dict[str, Any] = {"model": model} if len(self.models) > 1 else {}

        def keep(name: str, space: Space, default: Any) -> Any:
            parameters[self._key(model, name)] = _stored(default) if isinstance(space, Choice) else default
            return default

        self._walk(model, keep)
        return parameters

    def describe(self) -> list[str]:
        """Everything that is tried, so that two searches can be compared."""
        fields = dataclasses.fields(TrainConfig)
        spaces = ((model, field.name, space_of(field.name, model)) for model in self.models for field in fields)
        return [f"{model} {name}: {space!r}" for model, name, space in spaces if space and name not in self.given]

    def _walk(self, model: str, pick: Callable[[str, Space, Any], Any]) -> dict[str, Any]:
        settings = {**self.given, "model": model}
        defaults = self._recipes[model]
        for field in dataclasses.fields(TrainConfig):
            space = space_of(field.name, model)
            if space is None or field.name in self.given or not _applies({**defaults, **settings}, field.name, space):
                continue
            if self._disturbs({**defaults, **settings}, field.name, space):
                continue
            value = pick(field.name, space, defaults[field.name])
            if value != defaults[field.name]:
                settings[field.name] = value
        return settings

    def _disturbs(self, settings: Mapping[str, Any], name: str, space: Space) -> bool:
        """Whether a value of a space would make a setting that is given idle, which is refused."""
        given = [one for one, value in self.given.items() if value not in (None, False)]
        return any(
            without_effect({**settings, name: value}, one) and not without_effect(settings, one)
            for value in space.examples()
            for one in given
        )

    @functools.cached_property
    def _recipes(self) -> dict[str, dict[str, Any]]:
        """The settings of each model's default recipe."""
        counts = {"texts": self.texts, "validation_texts": self.validation_texts}
        return {model: vars(TrainConfig(**self.given, model=model).resolved(**counts)) for model in self.models}

    def _key(self, model: str, name: str) -> str:
        return f"{model}.{name}" if len(self.models) > 1 else name


def space_of(name: str, model: str) -> Space | None:
    """What is tried for a setting of a model; None if nothing is."""
    if name in OF_MODELS and name not in MODELS[model].defaults:
        return None
    spaces: tuple[Space, ...] = TrainConfig.__dataclass_fields__[name].metadata["search"]
    return next((space for space in spaces if not space.models or model in space.models), None)


def _applies(settings: Mapping[str, Any], name: str, space: Space) -> bool:
    """Whether a setting has an effect in combination with the others, and is to be tried with them."""
    held_back = any(all(settings[other] == value for other, value in others.items()) for others in space.unless)
    return not held_back and not without_effect(settings, name)


def _suggest(trial: "optuna.trial.BaseTrial", key: str, space: Space) -> Any:
    if isinstance(space, Choice):
        values = {_stored(value): value for value in space.values}
        return values[trial.suggest_categorical(key, list(values))]
    assert isinstance(space, Interval)
    log = space.scale == "log"
    if isinstance(space.low, int) and isinstance(space.high, int):
        return trial.suggest_int(key, space.low, space.high, log=log)
    return float(f"{trial.suggest_float(key, space.low, space.high, log=log):.{DIGITS}g}")


def _stored(value: Any) -> Any:
    """A value of a choice as a database keeps it."""
    return value if isinstance(value, str) or type(value) in (int, float) else show(value)
