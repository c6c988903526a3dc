"""The model card as the hub's own library and a Markdown parser read it."""

import dataclasses
import json
import math
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import EvalResult, ModelCard
from markdown_it import MarkdownIt

from keras_textcnn import Predictor
from keras_textcnn.config import TrainConfig
from keras_textcnn.evaluation import metrics
from keras_textcnn.evaluation.facts import Facts, gather_facts
from keras_textcnn.evaluation.model_card import model_card
from keras_textcnn.utils.visible import spell
from tests.conftest import DECIDED
from tests.runs import Cli

ODD = [
    "---", "a|b", "`code`", "*_~", "<b>&lt;</b>", "line\nfeed\r\n---\n", "tab\tulator", "[link](http://x)", "# head",
    "日本 🙂", "'single' \"double\"", "\\|", "{{ x }} {% if %}", "- item", ": colon: {a: b}", "\x1b[2J\x85\u2028\ufeff",
    "$a$", "@someone", "null", "1.0", "",
]  # fmt: skip


def make_facts(
    labels: list[str], *, name: str = "a run", several: bool = False, test: bool = True, **settings: Any
) -> Facts:
    """Facts of a run on twice as many texts as labels; each second text has the wrong answer, the first label."""
    targets = np.tile(np.arange(len(labels)), 2)
    predicted = np.where(np.arange(len(targets)) < len(labels), targets, 0)
    probabilities = 0.1 + 0.8 * np.eye(len(labels))[predicted]
    if several:
        targets = np.eye(len(labels), dtype=np.int32)[targets]
    else:
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    thresholds = np.full(len(labels), 0.5) if several else None
    scores = metrics.score_probabilities(targets, probabilities, labels, thresholds)
    counts = {"texts": len(targets), "cut": 1, "empty": 1, "unknown_tokens": 0.25, "labels": dict.fromkeys(labels, 7)}
    splits = {"validation": scores, "test": scores if test else None}
    before = {
        split: scores and {name: scores[name] for name in ("log_loss", "calibration_error")}
        for split, scores in splits.items()
    }
    limits = dict(zip(labels, [0.5] * len(labels), strict=True))
    run_metrics = {
        **splits,
        "calibration": {"temperature": 1.5, "thresholds": limits if several else None, "before": before},
        "decided": DECIDED,
        "baseline": {"name": "linear", **splits},
        "texts": {"train": counts, "validation": counts, "test": counts if test else None},
        "coverage": {"running_tokens": 0.75},
        "parts": {"convolution": {}, "ngrams": {}},
        "warnings": ["warning: <i>few</i> texts"],
        "seconds": 1234.5,
    }
    config = TrainConfig(**{"vectors": "none", "dimensions": 4, "ngram_buckets": 16, **settings}).resolved(texts=9000)
    begun = {
        "settings": json.loads(json.dumps(dataclasses.asdict(config))),
        "corpus": {"fingerprint": "0" * 64, "train": 8000, "validation": 1000, "test": 500 * test},
        "versions": {"keras_textcnn": "0.1.0", "numpy": "2"},
        "device": "CPU",
    }
    return gather_facts(name, begun, run_metrics)


def tables(card: str) -> list[list[list[str]]]:
    """The cells of each table of a card, as a reader sees them."""
    found: list[list[list[str]]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(ModelCard(card, ignore_metadata_errors=True).text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and found and token.level > 3:
            found[-1][-1].append("".join(part.content for part in token.children or () if part.type != "html_inline"))
            assert {part.type for part in token.children or ()} <= {"text", "text_special"}, token.content
    return found


def test_the_hub_reads_the_scores_of_a_run(finished_run: Path) -> None:
    card, measured = ModelCard.load(finished_run / "README.md"), json.loads((finished_run / "metrics.json").read_text())
    assert card.data.library_name == "keras_textcnn"
    assert card.data.pipeline_tag == "text-classification"
    assert card.data.metrics == ["accuracy", "f1"]
    assert card.data.model_name == "finished"
    assert card.data.license is card.data.language is card.data.datasets is None
    about = {"task_type": "text-classification", "task_name": "Text Classification", "dataset_split": "test"}
    about |= {"dataset_type": "things.csv", "dataset_name": "things.csv"}
    assert card.data.eval_results == [
        EvalResult(metric_type=kind, metric_name=name, metric_value=round(value, 6), metric_args=args, **about)
        for kind, name, value, args in (
            ("accuracy", "accuracy", measured["test"]["accuracy"], None),
            ("f1", "macro F1", measured["test"]["macro_f1"], {"average": "macro"}),
        )
    ]


def test_the_tables_of_a_card_hold_what_the_run_has_measured(finished_run: Path, corpus_file: Path) -> None:
    measured, begun = (json.loads((finished_run / name).read_text()) for name in ("metrics.json", "config.json"))
    card = (finished_run / "README.md").read_text("utf-8")
    results, labels, made, settings = tables(card)
    for row, scores in zip(results[1:], (measured, measured["baseline"]), strict=True):
        expected = [scores[split][name] for split in ("validation", "test") for name in ("accuracy", "macro_f1")]
        assert [float(cell) for cell in row[1:]] == pytest.approx([100 * score for score in expected], abs=0.005)
    assert [row[0] for row in labels[1:]] == ["fruit", "metal", "sea"]
    for label, *numbers in labels[1:]:
        its = measured["test"]["per_label"][label]
        shares = [100 * its[name] for name in ("precision", "recall", "f1")]
        assert [float(cell) for cell in numbers[1:]] == pytest.approx([*shares, its["support"]], abs=0.005)
        training = corpus_file.read_text().count(f",{label}\n") - its["support"]
        assert int(numbers[0]) == training - measured["validation"]["per_label"][label]["support"]
    facts = dict(made)
    assert facts["SHA-256 of the corpus"] == begun["corpus"]["fingerprint"]
    assert facts["texts"] == "75 training, 6 validation, 9 test"
    assert all(f"{name} {number}" in facts["versions"] for name, number in begun["versions"].items())
    assert {"filters": "6", "windows": "1,3", "learning_rate": "0.02"}.items() <= dict(settings).items()
    assert not {"optimizer", "dropout", "data", "seed"} & dict(settings).keys()
    assert str(finished_run.parent) not in card  # it is published
    assert str(corpus_file.parent) not in card


@pytest.mark.parametrize("several", [False, True])
def test_names_stay_names(several: bool) -> None:
    for name in ODD[:-1]:
        text = model_card(
            make_facts(ODD, name=name, several=several, data=f"/folder/{name}", multi_label=";" if several else None),
            light=several,
        )
        card = ModelCard(text)  # refuses what is no YAML
        assert card.data.model_name == name
        assert card.data.eval_results is not None
        assert {result.dataset_name for result in card.data.eval_results} == {re.split(r"[/\\]", name)[-1]}
        _, labels, *_ = tables(text)
        assert [row[0] for row in labels[1:]] == [spell(label).strip() for label in ODD]
        assert {len(row) for row in labels} == {6}
        assert [line for line in card.text.splitlines() if line.startswith("#")][1:] == [
            f"## {title}"
            for title in ("How good it is", "What it is bad at", "Labels", "What it was made from", "How to load it")
        ]


def test_several_labels_have_micro_f1_too_and_what_is_undefined_is_left_out() -> None:
    facts = make_facts(["a", "b"], several=True, multi_label=";")
    assert facts.test is not None
    results = ModelCard(model_card(facts, light=True)).data.eval_results
    assert [(result.metric_type, result.metric_args) for result in results] == [
        ("accuracy", None), ("f1", {"average": "macro"}), ("f1", {"average": "micro"}),
    ]  # fmt: skip
    assert [result.metric_value for result in results] == [
        round(facts.test[name], 6) for name in ("accuracy", "macro_f1", "micro_f1")
    ]
    undefined = dataclasses.replace(facts, test={**facts.test, "macro_f1": None, "accuracy": 1e-5})
    results = ModelCard(model_card(undefined, light=True)).data.eval_results
    assert [result.metric_value for result in results] == [1e-5, round(facts.test["micro_f1"], 6)]
    assert isinstance(results[0].metric_value, float)


def test_without_test_texts_the_hub_is_given_no_scores() -> None:
    """It would show those of the texts that chose the epochs as if they were test scores."""
    text = model_card(make_facts(["a", "b"], test=False), light=False)
    assert ModelCard(text).data.eval_results is None
    assert not re.search(r"\btest\b", text)
    assert "validation accuracy\\*" in text


@pytest.mark.parametrize(
    ("data", "language", "datasets", "dataset", "configuration"),
    [
        ("reuters-r8", "en", None, "reuters-r8", None),
        ("hub:fancyzhx/ag_news", None, ["fancyzhx/ag_news"], "fancyzhx/ag_news", None),
        ("hub:nyu-mll/glue:sst2", None, ["nyu-mll/glue"], "nyu-mll/glue", "sst2"),
        ("/home/someone/no reviews.csv", None, None, "no reviews.csv", None),
        (None, None, None, "texts given in Python", None),
    ],
)
def test_a_card_says_of_a_corpus_what_is_known(
    data: str | None, language: str | None, datasets: list[str] | None, dataset: str, configuration: str | None
) -> None:
    text = model_card(make_facts(["a", "b"], data=data), light=True)
    card = ModelCard(text)
    assert (card.data.language, card.data.datasets) == (language, datasets)
    assert {(result.dataset_name, result.dataset_config) for result in card.data.eval_results} == {
        (dataset, configuration)
    }
    assert ("for research" in text) == (data == "reuters-r8")
    assert "someone" not in text


def test_a_card_says_what_a_run_is_bad_at() -> None:
    limits = make_facts(["a", "b", "c", "d"]).limits
    assert limits == [
        # The first label is right twice and given in three texts of others; they have one of their two texts right.
        "labels with the lowest F1 on the test texts, in percent: a 57.14 (2 texts), b 66.67 (2 texts)",
        "most frequent confusions on the test texts: b taken for a (1 of 2 texts), c taken for a (1 of 2 texts), d "
        "taken for a (1 of 2 texts)",
        "only the first 400 tokens of a text are read: 1 of 8 test texts is longer",
        "a text without tokens gets the same answer as any other such text: 1 of 8 test texts",
        "tokens outside the vocabulary are all read as the same one: 25.0% of those in the test texts",
        "25.0% of the running tokens of the training texts have no pretrained vector",
        "every text is given one of these labels, also a text about something else (see --reject-below)",
    ]  # fmt: skip
    assert "a text may be given none" in make_facts(["a", "b"], several=True, multi_label=";").limits[-1]


def test_the_lines_that_load_a_run_do(finished_run: Path, predictor: Predictor, cli: Cli, tmp_path: Path) -> None:
    text = (finished_run / "README.md").read_text("utf-8").replace("RUN", str(finished_run))
    text = text.replace("a text", "iron and zinc").replace("texts.csv", str(tmp_path / "texts.csv"))
    (tmp_path / "texts.csv").write_text("text\niron and zinc\n")
    blocks = re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL)
    assert [language for language, _ in blocks] == ["python", "", "python", "python"]
    shown: list[Any] = []
    for language, block in blocks:
        if language:
            exec(block, {"print": shown.append})
    expected = predictor("iron and zinc")
    assert shown[0] == shown[1] == expected["label"] == shown[2]["label"].numpy()[0].decode() == "metal"
    np.testing.assert_allclose(shown[2]["probabilities"][0], [*expected["probabilities"].values()], atol=1e-6)
    lines = blocks[1][1].splitlines()
    assert len(lines) == 3
    for line in lines:
        program, command, *arguments = shlex.split(line)
        assert program == "keras-textcnn"
        outcome = cli(command, *arguments)
        assert outcome.status == 0
        assert "metal" in outcome.out


def test_the_licence_can_be_filled_in(finished_run: Path, tmp_path: Path) -> None:
    """The card is the user's to edit: nothing reads it, so the run still answers."""
    directory = shutil.copytree(finished_run, tmp_path / "run")
    card, hint = (directory / "README.md").read_text("utf-8"), "# license: "
    assert card.count(hint) == 1
    (directory / "README.md").write_text(re.sub(f"{hint}.*", "license: mit", card))
    assert ModelCard.load(directory / "README.md").data.license == "mit"
    assert Predictor(directory)("iron")["label"] == "metal"
    assert not math.isnan(Predictor(directory)("iron")["probability"])
    assert "README.md" in json.loads((directory / "manifest.json").read_text())
