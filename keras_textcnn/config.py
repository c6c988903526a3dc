"""All settings of a training run, and how those that are left open follow from the others."""

import dataclasses
import functools
import typing
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any

from keras_textcnn.errors import InputError
from keras_textcnn.own_functions import OPTIONS, OwnFunction, give_functions, is_function, is_own
from keras_textcnn.presets import (
    CHARACTERS,
    FEW_EPOCHS,
    FEW_TEXTS,
    FEW_VALIDATION_TEXTS,
    FRACTION,
    INNER_FOLDS,
    MODELS,
    NO_VECTORS,
    ONE_HOT,
    OWN_RATES,
    REHEARSED,
    ZHANG,
    ModelFamily,
    find_model,
)
from keras_textcnn.settings.data import DataSettings
from keras_textcnn.settings.documentation import documented
from keras_textcnn.settings.fields import POSITIVE, SET, has_type, option_name, plain, show
from keras_textcnn.settings.inherited import ARCHITECTURE, INHERITED
from keras_textcnn.settings.model import ModelSettings
from keras_textcnn.settings.text import TextSettings
from keras_textcnn.settings.training import TrainingSettings

if TYPE_CHECKING:
    from keras_textcnn.tasks import Task

LAZY_OPTIMIZERS = ("adam", "adamw")  # with these, the embedding's rows may have their own learning rate
# What depends on the number of texts: `TrainConfig.resolved` leaves it open if it does not know that number.
BY_SIZE = (
    *("inner_folds", "unfrozen_epochs", "refit"),
    *("ngram_svm", "ngram_epochs", "ngram_learning_rate", "vector_mean"),
)

GROUPS = {"data": DataSettings, "text": TextSettings, "model": ModelSettings, "training": TrainingSettings}  # in help


@documented(GROUPS)
@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(TrainingSettings, ModelSettings, TextSettings, DataSettings):
    """The settings of one run. None means the default, which may depend on the model and the other settings.

    Raises:
        InputError: A setting is out of its range, or has no effect in combination with the others.

    Example:
        config = TrainConfig(model="conv2d", seed=1).resolved()
    """

    def __post_init__(self) -> None:
        for name, value in [*vars(self).items()]:
            own = name in OPTIONS and callable(value)
            kept = OwnFunction.of(value, setting=name) if own else plain(value, _types()[name])
            object.__setattr__(self, name, kept)  # the dataclass is frozen
        for field in dataclasses.fields(self):
            self._check_field(field)
        if self.resolved() is self:
            self._check_together()

    def resolved(self, *, texts: int | None = None, validation_texts: int = 0) -> "TrainConfig":
        """The same settings, with None replaced by the default that follows from the model and the other settings.

        `dimensions` stays None with vectors, which have their own; what depends on the number of texts (`BY_SIZE`)
        stays None if it is not given.

        Args:
            texts: Number of texts to train on, before validation texts are split off.
            validation_texts: Number of validation texts that the corpus has of its own.
        """
        own = dict(self.family.defaults)
        for name in {name for family in MODELS.values() for name in family.defaults} - {"dimensions"}:
            if getattr(self, name) and name not in own:
                option = OPTIONS["model"] if is_own(self.model) else "--model"
                raise InputError(f"{_option(name)} does not apply to {option} {self.model}; leave it out")
        if self.tokenizer == CHARACTERS:
            own["vectors"] = NO_VECTORS  # the files have words
        vectors = own["vectors"] if self.vectors is None else self.vectors
        if vectors != NO_VECTORS or (self.embedding or own.get("embedding")) == ONE_HOT:
            own.pop("dimensions", None)
        if self.optimizer not in LAZY_OPTIMIZERS:
            own["embedding_factor"] = 1.0
        if rate := OWN_RATES.get(self.optimizer):
            own |= {"learning_rate": rate, "unfrozen_learning_rate": rate}
        if vectors == NO_VECTORS or self.from_run:
            own["vocabulary"] = "train"
        own["freeze"] = "nothing" if vectors == NO_VECTORS else "embedding"  # random vectors need no protection
        if self.from_run:
            own["freeze"] = "embedding+trunk"
        own["weight_decay"] = 0.004
        if self.rehearse:
            own["rehearse_fraction"] = REHEARSED
        if texts is None:
            own = {name: value for name, value in own.items() if name not in BY_SIZE}
        else:
            own |= self._sized(own, texts, validation_texts)
        missing = {name: value for name, value in own.items() if getattr(self, name) is None and value is not None}
        together = {**vars(self), **missing}
        missing = {name: value for name, value in missing.items() if not without_effect(together, name)}
        return dataclasses.replace(self, **missing) if missing else self

    def _sized(self, own: Mapping[str, Any], texts: int, validation_texts: int) -> dict[str, Any]:
        """The defaults that depend on the number of texts: a single rule makes a recipe fit every size.

        Args:
            own: The defaults of the model.
            texts, validation_texts: As for `resolved`.
        """
        few = texts < FEW_TEXTS and not self.from_run
        solved = few and self.ngram_epochs is None and self.ngram_learning_rate is None
        # Giving one of these means that validation texts should decide.
        given = self.validation_fraction is not None or self.refit is not None
        given |= self.patience != TrainConfig.patience or self.monitor != TrainConfig.monitor
        crossed = few and validation_texts < FEW_VALIDATION_TEXTS and not given
        folds = self.inner_folds if self.inner_folds is not None else INNER_FOLDS if crossed else 0
        sized: dict[str, Any] = {"inner_folds": folds}
        if folds:
            sized["unfrozen_epochs"] = min(own["unfrozen_epochs"], FEW_EPOCHS)
        if "ngram_svm" in own:
            sized |= {"ngram_svm": solved, "vector_mean": few}
        return sized

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "TrainConfig":
        """Settings from a file; those without effect, which older versions wrote, are left out.

        Raises:
            InputError: A setting is out of its range.
            TypeError: There is no such setting.
        """
        return cls(**effective(settings)).resolved()

    def adapted(self, **given: Any) -> "TrainConfig":
        """Settings for a run that starts from a run with these settings.

        The model is the same. Dropout, norm, vectors, precision, the balance of the labels and how a corpus is read are
        the same unless given.

        Args:
            given: Other settings, including `from_run`, and the functions of the user's own, which a run only names.

        Raises:
            InputError: One of them would change the model, or a function is missing.
        """
        own = {name: given.pop(name) for name in OPTIONS if is_function(given.get(name))}
        its = give_functions(self, given.get("from_run", "the run"), own)
        for name in ARCHITECTURE:
            if name in given and given[name] != getattr(self, name):
                raise InputError(f"{_option(name)} is taken from the run: {show(getattr(self, name))}; leave it out")
        settings = {name: getattr(its, name) for name in (*ARCHITECTURE, *INHERITED)} | given
        return TrainConfig(**effective(settings, kept=given)).resolved()

    def read_as(self, **given: Any) -> "TrainConfig":
        """The same settings with another way to read a corpus; those that the given ones make idle are left out."""
        return TrainConfig(**effective({**vars(self), **given}, kept=given))

    def repeats(self) -> "dict[str, TrainConfig]":
        """The settings of each run that these settings describe, by the name of its folder; none for a single run."""
        if self.folds and not self.fold:
            return {f"fold-{fold}": dataclasses.replace(self, fold=fold) for fold in range(1, self.folds + 1)}
        seeds = range(self.seed, self.seed + (self.seeds or 0))
        return {f"seed-{seed}": dataclasses.replace(self, seed=seed, seeds=None) for seed in seeds}

    @property
    def family(self) -> ModelFamily:
        """The model that `model` names."""
        return find_model(self.model)

    @property
    def fractions(self) -> dict[str, Any]:
        """The fractions for validation and test, None without one, as `splits.split_texts` takes them."""
        validation = None if self.inner_folds else self.validation_fraction or FRACTION
        test = FRACTION if self.test_fraction is None else self.test_fraction or None
        return {"validation_fraction": validation, "test_fraction": test}

    @property
    def fold_of_folds(self) -> tuple[int, int] | None:
        """The fold to test on, from 1, and the number of folds; None without cross-validation."""
        return (self.fold, self.folds) if self.fold and self.folds else None

    @property
    def task(self) -> "Task":
        """Whether each text has one label, or may have several."""
        from keras_textcnn.tasks import ONE_LABEL, SEVERAL_LABELS  # SciPy is slow to import

        return SEVERAL_LABELS if self.multi_label or (self.label_columns and not self.soft_labels) else ONE_LABEL

    @property
    def prediction_batch_size(self) -> int:
        """Texts per step when nothing is learnt."""
        return min(256, 4 * self.batch_size)

    def _check_field(self, field: "dataclasses.Field[Any]") -> None:
        """Checks a setting's type, choices and range, and that it has an effect."""
        value, kind = getattr(self, field.name), _types()[field.name]
        choices, allowed = field.metadata["argument"].get("choices"), field.metadata["allowed"]
        shown = kind.__name__ if isinstance(kind, type) else kind
        self._require(field.name, value is field.default or has_type(value, kind), str(shown))
        own = field.name in OPTIONS and is_own(value)
        self._require(field.name, value is None or not choices or own or value in choices, f"one of {show(choices)}")
        if value not in (None, False, field.default) and (reason := without_effect(vars(self), field.name)):
            raise InputError(f"{_option(field.name)} does not apply {reason}; leave it out")
        if value is not None and value != field.default and allowed:
            self._require(field.name, allowed.holds(value), allowed.rule)

    def _check_together(self) -> None:
        """Checks what depends on several settings."""
        self._require("escape", self.escape is None or self.escape != self.delimiter, "different from the delimiter")
        self._require("seed", 0 <= self.seed <= 2**32 - (self.seeds or 1), "at least 0 and below 2**32")
        self._require("seeds", not self.seeds or not self.folds, "left out with --folds")
        self._require("folds", not self.folds or not self.test_data, "left out with --test-data")
        self._require("folds", not self.folds or self.test_fraction != 0, "left out with --test-fraction 0")
        self._require("folds", not self.folds or not self.rehearse, "left out with --rehearse")
        self._require("fold", self.fold is None or 1 <= self.fold <= (self.folds or 0), "one of --folds, from 1")
        self._require("memory", not self.memory or not self.rehearse, "left out with --rehearse")
        some = self.frozen_epochs != 0 or self.unfrozen_epochs != 0
        self._require("unfrozen_epochs", some, "at least 1 without frozen epochs")
        one = self.optimizer in LAZY_OPTIMIZERS or self.embedding_factor in (None, 1)  # None: the embedding is frozen
        self._require("embedding_factor", one, f"1 with --optimizer {self.optimizer}")
        for name in self.family.required:
            self._require(name, getattr(self, name) is not None, f"given: {self.model} has no default for it")
        if self.family.side_by_side:
            different = len(set(self.windows or ())) == len(self.windows or ())
            self._require("windows", different, "different numbers")
        self._check_tokens()

    def _check_tokens(self) -> None:
        without, of_characters = self.vectors == NO_VECTORS, self.family.reads_characters
        self._require("tokenizer", not of_characters or self.tokenizer == CHARACTERS, f"{CHARACTERS} for {self.model}")
        self._require("vectors", without or not of_characters, "none for a character model")
        self._require("vocabulary", self.vocabulary == "train" or not without, "train without vectors")
        if self.alphabet == ZHANG:
            self._require("vocabulary_size", self.vocabulary_size >= 71, "at least 71 with that alphabet")
            self._require("minimum_count", self.minimum_count == 1, "left out with that alphabet")
        one_hot = self.embedding == ONE_HOT
        self._require("dimensions", not one_hot or not self.dimensions, "left out with one-hot characters")
        self._require("multichannel", not self.multichannel or not without, "left out without vectors")

    def _require(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(f"{_option(name)} must be {rule}; received: {show(getattr(self, name))}")


@functools.cache
def _types() -> dict[str, Any]:
    return typing.get_type_hints(TrainConfig)


def without_effect(settings: Mapping[str, Any], name: str) -> str | None:
    """Why a setting has no effect in combination with the others, if so: "with" or "without" another option."""
    for others in TrainConfig.__dataclass_fields__[name].metadata["unless"]:
        if all(_is(settings[other], value) for other, value in others.items()):
            return " and ".join(_describe_condition(other, value) for other, value in others.items())
    return None


def effective(settings: Mapping[str, Any], *, kept: Container[str] = ()) -> dict[str, Any]:
    """The settings that have an effect in combination with the others, and those that must be kept."""
    defaults = {name: field.default for name, field in TrainConfig.__dataclass_fields__.items()}
    together = {**defaults, **settings}
    if "label_column" in kept and "label_columns" not in kept:  # it takes the place of the run's columns
        together["label_columns"] = ()
    return {
        name: together[name]
        for name in settings
        if name in kept or name not in defaults or not without_effect(together, name)
    }


def _is(value: Any, wanted: Any) -> bool:
    if wanted is POSITIVE:
        return bool(value)
    return value not in (None, (), []) if wanted is SET else value == wanted  # a file has lists instead of tuples


def _describe_condition(name: str, value: Any) -> str:
    if value is None or value == ():
        return f"without {_option(name)}"
    return f"with {_option(name)}" if value in (SET, POSITIVE) else f"with {_option(name)} {show(value)}"


def _option(name: str) -> str:
    return option_name(TrainConfig.__dataclass_fields__[name])
