"""Runs without test texts (`--test-fraction 0`): all texts are trained on, and no number is made up."""

import html
import json
import re
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn import Corpus, Predictor, Run, TrainConfig
from keras_textcnn.data.splits import split_corpus
from keras_textcnn.data.tokenized import tokenize_corpus
from keras_textcnn.errors import InputError
from keras_textcnn.evaluation.comparison import compare_with_linear
from keras_textcnn.training.preparation import count_texts, prepare
from tests.conftest import make_corpus, make_texts, write_table
from tests.runs import Cli, fine_tune, tiny_run, without_ngrams

COLUMNS = {"cross-validated*": "held-out training", "validation accuracy*": "validation"}


@pytest.fixture(scope="module")
def validated(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose 18 validation texts, a part of the corpus of 90, decided; it has not been refitted to them."""
    directory = tmp_path_factory.mktemp("runs") / "validated"
    return tiny_run(directory, make_corpus(), test_fraction=0, validation_fraction=0.2)


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run in which three folds of the training texts decided."""
    directory = tmp_path_factory.mktemp("runs") / "crossed"
    return tiny_run(directory, make_corpus(), test_fraction=0, inner_folds=3, refit=None)


@pytest.mark.parametrize(
    ("kind", "column", "sizes"),
    [("validated", "validation accuracy*", (72, 18)), ("crossed", "cross-validated*", (90, 0))],
)
def test_the_reports_are_about_the_held_out_texts(
    kind: str, column: str, sizes: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(kind)
    metrics, facts = run.read_json("metrics.json"), run.read_json("config.json")["corpus"]
    assert (facts["train"], facts["validation"], facts["test"]) == (*sizes, 0)
    assert metrics["test"] is metrics["baseline"]["test"] is metrics["calibration"]["before"]["test"] is None
    scored = metrics["validation"]
    assert scored["support"] == (sizes[1] or 90)
    report, page = ((run.directory / name).read_text("utf-8") for name in ("report.txt", "report.html"))
    assert column in report
    assert f"{COLUMNS[column]} texts by label" in report
    assert f"Confusion matrix of the {COLUMNS[column]} texts" in page
    assert f"calibration error on the {COLUMNS[column]} texts" in page
    for content in (report, re.sub(r"base64,[\w+/=]+", "", page)):
        assert not re.search(r"\btest\b", content, re.IGNORECASE)


def test_worst_errors_are_shown_of_texts_that_the_model_has_not_learnt(validated: Run, crossed: Run) -> None:
    assert "The worst errors" not in (crossed.directory / "report.html").read_text("utf-8")
    split = split_corpus(make_corpus(), validation_fraction=0.2, test_fraction=None, seed=0)
    texts, labels = zip(*[(it.text, it.label) for it in split.records() if it.split == "validation"], strict=True)
    found = [answer["label"] for answer in Predictor(validated.directory)(texts)]
    right = [answer == label for answer, label in zip(found, labels, strict=True)]
    assert validated.read_json("metrics.json")["validation"]["accuracy"] == pytest.approx(np.mean(right))
    assert not all(right)  # nearly random weights
    page = (validated.directory / "report.html").read_text("utf-8")
    shown = re.findall(
        r"true: <b>(\w+)</b>, given: <b>(\w+)</b><.*?>row ([\d,]+)</span></p>\n"
        r'<p class="written" dir="auto">([^<]*)</p>',
        page,
    )
    answers = {text: answer for text, answer, is_right in zip(texts, found, right, strict=True) if not is_right}
    assert len(shown) == min(len(answers), 10)
    corpus = make_corpus()
    for truth, given, row, text in shown:
        assert html.unescape(text) == corpus.texts[int(row) - 1]
        assert truth == corpus.labels[int(row) - 1]
        assert given == answers[html.unescape(text)]


@pytest.mark.usefixtures("without_learning")
def test_streamed_from_shards_it_has_the_same_scores(tmp_path: Path) -> None:
    settings = {"test_fraction": 0, "validation_fraction": 0.2}
    ours = tiny_run(tmp_path / "ours", tokenize_corpus(make_corpus().records()), **settings)
    theirs = tiny_run(tmp_path / "theirs", make_corpus(), **settings)
    metrics = ours.read_json("metrics.json")
    assert metrics["validation"] == theirs.read_json("metrics.json")["validation"]
    assert metrics["baseline"] is metrics["significance"] is None
    assert ours.predictions.linear is compare_with_linear(ours) is None
    assert ours.predictions.predicted.tolist() == theirs.predictions.predicted.tolist()
    assert "true: <b>" in (ours.directory / "report.html").read_text("utf-8")


@pytest.mark.parametrize("several", [False, True])
def test_only_validation_texts_are_split_off(several: bool) -> None:
    corpus = make_corpus(several=several)
    settings = {"seed": 3, "test_fraction": None}
    assert set(split_corpus(corpus, validation_fraction=None, **settings).splits) == {"train"}
    split = split_corpus(corpus, validation_fraction=0.2, **settings)
    assert split.splits.count("validation") == pytest.approx(18, abs=2)
    assert "test" not in split.splits
    fold = split_corpus(corpus, validation_fraction=None, fold=(1, 3), **settings)
    assert fold.splits.count("test") == pytest.approx(30, abs=1)


def test_the_number_of_texts_that_decides_the_defaults_is_that_of_all_texts() -> None:
    corpus = Corpus(["text"] * 2100, ["a", "b"] * 1050)
    assert count_texts(TrainConfig().resolved(), corpus)["texts"] == 1890  # cross-validation decides below 2,000
    assert count_texts(TrainConfig(test_fraction=0).resolved(), corpus)["texts"] == 2100


def test_splits_that_the_corpus_has_are_kept() -> None:
    pairs = make_texts(60, 1)
    for split in ("validation", "test"):
        splits = ["train"] * 48 + [split] * 12
        config = TrainConfig(test_fraction=0, inner_folds=0, vectors="none")
        encoded = prepare(config, Corpus(*zip(*pairs, strict=True), splits)).encoded
        assert (encoded.splits[48:] == ["train", "validation", "test"].index(split)).all()
        assert (encoded.splits[:48] == 2).sum() == 0


@pytest.mark.usefixtures("without_exports", "without_learning")
@pytest.mark.parametrize(
    ("labels", "held_out"),
    [(["a", "b"] * 5, 10), (["a", "a", "b"], 2), (["a"] * 6 + ["b"], 6)],
)
def test_a_handful_of_texts_is_enough(labels: list[str], held_out: int, tmp_path: Path) -> None:
    corpus = Corpus([f"text {number} of {label}" for number, label in enumerate(labels)], labels)
    run = tiny_run(tmp_path / "run", corpus, test_fraction=0, inner_folds=None, refit=None, ngrams=2)
    metrics = run.read_json("metrics.json")
    assert metrics["decided"]["by"] == "cross-validation"
    assert metrics["validation"]["support"] == held_out  # the only text of a label is never held out


@pytest.mark.parametrize(
    ("labels", "settings", "said"),
    [
        ([], {}, "the training texts have no labels; a classifier needs at least two"),
        (["a"], {}, "the training texts have only one label: 'a'; a classifier needs at least two"),
        (["a"] * 9, {}, "the training texts have only one label: 'a'; a classifier needs at least two"),
        (["a", "b"], {}, "every label has a single training text, so none can be held out to check the others; add te"),
        (["a", "b"], {"inner_folds": 0}, "'a' has 1, at least 2 are needed; add texts, or give --validation-data$"),
        (["a", "b"] * 9, {"folds": 3}, "--folds must be left out with --test-fraction 0; received: 3"),
    ],
)
def test_too_few_texts_or_labels_are_one_line(labels: list[str], settings: dict[str, int], said: str) -> None:
    corpus = Corpus([f"text {number}" for number in range(len(labels))], labels)
    with pytest.raises(InputError, match=said) as caught:
        prepare(TrainConfig(vectors="none", test_fraction=0, **settings), corpus)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("without_exports", "without_learning")
def test_a_run_that_starts_from_one_without_test_texts_has_no_old_test_texts_to_score(
    validated: Run, tmp_path: Path
) -> None:
    new = Corpus(*zip(*make_texts(60, 4), strict=True))
    settings = {"rehearsed": make_corpus(), "rehearse": "old", "test_fraction": 0}
    metrics = fine_tune(validated, new, tmp_path / "new", **settings).read_json("metrics.json")
    assert metrics["test"] is None
    assert "old_texts" not in metrics


@pytest.mark.usefixtures("without_exports", "without_learning")
def test_the_summary_of_several_runs_has_no_test_scores(
    small_options: list[str], corpus_file: Path, tmp_path: Path, cli: Cli
) -> None:
    options = [*without_ngrams(small_options), "--ngrams", 0, "--test-fraction", 0]
    ended = cli("train", *options, "--seeds", 2, "--output", tmp_path / "runs")
    assert ended.status == 0
    assert "test accuracy" not in ended.out
    assert "validation accuracy*" in ended.out
    assert "81 train, 9 validation texts, 3 labels" in ended.err
    assert re.search(r"of the validation texts right \(these chose its epochs, temperature\)$", ended.err, re.MULTILINE)
    summary = json.loads((tmp_path / "runs" / "repeats.json").read_text())
    assert summary["scores"]["test"] is summary["baseline"]["test"] is None
    assert summary["scores"]["validation"]["accuracy"]["mean"] is not None


@pytest.mark.usefixtures("without_exports")
def test_the_command_shows_only_what_was_measured(corpus_file: Path, tmp_path: Path, cli: Cli) -> None:
    more = write_table(tmp_path / "more.csv", make_texts(30, 8))
    options = ["--vectors", "none", "--dimensions", 4, "--filters", 2, "--ngrams", 0, "--frozen-epochs", 0]
    options += ["--unfrozen-epochs", 1, "--inner-folds", 0, "--validation-data", more, "--test-fraction", 0]
    ended = cli("train", corpus_file, *options, "--output", tmp_path / "run")
    assert ended.status == 0
    assert "90 train, 30 validation texts" in ended.err
    assert "scoring the held-out texts, and" in ended.err
    assert "test accuracy" not in ended.out
    assert not re.search(r"\btest\b", ended.err)
