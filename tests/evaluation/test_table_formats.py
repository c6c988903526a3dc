"""Tables in Markdown, CSV and LaTeX."""

import csv
import io

import pandas
import pytest
from markdown_it import MarkdownIt

from keras_textcnn.evaluation.descriptions import brief_difference
from keras_textcnn.evaluation.table_formats import to_csv, to_latex, to_markdown
from keras_textcnn.evaluation.tables import Table

TABLE = Table(
    ("name", "this", "difference"), [["a_b & 5%", "92.50 ± 0.40", "-1.10"], ["c|d", "–", "+2"]], footnote="x_y"
)


def test_markdown_has_cells_of_the_same_width_that_a_parser_reads() -> None:
    text = to_markdown(TABLE)
    assert len({len(line) for line in text.splitlines()}) == 1
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    cells = [token.content for token in tokens if token.type == "inline"]
    assert cells == ["name", "this", "difference", "a_b & 5%", "92.50 ± 0.40", "-1.10", "c|d", "–", "+2"]


def test_csv_has_mean_and_deviation_in_columns_of_their_own() -> None:
    assert list(csv.reader(io.StringIO(to_csv(TABLE)))) == [
        ["name", "this", "this, deviation", "difference"],
        ["a_b & 5%", "92.50", "0.40", "-1.10"],
        ["c|d", "", "", "+2"],
    ]


def test_csv_has_numbers_that_pandas_reads() -> None:
    compared = {"difference": -0.0132, "interval": (-0.0921, 0.0588), "p": 1.0}
    sure = {"difference": 0.05, "interval": (0.01, 0.0921), "p": 1e-5}
    rows = [
        ["1,234", "1,234.5", brief_difference(compared), "12,345,678"],
        ["–", "–", "–", "12"],
        ["a-1", "-2", brief_difference(sure), "1,5"],
    ]
    text = to_csv(Table(("name", "lead", "difference", "texts"), rows))
    found = pandas.read_csv(io.StringIO(text))
    assert [*found] == ["name", "lead", "difference", "difference, low", "difference, high", "difference, p", "texts"]
    assert found["name"].tolist() == ["1,234", "–", "a-1"]
    assert found["lead"].fillna(0).tolist() == [1234.5, 0, -2]
    assert found["difference"].fillna(0).tolist() == [-1.32, 0, 5]
    assert found["difference, high"].fillna(0).tolist() == [5.88, 0, 9.21]
    assert found["difference, p"].fillna("").tolist() == ["1.000", "", "< 0.001"]
    assert found["texts"].tolist() == ["12345678", "12", "1,5"]  # the last one is no number with thousands


def test_a_table_without_rows_has_its_headings() -> None:
    empty = Table(TABLE.columns, [])
    assert to_csv(empty) == "name,this,difference\n"
    assert to_markdown(empty).splitlines()[0] == "| name | this | difference |"
    assert "name & this & difference" in to_latex(empty)


def test_latex_is_escaped_and_has_rules() -> None:
    assert to_latex(TABLE).splitlines() == [
        "% x_y",
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"name & this & difference \\",
        r"\midrule",
        r"a\_b \& 5\% & 92.50 $\pm$ 0.40 & $-$1.10 \\",
        r"c$|$d & -- & +2 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("-1.32 (-9.21 to -5.88), p < 0.001", "$-$1.32 ($-$9.21 to $-$5.88), p $<$ 0.001"),
        ("-.5 ± 0.1", r"$-$.5 $\pm$ 0.1"),
        ("kim2014-static, 2-3, 2014-1", "kim2014-static, 2-3, 2014-1"),
        ("a>b|c", "a$>$b$|$c"),
    ],
)
def test_latex_has_signs_that_its_fonts_print(cell: str, written: str) -> None:
    assert to_latex(Table(("name", "x"), [["a", cell]])).splitlines()[4] == rf"a & {written} \\"
