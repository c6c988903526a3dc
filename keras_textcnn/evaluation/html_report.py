"""HTML pages: the report of a run, and explanations of answers. Their templates are in `templates/`."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import jinja2

from keras_textcnn.evaluation.descriptions import (
    describe_calibration,
    describe_old_texts,
    reported_split,
    reported_texts,
)
from keras_textcnn.evaluation.tables import Table, label_table, results_table, shares_table
from keras_textcnn.inference.explanations import Explanation


def _template(name: str) -> jinja2.Template:
    loader = jinja2.PackageLoader("keras_textcnn.evaluation")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template(name)


def report_page(
    title: str,
    *,
    metrics: Mapping[str, Any],
    shares: Sequence[Mapping[str, float | None]],
    ngrams: Mapping[str, Sequence[tuple[str, float, int]]],
    errors: Sequence[tuple[str, Explanation]],
    pictures: Mapping[str, bytes],
) -> str:
    """The content of `report.html`.

    Args:
        title: Title of the page.
        metrics: The content of `metrics.json`.
        shares: Rows of reject_below, answered and accuracy; none if a text may have several labels.
        ngrams: From `explanations.rank_ngrams`.
        errors: The true label or labels and the explanation of each text that the model is most wrong about.
        pictures: PNG files, by what they show.
    """
    words = [
        [label, ", ".join(f"{text} ({count} × {mean:+.2f})" for text, mean, count in top)]
        for label, top in ngrams.items()
    ]
    lines, texts = [describe_calibration(metrics)], reported_texts(metrics)
    if "old_texts" in metrics:
        lines.append(describe_old_texts(metrics["old_texts"]))
    return _template("report.html").render(
        title=title,
        results=results_table(metrics),
        warnings=metrics.get("warnings", ()),
        lines=lines,
        pictures={name: base64.b64encode(png).decode() for name, png in pictures.items()},
        labels=label_table(metrics[reported_split(metrics)], title=f"{texts.capitalize()} texts by label, percent"),
        texts=texts,
        shares=shares_table(shares),
        ngrams=Table(("label", "n-grams"), words),
        errors=errors,
    )


def explanations_page(title: str, explanations: Iterable[Explanation]) -> Iterator[str]:
    """A page of explanations, in parts, as the explanations arrive."""
    return _template("explanations.html").generate(title=title, explanations=explanations)
