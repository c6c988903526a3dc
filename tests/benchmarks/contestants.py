"""Competitors that a user might pick instead, each written as in its documentation or its popular implementations.

Contestants that start from raw texts are generators: each step trains one more epoch, or everything at once, and yields
a function from texts to labels. Those that start from ids are classes that train an epoch and predict logits; all read
the same ids and begin with the same vectors.
"""

import collections
import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

WINDOWS, FILTERS, DROPOUT, BATCH, RATE = (3, 4, 5), 100, 0.5, 64, 1e-3  # of Kim's model and its re-implementations
MAXIMUM_TOKENS, MOST_WORDS = 400, 50_000

Labeller = Callable[[Sequence[str]], list[str]]


class Texts:
    """Texts in ids.

    Attributes:
        rows: The ids of each text, int32 (tokens,).
        targets: int64 (texts,).
    """

    def __init__(self, ids: np.ndarray, lengths: np.ndarray, targets: np.ndarray) -> None:
        self.ids, self.lengths, self.targets = ids, lengths, targets.astype(np.int64)
        self.starts = np.cumsum(lengths, dtype=np.int64) - lengths
        self.rows = [ids[start : start + length] for start, length in zip(self.starts, lengths, strict=True)]

    def padded(self, chosen: Sequence[int] | np.ndarray, width: int) -> np.ndarray:
        """The ids of the chosen texts, int64 (texts, width), as PyTorch expects them."""
        padded = np.zeros((len(chosen), width), np.int64)
        for row, text in zip(padded, chosen, strict=True):
            row[: len(self.rows[text])] = self.rows[text]
        return padded


class TorchTextCNN:
    """PyTorch: an embedding, three `Conv1d`, their maxima, dropout, a linear layer, Adam.

    Args:
        vectors: float32 (vocabulary, dimensions).
        labels: Outputs.
        longest: Whether every batch is padded to the longest text of all instead of its own longest text.
        seed: The seed of weights, shuffles and dropout.
    """

    def __init__(self, vectors: np.ndarray, labels: int, *, longest: bool, seed: int) -> None:
        import torch
        from torch import nn

        torch.manual_seed(seed)
        self.torch, self.longest, self.shuffle = torch, longest, np.random.default_rng(seed)

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embedding = nn.Embedding.from_pretrained(torch.tensor(vectors), padding_idx=0)
                self.convolutions = nn.ModuleList(nn.Conv1d(vectors.shape[1], FILTERS, window) for window in WINDOWS)
                self.dropout = nn.Dropout(DROPOUT)
                self.logits = nn.Linear(len(WINDOWS) * FILTERS, labels)

            def forward(self, ids: Any) -> Any:
                embedded = self.embedding(ids).transpose(1, 2)
                pooled = [torch.relu(convolve(embedded)).amax(dim=2) for convolve in self.convolutions]
                return self.logits(self.dropout(torch.cat(pooled, dim=1)))

        self.model = Model()
        self.frozen: bool | None = None

    def fit(self, texts: Texts, *, frozen: bool) -> None:
        """Trains an epoch."""
        torch = self.torch
        if frozen != self.frozen:
            self.frozen = frozen
            self.model.embedding.weight.requires_grad = not frozen
            self.optimizer = torch.optim.Adam((p for p in self.model.parameters() if p.requires_grad), lr=RATE)
        self.model.train()
        order = self.shuffle.permutation(len(texts.rows))
        for begin in range(0, len(order), BATCH):
            chosen = order[begin : begin + BATCH]
            logits = self.model(torch.from_numpy(texts.padded(chosen, self._width(texts, chosen))))
            loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(texts.targets[chosen]))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def predict(self, texts: Texts, batch: int = 256) -> np.ndarray:
        """Logits, (texts, labels)."""
        self.model.eval()
        with self.torch.inference_mode():
            parts = [np.arange(len(texts.rows))[begin : begin + batch] for begin in range(0, len(texts.rows), batch)]
            padded = (texts.padded(part, self._width(texts, part)) for part in parts)
            return np.concatenate([self.model(self.torch.from_numpy(ids)).numpy() for ids in padded])

    def _width(self, texts: Texts, chosen: np.ndarray) -> int:
        return max(int((texts.lengths if self.longest else texts.lengths[chosen]).max()), max(WINDOWS))


class KerasExample:
    """Keras as in its examples: its own `Embedding` and `Adam`, with all texts padded to one length."""

    def __init__(self, vectors: np.ndarray, labels: int, *, seed: int) -> None:
        import keras
        from keras import layers

        keras.utils.set_random_seed(seed)
        self.keras = keras
        ids = keras.Input((None,), dtype="int32")
        self.embedding = layers.Embedding(*vectors.shape)
        embedded = self.embedding(ids)
        self.embedding.set_weights([vectors])
        convolved = [layers.Conv1D(FILTERS, window, activation="relu")(embedded) for window in WINDOWS]
        pooled = layers.Concatenate()([layers.GlobalMaxPooling1D()(features) for features in convolved])
        self.model = keras.Model(ids, layers.Dense(labels)(layers.Dropout(DROPOUT)(pooled)))
        self.frozen: bool | None = None

    def fit(self, texts: Texts, *, frozen: bool) -> None:
        """Trains an epoch."""
        if frozen != self.frozen:
            self.frozen, self.embedding.trainable = frozen, not frozen
            loss = self.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            self.model.compile(self.keras.optimizers.Adam(RATE), loss, metrics=["accuracy"])
        self.model.fit(self._padded(texts), texts.targets, batch_size=BATCH, verbose=0)

    def predict(self, texts: Texts) -> np.ndarray:
        """Logits, (texts, labels)."""
        return self.model.predict(self._padded(texts), batch_size=256, verbose=0)

    def _padded(self, texts: Texts) -> np.ndarray:
        return texts.padded(range(len(texts.rows)), int(texts.lengths.max())).astype(np.int32)


def train_linear(texts: Sequence[str], labels: Sequence[str]) -> Any:
    """scikit-learn: TF-IDF of words and pairs of words, a linear support vector machine."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LinearSVC(random_state=0))
    return model.fit(texts, labels)


def linear(texts: Sequence[str], labels: Sequence[str]) -> Iterator[Labeller]:
    """`train_linear` as a contestant."""
    model = train_linear(texts, labels)
    yield lambda texts: model.predict(texts).tolist()


def train_fasttext(texts: Sequence[str], labels: Sequence[str]) -> Any:
    """fastText with pairs of words, its tutorial's settings: 25 epochs, a learning rate of 1.0.

    Its labels are the positions of the sorted labels.
    """
    import tempfile
    from pathlib import Path

    import fasttext

    names = sorted(set(labels))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.txt")
        lines = (f"__label__{names.index(label)} {_line(text)}\n" for text, label in zip(texts, labels, strict=True))
        path.write_text("".join(lines), "utf-8")
        return fasttext.train_supervised(str(path), wordNgrams=2, dim=100, epoch=25, lr=1.0, verbose=0)


def fasttext_bigrams(texts: Sequence[str], labels: Sequence[str]) -> Iterator[Labeller]:
    """`train_fasttext` as a contestant."""
    model, names = train_fasttext(texts, labels), sorted(set(labels))

    def label_texts(texts: Sequence[str]) -> list[str]:
        # All labels with their probabilities, as all contestants here return them.
        answers, _ = model.predict([_line(text) for text in texts], k=len(names))
        return [names[int(answer[0].removeprefix("__label__"))] for answer in answers]

    yield label_texts


def _line(text: str) -> str:
    return " ".join(text.split())


def spacy_textcat_cnn(texts: Sequence[str], labels: Sequence[str]) -> Iterator[Labeller]:
    """spaCy's `TextCatCNN` after its tokenizer, with its default layers; one epoch at a time."""
    import spacy
    from spacy.training import Example
    from spacy.util import fix_random_seed, minibatch

    fix_random_seed(0)
    names = sorted(set(labels))
    nlp = spacy.blank("en")
    embed = {"@architectures": "spacy.HashEmbedCNN.v2", "pretrained_vectors": None, "width": 96, "depth": 4,
             "embed_size": 2000, "window_size": 1, "maxout_pieces": 3, "subword_features": True}  # fmt: skip
    cnn = {"@architectures": "spacy.TextCatCNN.v2", "exclusive_classes": True, "nO": None, "tok2vec": embed}
    nlp.add_pipe("textcat", config={"model": cnn})
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {name: float(name == label) for name in names}})
        for text, label in zip(texts, labels, strict=True)
    ]
    optimizer = nlp.initialize(lambda: examples[:1000])

    def label_texts(texts: Sequence[str]) -> list[str]:
        return [max(doc.cats, key=doc.cats.get) for doc in nlp.pipe(texts, batch_size=256)]

    while True:
        random.Random(0).shuffle(examples)
        for batch in minibatch(examples, size=BATCH):
            nlp.update(batch, sgd=optimizer, drop=0.2)
        yield label_texts


def torch_textcnn(texts: Sequence[str], labels: Sequence[str]) -> Iterator[Labeller]:
    """PyTorch's usual TextCNN from raw texts: a regular expression for words, GloVe, batches padded to the longest."""
    from keras_textcnn.text.pretrained_vectors import embedding_matrix, read_vectors

    names = sorted(set(labels))
    split = re.compile(r"\w+|[^\w\s]")
    words = [split.findall(text.lower())[:MAXIMUM_TOKENS] for text in texts]
    counts = collections.Counter(word for row in words for word in row)
    vocabulary = ["", "", *(word for word, _ in counts.most_common(MOST_WORDS))]
    index = {word: id for id, word in enumerate(vocabulary)}
    found = read_vectors("glove.6B.100d.30k", vocabulary[2:], dimensions=100)

    def encode(rows: list[list[str]], targets: np.ndarray) -> Texts:
        ids = [np.array([index.get(word, 1) for word in row], np.int32) for row in rows]
        return Texts(np.concatenate(ids), np.array([len(row) for row in ids]), targets)

    model = TorchTextCNN(embedding_matrix(vocabulary, found, dimensions=100), len(names), longest=False, seed=0)
    encoded = encode(words, np.array([names.index(label) for label in labels]))

    def label_texts(texts: Sequence[str]) -> list[str]:
        rows = [split.findall(text.lower())[:MAXIMUM_TOKENS] for text in texts]
        logits = model.predict(encode(rows, np.zeros(len(rows))), batch=len(texts))
        return [names[output] for output in logits.argmax(axis=1)]

    epoch = 0
    while True:
        model.fit(encoded, frozen=epoch < 4)
        epoch += 1
        yield label_texts


def keras_example(texts: Sequence[str], labels: Sequence[str]) -> Iterator[Labeller]:
    """Keras's example from raw texts: `TextVectorization` in front of its model, all texts padded to one length."""
    import keras
    import tensorflow as tf

    from keras_textcnn.text.pretrained_vectors import embedding_matrix, read_vectors

    names = sorted(set(labels))
    vectorize = keras.layers.TextVectorization(MOST_WORDS, output_sequence_length=MAXIMUM_TOKENS)
    vectorize.adapt(list(texts))
    vocabulary = vectorize.get_vocabulary()
    found = read_vectors("glove.6B.100d.30k", vocabulary[2:], dimensions=100)
    model = KerasExample(embedding_matrix(vocabulary, found, dimensions=100), len(names), seed=0)
    ids = vectorize(tf.constant(list(texts))).numpy()
    encoded = Texts(ids.reshape(-1), np.full(len(ids), MAXIMUM_TOKENS), np.array([names.index(x) for x in labels]))
    serve = tf.function(
        lambda texts: tf.nn.softmax(model.model(vectorize(texts))), input_signature=[tf.TensorSpec([None], tf.string)]
    )

    def label_texts(texts: Sequence[str]) -> list[str]:
        return [names[output] for output in serve(tf.constant(list(texts))).numpy().argmax(axis=1)]

    epoch = 0
    while True:
        model.fit(encoded, frozen=epoch < 4)
        epoch += 1
        yield label_texts


PEERS = {
    "PyTorch TextCNN": torch_textcnn,
    "Keras's example": keras_example,
    "spaCy TextCatCNN": spacy_textcat_cnn,
    "fastText": fasttext_bigrams,
    "TF-IDF + LinearSVC": linear,
}
