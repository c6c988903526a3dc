"""A linear model of the parts of words, which ends as part of the n-grams' rows."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
from scipy import sparse

from keras_textcnn.data.batching import Examples
from keras_textcnn.layers.ngram_logits import NgramLogits
from keras_textcnn.text.vocabulary import PADDING, UNKNOWN
from keras_textcnn.training.linear_models import inverse_frequencies, padded_blocks, solve

SHORTEST, LONGEST = 3, 5  # characters


class Subwords:
    """A support vector machine for each label on the parts of a text's words, next to a layer of n-grams.

    The parts of a token are its runs of 3 to 5 characters, with < before the token and > behind it, each with the
    inverse document frequency as its weight:

        logits(text) = bias + (sum of parts(token) over the text's tokens) @ kernel / divisor(text)
                     = bias + (sum of row(token)) / divisor(text), where row(token) = parts(token) @ kernel

    The divisor is the layer's. So the machine comes down to a row for each token, which is added to the layer's own,
    and costs nothing once the model is trained. What it brings: a token that is rare in the training texts, or only the
    vectors file has, counts like the words that it has parts in common with.

    Args:
        layer: The n-grams of the model.
        vocabulary: Tokens by id.

    Attributes:
        number: How many different parts there are.
        rows: float32 (layer.vocabulary_size, num_classes), zeros until `solve`.
        bias: float32 (num_classes,).

    Source: the parts are those of Bojanowski et al. (2017), https://arxiv.org/abs/1607.04606.
    """

    def __init__(self, layer: NgramLogits, vocabulary: Sequence[str]) -> None:
        self.layer = layer
        self._parts = count_parts(vocabulary[: layer.vocabulary_size])
        self.number = self._parts.shape[1]
        self.rows = np.zeros((layer.vocabulary_size, layer.num_classes), np.float32)
        self.bias = np.zeros(layer.num_classes, np.float32)

    def solve(self, examples: Examples, weights: np.ndarray | None = None) -> None:
        """Solves the machines for training texts. The layer must have been fitted to them: its divisor counts.

        Args:
            examples: The texts.
            weights: As for `linear_models.solve_ngrams`.
        """
        shares, targets, text_weights = self._shares(examples), examples.targets, examples.weights
        weighted = self._parts @ sparse.diags(inverse_frequencies(shares @ self._parts, text_weights))
        features = (shares @ weighted).tocsr()
        squares = np.asarray(features.power(2).sum(axis=1)).ravel()
        length = max(np.sqrt(np.average(squares, weights=text_weights)), 1e-12)
        features /= length
        kernel, bias = solve(features, targets, self.layer.num_classes, weights, text_weights=text_weights, margin=True)
        self.rows, self.bias = (weighted @ kernel / length).astype(np.float32), bias.astype(np.float32)

    def answer(self, examples: Examples) -> np.ndarray:
        """The logits of texts: float32 (texts, num_classes)."""
        return np.asarray(self._shares(examples) @ self.rows + self.bias, np.float32)

    def add_to_layer(self, scale: float, own_scale: float) -> None:
        """Makes the layer's logits the sum of its own, times `scale`, and of the subwords', times `own_scale`."""
        layer = self.layer
        layer.embeddings.assign(scale * layer.embeddings + own_scale * self.rows)
        layer.bias.assign(scale * layer.bias + own_scale * self.bias)
        if layer.longest > 1:
            layer.hashed.assign(scale * layer.hashed)

    def _shares(self, examples: Examples) -> sparse.csr_matrix:
        """The counts of each token in each text over the layer's divisor: float64 (texts, layer.vocabulary_size)."""
        rows, columns, shares = [], [], []
        for first, ids in padded_blocks(examples):
            text, place = np.nonzero((ids > 0) & (ids < self.layer.vocabulary_size))
            rows.append(text + first)
            columns.append(ids[text, place])
            shares.append(1 / self.layer.divisors(tf.constant(ids)).numpy()[text])
        of = np.concatenate(rows), np.concatenate(columns)
        shape = len(examples.lengths), self.layer.vocabulary_size
        return sparse.csr_matrix((np.concatenate(shares).astype(np.float64), of), shape=shape)


def count_parts(vocabulary: Sequence[str]) -> sparse.csr_matrix:
    """Counts each part in each token: float64 (tokens, parts); none in padding and unknown."""
    ids: dict[str, int] = {}
    rows, columns = [], []
    for row, token in enumerate(vocabulary):
        for part in split_token(token) if token not in (PADDING, UNKNOWN) else ():
            rows.append(row)
            columns.append(ids.setdefault(part, len(ids)))
    return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(vocabulary), max(len(ids), 1)))


def split_token(token: str) -> Iterator[str]:
    """The parts of a token."""
    marked = f"<{token}>"
    for length in range(SHORTEST, LONGEST + 1):
        for start in range(len(marked) - length + 1):
            yield marked[start : start + length]
