"""Writes the files of a finished run that people look at: report, pictures and page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.data.tokenized import TokenizedCorpus
from keras_textcnn.evaluation import html_report, plots, tables
from keras_textcnn.evaluation.descriptions import reported_split, reported_texts
from keras_textcnn.evaluation.facts import file_name, gather_facts
from keras_textcnn.evaluation.html_report import WrongAnswer
from keras_textcnn.evaluation.model_card import model_card
from keras_textcnn.evaluation.predictions_table import rows_of
from keras_textcnn.evaluation.split_scores import Answered
from keras_textcnn.inference.explanations import rank_ngrams
from keras_textcnn.inference.light import LightPredictor
from keras_textcnn.inference.light.file import NAME
from keras_textcnn.inference.predictor import Predictor
from keras_textcnn.persistence.run import Run

EXPLAINED, OCCLUDED = 500, 30  # texts whose n-grams are ranked; fewer if each takes up to a hundred answers
ERRORS = 10  # wrong texts that are shown with their reasons


def write_summary(
    run: Run,
    run_metrics: dict[str, Any],
    history: Sequence[dict[str, Any]],
    *,
    corpus: Corpus | None,
    tokenized: TokenizedCorpus,
    labels: Sequence[str],
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
        answered: The texts of "validation" and, if there are any, "test".
    """
    split, kind = reported_split(run_metrics), reported_texts(run_metrics)
    reported = answered[split]
    sums = reported.scores.calibrated
    confusions = sums.labels.confusions
    support = [scores["support"] for scores in run_metrics[split]["per_label"].values()]
    run.write_rows("history.csv", history)
    run.write_text("report.txt", tables.report_text(run_metrics))
    run.write_json("metrics.json", run_metrics)
    run.write("learning_curves.png", lambda path: plots.plot_learning_curves(history, path))
    run.write("confusion_matrix.png", lambda path: plots.plot_confusion_matrix(confusions, support, labels, path))
    config = run.config()
    facts = gather_facts(run.directory.name, run.read_json("config.json"), run_metrics)
    light = (run.directory / NAME).is_file()
    run.write_text("README.md", model_card(facts, light=light))
    predictor = LightPredictor(run.directory) if light else Predictor(run.saved_model)
    rows = rows_of(config, split, reported.texts)
    wrong = sums.worst[: 0 if reported.learnt else ERRORS]
    sample = np.random.default_rng(0).permutation(len(reported.texts))[: EXPLAINED if predictor.exact else OCCLUDED]
    read = _read_texts(corpus, tokenized, reported, np.array([error.text for error in wrong], np.int64))
    content = html_report.report_page(
        facts,
        texts=kind,
        shares=sums.shares(),
        ngrams=rank_ngrams(predictor.explain(_read_texts(corpus, tokenized, reported, sample))),
        errors=[
            WrongAnswer(
                truth=config.task.name(error.target, labels),
                given=config.task.name(error.predicted, labels),
                place=_place(config, split, int(rows[error.text])),
                written=None if corpus is None else as_read,
                explanation=explanation,
            )
            for error, as_read, explanation in zip(wrong, read, predictor.explain(read), strict=True)
        ],
        pictures={
            "Learning curves": (run.directory / "learning_curves.png").read_bytes(),
            f"Confusion matrix of the {kind} texts": (run.directory / "confusion_matrix.png").read_bytes(),
        },
    )
    run.write_text("report.html", content)


def _place(config: TrainConfig, split: str, row: int) -> str:
    """Where a text is: its row, from `rows_of`, and the file of its split, or the corpus."""
    data = getattr(config, f"{split}_data") or config.data
    return f"row {row:,} of {file_name(data)}" if data else f"row {row:,}"


def _read_texts(
    corpus: Corpus | None, tokenized: TokenizedCorpus, answered: Answered, positions: np.ndarray
) -> list[str]:
    """Some of the texts or, if only tokens are available, what the model reads of them, joined from the tokens."""
    texts = answered.texts[positions]
    if corpus is not None:
        return [corpus.texts[text] for text in texts.tolist()]
    return tokenized.join_tokens(texts, answered.lengths[positions])
