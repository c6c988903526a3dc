"""Writes the files of a finished run that people look at: report, pictures and page."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_textcnn.data.batching import Examples
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.data.tokenized import TokenizedCorpus
from keras_textcnn.evaluation import html_report, metrics, plots, tables
from keras_textcnn.evaluation.calibration import Calibration
from keras_textcnn.evaluation.descriptions import reported_split, reported_texts
from keras_textcnn.inference.explanations import rank_ngrams
from keras_textcnn.inference.predictor import Predictor
from keras_textcnn.persistence.run import Run

EXPLAINED, OCCLUDED = 500, 30  # texts whose n-grams are ranked; fewer if each takes up to a hundred answers
ERRORS = 10  # wrong texts that are shown with their reasons


@dataclasses.dataclass(frozen=True)
class Answered:
    """Texts that a run is scored on.

    Attributes:
        texts: int (texts,), their positions in the corpus.
        examples: The same texts in ids, with their targets.
        logits: float32 (texts, num_classes), from models that were not trained on them.
        learnt: Whether the final model was trained on them, unlike those that gave the logits.
    """

    texts: np.ndarray
    examples: Examples
    logits: np.ndarray
    learnt: bool = False


def write_summary(
    run: Run,
    run_metrics: dict[str, Any],
    history: Sequence[dict[str, Any]],
    *,
    corpus: Corpus | None,
    tokenized: TokenizedCorpus,
    labels: Sequence[str],
    calibration: Calibration,
    answered: Mapping[str, Answered],
) -> None:
    """Writes the files of a run that people read, and `metrics.json`.

    The details are those of the test texts or, without any, of the validation or held-out texts.

    Args:
        run: A run whose SavedModel has been written.
        run_metrics: The content of `metrics.json`.
        history: One row per epoch.
        corpus: The texts; None if only their tokens are available.
        tokenized: The corpus as tokens.
        labels: Names by output.
        calibration: The run's calibration.
        answered: The texts of "validation" and, if there are any, "test".
    """
    split, kind = reported_split(run_metrics), reported_texts(run_metrics)
    reported = answered[split]
    targets = reported.examples.targets
    probabilities = calibration.probabilities(reported.logits)
    predicted = calibration.choose(probabilities)
    confusions = metrics.confusion_matrix(targets, predicted, len(labels))
    support = [scores["support"] for scores in run_metrics[split]["per_label"].values()]
    run.write_rows("history.csv", history)
    run.write_text("report.txt", tables.report_text(run_metrics))
    run.write_json("metrics.json", run_metrics)
    run.write("learning_curves.png", lambda path: plots.plot_learning_curves(history, path))
    run.write("confusion_matrix.png", lambda path: plots.plot_confusion_matrix(confusions, support, labels, path))
    predictor = Predictor(run.saved_model)
    wrong = metrics.rank_errors(targets, probabilities, calibration.thresholds)[: 0 if reported.learnt else ERRORS]
    sample = np.random.default_rng(0).permutation(len(targets))[: EXPLAINED if predictor.exact else OCCLUDED]
    content = html_report.report_page(
        run.directory.name,
        metrics=run_metrics,
        shares=metrics.score_shares(targets, probabilities) if not calibration.task.several else [],
        ngrams=rank_ngrams(predictor.explain(_read_texts(corpus, tokenized, reported, sample))),
        errors=[
            (calibration.task.name(targets[text], labels) or "none", explanation)
            for text, explanation in zip(
                wrong, predictor.explain(_read_texts(corpus, tokenized, reported, wrong)), strict=True
            )
        ],
        pictures={
            "Learning curves": (run.directory / "learning_curves.png").read_bytes(),
            f"Confusion matrix of the {kind} texts": (run.directory / "confusion_matrix.png").read_bytes(),
        },
    )
    run.write_text("report.html", content)


def _read_texts(
    corpus: Corpus | None, tokenized: TokenizedCorpus, answered: Answered, positions: np.ndarray
) -> list[str]:
    """Some of the texts or, if only tokens are available, what the model reads of them, joined from the tokens."""
    texts = answered.texts[positions]
    if corpus is not None:
        return [corpus.texts[text] for text in texts.tolist()]
    return tokenized.join_tokens(texts, answered.examples.lengths[positions])
