"""Finds the columns of a table for text, label and weight by the names that the user gave."""

import collections
import csv
import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence

from keras_textcnn.errors import InputError
from keras_textcnn.text.folding import fold_label


@dataclasses.dataclass(frozen=True)
class Columns:
    """The columns to read.

    Attributes:
        texts: Columns that hold the text, joined in this order.
        label: Column that holds the label; None: the texts have no label, or `labels` holds them.
        labels: Columns of 0 and 1, or of probabilities, each named after a label.
        weight: Column that holds the text's weight; None: all weigh the same.
    """

    texts: tuple[str, ...]
    label: str | None = None
    labels: tuple[str, ...] = ()
    weight: str | None = None

    @property
    def wanted(self) -> list[str]:
        """All column names, without duplicates."""
        single = [name for name in (self.label, self.weight) if name is not None]
        return list(dict.fromkeys([*self.texts, *self.labels, *single]))

    def among(self, there: Sequence[str], place: str, delimiter: str | None = None) -> "Columns":
        """The same columns as the file spells them; a name that is not a column but has commas stands for several.

        Args:
            there: Names of the file's columns.
            place: The file and perhaps the line, for errors.
            delimiter: The table's delimiter, if the names come from its first row.

        Raises:
            InputError: A column is missing, occurs twice, or is used in two ways, such as for text and label.
        """
        label, weight = (None if name is None else _spelled(name, there) for name in (self.label, self.weight))
        found = Columns(_resolve(self.texts, there), label, _resolve(self.labels, there), weight)
        options = [(name, "--text-column") for name in found.texts]
        options += [(name, "--label-columns") for name in found.labels]
        options += [(found.label, "--label-column")] if found.label is not None else []
        options += [(found.weight, "--weight-column")] if found.weight is not None else []
        for name, option in options:
            if list(there).count(name) != 1:
                raise _no_column(there, name, place, option, delimiter)
        if both := {*found.texts} & {*found.labels, found.label}:
            raise InputError(f"text and label are the same column, {both.pop()!r}: {place}; choose different columns")
        if found.weight is not None and found.weight in {*found.texts, *found.labels, found.label}:
            raise InputError(f"{found.weight!r} cannot hold the weight too: {place}; choose another --weight-column")
        return found

    def missing(self, name: str, place: str, there: Iterable[str]) -> InputError:
        """The error for a row that lacks one of these columns.

        Args:
            name: The column.
            place: The row's place.
            there: Names of the row's columns.
        """
        option = "--text-column" if name in self.texts else "--label-column"
        option = "--weight-column" if name == self.weight else option
        return InputError(f"{name!r} is missing: {place}; found: {list_names(there)}; choose another with {option}")


def _resolve(names: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for name in names:
        one = _spelled(name, there)
        found += [one] if one in there else next(csv.reader([name], skipinitialspace=True), [name])
    return tuple(_spelled(name, there) for name in found)


def _spelled(name: str, there: Sequence[str]) -> str:
    """The name as the file spells it, perhaps in another Unicode form; if the file lacks it, the name as given."""
    if name in there:
        return name
    return next((one for one in there if fold_label(one) == fold_label(name)), name.strip())


def _no_column(there: Sequence[str], name: str, place: str, option: str, delimiter: str | None) -> InputError:
    problem = f"two columns {name!r}" if name in there else f"no column {name!r}"
    delimiters = [sign for sign in ";\t|," if len(there) == 1 and sign in there[0]]
    advice = f"set --delimiter {delimiters[0]!r}" if delimiters else f"choose one with {option}"
    if delimiter and not delimiters and any(not column or " " in column or column.isdigit() for column in there):
        advice += ", or set --no-header if the first row is already a text"
    return InputError(f"{problem} in {place}; found: {list_names(there)}; {advice}")


def list_names(names: Iterable[str]) -> str:
    """The first few names, as an error message lists them."""
    shown = [repr(name if len(name) <= 80 else name[:80] + "...") for name in names]
    return ", ".join(shown[:10]) + (" ..." if shown[10:] else "")


def all_names(tables: Iterable[Collection[str]]) -> list[str]:
    """The names of all columns of some tables or rows; if one has a name twice, so has the result.

    Args:
        tables: The names of the columns of each.
    """
    found: dict[tuple[str, int], None] = {}
    last: list[str] = []
    for names in map(list, tables):
        if names != last:  # most rows have the same ones
            found |= dict.fromkeys(numbered_names(names))
        last = names
    return [name for name, _ in found]


def numbered_names(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Each name, and how many before it are the same: two columns of a CSV file may have one name."""
    seen: collections.Counter[str] = collections.Counter()
    for name in names:
        yield name, seen[name]
        seen[name] += 1
