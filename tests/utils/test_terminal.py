"""No text from outside controls the terminal that shows it."""

import io
import json
import re
from collections.abc import Callable

import numpy as np
import pytest
from rich.text import Text

from keras_textcnn.data.survey import Survey, describe_survey
from keras_textcnn.evaluation import metrics, tables
from keras_textcnn.evaluation.evaluator import Evaluation
from keras_textcnn.inference.explanations import explain_by_occlusion, explain_windows
from keras_textcnn.text.pretrained_vectors import Coverage
from keras_textcnn.utils.terminal import Console
from keras_textcnn.utils.visible import visible, visible_json
from tests.conftest import DECIDED

NASTY = {
    "clear the screen": "\x1b[2J",
    "a link": "\x1b]8;;http://x\x07here",
    "C1": "\x9b31m\x85\x90q",
    "return": "good\rbad\b\b",
    "DEL and NUL": "\x7f\x00",
    "right to left": "\u202etxet\u2066\u200f\u061c",
    "markup": "[red]\x1b[/red]",
}
STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def print_text(renderable: object) -> str:
    file = io.StringIO()
    Console(file=file, width=100, markup=False, emoji=False, soft_wrap=True).print(renderable)
    return file.getvalue()


def survey(nasty: str) -> str:
    counts = {"train": 1, "validation": 1, "test": 1}
    found = Survey({nasty: counts}, [nasty], [1] * 7, 0, 0, 0, {}, 0, counts)
    return print_text(describe_survey(found, maximum_tokens=9))


def report(nasty: str) -> str:
    scores = metrics.score_probabilities(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]), [nasty, "b"])
    baseline = {"name": nasty, "validation": scores, "test": scores}
    run_metrics = {"validation": scores, "test": scores, "baseline": baseline, "decided": DECIDED}
    run_metrics["warnings"] = [f"warning: {nasty}"]
    return tables.report_text(run_metrics)


def evaluation(nasty: str) -> str:
    scores = metrics.score_probabilities(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]), [nasty, "b"])
    worst = [{"text": nasty, "truth": nasty, "predicted": nasty, "probability": 0.5}]
    found = Evaluation([nasty, "b"], scores, np.eye(2), {nasty: 1}, [], 0.9, None, worst)
    return found.to_text() + print_text(found)


def explanation(nasty: str) -> str:
    exact = explain_windows(["a", nasty], np.array([[1.0, -1.0]]), [1], label=nasty, probability=1, logit=0, bias=0)
    sure = np.array([[0.9, 0.1]])
    occluded = explain_by_occlusion(lambda texts: np.repeat(sure, len(texts), 0), nasty, labels=[nasty, "b"])
    return exact.to_terminal().plain + occluded.to_terminal().plain


def coverage(nasty: str) -> str:
    return print_text(f"vectors: {Coverage(0.5, 0.5, 0.0, {nasty: 3}, 0)}")


RENDERERS: dict[str, Callable[[str], str]] = {
    "a line": lambda nasty: print_text(f"fetching {nasty}"),
    "styled": lambda nasty: print_text(Text(nasty)),
    "survey": survey,
    "report": report,
    "evaluation": evaluation,
    "explanation": explanation,
    "JSON": lambda nasty: visible_json(json.dumps({nasty: [nasty]}, ensure_ascii=False)),
    "coverage": coverage,
    "function": visible,
}


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
@pytest.mark.parametrize("render", RENDERERS.values(), ids=RENDERERS)
def test_what_is_shown_steers_no_terminal(render: Callable[[str], str], nasty: str) -> None:
    shown = render(nasty)
    assert not STEERING.search(shown)
    if render is not RENDERERS["styled"]:  # Rich drops some characters there
        assert "\\" in shown


def test_what_is_harmless_stays() -> None:
    text = "tab\tline\n日本 é 🙂 [red] \\x1b"
    assert visible(text) == visible_json(text) == text
    assert visible("\x1b[2J\x9b\u202e") == r"\x1b[2J\x9b\u202e"
    line = json.dumps({"\x9b": "\x7f\x85\u202e\n"}, ensure_ascii=False)
    assert json.loads(visible_json(line)) == {"\x9b": "\x7f\x85\u202e\n"}
