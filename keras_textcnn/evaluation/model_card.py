"""The model card, `README.md` in a run: its facts in the format of the Hugging Face hub.

Source of the format: https://huggingface.co/docs/hub/model-cards
"""

import json
import re
from typing import Any

import jinja2
from markupsafe import Markup

from keras_textcnn.data.datasets import HUB
from keras_textcnn.evaluation.facts import Facts
from keras_textcnn.evaluation.table_formats import to_markdown
from keras_textcnn.evaluation.tables import Table
from keras_textcnn.utils.visible import spell

SIGNS = re.compile(r"[\\`*_{}\[\]<>|~$&#@]")  # what Markdown may take for its own inside a line
NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")  # though JSON leaves them as they are


def model_card(facts: Facts, *, light: bool) -> str:
    """The content of `README.md`: a block of YAML for the hub's search and tables, then the card as Markdown.

    Names from outside, such as labels, are escaped: they cannot end a table's cell, a line, or the block of YAML.

    Args:
        facts: What the card says.
        light: Whether the run has a `model.textcnn`.

    Example:
        text = model_card(gather_facts("reviews", run.read_json("config.json"), run.metrics), light=True)
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_textcnn.evaluation"),
        undefined=jinja2.StrictUndefined,
        finalize=_markdown,  # of every value that the template shows
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"yaml": _yaml, "table": _table}
    on_hub = facts.corpus.startswith(HUB)
    dataset, *configuration = facts.corpus.removeprefix(HUB).split(":", 1) if on_hub else [facts.corpus]
    return environment.get_template("model_card.md").render(
        facts=facts,
        light=light,
        on_hub=on_hub,
        dataset=dataset,
        configuration=configuration,
        scores=_scores(facts),
        answer="labels" if facts.several else "label",
    )


def _scores(facts: Facts) -> list[dict[str, Any]]:
    """The scores for the hub: only those of test texts, as a reader there takes them for such."""
    if not facts.test:
        return []
    accuracy = "accuracy, all labels of a text right" if facts.several else "accuracy"
    scores = [
        {"type": "accuracy", "name": accuracy, "value": facts.test["accuracy"], "average": None},
        {"type": "f1", "name": "macro F1", "value": facts.test["macro_f1"], "average": "macro"},
    ]
    if facts.several:  # otherwise it is the accuracy
        scores.append({"type": "f1", "name": "micro F1", "value": facts.test["micro_f1"], "average": "micro"})
    return [score for score in scores if score["value"] is not None]


def _yaml(value: str | float) -> Markup:
    """A string or a number as YAML, which has JSON's strings; its numbers need a decimal point."""
    text = f"{value:.6f}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
    return Markup(NOT_IN_YAML.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text))


def _table(table: Table) -> Markup:
    return Markup(to_markdown(table, escape=_markdown))


def _markdown(value: object) -> str:
    """A value as one line of Markdown that shows it as it is; what is `Markup` is Markdown already."""
    return value if isinstance(value, Markup) else SIGNS.sub(r"\\\g<0>", spell(str(value)))
