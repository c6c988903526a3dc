"""What an evaluation counts, scores and names."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from keras_textcnn import Predictor
from keras_textcnn.data.corpus import Corpus, Record
from keras_textcnn.errors import InputError
from keras_textcnn.evaluation.evaluator import evaluate as evaluate_texts


class Known(Predictor):
    """A predictor that answers from a table instead of a model."""

    def __init__(self, labels: list[str], table: dict[str, list[float]], thresholds: list[float] | None = None) -> None:
        self.labels, self._table = labels, table
        self.thresholds = None if thresholds is None else np.array(thresholds, np.float32)

    def probabilities(self, texts: list[str]) -> np.ndarray:
        return np.array([self._table[text] for text in texts], np.float32).reshape(-1, len(self.labels))


def test_several_labels() -> None:
    predictor = Known(["a", "b"], {"x": [0.9, 0.2], "y": [0.4, 0.7]}, thresholds=[0.3, 0.5])
    label_sets = [("x", ("a",)), ("y", ("b", "z")), ("y", ("a", "b")), ("y", ("b",))]  # the run does not know z
    records = [Record("test", text, labels) for text, labels in label_sets]
    found = evaluate_texts(predictor, records)
    assert found.scores["accuracy"] == pytest.approx(2 / 3)
    assert found.unknown == {"z": 1}
    assert found.worst == [{"text": "y", "truth": "b", "predicted": "a, b", "probability": 0.7}]
    assert found.shares == []
    assert "most wrong" in found.to_text()


def test_a_corpus_is_evaluated_as_its_records_are() -> None:
    predictor = Known(["0", "1"], {"x": [0.9, 0.1], "y": [0.4, 0.6]})
    corpus = Corpus(np.array(["x", "y", "y"]), np.array([0, 1, 0]), ["train", "test", "test"])
    found = evaluate_texts(predictor, corpus)
    assert found.to_json() == evaluate_texts(predictor, corpus.records()).to_json()
    assert found.scores["accuracy"] == pytest.approx(2 / 3)


def test_no_label_is_known() -> None:
    predictor = Known(["a", "b"], {})
    with pytest.raises(InputError, match=r"the run knows no label of the corpus \(c\); it knows a, b"):
        evaluate_texts(predictor, [Record("test", "x", "c")])


def test_the_worst_of_many_texts_are_the_least_probable_ones() -> None:
    random = np.random.default_rng(0)
    table = {str(n): [p, 1 - p] for n, p in enumerate(random.random(5000).tolist())}
    found = evaluate_texts(Known(["a", "b"], table), [Record("test", text, "a") for text in table])
    expected = sorted(table, key=lambda text: table[text][0])[:100]
    assert [error["text"] for error in found.worst] == expected
    assert found._repr_mimebundle_([], [])["text/html"].count("probability") == 1


def test_labels_that_look_like_markup_are_named() -> None:
    found = evaluate_texts(Known(["a", "b"], {"x": [1, 0]}), [Record("test", "x", "a"), Record("test", "x", "[red]")])
    assert "does not know: [red] 1" in found.to_text()


def test_labels_of_the_other_kind() -> None:
    one, several = Known(["ab", "c"], {"x": [1, 0]}), Known(["ab", "c"], {"x": [1, 0]}, thresholds=[0.5, 0.5])
    records = [Record("test", "x", "ab"), Record("test", "x", ("ab",))]
    assert evaluate_texts(one, records).scores["support"] == 1  # a set of labels is no answer to one label
    assert evaluate_texts(several, records).scores["accuracy"] == 1


def test_labels_given_in_python_are_found_as_they_are() -> None:
    """A run from Python has them as they were given; only those of files are folded."""
    labels = ["caf\u00e9", "cafe\u0301", " a "]
    predictor = Known(labels, {"x": [0.8, 0.1, 0.1], "y": [0.1, 0.8, 0.1], "z": [0.1, 0.1, 0.8]})
    found = evaluate_texts(predictor, Corpus(["x", "y", "z"], labels))
    assert (found.unknown, found.scores["accuracy"]) == ({}, 1)
    assert evaluate_texts(predictor, [Record("test", "z", "a")]).unknown == {}  # as a file has it


@pytest.mark.parametrize("wrong", [("runs/x", Corpus(["x"], ["a"])), (Known(["a"], {}), pd.DataFrame({"text": ["x"]}))])
def test_arguments_of_other_types_are_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="argument must be a (Predictor|Corpus), such as"):
        evaluate_texts(*wrong)
