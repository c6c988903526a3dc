"""A table of scores as a file for a paper or a page: Markdown, CSV, LaTeX."""

import csv
import io
import re
from collections.abc import Callable

from keras_textcnn.evaluation.tables import Table

PLUS_MINUS = " ± "  # between a mean and its deviation
LATEX = {sign: f"\\{sign}" for sign in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
}


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
    """A table as CSV; a mean with its deviation becomes two columns, so that a spreadsheet reads numbers."""
    split: list[list[str]] = []
    for heading, *cells in zip(table.columns, *table.rows, strict=True):
        if not any(PLUS_MINUS in cell for cell in cells):
            split.append([heading, *cells])
            continue
        parts = [cell.partition(PLUS_MINUS) for cell in cells]
        split += [[heading, *(mean for mean, _, _ in parts)]]
        split += [[f"{heading}, deviation", *(deviation for _, _, deviation in parts)]]
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(zip(*split, strict=True))
    return file.getvalue()


def to_latex(table: Table) -> str:
    r"""A table in LaTeX, which needs `\usepackage{booktabs}`; a comment above it has the footnote."""
    head, *body = [" & ".join(map(_latex, row)) + r" \\" for row in (table.columns, *table.rows)]
    alignment = "l" + "r" * (len(table.columns) - 1)
    notes = [f"% {line}" for line in table.footnote.splitlines()]
    rules = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", head, r"\midrule", *body, r"\bottomrule"]
    return "\n".join([*notes, *rules, r"\end{tabular}"]) + "\n"


def _latex(cell: str) -> str:
    """A cell with LaTeX's signs escaped, and with a minus in place of a hyphen before a number."""
    escaped = "".join(LATEX.get(sign, sign) for sign in cell)
    return re.sub(r"^-(?=\d)", "$-$", escaped)
