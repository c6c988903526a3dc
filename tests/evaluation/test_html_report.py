"""The pages as text and, with `pytest -m browser`, in a browser."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn.evaluation.html_report import report_page
from keras_textcnn.inference.explanations import explain_windows, rank_ngrams
from tests.conftest import DECIDED

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
SCORES = {"accuracy": 0.5, "macro_f1": 0.25, "calibration_error": 0.1, "log_loss": 0.3}
# A browser window has a minimum width; a frame inside it has none.
FRAME = """<iframe width="{width}" height="800" frameborder="0" srcdoc="{page}" onload="
const inside = this.contentDocument; document.title =
[inside.defaultView.innerWidth, inside.documentElement.scrollWidth, inside.images.length].join()"></iframe>"""


def make_page(label: str = "<i>earn</i>") -> str:
    added = np.array([[1.0, 0.5, -0.25]])
    tokens = ["net", "<script>", "profit" * 30]
    found = explain_windows(tokens, added, [1], label=label, probability=0.75, logit=1.5, bias=0.25)
    test = {**SCORES, "per_label": {label: {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 1234}}}
    return report_page(
        "a <run>",
        metrics={
            "validation": SCORES, "test": test, "baseline": {"name": "linear", "validation": SCORES, "test": SCORES},
            "decided": DECIDED,
            "calibration": {"temperature": 1.5, "before": {"test": SCORES}}, "warnings": ["warning: <i>few</i> texts"],
        },
        shares=[
            {"reject_below": 0.9, "answered": 0.8, "accuracy": 0.95},
            {"reject_below": 0.99, "answered": 0.0, "accuracy": None},
        ],
        ngrams=rank_ngrams([found] * 3),
        errors=[("<b>acq</b>", found)],
        pictures={"Curves": b"\x89PNG"},
    )  # fmt: skip


def test_what_users_named_is_text() -> None:
    page = make_page()
    assert not re.findall(r"<script|<i>|<b>acq|<run>", page)
    for shown in (
        "&lt;i&gt;earn&lt;/i&gt;",
        "1,234",
        "66.67",
        "net (3 × +1.00)",
        "80.00",
        "data:image/png;base64,iVBORw",
        "warning: &lt;i&gt;few",
        "validation accuracy*",
        "* chosen on these texts: epochs, temperature",
        "<td>0.99</td><td>0.00</td><td>–</td>",
    ):
        assert shown in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)  # the page loads nothing


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("explained", [False, True])
def test_a_page_is_no_wider_than_the_screen(width: int, explained: bool, finished_run: Path, tmp_path: Path) -> None:
    page = (finished_run / "report.html").read_text("utf-8")
    assert page.count("<img") == 2
    page = page if explained else make_page("label" * 20)
    (tmp_path / "page.html").write_text(FRAME.format(width=width, page=html.escape(page)), "utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    options += [f"--user-data-dir={tmp_path}/profile", "--window-size=1400,900", "--hide-scrollbars", "--dump-dom"]
    command = [BROWSER, *options, (tmp_path / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    inner, content, images = map(int, re.search(r"<title>(\d+),(\d+),(\d+)</title>", done.stdout).groups())
    assert content <= inner == width
    assert images == (2 if explained else 1)
