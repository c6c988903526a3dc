"""HTML pages: the report of a run, and explanations of answers. Their templates are in `templates/`."""

import base64
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

import jinja2

from keras_textcnn.evaluation.facts import Facts
from keras_textcnn.evaluation.tables import Table, shares_table
from keras_textcnn.inference.explanations import Explanation

LONGEST_WRITTEN = 4000  # characters of a text that a page shows


@dataclasses.dataclass(frozen=True)
class WrongAnswer:
    """A text that the model is wrong about.

    Attributes:
        truth: Its label or labels; "" if it has none.
        given: The label or labels that it was given.
        place: Where it is in the corpus.
        written: The text as it was written; None if only its tokens are available.
        explanation: Why it was given its most probable label.
    """

    truth: str
    given: str
    place: str
    written: str | None
    explanation: Explanation

    @property
    def beginning(self) -> str:
        """The text, or as much of it as is shown."""
        return (self.written or "")[:LONGEST_WRITTEN]

    @property
    def rest(self) -> int:
        """How many characters are not shown."""
        return len(self.written or "") - len(self.beginning)


def _template(name: str) -> jinja2.Template:
    loader = jinja2.PackageLoader("keras_textcnn.evaluation")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template(name)


def report_page(
    facts: Facts,
    *,
    texts: str,
    shares: Sequence[Mapping[str, float | None]],
    ngrams: Mapping[str, Sequence[tuple[str, float, int]]],
    errors: Sequence[WrongAnswer],
    pictures: Mapping[str, bytes],
) -> str:
    """The content of `report.html`, which begins with the facts of the model card.

    Args:
        facts: The facts about the run.
        texts: The kind of the texts that the page is about, from `descriptions.reported_texts`.
        shares: Rows of reject_below, answered and accuracy; none if a text may have several labels.
        ngrams: From `explanations.rank_ngrams`.
        errors: The texts that the model is most wrong about.
        pictures: PNG files, by what they show.
    """
    words = [
        [label, ", ".join(f"{text} ({count} × {mean:+.2f})" for text, mean, count in top)]
        for label, top in ngrams.items()
    ]
    return _template("report.html").render(
        title=facts.name,
        facts=facts,
        texts=texts,
        pictures={name: base64.b64encode(png).decode() for name, png in pictures.items()},
        shares=shares_table(shares),
        ngrams=Table(("label", "n-grams"), words),
        errors=errors,
    )


def explanations_page(title: str, explanations: Iterable[Explanation]) -> Iterator[str]:
    """A page of explanations, in parts, as the explanations arrive."""
    return _template("explanations.html").generate(title=title, explanations=explanations)
