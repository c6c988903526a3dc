"""Several runs that differ only in the seed or the fold, and the summary of their scores."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS, Corpus
from keras_textcnn.data.tokenized import TokenizedCorpus
from keras_textcnn.errors import InputError
from keras_textcnn.evaluation.comparison import compare_with_linear
from keras_textcnn.evaluation.descriptions import describe_scores
from keras_textcnn.persistence.predictions import PREDICTIONS
from keras_textcnn.persistence.run import SUMMARY, Repeats, Run
from keras_textcnn.training.trainer import train
from keras_textcnn.utils.log import logger

SCORES = ("accuracy", "macro_f1")


def train_repeats(
    repeats: Repeats,
    corpus: Corpus | TokenizedCorpus,
    *,
    config: TrainConfig | None = None,
    rehearsed: Corpus | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Trains the unfinished runs of a directory and summarizes all of its runs.

    Args:
        repeats: The directory.
        config: Its settings, which are needed if they hold functions of the user's own, because the directory only
            names these.
        corpus, rehearsed, callbacks: As for `trainer.train`.

    Raises:
        InputError: As for `trainer.train`.
    """
    with repeats.locked():
        several = (config or repeats.config()).repeats()
        recipe = repeats.read_json(SUMMARY).get("recipe")
        runs = {repeats.directory / name: settings for name, settings in several.items()}
        for number, (directory, settings) in enumerate(runs.items(), 1):
            run = Run(directory)
            begun = (directory / "config.json").exists()
            if begun and run.finished:
                continue
            logger.info(f"run {number} of {len(runs)}: {directory}")
            keras.backend.clear_session()  # frees what the last run left in memory
            try:
                train(
                    settings,
                    corpus,
                    directory,
                    recipe=recipe,
                    rehearsed=rehearsed,
                    resumed=begun,
                    callbacks=callbacks,
                )
            except InputError:  # raised before anything is written
                repeats.withdraw()
                raise
            logger.info(describe_scores(run.read_json("metrics.json")))
        summary = summarize([Run(directory).read_json("metrics.json") for directory in runs])
        repeats.finish({**summary, "significance": _compare(repeats, runs)})


def _compare(repeats: Repeats, runs: Iterable[Path]) -> dict[str, Any] | None:
    """The comparison of all runs with their linear models; None if an older version wrote some of them."""
    if not all(Run(directory).has(PREDICTIONS) for directory in runs):
        return None
    compared = compare_with_linear(repeats.directory)
    return compared.to_json() if compared else None


def summarize(metrics: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean and the sample standard deviation of the scores of several runs and of their linear baselines.

    Both are None for a score that is None in one of the runs, and there are none for a split without texts.

    Args:
        metrics: The contents of each run's `metrics.json`.
    """
    baselines = [run["baseline"] for run in metrics]
    return {
        "scores": {split: _summarize([run[split] for run in metrics]) for split in SPLITS[1:]},
        "baseline": {
            "name": baselines[0]["name"],
            **{split: _summarize([baseline[split] for baseline in baselines]) for split in SPLITS[1:]},
        }
        if all(baselines)
        else None,
        "decided": metrics[0]["decided"],  # the same for all runs
        "runs": len(metrics),
        "seconds": round(sum(run["seconds"] for run in metrics), 1),
    }


def _summarize(blocks: Sequence[dict[str, Any] | None]) -> dict[str, dict[str, float | None]] | None:
    scored = [block for block in blocks if block]
    if len(scored) < len(blocks):
        return None
    summary: dict[str, dict[str, float | None]] = {}
    for score in SCORES:
        values = [block[score] for block in scored]
        defined = None not in values
        summary[score] = {
            "mean": statistics.mean(values) if defined else None,
            "deviation": statistics.stdev(values) if defined else None,
        }
    return summary
