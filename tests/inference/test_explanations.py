import csv
import re
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn.inference.explanations import explain_by_occlusion, explain_windows
from tests.conftest import make_texts, write_table
from tests.runs import Cli, without_ngrams


def test_windows_longer_than_the_text_are_told_once() -> None:
    added = np.array([[1.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.25, 0.0, 0.0]])
    found = explain_windows(["a", "b"], added, [1, 2, 3], label="x", probability=0.5, logit=2.0, bias=0.25)
    assert [(ngram.text, ngram.added) for ngram in found.ngrams] == [("a", 1.0), ("a b", 0.75)]


def test_occlusion_finds_what_the_log_odds_lose() -> None:
    weights = {"good": 2.0, "bad": -1.0}

    def answer(texts: list[str]) -> np.ndarray:
        odds = np.array([sum(weights.get(word, 0) for word in text.split()) for text in texts])
        return np.stack([1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(odds))], axis=1)

    found = explain_by_occlusion(answer, "a good and bad  film", labels=["yes", "no"])
    assert (found.label, found.tokens) == ("yes", ["a", "good", "and", "bad", "film"])
    assert [(ngram.text, round(ngram.added, 6)) for ngram in found.ngrams[:2]] == [("good", 2.0), ("bad", -1.0)]
    long = explain_by_occlusion(answer, "word " * 1000 + "good", labels=["yes", "no"])
    assert len(long.tokens) <= 128
    assert long.ngrams[0].text.endswith("good")
    assert explain_by_occlusion(answer, "", labels=["yes", "no"]).ngrams == []
    commas = explain_by_occlusion(answer, "a good,and bad,film", labels=["yes", "no"], separator=",")
    assert commas.tokens == ["a good", "and bad", "film"]
    assert explain_by_occlusion(answer, "我爱 good", labels=["yes", "no"]).tokens == ["我", "爱", "good"]


def test_markup_in_a_text_stays_text() -> None:
    found = explain_windows(
        ["<script>", "[red]"], np.array([[1.0, -1.0]]), [1], label="<i>", probability=1, logit=0, bias=0
    )
    assert "<script>" not in found._repr_html_()
    assert "<i>" not in found._repr_html_()
    assert found.to_terminal().plain.splitlines()[0] == "<i> 1.000  <script> [red] "


@pytest.mark.parametrize(
    ("tokens", "added", "weights"),
    [
        ([], [[0.5], [-1.0]], []),
        (["a"], [[2.0], [-1.0]], [1.0]),
        (["a", "b"], [[0.0, 0.0], [0.0, 0.0]], [0.0, 0.0]),
        (["a", "b"], [[1.0, 0.0], [-1.0, 0.0]], [1.0, -1.0]),  # 1 - 1/2 and -1/2, divided by the larger one
    ],
)
def test_what_an_ngram_adds_is_shared_by_its_tokens(
    tokens: list[str], added: list[list[float]], weights: list[float]
) -> None:
    found = explain_windows(tokens, np.array(added), [1, 2], label="x", probability=0.5, logit=0, bias=0)
    np.testing.assert_allclose(found.weights(), weights)


def test_a_training_ends_well_whose_empty_test_text_is_labelled_wrong(
    small_options: list[str], tmp_path: Path, cli: Cli
) -> None:
    test = write_table(tmp_path / "test.csv", [*make_texts(6, 1), ("", "fruit"), ("", "metal"), (" ", "sea")])
    run = tmp_path / "run"
    options = [*without_ngrams(small_options), "--ngrams", 0, "--no-refit", "--vectors", "none", "--filters", 20]
    assert cli("train", *options, "--test-data", test, "--output", run).status == 0
    page = (run / "report.html").read_text("utf-8")
    errors = page.split("The worst errors")[1]
    assert "(no token)" in errors
    assert "(nothing but white space)" in errors
    with test.open(newline="") as file:
        labels = [row["label"] for row in csv.DictReader(file)]
    shown = re.findall(r"true: <b>(\w+)</b>, .*?>row (\d+) of test.csv<", errors)
    assert {"7", "8", "9"} & {row for _, row in shown}
    assert all(labels[int(row) - 1] == truth for truth, row in shown)
    assert "(no token)" not in page.split("What spoke for each label")[1].split("</table>")[0]
    (tmp_path / "lines.txt").write_text("\nwave\n")
    assert cli("predict", run, tmp_path / "lines.txt", "--explain", "html").status == 0
