"""A recipe: the settings of a paper or a tutorial with their source, and what it is known to reach on which corpus."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_textcnn.config import GROUPS, LAZY_OPTIMIZERS, TrainConfig, effective
from keras_textcnn.data.datasets import is_named
from keras_textcnn.errors import InputError
from keras_textcnn.presets import NO_VECTORS, ONE_HOT

# What the machine, the corpus or another run decides is no part of a recipe.
_ELSEWHERE = {
    *("from_run", "tune", "rehearse", "rehearse_fraction", "weights"),
    *("seed", "histograms", "deterministic", "devices"),
}
SETTINGS = [
    field.name
    for group in ("text", "model", "training")
    for field in dataclasses.fields(GROUPS[group])
    if field.name not in _ELSEWHERE
] + ["validation_fraction"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecipeCorpus:
    """A corpus that a recipe is trained on.

    Attributes:
        settings: Further settings on this corpus.
        repeats: `{"folds": N}` or `{"seeds": N}`: the runs of `reproduce`; empty: five seeds, or ten folds for a corpus
            without test texts.
        minutes: The time that all runs together took on two cores; None if it was not measured.
        published: Figures, each with its accuracy in percent and its source: of the same model ("model"), of another
            convolutional network ("cnn"), and of the best model that we found among those without a pretrained
            language model ("best"). They are those of the papers, whose splits, vectors and tokens may differ from
            ours.
        differs: Why there are further settings, in one line; empty if there are none.
    """

    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    repeats: Mapping[str, int] = dataclasses.field(default_factory=dict)
    minutes: float | None = None
    published: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    differs: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deviation:
    """A way in which a recipe is not what its source describes.

    Attributes:
        line: What it is, and why, in one line.
        settings: The settings that it is about: with another value of one of them, the line is not true.
    """

    line: str
    settings: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings with the source that they come from.

    Attributes:
        name: Its name, which is that of its file.
        source: Who described it, when and where, in one line.
        settings: The settings of `TrainConfig` that it states; all others have their defaults.
        deviations: Each way in which it is not what the source describes.
        corpora: What is known of it on corpora, by the name in the catalogue or by the absolute path of a file.

    Example:
        recipe = read_recipe("kim2014-static")
        config = recipe.config(vectors="GoogleNews-vectors-negative300.bin")
    """

    name: str
    source: str
    settings: Mapping[str, Any]
    deviations: Sequence[Deviation] = ()
    corpora: Mapping[str, RecipeCorpus] = dataclasses.field(default_factory=dict)

    def on(self, corpus: str | None) -> RecipeCorpus:
        """What the recipe has about a corpus, if anything.

        Args:
            corpus: A name in the catalogue, or a path; None for texts without a name.
        """
        name = corpus if corpus is None or is_named(corpus) else str(Path(corpus).resolve())
        return self.corpora.get(name or "", RecipeCorpus())

    def combine(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The recipe's settings, also those on the corpus `data`, and the given ones, which win.

        Settings of the recipe that the given ones make idle or impossible are left out. With another optimizer, so are
        the learning rates: they are those of the recipe's optimizer.

        Raises:
            InputError: The given settings name another model, or a run to start from.
        """
        own = self._settings_for(given)
        unsuitable = _unsuitable(own, given)
        kept = {name: value for name, value in own.items() if name not in unsuitable}
        return effective({**kept, **given}, kept=given)

    def config(self, **given: Any) -> TrainConfig:
        """The settings of a training: the recipe's, overridden by the given ones.

        Raises:
            InputError: As for `combine`, or a setting is out of its range.
        """
        return TrainConfig(**self.combine(given)).resolved()

    def record(self, config: TrainConfig) -> dict[str, Any]:
        """What a run keeps of its recipe: name, source, deviations, and the settings that are not the recipe's.

        A deviation that is about a setting with another value than the recipe's is left out.

        Args:
            config: The settings of the run, before a corpus completes them.

        Raises:
            InputError: They are of another model, or of a run that starts from another.
        """
        config = config.resolved()
        self._settings_for(vars(config))
        changed = set(_differences(config, self.config()))  # also those that the recipe itself has on this corpus
        return {
            "name": self.name,
            "source": self.source,
            "deviations": [one.line for one in self.deviations if not changed & {*one.settings}],
            "overridden": _differences(config, self.config(data=config.data)),
        }

    def _settings_for(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Its settings on the corpus `data`, if it applies with the given settings."""
        if given.get("from_run"):
            raise InputError(
                f"the recipe {self.name} does not apply with --from, which takes the model from a run; leave one out"
            )
        own = {**self.settings, **self.on(given.get("data")).settings}
        model = own.get("model", TrainConfig.model)
        if given.get("model") not in (None, model):
            raise InputError(f"the recipe {self.name} is for --model {model}; received: {given['model']}; leave it out")
        return own


def _differences(config: TrainConfig, other: TrainConfig) -> list[str]:
    """The settings that have different values."""
    return [name for name in SETTINGS if getattr(config, name) != getattr(other, name)]


def _unsuitable(own: Mapping[str, Any], given: Mapping[str, Any]) -> set[str]:
    """The settings of a recipe that go with another of its settings, which has another value now."""
    optimizer, vectors, names = given.get("optimizer"), given.get("vectors"), set[str]()
    if optimizer not in (None, own.get("optimizer", TrainConfig.optimizer)):
        names |= {"learning_rate", "unfrozen_learning_rate"}
    if optimizer not in (None, *LAZY_OPTIMIZERS):
        names |= {"embedding_factor"}  # which is 1 then
    if vectors == NO_VECTORS:
        names |= {"vocabulary", "multichannel"}
    if vectors not in (None, NO_VECTORS) or given.get("embedding") == ONE_HOT:
        names |= {"dimensions"}  # which are those of the vectors, or the number of characters
    if vectors != NO_VECTORS and given.get("unfrozen_epochs") == 0 and own.get("vectors") != NO_VECTORS:
        names |= {"embedding_factor"}  # the embedding is never trained
    return names


def describe_recipe(record: Mapping[str, Any]) -> list[str]:
    """Lines about the recipe of a run: its source, and one for each deviation.

    Args:
        record: From `Recipe.record`.
    """
    others = f"; not the recipe's: {', '.join(record['overridden'])}" if record["overridden"] else ""
    head = f"recipe {record['name']}: {record['source']}{others}"
    return [head, *(f"differs from its source: {line}" for line in record["deviations"])]
