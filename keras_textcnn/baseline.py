"""What the network is compared with: a linear model over TF-IDF, which takes seconds."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

NAME = "TF-IDF + LinearSVC"


def predict_linear(
    train_texts: Sequence[str], train_labels: np.ndarray, splits: Mapping[str, Sequence[str]], *, seed: int
) -> dict[str, np.ndarray]:
    """Fits a linear support vector machine on unigrams and bigrams, and labels the texts of each split.

    Args:
        train_texts: Texts to fit on.
        train_labels: int (texts,), or float (texts, labels), 1 for each label of a text.
        splits: Texts to label.
        seed: Of the support vector machine.

    Returns:
        For each split int (texts,) or (texts, labels).

    Words of one letter and single symbols count too, so that a corpus of nothing else has a baseline.
    """
    features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+|[^\w\s]")
    machine = LinearSVC(random_state=seed)
    model = make_pipeline(features, machine if train_labels.ndim == 1 else OneVsRestClassifier(machine))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Label .* is present in all training examples")
        model.fit(train_texts, train_labels)
    return {name: model.predict(texts) for name, texts in splits.items()}
