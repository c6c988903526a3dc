"""Which columns of a table hold the text and the label, by the names that a user gave."""

import csv
import dataclasses
from collections.abc import Iterable, Sequence

from keras_textcnn.errors import InputError
from keras_textcnn.text.folding import fold_label


@dataclasses.dataclass(frozen=True)
class Columns:
    """The columns to read of those that are there.

    Attributes:
        texts: Hold the text, joined in this order.
        label: Holds the label; None: the texts have none, or one of the next.
        labels: Are named like a label each and hold 0 or 1.
    """

    texts: tuple[str, ...]
    label: str | None = None
    labels: tuple[str, ...] = ()

    @property
    def wanted(self) -> list[str]:
        """The names, each once."""
        return list(dict.fromkeys([*self.texts, *self.labels, *([] if self.label is None else [self.label])]))

    def among(self, there: Sequence[str], place: str, delimiter: str | None = None) -> "Columns":
        """The same columns by their own names: a name that is none of these but has commas is several.

        Args:
            there: Names of the columns that there are.
            place: Names the file in an error.
            delimiter: Of a table whose first row these names are.

        Raises:
            InputError: One is missing, or there twice, or is that of the text and of the label.
        """
        label = None if self.label is None else _spelled(self.label, there)
        found = Columns(_resolve(self.texts, there), label, _resolve(self.labels, there))
        options = [(name, "--text-column") for name in found.texts]
        options += [(name, "--label-columns") for name in found.labels]
        options += [(found.label, "--label-column")] if found.label is not None else []
        for name, option in options:
            if list(there).count(name) != 1:
                raise _no_column(there, name, place, option, delimiter)
        if both := {*found.texts} & {*found.labels, found.label}:
            raise InputError(f"text and label are the same column, {both.pop()!r}: {place}; choose others")
        return found


def _resolve(names: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for name in names:
        one = _spelled(name, there)
        found += [one] if one in there else next(csv.reader([name], skipinitialspace=True), [name])
    return tuple(_spelled(name, there) for name in found)


def _spelled(name: str, there: Sequence[str]) -> str:
    """The name as it is there, if it is, perhaps in another Unicode form."""
    if name in there:
        return name
    return next((one for one in there if fold_label(one) == fold_label(name)), name.strip())


def _no_column(there: Sequence[str], name: str, place: str, option: str, delimiter: str | None) -> InputError:
    problem = f"two columns {name!r}" if name in there else f"no column {name!r}"
    delimiters = [sign for sign in ";\t|," if len(there) == 1 and sign in there[0]]
    advice = f"set --delimiter {delimiters[0]!r}" if delimiters else f"choose one with {option}"
    if delimiter and not delimiters and any(not column or " " in column or column.isdigit() for column in there):
        advice += ", or set --no-header if these are the first text"
    return InputError(f"{problem} in {place}; there are: {list_names(there)}; {advice}")


def list_names(names: Iterable[str]) -> str:
    """The first names, as an error lists them."""
    shown = [repr(name if len(name) <= 80 else name[:80] + "...") for name in names]
    return ", ".join(shown[:10]) + (" ..." if shown[10:] else "")
