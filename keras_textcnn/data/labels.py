"""Reads the labels of texts as files hold them: names, numbers, lists, or a column of 0 and 1 for each label.

The column of a label may also hold its probability, and another column the weight of the text.
"""

import ast
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from keras_textcnn.data.corpus import Label
from keras_textcnn.data.soft_targets import ROUNDED
from keras_textcnn.errors import InputError
from keras_textcnn.text.folding import fold_label

MOST_LABELS = 10_000
LONGEST_LABEL = 1000
MOST_MEASUREMENTS = 20  # distinct labels such as 0.25; star ratings have halves
TEXTS_A_LABEL = 3  # on average; with fewer, such labels are measurements
MEASUREMENT = re.compile(r"[-+]?\d*\.\d*[1-9]\d*(e[-+]?\d+)?", re.IGNORECASE)
YES, NO = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no", ""}  # in the column of a label

# A list as pandas, NumPy and JSON write one into a cell: ['a', 'b'], ["a"], ('a',), {'a'}, array(['a' 'b']), [1, 2].
_ITEM = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?)"""
_LIST = re.compile(
    rf"(?:\w+\()?(?:\[\s*({_ITEM}(?:[\s,]+{_ITEM})*)?\s*,?\s*\]|\(\s*({_ITEM}(?:\s*,|(?:[\s,]+{_ITEM})+))\s*,?\s*\)"
    rf"|\{{\s*({_ITEM}(?:[\s,]+{_ITEM})*)\s*,?\s*\}})(?:,\s*dtype=[^)]*)?\)?"
)


def parse_list(cell: str) -> list[str] | None:
    """The entries of a list that a table cell holds as text; None if the cell is not a list.

    A single word in brackets, such as [spam], is a name and not a list: entries must be quoted, or numbers.
    """
    cell = cell.strip()
    if not cell or cell[-1] not in "])}" or not (found := _LIST.fullmatch(cell)):
        return None
    inside = next((group for group in found.groups() if group), "")
    items = re.findall(_ITEM, inside)
    return [_unquoted(item) for item in items]


def _unquoted(item: str) -> str:
    if item[0] not in "'\"":
        return item
    try:
        return str(ast.literal_eval(item))
    except (ValueError, SyntaxError):  # an escape that Python does not know
        return item[1:-1]


def parse_number(value: Any) -> float:
    """The number that a cell holds; NaN if it holds none."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def read_weight(value: Any, name: str, place: str) -> float:
    """The weight of a text, from the column with this name.

    Raises:
        InputError: It is missing, negative, or not a number.
    """
    weight = parse_number(value)
    if not 0 <= weight < math.inf:
        raise InputError(
            f"the weight {name!r} must be a number of at least 0; received: {value!r}: {place}; correct it, or choose "
            "another --weight-column"
        )
    return weight


class LabelReader:
    """Turns the values in files into labels, and rejects values that cannot be labels.

    Args:
        separator: Separates the labels of a text that may have several; None: each text has one.
        skip_unlabelled: Whether texts without a label are left out; otherwise they are an error.
        any_numbers: Whether labels that look like measurements are accepted.

    Attributes:
        skipped: Number of texts that were left out.
    """

    def __init__(
        self, *, separator: str | None = None, skip_unlabelled: bool = False, any_numbers: bool = False
    ) -> None:
        self._separator, self._skip, self._any_numbers = separator, skip_unlabelled, any_numbers
        self.skipped = 0
        self._texts: Counter[str] = Counter()  # of each label
        self._known: dict[str, str] = {}  # folded labels, by the value in the file
        self._unlabelled: list[str] = []  # the place of the first one
        self._missing = self._all = 0

    def read(self, value: Any, place: str) -> Label | None:
        """The label or labels of a text; None if it has none, so that it is left out or `check` rejects it.

        Args:
            value: A string, a number, or a list of them.
            place: The file and line, for errors.
        """
        self._all += 1
        if self._separator is not None:
            labels = tuple(sorted({self._one(one, place) for one in self._split(value) if not _is_empty(one)}))
            return labels if labels or not self._skip else self._none(place)
        if isinstance(value, str) and (entries := parse_list(value)) is not None:
            value = entries
        if isinstance(value, list | tuple):
            if len(value) > 1:
                raise InputError(
                    f"{len(value)} labels: {place}; for several labels per text set --multi-label SEPARATOR, such as ,"
                )
            value = value[0] if value else None
        return self._none(place) if _is_empty(value) else self._one(value, place)

    def read_columns(self, row: Mapping[str, Any], names: Sequence[str], place: str) -> Label | None:
        """The labels of a text that has a column of 0 or 1 for each label."""
        self._all += 1
        labels = []
        for name in names:
            value = "" if row[name] is None or row[name] != row[name] else str(row[name]).strip().lower()
            if value not in YES | NO:
                soft = ", or set --soft-labels" if 0 < parse_number(row[name]) < 1 else ""
                raise InputError(
                    f"{name!r} must be 0 or 1; received: {row[name]!r}: {place}; leave the column out{soft}"
                )
            if value in YES:
                labels.append(self._one(name, place))
        return tuple(sorted(labels)) if labels or not self._skip else self._none(place)

    def read_probabilities(
        self, row: Mapping[str, Any], names: Sequence[str], place: str
    ) -> tuple[Label | None, tuple[float, ...], tuple[str, ...]]:
        """The most probable label of a text that has a column for the probability of each label.

        Returns:
            The label, the probabilities, and the labels that these belong to; without a label if all columns are empty.
        """
        self._all += 1
        if all(_is_empty(row[name]) for name in names):
            return self._none(place), (), ()
        values = [parse_number(row[name]) for name in names]
        for name, value in zip(names, values, strict=True):
            if not 0 <= value <= 1 + ROUNDED:
                raise InputError(
                    f"{name!r} must be a probability from 0 to 1; received: {row[name]!r}: {place}; correct it, or "
                    "leave out --soft-labels"
                )
        if abs((total := math.fsum(values)) - 1) > ROUNDED:
            raise InputError(
                f"the probabilities of a text must add up to 1; received: {total:g}: {place}; correct them"
            )
        labels = tuple(self._known.get(name) or self._new(name, place) for name in names)
        label = self._one(names[values.index(max(values))], place)
        return label, tuple(value / total for value in values), labels

    def check(self, name: str) -> None:
        """Checks the labels once all texts have been read.

        Args:
            name: The file's name, for errors.

        Raises:
            InputError: Texts have no label, or the labels are measurements.
        """
        if self._unlabelled and not self._skip:
            raise InputError(
                f"empty label: {self._unlabelled[0]}: {self._missing:,} of {self._all:,} texts have none; label them, "
                "or leave them out with --skip-unlabelled"
            )
        measurements = [label for label in self._texts if MEASUREMENT.fullmatch(label)]
        if self._any_numbers or len(measurements) <= MOST_MEASUREMENTS:
            return
        if self._texts.total() < TEXTS_A_LABEL * len(self._texts):
            raise InputError(
                f"labels that look like measurements, such as {measurements[0]}: {name}: {len(self._texts):,} labels "
                f"for {self._texts.total():,} texts; round them, choose another --label-column, or set "
                "--numeric-labels if each is a class"
            )

    def _split(self, value: Any) -> Sequence[Any]:
        if isinstance(value, str):
            entries = parse_list(value)
            return value.split(self._separator) if entries is None else entries
        return value if isinstance(value, list | tuple) else [value]

    def _none(self, place: str) -> Label | None:
        """Records a text without a label."""
        self._missing += 1
        self.skipped += self._skip
        if not self._unlabelled:
            self._unlabelled.append(place)
        return None

    def _one(self, value: Any, place: str) -> str:
        if isinstance(value, bool):
            value = str(value).lower()
        if not isinstance(value, str | int | float):
            raise InputError(f"a label that is neither a string nor a number: {place}; choose another --label-column")
        label = self._known.get(str(value)) or self._new(str(value), place)
        self._texts[label] += 1
        return label

    def _new(self, value: str, place: str) -> str:
        label = fold_label(value)
        if len(label) > LONGEST_LABEL:
            raise InputError(
                f"a label of {len(label):,} characters: {place}; if it is a text, choose another --label-column"
            )
        if len(self._known) >= MOST_LABELS:
            raise InputError(f"more than {MOST_LABELS:,} labels: {place}; choose another --label-column")
        self._known[value] = label
        return label


def _is_empty(value: Any) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())
