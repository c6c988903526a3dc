"""Warnings about the results of a run, with advice on what to try."""

from collections.abc import Mapping
from typing import Any

from keras_textcnn.config import TrainConfig
from keras_textcnn.evaluation.descriptions import describe_uncertainty, reported_split, reported_texts
from keras_textcnn.evaluation.significance import wilson_interval
from keras_textcnn.presets import GLOVE_TABLE, NO_VECTORS

WIDEST_INTERVAL = 0.1  # the widest 95% interval of a test accuracy without a warning: 400 texts, half of them right


def describe_lead(config: TrainConfig, run_metrics: Mapping[str, Any]) -> str:
    """A warning if the linear model has more of the texts right, with by how much and what may help; otherwise "".

    The texts are those of the run's comparison with the linear model: the test texts or, without any, the validation or
    held-out texts, except those that the run has learnt from.
    """
    compared = run_metrics["significance"]
    if not compared or compared["difference"] >= 0:
        return ""
    advice = []
    if not config.from_run:  # a fine-tuned run keeps that run's model and vectors
        if config.model != "conv1d":
            advice.append("--model conv1d, which includes a linear model")
        elif not config.ngrams:
            advice.append("--ngrams 2, which adds a linear model")
        if config.vectors == GLOVE_TABLE:
            advice.append("larger vectors (./glove_download.sh and --vectors glove.6B.100d)")
        elif config.vectors == NO_VECTORS and config.tokenizer != "characters":
            advice.append("pretrained vectors for the texts' language (--vectors)")
    ours, linear = (100 * accuracy for accuracy in compared["accuracies"])
    low, high = compared["interval"]
    sure = describe_uncertainty((-high, -low), compared["p"])
    new = " that the run has not learnt from" if compared["left_out"] else ""
    return (
        f"warning: the linear model is ahead on the {compared['kind']} texts{new} by {linear - ours:.2f} points "
        f"({linear:.2f} against {ours:.2f}, {sure}); try {', '.join([*advice, 'more texts'])}"
    )


def describe_chance(run_metrics: Mapping[str, Any]) -> str:
    """A warning if there are so few test texts that their accuracy may be down to chance; otherwise "".

    Without test texts, it is about the validation or held-out texts.

    Args:
        run_metrics: The content of `metrics.json`.
    """
    scores = run_metrics[reported_split(run_metrics)]
    texts, accuracy = scores["support"], scores["accuracy"]
    low, high = wilson_interval(accuracy, texts)
    if high - low <= WIDEST_INTERVAL:
        return ""
    decided, kind = run_metrics["decided"], reported_texts(run_metrics)
    crossed = decided["by"] == "cross-validation" and decided["validation"] != "own" and decided["texts"] > texts
    more = f"; the cross-validated score, of {decided['texts']:,} texts, is more reliable" if crossed else ""
    advice = "use more test texts (--test-data)" if run_metrics["test"] else "use more texts"
    return (
        f"warning: with only {texts:,} {kind} texts, an accuracy of {100 * accuracy:.0f}% is compatible with a true "
        f"one of {100 * low:.0f} to {100 * high:.0f}% (95% interval){more}; {advice}"
    )
