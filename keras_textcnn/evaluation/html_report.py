"""Pages for a browser that need nothing beside themselves: no network, no script."""

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keras_textcnn.evaluation.results import describe_choices, percent, results_rows, validation_columns
from keras_textcnn.inference.explanations import Explanation

STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:62em;margin:0 auto;padding:1em;overflow-wrap:anywhere}
h1{font-size:1.5em}h2{font-size:1.2em;margin-top:2em}
.wide{overflow-x:auto;margin:1em 0}.wide img{background:#fff;max-width:max(100%,40em)}
table{border-collapse:collapse}th,td{padding:.2em .7em;text-align:right;vertical-align:top}
th:first-child,td:first-child{text-align:left}tr{border-bottom:1px solid #8884}
.wide th,.numbers td,.words td:first-child{overflow-wrap:normal}
.numbers td,.words td:first-child{white-space:nowrap}.words td,.words th{text-align:left}
.explanation{border-top:1px solid #8888;padding:.5em 0}.explanation p{margin:.3em 0}
.explanation td:first-child{text-align:right}.explanation td{text-align:left}
"""
END = "</body></html>\n"


def begin(title: str) -> str:
    """What stands before the body's first block."""
    shown = html.escape(title)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{shown}</title>\n<style>{STYLE}</style></head>\n<body>\n<h1>{shown}</h1>\n"
    )


def report_page(
    title: str,
    *,
    metrics: Mapping[str, Any],
    shares: Sequence[Mapping[str, float | None]],
    ngrams: Mapping[str, Sequence[tuple[str, float, int]]],
    errors: Sequence[tuple[str, Explanation]],
    pictures: Mapping[str, bytes],
) -> str:
    """What `report.html` holds.

    Args:
        title: Of the page.
        metrics: What `metrics.json` holds.
        shares: Rows of reject_below, answered and accuracy, on the test texts; none where a text may have several
            labels.
        ngrams: From `explanations.rank_ngrams`.
        errors: True label, or labels, and explanation of the test texts that it is most wrong about.
        pictures: PNG files by what they show.
    """
    parts = [begin(title), _results(metrics), _calibration(metrics)]
    for name, png in pictures.items():
        data = base64.b64encode(png).decode()
        image = f'<img alt="{html.escape(name)}" src="data:image/png;base64,{data}">'
        parts.append(f'<h2>{html.escape(name)}</h2>\n<div class="wide">{image}</div>\n')
    parts.append("<h2>Test texts by label</h2>\n" + _labels(metrics["test"]))
    if shares:
        rows = [(f"{row['reject_below']:g}", percent(row["answered"]), percent(row["accuracy"])) for row in shares]
        parts.append("<h2>If unsure answers are left out</h2>\n")
        parts.append(_table(("<code>--reject-below</code>", "answered, %", "accuracy of these, %"), rows))
    if ngrams:
        parts.append(
            "<h2>What spoke for each label</h2>\n<p>In test texts that were given the label: in how many, and "
        )
        parts.append("what the n-gram added to the label's log-odds there, on average.</p>\n")
        entries = [
            (html.escape(label), ", ".join(f"{html.escape(text)} ({count} × {mean:+.2f})" for text, mean, count in top))
            for label, top in ngrams.items()
        ]
        parts.append(_table(("label", "n-grams"), entries, kind="words"))
    if errors:
        parts.append("<h2>Where it is most wrong</h2>\n")
        parts += [f"<p>true: <b>{html.escape(targets)}</b></p>\n{found.to_html()}\n" for targets, found in errors]
    return "".join([*parts, END])


def _results(metrics: Mapping[str, Any]) -> str:
    columns = ("percent", *validation_columns(metrics), "test accuracy", "macro F1")
    rows = [(html.escape(name), *map(percent, scores)) for name, scores in results_rows(metrics)]
    warnings = "".join(f"<li>{html.escape(warning)}</li>\n" for warning in metrics.get("warnings", ()))
    footnote = f"<p>{html.escape(describe_choices(metrics))}</p>\n"
    return _table(columns, rows) + footnote + (f"<ul class='warnings'>\n{warnings}</ul>\n" if warnings else "")


def _calibration(metrics: Mapping[str, Any]) -> str:
    calibration = metrics["calibration"]
    texts = "by cross-validation" if metrics["decided"]["by"] == "cross-validation" else "on the validation texts"
    lines = [
        f"Temperature {calibration['temperature']:.2f}, fitted {texts}: calibration error on the test "
        f"texts {percent(calibration['before']['test']['calibration_error'])}% before, "
        f"{percent(metrics['test']['calibration_error'])}% after."
    ]
    if old := metrics.get("old_texts"):
        before, after = (percent(old[name]["accuracy"]) for name in ("before", "after"))
        lines.append(f"Of the old run's {old['texts']:,} test texts {before}% right before, {after}% after.")
    return "".join(f"<p>{line}</p>\n" for line in lines)


def _labels(split: Mapping[str, Any]) -> str:
    scores = ("precision", "recall", "f1")
    rows = [
        (html.escape(label), *(percent(values[score]) for score in scores), f"{values['support']:,}")
        for label, values in split["per_label"].items()
    ]
    return _table(("label", "precision, %", "recall, %", "F1, %", "texts"), rows)


def _table(columns: Iterable[str], rows: Iterable[Sequence[str]], *, kind: str = "numbers") -> str:
    """A table of cells that are HTML already."""
    head = "".join(f"<th>{column}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f'<div class="wide {kind}"><table><tr>{head}</tr>\n{body}</table></div>\n'
