"""Tables of recipes that were trained: our accuracy next to published ones."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from keras_textcnn.evaluation.descriptions import UNDEFINED, brief_difference, mean_and_deviation, points
from keras_textcnn.evaluation.tables import Table

BEST_COLUMN = "best found, no language model"  # "found": we may have missed one; pretrained language models are higher
LEAD = "this - linear"
LEAD_NOTE = (
    f"{LEAD}: with the 95% interval of a paired bootstrap, and the p-value of the exact paired randomization test"
)
WITHIN = "within 2 deviations"
FOOTNOTE = (
    f"{LEAD_NOTE}; {WITHIN}: the difference from the published accuracy is at most twice its standard deviation, in "
    "which are the deviation of the mean (over folds) or of a run (over seeds), and the sampling error of the published"
    " accuracy on its test texts"
)


@dataclasses.dataclass(frozen=True)
class Trained:
    """A recipe that was trained on a corpus.

    Attributes:
        recipe: The recipe's name.
        corpus: The corpus's name.
        summary: The content of `repeats.json`.
        published: Figures by kind, as in `RecipeCorpus`.
        count_texts: Returns the number of test texts, over all folds; called if there is a figure of the same model.
        vectors: The vectors in place of the recipe's, if others were given.
    """

    recipe: str
    corpus: str
    summary: Mapping[str, Any]
    published: Mapping[str, Mapping[str, Any]]
    count_texts: Callable[[], int]
    vectors: str = ""

    @property
    def other_vectors(self) -> str:
        """What a cell adds to the name if the vectors are not the recipe's."""
        return f" (vectors: {self.vectors})" if self.vectors else ""

    @property
    def accuracy(self) -> Mapping[str, Any]:
        """Mean and deviation of the accuracy on the test texts, in [0, 1]."""
        its: Mapping[str, Any] = self.summary["scores"]["test"]["accuracy"]
        return its

    @property
    def linear(self) -> str:
        """The accuracy of the linear model."""
        baseline = self.summary["baseline"]
        return mean_and_deviation(baseline["test"]["accuracy"]) if baseline else UNDEFINED

    @property
    def lead_over_linear(self) -> str:
        """Our accuracy minus the linear model's, with its interval and p-value."""
        compared = self.summary.get("significance")  # summaries of older versions have none
        return brief_difference(compared) if compared else UNDEFINED

    @property
    def seconds(self) -> str:
        """The seconds that all runs took."""
        return f"{self.summary['seconds']:,.0f}"

    def figure(self, kind: str) -> str:
        """A published accuracy, in percent, as the paper has it."""
        return str(self.published[kind]["accuracy"]) if kind in self.published else UNDEFINED

    def lead(self, kind: str) -> str:
        """Our accuracy minus a published one, in percent."""
        if kind not in self.published:
            return UNDEFINED
        return points(self.accuracy["mean"] - self.published[kind]["accuracy"] / 100)

    def is_near(self) -> bool:
        """Whether our accuracy is within two deviations of the one published for the same model.

        A published accuracy of cross-validation is a mean over all texts, like ours. One on a test split is that of a
        single run, of which only the deviation of our runs is known.
        """
        published = self.published["model"]["accuracy"] / 100
        folds = self.summary["settings"]["folds"]
        own = self.accuracy["deviation"] / (math.sqrt(folds) if folds else 1)
        deviation = math.hypot(own, math.sqrt(published * (1 - published) / self.count_texts()))
        return bool(abs(self.accuracy["mean"] - published) <= 2 * deviation)


def defaults_table(rows: Sequence[Trained]) -> Table:
    """Our defaults by corpus, next to a published convolutional network and the best that we found."""
    columns = ("corpus", "runs", "this", "linear model", LEAD, "a published CNN", BEST_COLUMN, "this - best", "seconds")
    cells = [
        [
            *(row.corpus + row.other_vectors, str(row.summary["runs"]), mean_and_deviation(row.accuracy)),
            *(row.linear, row.lead_over_linear),
            *(row.figure("cnn"), row.figure("best"), row.lead("best"), row.seconds),
        ]
        for row in rows
    ]
    return Table(columns, cells, footnote=LEAD_NOTE)


def recipes_table(rows: Sequence[Trained]) -> Table:
    """Recipes by corpus, each next to the figure that its source has for the same model, if any."""
    columns = (
        "recipe",
        "corpus",
        "runs",
        "this",
        "linear model",
        LEAD,
        "published",
        "this - published",
        WITHIN,
        "seconds",
    )
    cells = [
        [
            *(row.recipe + row.other_vectors, row.corpus, str(row.summary["runs"]), mean_and_deviation(row.accuracy)),
            *(row.linear, row.lead_over_linear, row.figure("model"), row.lead("model")),
            *(("yes" if row.is_near() else "no") if "model" in row.published else UNDEFINED, row.seconds),
        ]
        for row in rows
    ]
    return Table(columns, cells, footnote=FOOTNOTE)
