"""What a finished run knows about itself: the beginning of `report.html`, and the model card."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS
from keras_textcnn.data.datasets import CATALOG, HUB
from keras_textcnn.errors import InputError
from keras_textcnn.evaluation.descriptions import describe_calibration, describe_old_texts
from keras_textcnn.evaluation.limits import describe_limits
from keras_textcnn.evaluation.tables import Table, results_table, run_label_table, significance_lines
from keras_textcnn.layers.names import TITLES
from keras_textcnn.settings.fields import show

# Settings that may hold a path. A card is published: it names the file, but not the folders that it is in.
PATHS = ("validation_data", "test_data", "vectors", "from_run", "model", "tokenizer")
SPLIT_TITLES = dict(zip(SPLITS, ("training", "validation", "test"), strict=True))


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known about a run.

    Attributes:
        name: The run's name.
        corpus: The name of the corpus; a file's is without its folder.
        language: The language of the texts, as an ISO 639-1 code; None if it is not known.
        several: Whether a text may have several labels.
        num_classes: Number of labels.
        model: The architecture, as `--model` names it.
        made: Pairs of what the run was made from, or with, and its value.
        settings: Those that are not defaults.
        results: Scores next to those of the linear model.
        significance: The line about the difference between the two; none without a linear model.
        labels: Scores and numbers of texts by label.
        calibration: Lines about probabilities, and about the texts of an earlier run.
        limits: Lines about what it is bad at.
        warnings: The lines that the training warned with.
        test: The block of the test texts in `metrics.json`; None without test texts.
    """

    name: str
    corpus: str
    language: str | None
    several: bool
    num_classes: int
    model: str
    made: Sequence[tuple[str, str]]
    settings: Table
    results: Table
    significance: Sequence[str]
    labels: Table
    calibration: Sequence[str]
    limits: Sequence[str]
    warnings: Sequence[str]
    test: Mapping[str, Any] | None


def gather_facts(name: str, begun: Mapping[str, Any], run_metrics: Mapping[str, Any]) -> Facts:
    """The facts about a run, from its files.

    Args:
        name: The run's name.
        begun: The content of `config.json`.
        run_metrics: The content of `metrics.json`.

    Example:
        facts = gather_facts("reviews", run.read_json("config.json"), run.metrics)
    """
    settings = begun["settings"]
    entry = CATALOG.get(settings["data"])
    labels, old_texts = run_metrics["texts"]["train"]["labels"], run_metrics.get("old_texts")
    return Facts(
        name=name,
        corpus=file_name(settings["data"]) if settings["data"] else "texts given in Python",
        language=entry.language if entry and not settings["from_run"] else None,
        several=run_metrics["calibration"]["thresholds"] is not None,
        num_classes=len(labels),
        model=file_name(settings["model"]),
        made=_made(begun, run_metrics),
        settings=_settings_table(settings, begun["corpus"]),
        results=results_table(run_metrics),
        significance=significance_lines(run_metrics),
        labels=run_label_table(run_metrics),
        calibration=[describe_calibration(run_metrics), *([describe_old_texts(old_texts)] if old_texts else [])],
        limits=describe_limits(run_metrics, maximum_tokens=settings["maximum_tokens"]),
        warnings=run_metrics.get("warnings", ()),
        test=run_metrics["test"],
    )


def _made(begun: Mapping[str, Any], run_metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a run was made from and with."""
    settings, corpus = begun["settings"], begun["corpus"]
    entry = CATALOG.get(settings["data"])
    sizes = ", ".join(f"{corpus[split]:,} {title}" for split, title in SPLIT_TITLES.items() if corpus[split])
    parts = [TITLES.get(part, part) for part in run_metrics["parts"]]
    rows = (
        ("corpus", file_name(settings["data"]) if settings["data"] else "texts given in Python"),
        ("licence of its texts", entry.licence if entry else ""),
        ("texts", sizes),
        ("SHA-256 of the corpus", corpus["fingerprint"]),
        ("labels", f"{len(run_metrics['texts']['train']['labels']):,}"),
        ("model", file_name(settings["model"]) + (f", the sum of {' and '.join(parts)}" if parts[1:] else "")),
        *_recipe(begun.get("recipe")),
        ("starts from the run", file_name(settings["from_run"]) if settings["from_run"] else ""),
        ("training took", f"{run_metrics['seconds']:,.0f} s"),
        ("device", begun["device"]),
        ("versions", ", ".join(f"{name} {number}" for name, number in begun["versions"].items())),
    )
    return [(what, value) for what, value in rows if value]


def _recipe(record: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The recipe that the settings of a run come from, if any: its source, and what was done otherwise."""
    if not record:
        return []
    return [
        ("recipe", record["name"]),
        ("source of the recipe", record["source"]),
        ("how the recipe differs from its source", "; ".join(record["deviations"])),
        ("settings that are not the recipe's", ", ".join(record["overridden"])),
    ]


def _settings_table(settings: Mapping[str, Any], corpus: Mapping[str, Any]) -> Table:
    """The settings that are not defaults; those that the corpus or the vectors decided are among them."""
    config = TrainConfig.of(settings)
    changed = [name for name in settings if name != "data" and _changed(config, settings, name, corpus)]
    values = ((name, getattr(config, name)) for name in changed)
    rows = [[name, file_name(value) if name in PATHS and value else show(value)] for name, value in values]
    return Table(("setting", "value"), rows, text_column=True)


def _changed(config: TrainConfig, settings: Mapping[str, Any], name: str, corpus: Mapping[str, Any]) -> bool:
    """Whether a setting would be another if it had not been given, next to all the others."""
    others = {other: value for other, value in settings.items() if other != name}
    try:
        default = TrainConfig.of(others).resolved(texts=corpus["train"] + corpus["validation"])
    except InputError:  # the others need it
        return True
    return bool(getattr(default, name) != getattr(config, name))


def file_name(path: str) -> str:
    """A path without its folders; a name of the Hugging Face hub stays as it is."""
    return path if path.startswith(HUB) else re.split(r"[/\\]", path.rstrip("/\\"))[-1]
