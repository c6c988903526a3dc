"""A table of scores as a file for a paper or a page: Markdown, CSV, LaTeX."""

import csv
import io
import re
from collections.abc import Callable, Sequence

from keras_textcnn.evaluation.descriptions import UNDEFINED
from keras_textcnn.evaluation.tables import Table

PLUS_MINUS = re.compile(r"(.+) ± (.+)")  # a mean and its deviation
DIFFERENCE = re.compile(r"(\S+) \((\S+) to (\S+)\), p (?:= )?(.+)")  # what `brief_difference` writes
COMPOSITES = {PLUS_MINUS: ("", ", deviation"), DIFFERENCE: ("", ", low", ", high", ", p")}  # the ends of their headings
THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
HYPHEN_AS_MINUS = re.compile(r"(?<![^\s(\[=<>±])-(?=\.?\d)")  # not the one in `2-3`
LATEX = (
    {sign: f"\\{sign}" for sign in "&%$#_{}"}
    | {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
        "–": "--",
        "−": "$-$",
    }
    | {sign: f"${sign}$" for sign in "<>|"}
)  # in the font of text these print as other characters


def _pipes(cell: str) -> str:
    """A cell without what would end it."""
    return cell.replace("\\", "\\\\").replace("|", "\\|")


def to_markdown(table: Table, *, escape: Callable[[str], str] = _pipes) -> str:
    """A table in Markdown, aligned as `Table` says, with cells of the same width in a column.

    Args:
        table: The table.
        escape: Applied to each cell.
    """
    rows = [[escape(cell) for cell in row] for row in (table.columns, *table.rows)]
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    left = [table.text_column or not place for place in range(len(widths))]
    line = [":--".ljust(width) if at_left else "--:".rjust(width) for width, at_left in zip(widths, left, strict=True)]
    head, *body = [
        [
            cell.ljust(width) if at_left else cell.rjust(width)
            for cell, width, at_left in zip(row, widths, left, strict=True)
        ]
        for row in rows
    ]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, line, *body))


def to_csv(table: Table) -> str:
    """A table as CSV, in which a spreadsheet reads numbers.

    A mean with its deviation becomes two columns, and a difference with its interval and p-value four. Numbers have no
    commas, and a score that cannot be computed is an empty cell. Only a p-value such as `< 0.001` stays text. The first
    column, of names, is left as it is.
    """
    names, *columns = zip(table.columns, *table.rows, strict=True)
    split = [names, *(part for heading, *cells in columns for part in _split(heading, cells))]
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(zip(*split, strict=True))
    return file.getvalue()


def _split(heading: str, cells: Sequence[str]) -> list[tuple[str, ...]]:
    """A column as one column, or as several if its cells hold several numbers each."""
    for composite, ends in COMPOSITES.items():
        matches = [composite.fullmatch(cell) for cell in cells]
        if any(matches):
            parts = [
                match.groups() if match else (cell, *[""] * (len(ends) - 1))
                for match, cell in zip(matches, cells, strict=True)
            ]
            columns = zip(*parts, strict=True)
            return [(heading + end, *map(_number, column)) for end, column in zip(ends, columns, strict=True)]
    return [(heading, *map(_number, cells))]


def _number(cell: str) -> str:
    """A cell as a spreadsheet reads it."""
    if cell == UNDEFINED:
        return ""
    return cell.replace(",", "") if THOUSANDS.fullmatch(cell) else cell


def to_latex(table: Table) -> str:
    r"""A table in LaTeX, which needs `\usepackage{booktabs}`; a comment above it has the footnote."""
    head, *body = [" & ".join(map(_latex, row)) + r" \\" for row in (table.columns, *table.rows)]
    alignment = "l" + "r" * (len(table.columns) - 1)
    notes = [f"% {line}" for line in table.footnote.splitlines()]
    rules = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", head, r"\midrule", *body, r"\bottomrule"]
    return "\n".join([*notes, *rules, r"\end{tabular}"]) + "\n"


def _latex(cell: str) -> str:
    """A cell with LaTeX's signs escaped, and with a minus in place of a hyphen before a number."""
    return "".join(LATEX.get(sign, sign) for sign in HYPHEN_AS_MINUS.sub("−", cell))
