"""Scores of texts whose logits are too many to keep."""

from pathlib import Path

import numpy as np
import pytest

from keras_textcnn import Predictor
from keras_textcnn.data.splits import split_corpus
from keras_textcnn.utils import blocks
from tests.conftest import make_corpus
from tests.runs import leave_out_exports, tiny_run

SETTINGS = {"test_fraction": 0.2, "validation_fraction": 0.3}


def keep_few(patch: pytest.MonkeyPatch) -> None:
    """Ten texts with three labels decide, and four are scored at once."""
    patch.setattr(blocks, "MOST_DECIDING", 10 * 3)
    patch.setattr(blocks, "BLOCK_SCORES", 4 * 3)


@pytest.mark.usefixtures("without_exports", "without_learning")
@pytest.mark.parametrize("several", [False, True])
def test_all_texts_are_scored_where_only_some_decide(
    several: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    corpus, settings = make_corpus(several=several), SETTINGS | ({"multi_label": ";"} if several else {})
    whole = tiny_run(tmp_path / "whole", corpus, **settings).read_json("metrics.json")
    assert whole["decided"]["texts"] == whole["validation"]["support"]
    assert not any("decide temperature" in line for line in logged)
    keep_few(monkeypatch)
    metrics = tiny_run(tmp_path / "run", corpus, **settings).read_json("metrics.json")
    assert metrics["decided"]["texts"] == (7 if several else 10)
    assert any(f"a random {metrics['decided']['texts']} of the " in line for line in logged)
    for split in ("validation", "test"):
        ours, theirs = (its["calibration"]["before"][split] for its in (metrics, whole))
        assert ours == pytest.approx(theirs, rel=1e-5)
        assert metrics[split]["support"] == whole[split]["support"]
        if not several:  # no temperature changes the most probable label
            for name in ("accuracy", "macro_f1", "per_label", "confused"):
                assert metrics[split][name] == whole[split][name]


def test_validation_texts_are_scored_by_the_sum_of_the_parts_before_the_refit_learns_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_few(monkeypatch)
    settings = {**SETTINGS, "ngrams": 2, "ngram_buckets": 64, "ngram_epochs": 1}
    run = tiny_run(tmp_path / "run", make_corpus(), **settings)
    leave_out_exports(monkeypatch)
    refitted = tiny_run(tmp_path / "refitted", make_corpus(), **settings, refit=True).read_json("metrics.json")
    metrics = run.read_json("metrics.json")
    assert [metrics[name] for name in ("validation", "parts")] == [refitted[name] for name in ("validation", "parts")]
    assert metrics["test"] != refitted["test"]
    split = split_corpus(make_corpus(), validation_fraction=0.3, test_fraction=0.2, seed=0)
    held_out = [record for record in split.records() if record.split == "validation"]
    answers = Predictor(run.directory)([record.text for record in held_out])
    probabilities = [answer["probabilities"][record.label] for answer, record in zip(answers, held_out, strict=True)]
    assert metrics["validation"]["log_loss"] == pytest.approx(-np.log(probabilities).mean(), rel=1e-4)


@pytest.mark.usefixtures("without_exports", "without_learning")
def test_cross_validation_holds_out_only_as_many_texts_as_it_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    keep_few(monkeypatch)
    run = tiny_run(tmp_path / "run", make_corpus(), test_fraction=0, inner_folds=3, refit=None)
    metrics = run.read_json("metrics.json")
    assert metrics["decided"]["texts"] == metrics["validation"]["support"] <= 10
    assert any("cross-validation holds out" in line and "of 90 training texts" in line for line in logged)
