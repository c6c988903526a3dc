"""What scikit-learn calls y: from targets of any kind to a corpus's labels, and from a model's answers back to them."""

import dataclasses
import itertools
import numbers
import warnings
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from keras_textcnn.data.corpus import SPLITS, Corpus, Label, labels_of
from keras_textcnn.data.soft_targets import are_probabilities, check_weights
from keras_textcnn.errors import InputError
from keras_textcnn.utils.inputs import as_array, as_labels, as_texts, describe

ONE, SETS, INDICATOR, SOFT = "one label", "sets of labels", "indicator matrix", "probabilities"
KEPT = {"str": str, "int": int, "float": float, "bool": bool}  # types of classes that JSON keeps
TRAIN_SPLIT, VALIDATION_SPLIT, _ = SPLITS


@dataclasses.dataclass(frozen=True)
class Targets:
    """The kind of targets that a classifier was given, and its classes.

    Attributes:
        kind: `ONE` label for each text; `SETS` of labels; an `INDICATOR` matrix, 0 or 1 for each text and label; or
            `SOFT`, a matrix of probabilities.
        classes: The labels as the user has them, sorted, or those of the columns of a matrix.
        names: What a run calls them.
    """

    kind: str
    classes: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, y: Any) -> "Targets":
        """The kind and the classes of targets.

        Args:
            y: Labels of any hashable type, as a list, array or Series; lists, tuples or sets of them; or a matrix
                (texts, labels), as a list of lists, an array, a sparse matrix or a DataFrame, of 0 and 1 (a text may
                have several labels) or of probabilities.

        Raises:
            InputError: It is none of these, a label is missing, or two labels have the same name.
        """
        if y is None:
            raise InputError("a classifier requires y to be passed, but the target y is None")
        if (matrix := _matrix(y)) is not None:
            columns = [*y.columns] if hasattr(y, "columns") else range(matrix.shape[1])
            return cls(_kind(matrix), _array(columns), _names(columns))
        labels = _column(y)
        named = as_labels(labels)  # says which one is missing
        several = any(isinstance(label, list | tuple | set | frozenset) for label in labels)
        distinct = {_plain(label) for label in (itertools.chain.from_iterable(labels) if several else labels)}
        classes = sorted(distinct, key=lambda label: (type(label).__name__, label))
        _check_numbers(classes, labels)
        if len({*itertools.chain.from_iterable(map(labels_of, named))}) > len(classes):
            raise InputError("labels of different types are equal, such as 1, 1.0 and True; use labels of one type")
        dtype = labels.dtype if isinstance(labels, np.ndarray) and labels.dtype.kind in "biufU" else None
        return cls(SETS if several else ONE, _array(classes, dtype), _names(classes))

    def read(self, y: Any) -> tuple[list[Label], np.ndarray | None]:
        """The label or labels of each text by name, and its probabilities, float (texts, classes), if there are any.

        Raises:
            InputError: They are targets of another kind.
        """
        if _matrix(y) is None:
            labels = as_labels(_column(y))
            if self.kind == SETS:
                return [labels_of(label) for label in labels], None
            if self.kind == INDICATOR or any(isinstance(label, tuple) for label in labels):
                raise self._differ(y)
            if self.kind == SOFT and (unknown := {*labels} - {*self.names}):
                raise InputError(f"label {unknown.pop()!r} is not one of {', '.join(self.names)}")
            return labels, None
        matrix = self._matrix_of(y)
        if self.kind == SOFT:
            return [self.names[column] for column in matrix.argmax(axis=1).tolist()], matrix
        return [tuple(itertools.compress(self.names, row)) for row in matrix.tolist()], None

    def _matrix_of(self, y: Any) -> np.ndarray:
        """Targets as a matrix (texts, classes); the columns of a DataFrame may be in another order."""
        if hasattr(y, "columns") and {*map(str, y.columns)} == {*self.names}:
            y = y.iloc[:, [[*map(str, y.columns)].index(name) for name in self.names]]
        matrix = _matrix(y)
        if matrix is None or self.kind in (ONE, SETS) or matrix.shape[1] != len(self.names):
            raise self._differ(y)
        if _kind(matrix) not in (self.kind, INDICATOR):
            raise self._differ(y)
        return matrix

    def _differ(self, y: Any) -> InputError:
        form = f", {len(self.names)} columns" if self.kind in (INDICATOR, SOFT) else ""
        return InputError(f"these targets must be like those of fit ({self.kind}{form}); received: {describe(y)}")

    def only(self, names: Collection[str]) -> "Targets":
        """The same kind, with some of the classes."""
        kept = [name in names for name in self.names]
        return dataclasses.replace(self, classes=self.classes[kept], names=tuple(itertools.compress(self.names, kept)))

    @property
    def several(self) -> bool:
        """Whether a text may have several labels."""
        return self.kind in (SETS, INDICATOR)

    def answer(self, chosen: np.ndarray) -> Any:
        """The user's labels for what a model chose: the class of each text, or int (texts, classes), 0 or 1.

        Returns:
            The classes (texts,); the matrix; or, for sets of labels, a list of tuples.
        """
        if self.kind == SETS:
            return [tuple(self.classes[np.flatnonzero(row)].tolist()) for row in chosen]
        return chosen.astype(np.int64) if self.kind == INDICATOR else self.classes[chosen]

    def are_right(self, predicted: Any, y: Any) -> np.ndarray:
        """Whether the answer for each text is right: bool (texts,).

        Args:
            predicted: From `answer`.
            y: Targets of the same kind, or a label each for probabilities.
        """
        given = y if _matrix(y) is None else self._matrix_of(y)
        if self.kind == SOFT and _matrix(y) is not None:
            given = self.classes[given.argmax(axis=1)]
        rows = [*given] if self.kind == INDICATOR else [*_column(given)]
        if len(rows) != len(predicted):
            raise InputError(f"{len(predicted):,} texts, but {len(rows):,} labels; y must have one for each text")
        if self.kind == SETS:
            predicted, rows = as_labels(predicted), [labels_of(label) for label in as_labels(rows)]
        return np.array([bool(np.all(one == other)) for one, other in zip(predicted, rows, strict=True)])

    def to_json(self) -> dict[str, Any]:
        """The kind and the classes for a file; classes of types that JSON lacks are kept by their names."""
        classes = zip(self.classes.tolist(), self.names, strict=True)
        kept = [one if type(one).__name__ in KEPT else name for one, name in classes]
        return {"kind": self.kind, "classes": [[type(one).__name__, one] for one in kept]}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Targets":
        """What `to_json` wrote."""
        classes = [KEPT[kind](value) for kind, value in content["classes"]]
        return cls(str(content["kind"]), _array(classes), _names(classes))


def read_corpus(X: Any, y: Any, sample_weight: Any, validation_data: tuple[Any, Any] | None) -> tuple[Corpus, Targets]:
    """The corpus of a fit, without texts whose weight is 0, and the kind of its targets."""
    texts = read_texts(X)
    targets = Targets.of(y)
    labels, probabilities = targets.read(y)
    if len(texts) != len(labels):
        raise InputError(f"{len(texts):,} texts, but {len(labels):,} labels; y must have one for each text")
    weights = [*(() if sample_weight is None else check_weights(sample_weight, texts=len(texts)))]
    if weights and not all(weights):
        kept = np.flatnonzero(weights)
        if not len(kept):
            raise InputError("all sample weights are zero; give some texts a weight")
        texts, labels = [texts[row] for row in kept], [labels[row] for row in kept]
        weights = [weights[row] for row in kept]
        probabilities = None if probabilities is None else probabilities[kept]
        if targets.kind in (ONE, SETS):
            targets = targets.only({name for label in labels for name in labels_of(label)})
    splits = [TRAIN_SPLIT] * len(texts)
    if validation_data is not None:
        more_texts, (more_labels, more) = read_texts(validation_data[0]), targets.read(validation_data[1])
        texts, labels = [*texts, *more_texts], [*labels, *more_labels]
        splits += [VALIDATION_SPLIT] * len(more_texts)
        weights += [1.0] * len(more_texts) if weights else []
        if probabilities is not None:
            certain = np.array([[name == label for name in targets.names] for label in more_labels], np.float64)
            probabilities = np.concatenate([probabilities, certain if more is None else more])
    if probabilities is None:
        return Corpus(texts, labels, splits, weights=weights), targets
    rows = probabilities.tolist()
    return Corpus(texts, labels, splits, weights=weights, probabilities=rows, label_names=targets.names), targets


def read_texts(X: Any) -> list[str]:
    """Texts from a list, array or Series, or from a table of one column."""
    if hasattr(X, "columns") and len(X.columns) == 1:
        X = X[X.columns[0]]
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == 1:
        X = X[:, 0]
    return as_texts(X)


def _matrix(y: Any) -> np.ndarray | None:
    """Targets as a matrix; None if they are labels, or lists of labels."""
    if sparse.issparse(y):
        return y.toarray()
    array = y.to_numpy() if hasattr(y, "columns") else as_array(y)
    if isinstance(array, list | tuple) and array and all(isinstance(row, list | np.ndarray) for row in array):
        array = _rows(array)
    if not isinstance(array, np.ndarray) or array.ndim < 2 or array.shape[1:] == (1,):
        return None
    if array.ndim > 2:
        raise InputError(f"y must have one or two dimensions; received: an array of shape {array.shape}")
    return array


def _rows(rows: Sequence[Any]) -> Any:
    """A list of rows as a matrix if they hold 0 and 1, or probabilities; otherwise they are lists of labels."""
    if len({len(row) for row in rows}) > 1 or not all(isinstance(one, numbers.Real) for row in rows for one in row):
        return rows
    matrix = np.array(rows)
    matching = np.isin(matrix, (0, 1)).all() or are_probabilities(matrix).all()
    return matrix if matching and matrix.shape[1] > 1 else rows


def _kind(matrix: np.ndarray) -> str:
    """Whether a matrix holds 0 and 1, or probabilities."""
    try:
        values = matrix.astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(f"y must be labels, or a matrix of numbers; received: {describe(matrix)}") from None
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise InputError(f"row {row} of y (from 0) holds NaN or infinity; leave it out, or fill it in")
    if np.isin(values, (0, 1)).all():
        return INDICATOR
    wrong = np.flatnonzero(~are_probabilities(values))
    if len(wrong):
        raise InputError(
            f"a matrix y must hold 0 and 1, or probabilities that add up to 1; received in row {wrong[0]} (from 0): "
            f"{describe(matrix[wrong[0]].tolist())}"
        )
    return SOFT


def _column(y: Any) -> Any:
    """Labels as an array or a list: those of a table of one column, too."""
    array = y.to_numpy() if hasattr(y, "to_numpy") else as_array(y)
    if isinstance(array, np.ndarray) and array.ndim == 2:
        message = "A column-vector y was passed when a 1d array was expected; y.ravel() makes it one"
        warnings.warn(message, DataConversionWarning, stacklevel=4)
        array = array[:, 0]
    return array if isinstance(array, np.ndarray | str | bytes) or not np.iterable(array) else list(array)


def _check_numbers(classes: Sequence[Any], labels: Sequence[Any]) -> None:
    """Raises InputError for labels that are infinite, or measurements: most texts have a fraction of their own."""
    fractions = [one for one in classes if isinstance(one, float) and not one.is_integer()]
    if infinite := [one for one in fractions if np.isinf(one)]:
        raise InputError(f"label {[*labels].index(infinite[0])} (from 0) is infinite; give a label")
    if len(fractions) > 1 and 2 * len(classes) > len(labels):
        raise InputError(f"Unknown label type: continuous numbers such as {fractions[0]}; a classifier needs labels")


def _names(classes: Sequence[Any]) -> tuple[str, ...]:
    names = tuple(map(str, as_labels(list(classes))))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"two labels are both called {twice!r} in a run; use labels of one type")
    return names


def _plain(label: Any) -> Any:
    """A label without NumPy's type."""
    return label.item() if isinstance(label, np.generic) else label


def _array(classes: Sequence[Any], dtype: Any = None) -> np.ndarray:
    """Classes as scikit-learn has them: an array of their type, or of objects if types differ."""
    kinds = {type(one) for one in classes}
    if len(kinds) == 1 and kinds <= {*KEPT.values()}:
        return np.array(classes, dtype)
    array = np.empty(len(classes), object)
    array[:] = list(classes)
    return array
