"""The linear model compared with one assembled by hand from scikit-learn, over tokens that are split by hand."""

import warnings

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from keras_textcnn.evaluation import baseline


@pytest.mark.parametrize("longest", [1, 2, 3, 5])
@pytest.mark.parametrize("rows", [[], [""], ["", "a", ""], ["a b a b a", "b a", "", "c", "a b c d e"]])
def test_ngrams_are_counted_within_texts(longest: int, rows: list[str]) -> None:
    tokens = [row.split() for row in rows]
    ids = np.array([100 + ord(token) for row in tokens for token in row], np.int32)
    counts = baseline.count_ngrams(ids, np.array([len(row) for row in tokens], np.int32), longest=longest)
    assert counts.shape[0] == len(rows)
    present = counts[:, np.flatnonzero(counts.getnnz(axis=0))].toarray()
    if not len(ids):
        assert present.size == 0
        return
    vectorizer = CountVectorizer(tokenizer=str.split, token_pattern=None, ngram_range=(1, longest))
    expected = vectorizer.fit_transform(rows).toarray()
    assert sorted(present.T.tolist()) == sorted(expected.T.tolist())


def test_a_label_that_every_text_has_or_none() -> None:
    training = baseline.count_ngrams(np.arange(4), np.ones(4, int), longest=1)
    targets = np.array([[1, 0, 1], [1, 0, 0], [1, 0, 1], [1, 0, 0]], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = baseline.predict_linear(training, np.arange(4), targets, {"test": np.arange(4)}, seed=0)["test"]
    assert found[:, 0].tolist() == [1] * 4
    assert found[:, 1].tolist() == [0] * 4
    assert (found[:, 2] > 0.5).tolist() == [True, False, True, False]


def test_texts_drawn_as_often_for_every_label_weigh_so_here_too() -> None:
    random = np.random.default_rng(1)
    counts = baseline.count_ngrams(random.integers(0, 12, 300), np.full(60, 5), longest=1)
    targets = (np.arange(60) % 6 == 0).astype(int)
    weights = np.where(targets == 1, 3.0, 0.6)
    rows = np.arange(60)
    found = baseline.predict_linear(counts, rows, targets, {"all": rows}, seed=0, text_weights=weights)["all"]
    label_weights = np.array([0.6, 3.0])
    balanced = baseline.predict_linear(counts, rows, targets, {"all": rows}, seed=0, label_weights=label_weights)["all"]
    np.testing.assert_array_equal(found, balanced)


@pytest.mark.parametrize("least", [1, 2, 3])
def test_too_many_weights_leave_the_rarest_ngrams_out(least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    tokens = random.integers(0, 40, (80, 6)) ** 2 // 40  # some are far more common than others
    targets = (tokens.sum(axis=1) > 60).astype(int)
    texts = [" ".join(map(str, row)) for row in tokens]
    expected = make_pipeline(
        TfidfVectorizer(
            tokenizer=str.split, token_pattern=None, ngram_range=(1, 2), min_df=least, sublinear_tf=True, norm="l2"
        ),
        LinearSVC(random_state=0),
    ).fit(texts[:60], targets[:60])
    weights = 2 * len(expected[0].vocabulary_)
    monkeypatch.setattr(baseline, "MOST_WEIGHTS", weights)
    counts = baseline.count_ngrams(tokens.ravel().astype(np.int32), np.full(80, 6), longest=2)
    found = baseline.predict_linear(counts, np.arange(60), targets[:60], {"rest": np.arange(60, 80)}, seed=0)["rest"]
    assert found.tolist() == expected.predict(texts[60:]).tolist()
    assert len(baseline._choose(counts[:60].getnnz(axis=0), most=weights // 2)) == weights // 2
