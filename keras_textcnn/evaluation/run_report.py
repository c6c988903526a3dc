"""Writes the files of a finished run that people look at: report, pictures and page."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_textcnn.data.corpus import TEST, Corpus
from keras_textcnn.data.preprocessing import Encoded
from keras_textcnn.data.tokenized import TokenizedCorpus
from keras_textcnn.evaluation import html_report, metrics, plots, tables
from keras_textcnn.evaluation.calibration import Calibration
from keras_textcnn.inference.explanations import rank_ngrams
from keras_textcnn.inference.predictor import Predictor
from keras_textcnn.persistence.run import Run

EXPLAINED, OCCLUDED = 500, 30  # test texts whose n-grams are ranked; fewer if each takes up to a hundred answers
ERRORS = 10  # wrong test texts that are shown with their reasons


def write_summary(
    run: Run,
    run_metrics: dict[str, Any],
    history: Sequence[dict[str, Any]],
    *,
    corpus: Corpus | None,
    tokenized: TokenizedCorpus,
    encoded: Encoded,
    calibration: Calibration,
    logits: np.ndarray,
) -> None:
    """Writes the files of a run that people read, and `metrics.json`.

    Args:
        run: A run whose SavedModel has been written.
        run_metrics: The content of `metrics.json`.
        history: One row per epoch.
        corpus: The texts; None if only their tokens are available.
        tokenized: The corpus as tokens.
        encoded: The corpus as numbers.
        calibration: The run's calibration.
        logits: float32 (texts, num_classes), of the test texts.
    """
    labels, targets = encoded.labels, encoded.examples["test"].targets
    probabilities = calibration.probabilities(logits)
    predicted = calibration.choose(probabilities)
    confusions = metrics.confusion_matrix(targets, predicted, len(labels))
    support = [scores["support"] for scores in run_metrics["test"]["per_label"].values()]
    run.write_rows("history.csv", history)
    run.write_text("report.txt", tables.report_text(run_metrics))
    run.write_json("metrics.json", run_metrics)
    run.write("learning_curves.png", lambda path: plots.plot_learning_curves(history, path))
    run.write("confusion_matrix.png", lambda path: plots.plot_confusion_matrix(confusions, support, labels, path))
    predictor = Predictor(run.saved_model)
    wrong = metrics.rank_errors(targets, probabilities, calibration.thresholds)[:ERRORS]
    sample = np.random.default_rng(0).permutation(len(targets))[: EXPLAINED if predictor.exact else OCCLUDED]
    content = html_report.report_page(
        run.directory.name,
        metrics=run_metrics,
        shares=metrics.score_shares(targets, probabilities) if not calibration.task.several else [],
        ngrams=rank_ngrams(predictor.explain(_test_texts(corpus, tokenized, encoded, sample))),
        errors=[
            (calibration.task.name(targets[text], labels) or "none", explanation)
            for text, explanation in zip(
                wrong, predictor.explain(_test_texts(corpus, tokenized, encoded, wrong)), strict=True
            )
        ],
        pictures={
            "Learning curves": (run.directory / "learning_curves.png").read_bytes(),
            "Confusion matrix of the test texts": (run.directory / "confusion_matrix.png").read_bytes(),
        },
    )
    run.write_text("report.html", content)


def _test_texts(
    corpus: Corpus | None, tokenized: TokenizedCorpus, encoded: Encoded, positions: np.ndarray
) -> list[str]:
    """Some of the test texts or, if only tokens are available, what the model reads of them, joined from the tokens."""
    texts = np.flatnonzero(encoded.splits == TEST)[positions]
    if corpus is not None:
        return [corpus.texts[text] for text in texts.tolist()]
    return tokenized.join_tokens(texts, encoded.examples["test"].lengths[positions])
