"""`TextCNNClassifier`: scikit-learn's interface over a whole training."""

import dataclasses
import difflib
import inspect
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from keras_textcnn.config import GROUPS, TrainConfig
from keras_textcnn.data.targets import ONE, SETS, Targets, read_corpus, read_texts
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.packed_run import PackedRun
from keras_textcnn.persistence.run import Run, check_free
from keras_textcnn.recipes.recipe import Recipe
from keras_textcnn.recipes.recipe_file import read_recipe
from keras_textcnn.settings.data import CORPUS_SETTINGS
from keras_textcnn.settings.fields import plain
from keras_textcnn.settings.parameters import naming_parameters
from keras_textcnn.utils.inputs import as_path

if TYPE_CHECKING:
    import keras

    from keras_textcnn.inference.answers import Answers
    from keras_textcnn.inference.explanations import Explanation

NAMES = {"--seed": "random_state"}  # parameters that do not have the name of the setting
RECORD = "estimator.json"  # in the run of a classifier: the classes with their types
SEVERAL = ","  # separates the labels of a text in a table that the run may later be evaluated on
# Settings that do not apply to texts in memory, or that have another name in scikit-learn.
ELSEWHERE = {"seed", "rehearse", "rehearse_fraction"}
PARAMETERS = {
    field.name: field.default
    for group in ("text", "model", "training")
    for field in dataclasses.fields(GROUPS[group])
    if field.name not in ELSEWHERE
} | {"validation_fraction": None, "random_state": 0}


class TextCNNClassifier(ClassifierMixin, BaseEstimator):
    """A convolutional text classifier for scikit-learn: texts in, labels and probabilities out.

    It works in a `Pipeline`, in `cross_val_score`, `GridSearchCV` and `CalibratedClassifierCV`, and can be cloned and
    pickled. A fitted classifier holds a whole run, as the command `train` leaves one. All given texts are trained on:
    no test texts are split off. TensorFlow keeps about 100 MB of each fit until the process ends, so a search of
    hundreds of fits needs several processes.

    Args:
        random_state: Determines splits, initial weights, shuffles and dropout: an int, a NumPy `RandomState`, or None
            for another one each time.
        settings: The settings of `TrainConfig` but those of reading and splitting files, with the same names and
            defaults; see `help(TrainConfig)`.

    Attributes:
        classes_: The labels, sorted; or the columns of a matrix of targets.
        n_iter_: Epochs of the last fit, over all parts and the refit.
        history_: The columns of the history: phase, epoch, loss, accuracy, val_loss ...
        run_: The run, with its metrics and its report.

    Example:
        classifier = TextCNNClassifier(unfrozen_epochs=2).fit(df["text"], df["label"])
        print(classifier.predict(["would stay again"]), classifier.score(later["text"], later["label"]))
    """

    _recipe: Recipe | None = None

    def __init__(self, **settings: Any) -> None:
        for name in settings.keys() - PARAMETERS:
            near = [one for one in PARAMETERS if name in one] or difflib.get_close_matches(name, PARAMETERS, 1)
            meant = f"there are {', '.join(near)}" if near else "see help(TrainConfig)"
            raise TypeError(f"{type(self).__name__} has no parameter {name!r}; {meant}")
        for name, default in PARAMETERS.items():
            setattr(self, name, settings.get(name, default))

    __init__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # scikit-learn finds the parameters in it
        [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            *(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
                for name, default in PARAMETERS.items()
            ),
        ]
    )

    @classmethod
    def from_recipe(cls, name: str | Path, **given: Any) -> "TextCNNClassifier":
        """A classifier with the settings of a paper or a tutorial; its runs name the source.

        Args:
            name: A name, such as kim2014-static (see `recipe_names`), or a JSON file.
            given: Parameters that come before those of the recipe; another `optimizer` has learning rates of its own.

        Raises:
            InputError: There is no such recipe, or it is for another model.

        Example:
            classifier = TextCNNClassifier.from_recipe("kim2014-rand", random_state=1).fit(df["text"], df["label"])
        """
        recipe = read_recipe(name)
        with naming_parameters(NAMES):
            classifier = cls(**recipe.combine(given))
        classifier._recipe = recipe
        return classifier

    def __sklearn_clone__(self) -> Self:
        clone: Self = super().__sklearn_clone__()
        if self._recipe:
            clone._recipe = self._recipe
        return clone

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: tuple[Any, Any] | None = None,
        callbacks: "Sequence[keras.callbacks.Callback]" = (),
    ) -> Self:
        """Trains on texts.

        Args:
            X: The texts: a list, a NumPy array, a pandas Series, or one column of a DataFrame.
            y: The labels: strings, numbers or booleans; lists, tuples or sets of them, or a matrix of 0 and 1, if a
                text may have several; or a matrix of probabilities, such as a teacher's.
            sample_weight: How much each text counts, at least 0.
            validation_data: Texts and labels that decide epochs and the like; None: some are split off, or below 2,000
                texts, cross-validation within them decides.
            callbacks: Keras callbacks, as for `train`.

        Raises:
            InputError: A text or label is missing or of another type, or a setting does not apply.
        """
        corpus, targets = read_corpus(X, y, sample_weight, validation_data)
        from keras_textcnn.training.trainer import train

        packed = PackedRun()
        with naming_parameters(NAMES):
            config = self._config(targets)
            recipe = self._recipe.record(config) if self._recipe else None
            run = train(config, corpus, packed.directory, recipe=recipe, callbacks=callbacks)
        run.add(RECORD, targets.to_json())
        self._settle(packed, targets)
        return self

    def _config(self, targets: Targets) -> TrainConfig:
        settings = {name: plain(value) for name, value in self.get_params(deep=False).items()}
        if not isinstance(seed := settings.pop("random_state"), int):
            seed = check_random_state(seed).randint(2**31 - 1)
        settings |= {"seed": seed, "test_fraction": 0.0, "multi_label": SEVERAL if targets.several else None}
        if not settings["from_run"]:
            return TrainConfig(**settings)
        reading = {name: getattr(TrainConfig(), name) for name in CORPUS_SETTINGS}  # not as the run read its files
        given = {name: it for name, it in settings.items() if name not in PARAMETERS or it != PARAMETERS[name]}
        return Run.open(settings["from_run"]).config().adapted(**reading | given)

    def _settle(self, packed: PackedRun, targets: Targets) -> None:
        """Sets the attributes of a fitted classifier."""
        rows = packed.run.history
        self._fitted = _Fitted(packed, targets)
        self.classes_, self.n_iter_ = targets.classes, len(rows)
        self.history_ = {name: [row.get(name) for row in rows] for name in (rows[0] if rows else ())}

    @property
    def run_(self) -> Run:
        """The run, as the command `train` leaves one, in a temporary folder."""
        check_is_fitted(self)
        return self._fitted.packed.run

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probabilities of texts: float32 (texts, classes), in the order of `classes_`.

        Each row adds up to 1, unless a text may have several labels.
        """
        check_is_fitted(self)
        return self._fitted.by_class(self._fitted.predictor.probabilities(read_texts(X)), missing=0)

    def predict(self, X: Any) -> Any:
        """The labels of texts, in the form of the `y` that it was fitted to; a class each for probabilities.

        Where a text may have several labels, these are the ones that reach their thresholds.
        """
        probabilities, fitted = self.predict_proba(X), self._fitted
        thresholds = fitted.predictor.thresholds
        if thresholds is not None:
            thresholds = fitted.by_class(thresholds, missing=1)
        return fitted.targets.answer(fitted.predictor.task.choose(probabilities, thresholds))

    def decision_function(self, X: Any) -> np.ndarray:
        """The logarithms of the odds: float (texts, classes), or (texts,) of the second class if there are only two."""
        tiny = np.finfo(np.float32).tiny
        probabilities = np.clip(self.predict_proba(X).astype(np.float64), tiny, 1 - 1e-16)
        odds = np.log(probabilities) - np.log1p(-probabilities)
        return odds[:, 1] if len(self.classes_) == 2 and not self._fitted.targets.several else odds

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy: the share of texts whose label, or whose labels are all right."""
        predicted = self.predict(X)
        right = self._fitted.targets.are_right(predicted, y)
        return float(accuracy_score(np.ones_like(right), right, sample_weight=sample_weight))

    def explain(self, X: Any) -> "list[Explanation]":
        """Why each text has its most probable label; a notebook shows an explanation in colours."""
        check_is_fitted(self)
        return self._fitted.predictor.explain(read_texts(X))

    def save(self, directory: Path | str) -> Run:
        """Writes the run into a missing or empty directory, where every command opens it."""
        check_is_fitted(self)
        target = as_path(directory)
        check_free(target)
        return Run.make(target, lambda run: self._fitted.packed.copy_to(run.directory))

    @classmethod
    def load(cls, directory: Path | str | Run) -> "TextCNNClassifier":
        """A fitted classifier from a run directory: one that `save` or the command `train` wrote.

        Raises:
            InputError: There is no run, or it is damaged or unfinished.
        """
        run = Run.open(directory)
        if not run.finished:
            raise InputError(f"{run.directory} is unfinished; finish it with train --resume")
        config = run.config()
        names = PARAMETERS.keys() - {"random_state"}
        classifier = cls(**{name: getattr(config, name) for name in names}, random_state=config.seed)
        packed = PackedRun.of(run)
        if run.has(RECORD):
            content = run.read_json(RECORD)
            try:
                targets = Targets.from_json(content)
            except (KeyError, TypeError, ValueError) as error:
                raise run.damaged(RECORD, error) from error
        else:
            labels = tuple(run.read_lines("labels.txt"))
            targets = Targets(SETS if config.task.several else ONE, np.array(labels), labels)
        classifier._settle(packed, targets)
        return classifier

    def _html_repr(self) -> str:
        """scikit-learn's diagram of the parameters and, once fitted, the scores and curves of the run."""
        run = self._fitted.packed.run._repr_html_() if self.__sklearn_is_fitted__() else ""
        return str(super()._html_repr()) + run

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, True, False
        tags.classifier_tags.multi_label = True
        return tags


class _Fitted:
    """What a fitted classifier holds: its run, and a predictor that is loaded when it is first needed, by one thread.

    Attributes:
        packed: The run.
        targets: The kind of targets and the classes.
    """

    def __init__(self, packed: PackedRun, targets: Targets) -> None:
        self.packed, self.targets = packed, targets
        self._loading, self._loaded = threading.Lock(), list["Answers"]()

    @property
    def predictor(self) -> "Answers":
        """The predictor of the run."""
        from keras_textcnn.inference.runtime import open_predictor

        with self._loading:
            if not self._loaded:
                self._loaded.append(open_predictor(self.packed.run))
            return self._loaded[0]

    def by_class(self, values: np.ndarray, *, missing: float) -> np.ndarray:
        """Values of outputs by class, float32 (..., classes); `missing` where no text of the fit had that class."""
        outputs = {name: output for output, name in enumerate(self.predictor.labels)}
        found = np.full((*values.shape[:-1], len(self.targets.names)), missing, np.float32)
        for place, name in enumerate(self.targets.names):
            if name in outputs:
                found[..., place] = values[..., outputs[name]]
        return found

    def __getstate__(self) -> tuple[PackedRun, Targets]:
        return self.packed, self.targets

    def __setstate__(self, state: tuple[PackedRun, Targets]) -> None:
        self.__init__(*state)  # type: ignore[misc]
