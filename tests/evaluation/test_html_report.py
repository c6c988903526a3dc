"""The pages as text and, with `pytest -m browser`, in a browser."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from keras_textcnn.evaluation.html_report import LONGEST_WRITTEN, WrongAnswer, report_page
from keras_textcnn.inference.explanations import explain_windows, rank_ngrams
from tests.evaluation.test_model_card import make_facts, tables

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
# A browser window has a minimum width; a frame inside it has none.
FRAME = """<iframe width="{width}" height="800" frameborder="0" srcdoc="{page}" onload="
const inside = this.contentDocument; document.title =
[inside.defaultView.innerWidth, inside.documentElement.scrollWidth, inside.images.length].join()"></iframe>"""


def make_page(
    label: str = "<i>earn</i>", *, name: str = "a <run>", written: str | None = "A  <b>Net</b>\nProfit"
) -> str:
    added = np.array([[1.0, 0.5, -0.25]])
    tokens = ["net", "<script>", "profit" * 30]
    found = explain_windows(tokens, added, [1], label=label, probability=0.75, logit=1.5, bias=0.25)
    return report_page(
        make_facts([label, "acq"], name=name, data=f"/folder/{label}.csv"),
        texts="test",
        shares=[
            {"reject_below": 0.9, "answered": 0.8, "accuracy": 0.95},
            {"reject_below": 0.99, "answered": 0.0, "accuracy": None},
        ],
        ngrams=rank_ngrams([found] * 3),
        errors=[WrongAnswer("<b>acq</b>", label, "row 1,234 of <u>.csv", written, found)],
        pictures={"Curves": b"\x89PNG"},
    )


def test_what_users_named_is_text() -> None:
    page = make_page()
    assert not re.findall(r"<script|<i>|<b>acq|<run>|<u>|<b>Net", page)
    for shown in (
        "&lt;i&gt;earn&lt;/i&gt;",
        "row 1,234 of &lt;u&gt;.csv",
        "true: <b>&lt;b&gt;acq&lt;/b&gt;</b>, given: <b>&lt;i&gt;earn",
        "A  &lt;b&gt;Net&lt;/b&gt;\nProfit</p>",
        "66.67",
        "net (3 × +1.00)",
        "80.00",
        "8,000 training, 1,000 validation, 500 test",
        "data:image/png;base64,iVBORw",
        "warning: &lt;i&gt;few",
        "validation accuracy*",
        "* chosen on these texts: epochs, temperature",
        "<td>0.99</td><td>0.00</td><td>–</td>",
    ):
        assert shown in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)  # the page loads nothing


def test_a_page_begins_with_the_facts_of_the_card(finished_run: Path) -> None:
    """All that the tables and lists of the card say stands before the first picture."""
    page = html.unescape((finished_run / "report.html").read_text("utf-8").split("<img")[0])
    card = (finished_run / "README.md").read_text("utf-8").split("## How to load it")[0]
    cells = {cell for table in tables(card) for row in table for cell in row} - {"setting", "value"}
    assert len(cells) > 30
    assert not [cell for cell in cells if cell not in page]
    lines = [line.removeprefix("- ") for line in card.split("---\n")[2].splitlines() if line.startswith("- ")]
    assert len(lines) > 3
    assert not [line for line in lines if re.sub(r"\\(.)", r"\1", line) not in page]


def test_a_long_text_is_cut_and_a_missing_one_is_left_out() -> None:
    page = make_page(written="é" * (LONGEST_WRITTEN + 1234))
    assert f'dir="auto">{"é" * LONGEST_WRITTEN}</p>' in page
    assert "and 1,234 more characters" in page
    for missing, shown in ((None, 0), ("", 1), (" \n", 1)):
        page = make_page(written=missing)
        assert 'class="written"' not in page
        assert page.count("(nothing but white space)") == shown
    assert "more characters" not in page


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
