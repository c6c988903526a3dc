"""Every setting of a training run and its default, written here once."""

import dataclasses
from typing import Any

from keras_textcnn.errors import InputError

GLOVE_TABLE = "glove.6B.100d.30k"  # the vectors that ship in the package
NO_VECTORS = "none"
DEFAULT_CORPUS = "reuters-r8"  # of the command; a run from Python has texts that need no name
DIMENSIONS = 100  # of an embedding without vectors


def option(default: Any, help: str, **argument: Any) -> Any:
    """A field with what the command line says of it; `argument` goes to `ArgumentParser.add_argument`."""
    return dataclasses.field(default=default, metadata={"help": help, **argument})


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The settings of one run.

    Raises:
        InputError: A setting is out of its range.
    """

    data: str | None = option(
        None,
        "corpus: a name from keras_textcnn.catalog, hub:NAME, a .csv, .tsv, .jsonl or .parquet file, a .txt file of "
        "fastText lines (text files as .gz, .xz or .bz2 too), or a folder, .zip or .tar.gz of LABEL/*.txt "
        f"(default: {DEFAULT_CORPUS})",
        metavar="CORPUS",
    )
    validation_data: str | None = option(None, "validation corpus (default: a part of --data)", metavar="CORPUS")
    test_data: str | None = option(
        None, "test corpus (default: the corpus's own, else a part of --data)", metavar="CORPUS"
    )
    text_column: tuple[str, ...] = option(
        ("text",), "columns that hold the text, separated by commas and joined in this order", metavar="COLUMN,..."
    )
    label_column: str = option("label", "column that holds the label", metavar="COLUMN")
    multi_label: str | None = option(
        None,
        "a text may have several labels, with this between them, such as , or ; (default: each has one)",
        metavar="SEPARATOR",
    )
    encoding: str = option("utf-8", "encoding of the corpus's files, such as latin-1", metavar="NAME")
    errors: str = option(
        "strict", "a byte that does not decode is an error, or replaced and counted", choices=("strict", "replace")
    )
    delimiter: str | None = option(
        None,
        r"between the fields of a table, such as ; or \t (default: a comma in .csv, a tab in .tsv)",
        metavar="SIGN",
    )
    quoting: str = option(
        "standard",
        "whether a quotation mark begins a field of a CSV or TSV file, or means nothing (none)",
        choices=("standard", "none"),
    )
    memory: int | None = option(
        None,
        "train a corpus of any size within so many MiB beside the libraries' own, its ids in files below "
        "KERAS_TEXTCNN_HOME (default: all in memory)",
        metavar="MIB",
    )
    validation_fraction: float = option(
        0.1, "part of the training texts split off for validation, in (0, 0.5]", metavar="F"
    )
    test_fraction: float = option(0.1, "part of the texts split off for the test, in (0, 0.5]", metavar="F")

    vocabulary_size: int = option(50_000, "most tokens in the vocabulary, the most frequent ones", metavar="N")
    minimum_count: int = option(1, "rarer tokens of the training texts count as unknown", metavar="N")
    maximum_tokens: int = option(400, "longer texts are cut to this many tokens", metavar="N")
    vocabulary: str = option(
        "train",
        "tokens of the training texts, or also words that only the vectors file has, up to --vocabulary-size",
        choices=("train", "train+vectors"),
    )
    vectors: str = option(
        GLOVE_TABLE,
        "pretrained vectors: a GloVe, word2vec or fastText .vec file (also .gz, .zip, word2vec's .bin), a name that "
        f"glove_download.sh brings such as glove.6B.100d, {GLOVE_TABLE} (in the package) or none",
        metavar="FILE",
    )
    dimensions: int | None = option(
        None, "width of the embedding (default: that of the vectors, 100 without)", metavar="N"
    )
    missing_deviation: float = option(
        0.0,
        "words without a vector start from noise of this many times the vectors' deviation; 0: from zero",
        metavar="F",
    )

    model: str = option("conv1d", "architecture", choices=("conv1d",))
    windows: tuple[int, ...] = option(
        (1, 2, 3), "tokens that each convolution sees, separated by commas", metavar="N,N,..."
    )
    filters: int = option(100, "feature maps of each window", metavar="N")
    embedding_dropout: float = option(
        0.2, "part of the embedding's dimensions dropped in training, in [0, 1)", metavar="F"
    )
    dropout: float = option(0.5, "part of the pooled features dropped in training, in [0, 1)", metavar="F")

    frozen_epochs: int = option(4, "epochs of the first phase, the embedding frozen", metavar="N")
    unfrozen_epochs: int = option(8, "epochs of the second phase, the embedding trained too", metavar="N")
    learning_rate: float = option(2e-3, "learning rate of the first phase", metavar="F")
    unfrozen_learning_rate: float = option(1e-3, "learning rate of the second phase", metavar="F")
    embedding_factor: float = option(
        5.0, "in the second phase the embedding's rows learn this many times as fast as the rest", metavar="F"
    )
    batch_size: int = option(64, "texts a step", metavar="N")
    patience: int = option(2, "epochs without a lower validation loss after which a phase ends", metavar="N")
    seed: int = option(0, "fixes the split, the initial weights, the shuffles and the dropout", metavar="N")

    def __post_init__(self) -> None:
        for name in ("minimum_count", "maximum_tokens", "dimensions", "filters", "batch_size", "patience"):
            self._require(name, getattr(self, name) is None or getattr(self, name) >= 1, "at least 1")
        self._require("memory", self.memory is None or self.memory >= 256, "at least 256 MiB")
        self._require("multi_label", self.multi_label != "", "at least one character")
        self._require("delimiter", self.delimiter in {None, r"\t"} or len(self.delimiter or "") == 1, "one character")
        self._require("text_column", all(self.text_column), "names of columns")
        self._require("vocabulary", self.vocabulary == "train" or self.vectors != NO_VECTORS, "train, without vectors")
        self._require("missing_deviation", 0 <= self.missing_deviation < float("inf"), "a number of at least 0")
        self._require(
            "missing_deviation", not self.missing_deviation or self.vectors != NO_VECTORS, "0, without vectors"
        )
        self._require("maximum_tokens", self.maximum_tokens < 2**31, "below 2**31")
        self._require("vocabulary_size", self.vocabulary_size >= 3, "at least 3")
        self._require("windows", len(self.windows) > 0 and min(self.windows) >= 1, "numbers of at least 1")
        self._require("windows", len(set(self.windows)) == len(self.windows), "different numbers")
        for name in ("frozen_epochs", "unfrozen_epochs"):
            self._require(name, getattr(self, name) >= 0, "at least 0")
        self._require("seed", 0 <= self.seed < 2**32, "at least 0 and below 2**32")
        self._require(
            "unfrozen_epochs", self.frozen_epochs + self.unfrozen_epochs >= 1, "at least 1 without frozen ones"
        )
        for name in ("embedding_dropout", "dropout"):
            self._require(name, 0 <= getattr(self, name) < 1, "in [0, 1)")
        for name in ("validation_fraction", "test_fraction"):
            self._require(name, 0 < getattr(self, name) <= 0.5, "in (0, 0.5]")
        for name in ("learning_rate", "unfrozen_learning_rate", "embedding_factor"):
            self._require(name, 0 < getattr(self, name) < float("inf"), "a positive number")

    def _require(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(f"--{name.replace('_', '-')} must be {rule}; received: {getattr(self, name)}")
