import html

import pytest

from keras_textcnn.data.corpus_warnings import similar_labels, warn_of_corpus
from keras_textcnn.data.survey import Survey
from keras_textcnn.text.tokenizers import tokenize


def survey(labels: dict[str, int], *, cut: int = 0, high: int = 10) -> Survey:
    return Survey(
        labels={label: {"train": count, "validation": 0, "test": 0} for label, count in labels.items()},
        rare=[],
        lengths=[0, 0, 0, 0, 0, high, high],
        cut=cut,
        empty=0,
        duplicates=0,
        leaked={},
        conflicting=0,
        texts={"train": sum(labels.values()), "validation": 0, "test": 0},
    )


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        (["Spam", "spam", "ham"], [["Spam", "spam"]]),
        (["1", "1.0", "2", "2.5"], [["1", "1.0"]]),
        (["New York", "new  york", "NewYork"], [["New York", "new  york", "NewYork"]]),
        (["caf\u00e9", "cafe\u0301", "cafe"], [["caf\u00e9", "cafe\u0301"]]),
        (["\uff21", "a"], [["\uff21", "a"]]),
        (["stra\u00dfe", "STRASSE"], [["stra\u00dfe", "STRASSE"]]),
        (["a", "b", "10", "1", "nan"], []),
    ],
)
def test_labels_that_are_the_same_to_a_reader(labels: list[str], groups: list[list[str]]) -> None:
    assert similar_labels(labels) == groups


@pytest.mark.parametrize(
    ("found", "data", "line"),
    [
        (
            survey({"x": 6, "y": 4}, cut=6, high=783),
            "a.csv",
            "are cut to 400 tokens; try --maximum-tokens 790",
        ),
        (survey({"x": 6, "y": 4}, cut=5, high=783), "a.csv", ""),
        (
            survey({"a,b": 1, "c,d": 2, "e": 3}),
            "a.csv",
            "one or two texts, such as 'c,d'; try --multi-label ,",
        ),
        (survey({"a,b": 1, "c": 1, "e": 3}), "a.txt", "try a space instead of a comma after each __label__NAME"),
        (survey({"a": 1, "c": 1, "e": 3}), "a.csv", "try another --label-column"),
        (survey({"a": 1, "c": 2, "e": 3, "f": 3}), "a.csv", ""),
        (survey({"a": 9, "A": 9}), "a.csv", "labels that differ only in case, spaces or form: 'a' and 'A'; try one"),
    ],
)
def test_what_looks_wrong_is_said_with_what_to_try(found: Survey, data: str, line: str) -> None:
    lines = warn_of_corpus(found, {}, maximum_tokens=400, data=data)
    assert len(lines) == bool(line)
    assert line in "".join(lines)


@pytest.mark.parametrize("escape", [True, False])
def test_html_entities_are_seen_among_the_tokens(escape: bool) -> None:
    texts = ["Tom & Jerry said \"hello\" & 'bye'", "a < b; and b > a", "x &c. plain words here"] * 10
    tokens = tokenize([html.escape(text) if escape else text for text in texts]).flat_values.numpy().tolist()
    counts = {token.decode(): tokens.count(token) for token in set(tokens)}
    lines = warn_of_corpus(survey({"x": 9, "y": 9}), counts, maximum_tokens=400, data="a")
    assert bool(lines) == escape
