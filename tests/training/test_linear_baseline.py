"""The linear baseline of a run against scikit-learn."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit
from sklearn import metrics
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_class_weight

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.corpus import SPLITS, Corpus
from keras_textcnn.data.preprocessing import encode_corpus
from keras_textcnn.data.tokenized import tokenize_corpus
from keras_textcnn.evaluation.calibration import tune_thresholds
from keras_textcnn.training.linear_baseline import measure_baseline

WORDS = [f"{first}{second}" for first in "bdgk" for second in "aeiou"]


SIGNS = [*"好坏书看天地人山水火风云雨雪花鸟鱼虫日月"]


def make_corpus(tokens: list[str], between: str, *, several: bool) -> Corpus:
    """200 texts of three unequal labels, each weakly preferring some tokens, so that no model is always right."""
    random = np.random.default_rng(5)
    texts, labels = [], []
    for _ in range(200):
        label = int(random.choice(3, p=[0.6, 0.3, 0.1]))
        own = tokens[label * 3 : label * 3 + 3]
        chosen = [*random.choice(tokens, random.integers(0, 9)), *random.choice(own, random.integers(0, 3))]
        texts.append(between.join(map(str, chosen)))
        others = (f"L{other}" for other in range(3) if other != label and random.random() < 0.2)
        labels.append(tuple(sorted([f"L{label}", *others])) if several else f"L{label}")
    return Corpus(texts, labels, splits=[SPLITS[number % 3] for number in range(200)])


def weigh(targets: np.ndarray, kind: str) -> dict[int, float] | None:
    """The weight of each class: scikit-learn's "balanced", or the square roots of these, with a mean of 1."""
    classes, counts = np.unique(targets, return_counts=True)
    if kind == "none":
        return None
    weights = compute_class_weight("balanced", classes=classes, y=targets)
    if kind == "square-root":
        weights = np.sqrt(weights) / np.average(np.sqrt(weights), weights=counts)
    return dict(zip(classes.tolist(), weights, strict=True))


def score_by_hand(
    corpus: Corpus, split: Callable[[str], list[str]], longest: int, kind: str, learnt: tuple[str, ...]
) -> dict[str, dict[str, np.ndarray]]:
    """Targets, and decision values or predicted outputs, of each split after a fit on some of them."""
    parts = {name: [record for record in corpus.records() if record.split == name] for name in SPLITS}
    vectorizer = TfidfVectorizer(
        tokenizer=split, token_pattern=None, lowercase=False, ngram_range=(1, longest), sublinear_tf=True
    )
    features = vectorizer.fit_transform([record.text for name in learnt for record in parts[name]])
    labels = ["L0", "L1", "L2"]
    found = {}
    several = isinstance(corpus.labels[0], tuple)
    rows = [record.label for name in learnt for record in parts[name]]
    if several:
        columns = [np.array([int(label in row) for row in rows]) for label in labels]
        machines = [LinearSVC(random_state=3, class_weight=weigh(y, kind)).fit(features, y) for y in columns]
    else:
        y = np.array([labels.index(str(row)) for row in rows])
        machine = LinearSVC(random_state=3, class_weight=weigh(y, kind)).fit(features, y)
    for name in SPLITS[1:]:
        values = vectorizer.transform([record.text for record in parts[name]])
        targets = [record.label for record in parts[name]]
        if several:
            found[name] = (
                np.array([[int(label in row) for label in labels] for row in targets]),
                np.stack([expit(one.decision_function(values)).astype(np.float32) for one in machines], axis=1),
            )
        else:
            found[name] = (np.array([labels.index(str(label)) for label in targets]), machine.predict(values))
    return found


@pytest.mark.parametrize("kind", ["none", "square-root", "balanced"])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize(
    ("model", "tokens", "between", "split"),
    [
        ("conv1d", WORDS, " ", str.split),
        ("conv1d", SIGNS, "", list),  # in scripts without spaces, each character is a word
        ("charcnn", WORDS, " ", list),
    ],
    ids=["words", "Chinese", "characters"],
)
def test_it_is_scikit_learns_over_the_networks_tokens(
    model: str,
    tokens: list[str],
    between: str,
    split: Callable[[str], list[str]],
    several: bool,
    kind: str,
    refit: bool,
) -> None:
    corpus = make_corpus(tokens, between, several=several)
    config = TrainConfig(
        model=model, vectors="none", seed=3, class_weight=kind, multi_label=";" if several else None
    ).resolved()
    tokenized = tokenize_corpus(corpus.records(), tokenizer=config.tokenizer)
    ours, _ = measure_baseline(config, tokenized, encode_corpus(config, tokenized), refit=refit)
    longest = 4 if model == "charcnn" else 2
    expected = score_by_hand(corpus, split, longest, kind, ("train",))
    thresholds = tune_thresholds(*expected["validation"]) if several else None
    if refit:
        expected["test"] = score_by_hand(corpus, split, longest, kind, ("train", "validation"))["test"]
    for name, (targets, answers) in expected.items():
        predicted = answers if thresholds is None else (answers >= thresholds).astype(int)
        accuracy = metrics.accuracy_score(targets, predicted)
        assert ours[name]["accuracy"] == pytest.approx(accuracy)
        assert ours[name]["macro_f1"] == pytest.approx(metrics.f1_score(targets, predicted, average="macro"))
        assert 0 < accuracy < 1
    assert ours["name"] == f"TF-IDF + LinearSVC, 1-{longest} {'characters' if model == 'charcnn' else 'words'}"


def test_it_gets_the_weights_of_the_texts_and_those_of_weight_0_are_absent() -> None:
    plain = make_corpus(WORDS, " ", several=False)
    weights = np.random.default_rng(1).choice([0, 0.5, 3], 200)
    corpus = Corpus(plain.texts, plain.labels, plain.splits, weights=weights)
    config = TrainConfig(vectors="none", seed=3).resolved()
    tokenized = tokenize_corpus(corpus.records())
    ours, _ = measure_baseline(config, tokenized, encode_corpus(config, tokenized), refit=False)
    train = [number for number in range(0, 200, 3) if weights[number]]
    vectorizer = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
    features = vectorizer.fit_transform([corpus.texts[number] for number in train])
    scaled = weights[train] / weights[::3].mean()
    machine = LinearSVC(random_state=3).fit(features, [corpus.labels[number] for number in train], scaled)
    right = machine.predict(vectorizer.transform(corpus.texts[2::3])) == np.array(corpus.labels[2::3])
    assert ours["test"]["accuracy"] == pytest.approx(right.mean())
