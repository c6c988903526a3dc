"""Explanations: the n-grams that spoke for and against a label, as values, for a terminal or for a page."""

import dataclasses
import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_textcnn.text import folding

if TYPE_CHECKING:
    from rich.text import Text

MOST_PIECES = 128  # of a text cut up for occlusion: each costs one more answer
SHOWN = 5  # n-grams shown in an explanation
# What is between spaces or, in scripts without spaces, a character with its marks.
UNSPACED = f"[{folding.python_class(folding.UNSPACED)}]"
PIECE = re.compile(rf"{UNSPACED}[{folding.python_class(folding.MARKS)}]*|(?:(?!{UNSPACED})\S)+")
NO_TOKEN = "(no token)"
FOR, AGAINST = "46,139,87", "205,92,92"  # green and red


@dataclasses.dataclass(frozen=True)
class Ngram:
    """Adjacent tokens of a text, and what they added to the logit of a label.

    Attributes:
        start: Position of the first token.
        tokens: Number of tokens; 0 if the text has none: the model then reads padding, which adds something too.
        text: The tokens, joined by spaces; `NO_TOKEN` if there are none.
        added: What they added to the label's logit, in nats.
    """

    start: int
    tokens: int
    text: str
    added: float


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Why a text has a label.

    Attributes:
        label: The label that is explained.
        probability: The label's probability, in [0, 1].
        tokens: The text as the model reads it.
        ngrams: The n-grams that changed the logit, the largest changes first.
        logit: The label's logit before the temperature: the bias plus what all n-grams added. None if the n-grams were
            found by occlusion: what each of them added is then how much the log-odds fall without it.
        bias: The label's bias; None as above.
    """

    label: str
    probability: float
    tokens: list[str]
    ngrams: list[Ngram]
    logit: float | None = None
    bias: float | None = None

    def to_json(self) -> dict[str, object]:
        """The first n-grams, as `predict --explain` writes them, and what the others and the bias added."""
        reasons = [{"ngram": ngram.text, "added": round(ngram.added, 4)} for ngram in self.ngrams[:SHOWN]]
        if self.logit is None or self.bias is None:
            return {"reasons": reasons}
        return {
            "reasons": reasons,
            "others": round(sum(ngram.added for ngram in self.ngrams[SHOWN:]), 4),
            "bias": round(self.bias, 4),
            "logit": round(self.logit, 4),
        }

    def to_terminal(self) -> "Text":
        """Label, text and n-grams for a terminal, tokens coloured by what they added."""
        from rich.text import Text

        from keras_textcnn.utils.visible import visible

        shown = Text.assemble((f"{visible(self.label)} {self.probability:.3f}", "bold"), "  ")
        for token, weight in zip(self.tokens, self.weights(), strict=True):
            colour = "green" if weight > 0 else "red"  # every terminal has these
            style = f"black on {colour}" if abs(weight) > 0.5 else colour if abs(weight) > 0.1 else ""
            shown.append(visible(token), style).append(" ")
        for amount, what in self._lines():
            shown.append(f"\n  {amount:+.2f}  {visible(what)}")
        return shown

    def to_html(self) -> str:
        """The same as a fragment of HTML."""
        words = []
        for token, weight in zip(self.tokens, self.weights(), strict=True):
            colour = FOR if weight > 0 else AGAINST
            style = f' style="background:rgba({colour},{abs(weight):.2f})"' if abs(weight) > 0.05 else ""
            words.append(f"<span{style}>{html.escape(token)}</span>")
        rows = "".join(f"<tr><td>{amount:+.2f}</td><td>{html.escape(what)}</td></tr>" for amount, what in self._lines())
        label = f"<b>{html.escape(self.label)}</b> {self.probability:.3f}"
        return f"<div class='explanation'><p>{label}<br>{' '.join(words)}</p><table>{rows}</table></div>"

    _repr_html_ = to_html

    def _lines(self) -> list[tuple[float, str]]:
        lines = [(ngram.added, ngram.text) for ngram in self.ngrams[:SHOWN]]
        if rest := self.ngrams[SHOWN:]:
            lines.append((sum(ngram.added for ngram in rest), f"({len(rest)} others)"))
        return lines + ([(self.bias, "(bias)")] if self.bias is not None else [])

    def weights(self) -> np.ndarray:
        """What each token added, relative to the largest, in [-1, 1]; an n-gram's share is split among its tokens."""
        weights = np.zeros(len(self.tokens))
        for ngram in (ngram for ngram in self.ngrams if ngram.tokens):
            weights[ngram.start : ngram.start + ngram.tokens] += ngram.added / ngram.tokens
        return weights / max(np.abs(weights).max(initial=0), 1e-9)


def rank_ngrams(explanations: Iterable[Explanation], *, most: int = 10) -> dict[str, list[tuple[str, float, int]]]:
    """The n-grams that spoke for each label in the texts that were given it, the largest sums first.

    The placeholder of a text without tokens is not counted.

    Returns:
        For each label its n-grams, each with the mean of what it added and the number of places where it occurs.
    """
    added: dict[str, dict[str, list[float]]] = {}
    for explanation in explanations:
        for ngram in (ngram for ngram in explanation.ngrams if ngram.tokens):
            added.setdefault(explanation.label, {}).setdefault(ngram.text, []).append(ngram.added)
    ranked = {}
    for label in sorted(added):
        sums = sorted(((sum(amounts), text) for text, amounts in added[label].items()), reverse=True)
        chosen = [(text, added[label][text]) for total, text in sums[:most] if total > 0]
        ranked[label] = [(text, sum(amounts) / len(amounts), len(amounts)) for text, amounts in chosen]
    return ranked


def explain_windows(
    tokens: Sequence[str],
    added: np.ndarray,
    windows: Sequence[int],
    *,
    label: str,
    probability: float,
    logit: float,
    bias: float,
) -> Explanation:
    """An explanation made from what each window of tokens added to the label's logit.

    Args:
        tokens: Tokens of the text.
        added: float (len(windows), positions), by the first token of the window; there may be more positions than
            tokens.
        windows: Tokens of each window.
        label: The label's name.
        probability: Its probability.
        logit: Its logit.
        bias: Its logit without any text.
    """
    sums: dict[tuple[int, int], float] = {}
    for row, start in zip(*map(np.ndarray.tolist, np.nonzero(added)), strict=True):
        place = start, min(windows[row], len(tokens) - start)  # a text may be shorter than its window
        sums[place] = sums.get(place, 0.0) + float(added[row, start])
    ngrams = [
        Ngram(start, size, " ".join(tokens[start : start + size]) or NO_TOKEN, amount)
        for (start, size), amount in sums.items()
    ]
    ngrams.sort(key=lambda ngram: -abs(ngram.added))
    return Explanation(label, probability, list(tokens), ngrams, logit, bias)


def compose(token: str) -> str:
    """A token for display, in NFC: letters and their marks composed."""
    return unicodedata.normalize("NFC", token)


def explain_by_occlusion(
    answer: Callable[[Sequence[str]], np.ndarray], text: str, *, labels: Sequence[str], separator: str = " "
) -> Explanation:
    """Explains any model: how much the log-odds of its answer fall when a piece of the text is left out.

    Args:
        answer: Function from texts to probabilities, float (texts, num_classes).
        text: A text, or the part of it that the model reads.
        labels: Names by output.
        separator: What is between the tokens of the text. If it is something visible, pieces are tokens.
    """
    of_tokens = bool(separator.strip())
    piece = re.compile(rf"(?:(?!{re.escape(separator)}).)+", re.DOTALL) if of_tokens else PIECE
    found = list(piece.finditer(text))
    size = max(-(-len(found) // MOST_PIECES), 1)
    spans = [(found[i].start(), found[min(i + size, len(found)) - 1].end()) for i in range(0, len(found), size)]
    gap = "" if of_tokens else " "
    without = [f"{text[:begin]}{gap}{text[end:]}" for begin, end in spans]
    probabilities = answer([text, *without]).astype(np.float64).clip(1e-9, 1 - 1e-9)
    output = int(probabilities[0].argmax())
    odds = np.log(probabilities[:, output] / (1 - probabilities[:, output]))
    pieces = [compose(text[begin:end]) for begin, end in spans]
    ngrams = [Ngram(i, 1, piece, float(odds[0] - odds[i + 1])) for i, piece in enumerate(pieces)]
    ngrams.sort(key=lambda ngram: -abs(ngram.added))
    return Explanation(labels[output], float(probabilities[0, output]), pieces, ngrams)
