"""Every setting of a training run and its default, written here once."""

import argparse
import dataclasses
import functools
import numbers
import types
import typing
from collections.abc import Container, Mapping
from typing import Any

from keras_textcnn.errors import InputError

GLOVE_TABLE = "glove.6B.100d.30k"  # the vectors that ship in the package
NO_VECTORS = "none"
NGRAMS, MEAN_VECTOR = "n-grams", "mean vector"  # phases of the linear models beside the convolution
ONE_HOT, ZHANG = "one-hot", "zhang"
WORDS, CHARACTERS, SPACES = "words", "characters", "spaces"  # tokenizers
MOST_RUNS = 1000  # of one command
MOST_NUMBERS = 64  # of windows, layers, columns
MOST_NGRAMS = 5  # tokens of an n-gram: longer ones hardly stand in two texts
LAZY_OPTIMIZERS = ("adam", "adamw")  # whose rows of the embedding may learn faster than the rest
# What decides how a corpus reads; its shards serve every run that agrees in these.
TEXT_SETTINGS = ("text_column", "encoding", "errors", "delimiter", "quoting", "escape", "header")
CORPUS_SETTINGS = (
    *TEXT_SETTINGS,
    *("label_column", "label_columns", "multi_label", "skip_unlabelled", "numeric_labels"),
)
# What a run that starts from another has from there.
ARCHITECTURE = (
    *("model", "windows", "filters", "poolings", "pooling", "hidden", "multichannel"),
    *("tokenizer", "embedding", "alphabet", "dimensions", "maximum_tokens", "ngrams", "ngram_buckets", "ngram_words"),
    *("ngram_svm", "vector_mean"),
)
# And what it has from there unless something else is given: how it is regularized, computed and balanced.
INHERITED = (
    *("vectors", "dropout", "embedding_dropout", "max_norm", "precision", "class_weight", "sampling", "focal_gamma"),
    *CORPUS_SETTINGS,
)
SET, POSITIVE = object(), object()  # any value but None; any number above 0
REHEARSED = 0.3  # of the training texts
FRACTION = 0.1  # of the texts that validation or test get, where the corpus has none
DEFAULT_CORPUS = "reuters-r8"  # of the command; a run from Python has texts that need no name

# Below so many training texts a tenth of them, set apart, is too few to decide anything: cross-validation within the
# training texts decides instead, and parts that have a single best solution stand beside the convolution.
FEW_TEXTS, FEW_VALIDATION_TEXTS = 2_000, 200
INNER_FOLDS, FEW_EPOCHS = 5, 6  # of the inner cross-validation; and unfrozen ones, which no early stopping ends
# What depends on how many texts there are: without that number `TrainConfig.resolved` leaves it open.
BY_SIZE = (
    *("inner_folds", "unfrozen_epochs", "refit"),
    *("ngram_svm", "ngram_epochs", "ngram_learning_rate", "vector_mean"),
)

_WORDS = {
    "tokenizer": WORDS,
    "vectors": GLOVE_TABLE,
    "dimensions": 100,
    "vocabulary": "train",
    "vocabulary_size": 50_000,
    "maximum_tokens": 400,
    "embedding_dropout": 0.2,
    "dropout": 0.5,
    "frozen_epochs": 4,
    "unfrozen_epochs": 8,
    "learning_rate": 2e-3,
    "unfrozen_learning_rate": 1e-3,
    "embedding_factor": 5.0,
    "batch_size": 64,
    "refit": False,
}
_WINDOWS = {"windows": (1, 2, 3), "filters": 100}  # side by side
_CHARACTERS = {
    **_WORDS,
    "tokenizer": CHARACTERS,
    "vectors": NO_VECTORS,
    "dimensions": 16,
    "vocabulary_size": 5_000,
    "maximum_tokens": 1014,
    "alphabet": "corpus",
    "embedding": "learned",
    "embedding_dropout": 0.0,
    "frozen_epochs": 9,
    "unfrozen_epochs": 3,
    "unfrozen_learning_rate": 5e-4,
    "embedding_factor": 1.0,
    "batch_size": 32,
}
_ZHANG = {
    **{name: value for name, value in _CHARACTERS.items() if name != "embedding_dropout"},
    "alphabet": ZHANG,
    "embedding": ONE_HOT,
}
# What each model takes that not every model takes, or not with the same default. What a builder is to get stands here
# under the name of its argument; the builders' own defaults are the sizes of the papers and tutorials.
MODELS: dict[str, dict[str, Any]] = {
    "conv1d": {
        **_WORDS,
        **_WINDOWS,
        "vocabulary": "train+vectors",
        "unfrozen_epochs": 24,
        "refit": True,
        "poolings": ("max",),
        "hidden": (),
        "multichannel": False,
        "max_norm": None,
        "ngrams": 2,
        "ngram_buckets": None,
        "ngram_words": None,
        "ngram_svm": False,
        "vector_mean": False,
        "ngram_epochs": 20,
        "ngram_learning_rate": 0.01,
    },
    "conv1d-stack": {
        **_WORDS,
        "windows": (5, 5),
        "filters": 128,
        "pooling": 5,
        "hidden": (128,),
        "unfrozen_epochs": 20,
    },
    "conv2d": {
        **_WORDS,
        "windows": (3,),
        "filters": 8,
        "pooling": 2,
        "hidden": (64,),
        "frozen_epochs": 1,
        "learning_rate": 5e-4,
        "unfrozen_learning_rate": 3e-4,
        "embedding_factor": 10.0,
    },
    "conv2d-windows": {**_WORDS, **_WINDOWS},
    "charcnn": {**_CHARACTERS, "maximum_tokens": 2_000, "windows": (7, 5), "filters": 128, "pooling": 3},
    "charcnn-zhang-small": _ZHANG,
    "charcnn-zhang-large": _ZHANG,
}


_SOLVED = {"ngrams": 0}, {"ngram_svm": True, "from_run": None}  # what makes epochs of the n-grams mean nothing


def _one(value: str) -> tuple[str]:
    """An option's value as the only entry: the file decides whether a comma is part of a name."""
    return (value,)


def option(default: Any, help: str, *, unless: tuple[dict[str, Any], ...] = (), **argument: Any) -> Any:
    """A field with what the command line says of it.

    Args:
        default: The field's.
        help: What it sets.
        unless: Settings, each set of which leaves the field without effect; `SET` stands for any value but None,
            `POSITIVE` for any number above 0.
        argument: Goes to `ArgumentParser.add_argument`.
    """
    return dataclasses.field(default=default, metadata={"help": help, "unless": unless, **argument})


def model_option(name: str, help: str, *, unless: tuple[dict[str, Any], ...] = (), **argument: Any) -> Any:
    """A field whose default is the model's own; models without one do not take it."""
    models: dict[Any, list[str]] = {}
    for model, settings in MODELS.items():
        if name in settings:
            models.setdefault(settings[name], []).append(model)
    defaults = [f"{_shown(default)} for {', '.join(names)}" for default, names in models.items()]
    if sum(map(len, models.values())) == len(MODELS):  # all but the first one's are exceptions
        defaults[0] = _shown(next(iter(models)))
    return option(None, f"{help} (default: {'; '.join(defaults)})", unless=unless, **argument)


def _shown(default: Any) -> str:
    if default is None or default == ():
        return "none"
    if isinstance(default, bool):
        return "yes" if default else "no"
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The settings of one run. One that is None means its default: the model's own, as `MODELS` has it (`resolved`).

    Raises:
        InputError: A setting is out of its range, or the model has no use for it.
    """

    data: str | None = option(
        None,
        "corpus: a name from keras_textcnn.catalog, hub:NAME, a .csv, .tsv, .jsonl, .json or .parquet file, a .txt "
        "file of fastText lines (text files as .gz, .xz or .bz2 too), or a folder, .zip or .tar.gz of LABEL/*.txt or "
        "of tables "
        f"(default: {DEFAULT_CORPUS})",
        metavar="CORPUS",
    )
    validation_data: str | None = option(None, "validation corpus (default: a part of --data)", metavar="CORPUS")
    test_data: str | None = option(
        None, "test corpus (default: the corpus's own, else a part of --data)", metavar="CORPUS"
    )
    text_column: tuple[str, ...] = option(
        ("text",),
        "columns that hold the text, separated by commas and joined in this order; a column whose name has commas is "
        "given as it is",
        type=_one,
        metavar="COLUMN,...",
    )
    label_column: str = option(
        "label", "column that holds the label", unless=({"label_columns": SET},), metavar="COLUMN"
    )
    label_columns: tuple[str, ...] = option(
        (),
        "columns that are named like a label and hold 1 where a text has it, else 0, separated by commas: a text may "
        "have several",
        type=_one,
        metavar="COLUMN,...",
    )
    multi_label: str | None = option(
        None,
        "a text may have several labels, with this between them, such as , or ; (default: each has one)",
        unless=({"label_columns": SET},),
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
    escape: str | None = option(
        None,
        r"sign in a CSV or TSV file before a quotation mark or delimiter that is part of a field, such as \ (default: "
        "a quotation mark is doubled)",
        metavar="SIGN",
    )
    header: bool = option(
        True,
        "whether the first row of a CSV or TSV file names the columns; else they are numbered from 1: --text-column 2",
        action=argparse.BooleanOptionalAction,
    )
    skip_unlabelled: bool = option(False, "leave out texts without a label, which else are an error")
    numeric_labels: bool = option(
        False,
        "labels that look like measurements, such as 25.21, are classes all the same",
        unless=({"label_columns": SET},),
    )
    memory: int | None = option(
        None,
        "train a corpus of any size within so many MiB beside the libraries' own, its ids in files below "
        "KERAS_TEXTCNN_HOME (default: all in memory)",
        metavar="MIB",
    )
    validation_fraction: float | None = option(
        None,
        f"part of the training texts split off for validation, in (0, 0.5] (default: {FRACTION}; below {FEW_TEXTS:,} "
        "training texts none, see --inner-folds)",
        unless=({"validation_data": SET}, {"inner_folds": POSITIVE}),
        metavar="F",
    )
    test_fraction: float | None = option(
        None,
        f"part of the texts split off for the test, in (0, 0.5] (default: {FRACTION})",
        unless=({"test_data": SET}, {"folds": SET}),
        metavar="F",
    )
    folds: int | None = option(
        None,
        "cross-validation: deal the texts to so many folds, by label, and train so many runs, each of which is tested "
        "on another fold",
        metavar="N",
    )
    fold: int | None = option(
        None,
        "with --folds, train only the run that is tested on this one, from 1",
        unless=({"folds": None},),
        metavar="K",
    )
    seeds: int | None = option(None, "train so many runs, with --seed and the seeds that follow it", metavar="N")

    tokenizer: str = model_option(
        "tokenizer",
        "tokens: words in lower case with punctuation apart; characters in lower case; or what spaces part, exactly as "
        "it is, for texts that another program has tokenized",
        choices=(WORDS, CHARACTERS, SPACES),
    )
    vocabulary_size: int = model_option(
        "vocabulary_size", "most tokens in the vocabulary, the most frequent ones", metavar="N"
    )
    minimum_count: int = option(1, "rarer tokens of the training texts count as unknown", metavar="N")
    maximum_tokens: int = model_option(
        "maximum_tokens",
        "longer texts are cut to this many tokens, which are characters for charcnn; conv1d-stack, conv2d and "
        "charcnn-zhang cut and pad all texts to the length of the longest to train on, if that is less",
        metavar="N",
    )
    vocabulary: str = model_option(
        "vocabulary",
        "tokens of the training texts, or also words that only the vectors file has, the most frequent ones, up to "
        "--vocabulary-size; without vectors and with --from those of the training texts",
        choices=("train", "train+vectors"),
    )
    alphabet: str | None = model_option(
        "alphabet",
        "characters of the training texts, or the 69 of Zhang, Zhao and LeCun (2015)",
        choices=("corpus", ZHANG),
    )
    vectors: str = model_option(
        "vectors",
        "pretrained vectors: a GloVe, word2vec or fastText .vec file (also .gz, .zip, word2vec's .bin), a name that "
        f"glove_download.sh brings such as glove.6B.100d, {GLOVE_TABLE} (in the package) or none",
        metavar="FILE",
    )
    dimensions: int | None = model_option("dimensions", "width of the embedding; vectors bring their own", metavar="N")
    missing_deviation: float = option(
        0.0,
        "words without a vector start from noise of this many times the vectors' deviation; 0: from zero",
        unless=({"vectors": NO_VECTORS},),
        metavar="F",
    )

    model: str = option("conv1d", "architecture", choices=tuple(MODELS))
    windows: tuple[int, ...] | None = model_option(
        "windows",
        "tokens that each convolution sees, separated by commas: side by side in conv1d and conv2d-windows, else upon "
        "each other",
        metavar="N,N,...",
    )
    filters: int | None = model_option("filters", "feature maps of each convolution", metavar="N")
    poolings: tuple[str, ...] | None = model_option(
        "poolings", "over the windows of a text: max, average or max,average", metavar="NAME,..."
    )
    pooling: int | None = model_option("pooling", "positions that a pooling between layers makes one of", metavar="N")
    hidden: tuple[int, ...] | None = model_option(
        "hidden", "units of hidden layers before the logits, separated by commas, or none", metavar="N,N,..."
    )
    multichannel: bool | None = option(None, "conv1d: a second copy of the vectors, never trained, beside the first")
    ngrams: int | None = model_option(
        "ngrams",
        "a linear model of n-grams of up to so many tokens is trained beside it and added to its logits; 0: none",
        metavar="N",
    )
    ngram_buckets: int | None = option(
        None,
        "rows that n-grams of two tokens and more share, by a hash (default: a power of two, at least 8 for each "
        "different n-gram of the training texts, at most 2**18, and at most 2**25 numbers over all labels)",
        unless=({"ngrams": 0}, {"ngrams": 1}),
        metavar="N",
    )
    ngram_words: int | None = option(
        None,
        "most frequent tokens that have a row of their own beside these, rarer ones have none (default: all, and at "
        "most 2**24 numbers over all labels)",
        unless=({"ngrams": 0},),
        metavar="N",
    )
    ngram_svm: bool | None = option(
        None,
        "the linear model of n-grams is solved for, a support vector machine on TF-IDF, without epochs; all texts' "
        f"n-grams are in memory (default: below {FEW_TEXTS:,} training texts)",
        unless=({"ngrams": 0},),
        action=argparse.BooleanOptionalAction,
    )
    vector_mean: bool | None = option(
        None,
        "conv1d: a logistic regression on the mean of a text's pretrained vectors is added to the logits (default: "
        f"below {FEW_TEXTS:,} training texts)",
        unless=({"vectors": NO_VECTORS, "from_run": None},),
        action=argparse.BooleanOptionalAction,
    )
    embedding: str | None = model_option("embedding", "of the characters", choices=("learned", ONE_HOT))
    embedding_dropout: float | None = model_option(
        "embedding_dropout", "part of the tokens' vectors dropped in training, in [0, 1)", metavar="F"
    )
    dropout: float = model_option(
        "dropout", "part of the pooled features and of hidden layers dropped in training, in [0, 1)", metavar="F"
    )
    max_norm: float | None = option(
        None, "conv1d: the longest that a label's weights may become (default: any length)", metavar="F"
    )

    from_run: str | None = option(
        None,
        "start from a finished run: its architecture and weights, its vocabulary with new tokens behind it, its labels "
        "with new ones behind them (or new ones alone, if the new texts have none of its labels); how a corpus reads, "
        "dropout, precision and class weights are as in the run unless given",
        option="--from",
        metavar="RUN",
    )
    tune: str = option(
        "all",
        "with --from, what the second phase trains: the logits alone (head), them and all biases (BitFit), or all",
        unless=({"from_run": None}, {"unfrozen_epochs": 0}),
        choices=("head", "bias", "all"),
    )
    rehearse: str | None = option(
        None,
        "with --from, the corpus of that run: some of its training texts are mixed in, so that what it knew is not "
        "forgotten, and its test texts are scored before and after",
        unless=({"from_run": None},),
        metavar="CORPUS",
    )
    rehearse_fraction: float = option(
        None,
        f"part of the training texts that are old ones, with --rehearse, in (0, 0.9] (default: {REHEARSED})",
        unless=({"rehearse": None},),
        metavar="F",
    )
    frozen_epochs: int = model_option(
        "frozen_epochs", "epochs of the first phase, in which what --freeze names is frozen", metavar="N"
    )
    unfrozen_epochs: int = model_option(
        "unfrozen_epochs",
        f"epochs of the second phase, everything trained; with --inner-folds the default is at most {FEW_EPOCHS}",
        metavar="N",
    )
    freeze: str = option(
        None,
        "what the first phase leaves as it is; the trunk is all between embedding and logits (default: embedding "
        "with vectors, nothing without, embedding+trunk with --from)",
        choices=("embedding", "trunk", "embedding+trunk", "nothing"),
    )
    optimizer: str = option("adam", "of both phases", choices=("adam", "adamw", "rmsprop", "sgd"))
    weight_decay: float | None = option(
        None,
        "adamw's, of kernels alone: not of embedding, biases and normalizations (default: 0.004)",
        unless=tuple({"optimizer": name} for name in ("adam", "rmsprop", "sgd")),
        metavar="F",
    )
    learning_rate: float = model_option(
        "learning_rate", "learning rate of the first phase", unless=({"frozen_epochs": 0},), metavar="F"
    )
    unfrozen_learning_rate: float = model_option(
        "unfrozen_learning_rate", "learning rate of the second phase", unless=({"unfrozen_epochs": 0},), metavar="F"
    )
    embedding_factor: float = model_option(
        "embedding_factor",
        "an embedding that is not frozen learns this many times as fast as the rest; 1 with rmsprop and sgd",
        unless=({"embedding": ONE_HOT}, {"freeze": "embedding", "unfrozen_epochs": 0}),
        metavar="F",
    )
    ngram_epochs: int | None = model_option(
        "ngram_epochs", "epochs of the linear model of n-grams", unless=_SOLVED, metavar="N"
    )
    ngram_learning_rate: float | None = model_option(
        "ngram_learning_rate", "learning rate of the linear model of n-grams", unless=_SOLVED, metavar="F"
    )
    batch_size: int = model_option("batch_size", "texts a step", metavar="N")
    minimum_steps: int = option(
        40, "optimizer steps of an epoch, at least: in it fewer texts are shown several times", metavar="N"
    )
    inner_folds: int | None = option(
        None,
        "cross-validation in so many folds within the training texts decides the scales of a model's parts, the "
        "temperature and thresholds: no text is set apart for that, and no phase ends early; 0: validation texts "
        f"decide these, and when a phase ends (default: {INNER_FOLDS} below {FEW_TEXTS:,} training texts, unless the "
        f"corpus has {FEW_VALIDATION_TEXTS} validation texts or an option is given that needs validation texts; else "
        "0)",
        unless=({"from_run": SET},),
        metavar="N",
    )
    refit: bool | None = model_option(
        "refit",
        "once the validation texts have chosen epochs and scale, train anew with them among the training texts, for as "
        "many epochs; not where the corpus brings validation texts of its own",
        unless=({"rehearse": SET}, {"validation_data": SET}, {"inner_folds": POSITIVE}),
        action=argparse.BooleanOptionalAction,
    )
    patience: int = option(
        2,
        "epochs without a lower validation loss after which a phase ends",
        unless=({"inner_folds": POSITIVE},),
        metavar="N",
    )
    class_weight: str = option(
        "none",
        "in the loss: balanced, all texts of a rare label weigh as much as all of a frequent one; square-root, by the "
        "square root of that, which is steadier",
        choices=("none", "square-root", "balanced"),
    )
    sampling: str = option(
        "natural",
        "an epoch shows each training text once, or (balanced) draws as many so that every label is as frequent",
        choices=("natural", "balanced"),
    )
    focal_gamma: float = option(
        0.0,
        "focal loss: cross-entropy times (1 - p)^F, so that what is learnt already weighs less; often 2; not of the "
        "n-grams",
        metavar="F",
    )
    histograms: bool | None = option(None, "TensorBoard shows the distribution of every weight after each epoch too")
    precision: str = option(
        "float32",
        "in which layers compute: bfloat16 is faster where the processor has it, slower elsewhere; weights are float32",
        choices=("float32", "bfloat16"),
    )
    deterministic: bool = option(
        False,
        "TensorFlow takes only operations that give the same bits each time, for a GPU; a processor's do anyway",
    )
    seed: int = option(0, "fixes the split, the initial weights, the shuffles and the dropout", metavar="N")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if isinstance(getattr(self, field.name), list):  # of a frozen dataclass, while it is made
                object.__setattr__(self, field.name, tuple(getattr(self, field.name)))
            value, choices, kind = getattr(self, field.name), field.metadata.get("choices"), _kinds()[field.name]
            shown = kind.__name__ if isinstance(kind, type) else kind
            self._require(field.name, value is field.default or _fits(value, kind), str(shown))
            self._require(field.name, value is None or not choices or value in choices, f"of {_shown(choices)}")
            if value not in (None, False, field.default) and (reason := _idle(vars(self), field.name)):
                raise InputError(f"{_option(field.name)} does not apply {reason}; leave it out")
        if self.resolved() is self:
            self._check_corpus()
            self._check_tokens()
            self._check_model()
            self._check_fit()
            self._check_adaptation()

    def resolved(self, *, texts: int | None = None, validation_texts: int = 0) -> "TrainConfig":
        """The same settings with a default for each that is None, as the model and the others have it.

        `dimensions` stays None with vectors, which bring their own; what depends on the number of texts (`BY_SIZE`)
        stays None without that.

        Args:
            texts: To train on, validation texts not yet split off.
            validation_texts: That the corpus brings.
        """
        own = dict(MODELS[self.model])
        for name in {name for settings in MODELS.values() for name in settings} - {"dimensions"}:
            if getattr(self, name) and name not in own:
                raise InputError(f"{_option(name)} means nothing to --model {self.model}; leave it out")
        if self.tokenizer == CHARACTERS:
            own["vectors"] = NO_VECTORS  # the files have words
        vectors = own["vectors"] if self.vectors is None else self.vectors
        if vectors != NO_VECTORS or (self.embedding or own.get("embedding")) == ONE_HOT:
            del own["dimensions"]
        if self.optimizer not in LAZY_OPTIMIZERS:
            own["embedding_factor"] = 1.0
        if vectors == NO_VECTORS or self.from_run:
            own["vocabulary"] = "train"
        own["freeze"] = "nothing" if vectors == NO_VECTORS else "embedding"  # what is random needs no protection
        if self.from_run:
            own["freeze"] = "embedding+trunk"
        own["weight_decay"] = 0.004
        if self.rehearse:
            own["rehearse_fraction"] = REHEARSED
        if texts is None:
            own = {name: value for name, value in own.items() if name not in BY_SIZE}
        else:
            own |= self._sized(own, texts, validation_texts)
        missing = {name: value for name, value in own.items() if getattr(self, name) is None and value is not None}
        together = {**vars(self), **missing}
        missing = {name: value for name, value in missing.items() if not _idle(together, name)}
        return dataclasses.replace(self, **missing) if missing else self

    def _sized(self, own: Mapping[str, Any], texts: int, validation_texts: int) -> dict[str, Any]:
        """The defaults that depend on the number of texts: the one rule by which a recipe serves every size.

        Args:
            own: The defaults of the model.
            texts, validation_texts: As to `resolved`.
        """
        few = texts < FEW_TEXTS and not self.from_run
        solved = few and self.ngram_epochs is None and self.ngram_learning_rate is None
        # Whoever gives one of these wants validation texts to decide.
        given = self.validation_fraction is not None or self.refit is not None or self.patience != TrainConfig.patience
        crossed = few and validation_texts < FEW_VALIDATION_TEXTS and not given
        folds = self.inner_folds if self.inner_folds is not None else INNER_FOLDS if crossed else 0
        sized: dict[str, Any] = {"inner_folds": folds}
        if folds:
            sized["unfrozen_epochs"] = min(own["unfrozen_epochs"], FEW_EPOCHS)
        if "ngram_svm" in own:
            sized |= {"ngram_svm": solved, "vector_mean": few}
        return sized

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "TrainConfig":
        """Settings that a file holds; those without effect, which older versions wrote, are left out.

        Raises:
            InputError: A setting is out of its range.
            TypeError: There is no such setting.
        """
        return cls(**_without_idle(settings)).resolved()

    def adapted(self, **given: Any) -> "TrainConfig":
        """Settings for a run that starts from one with these.

        The model is the same. Dropout, norm, vectors, precision, the balance of the labels and how a corpus is read are
        the same unless they are given.

        Args:
            given: Other settings; `from_run` among them.

        Raises:
            InputError: One of them would make another model.
        """
        for name in ARCHITECTURE:
            if name in given and given[name] != getattr(self, name):
                raise InputError(f"{_option(name)} is that of the run, {_shown(getattr(self, name))}; leave it out")
        settings = {name: getattr(self, name) for name in (*ARCHITECTURE, *INHERITED)} | given
        return TrainConfig(**_without_idle(settings, kept=given)).resolved()

    def read_as(self, **given: Any) -> "TrainConfig":
        """The same settings, but for how a corpus is read; one that has no effect beside the given ones is left out."""
        return TrainConfig(**_without_idle({**vars(self), **given}, kept=given))

    def repeats(self) -> "dict[str, TrainConfig]":
        """The settings of each run that these mean, by the name of its folder; none if they mean a single run."""
        if self.folds and not self.fold:
            return {f"fold-{fold}": dataclasses.replace(self, fold=fold) for fold in range(1, self.folds + 1)}
        seeds = range(self.seed, self.seed + (self.seeds or 0))
        return {f"seed-{seed}": dataclasses.replace(self, seed=seed, seeds=None) for seed in seeds}

    @property
    def fractions(self) -> dict[str, Any]:
        """What parts of the texts validation, if there is one, and test get, as `splits.split_texts` takes them."""
        validation = None if self.inner_folds else self.validation_fraction or FRACTION
        return {"validation_fraction": validation, "test_fraction": self.test_fraction or FRACTION}

    @property
    def fold_of_folds(self) -> tuple[int, int] | None:
        """The fold to test on, from 1, and how many there are; None without cross-validation."""
        return (self.fold, self.folds) if self.fold and self.folds else None

    @property
    def several_labels(self) -> bool:
        """Whether a text may have any number of labels, or exactly one."""
        return self.multi_label is not None or bool(self.label_columns)

    @property
    def prediction_batch_size(self) -> int:
        """Texts a step where nothing is learnt."""
        return min(256, 4 * self.batch_size)

    def _check_corpus(self) -> None:
        self._require("memory", self.memory is None or self.memory >= 256, "at least 256 MiB")
        self._require("multi_label", self.multi_label != "", "at least one character")
        one_sign = self.escape is None or (len(self.escape) == 1 and self.escape not in ('"', self.delimiter))
        self._require("escape", one_sign, "one character, and neither the delimiter nor a quotation mark")
        self._require("delimiter", self.delimiter in {None, r"\t"} or len(self.delimiter or "") == 1, "one character")
        self._require("text_column", all(self.text_column), "names of columns")
        for name in ("validation_fraction", "test_fraction"):
            self._require(name, getattr(self, name) is None or 0 < getattr(self, name) <= 0.5, "in (0, 0.5]")
        self._require("seed", 0 <= self.seed <= 2**32 - (self.seeds or 1), "at least 0 and below 2**32")
        self._require("seeds", self.seeds is None or self.seeds >= 2, "at least 2")
        self._require("seeds", not self.seeds or self.seeds <= MOST_RUNS, f"at most {MOST_RUNS}")
        self._require("seeds", not self.seeds or not self.folds, "left out with --folds")
        self._require("folds", self.folds is None or self.folds >= 3, "at least 3")
        self._require("folds", not self.folds or self.folds <= MOST_RUNS, f"at most {MOST_RUNS}")
        self._require("folds", not self.folds or not self.test_data, "left out with --test-data")
        self._require("folds", not self.folds or not self.rehearse, "left out with --rehearse")
        self._require("fold", self.fold is None or 1 <= self.fold <= (self.folds or 0), "one of --folds, from 1")

    def _check_tokens(self) -> None:
        without = self.vectors == NO_VECTORS
        of_characters = "alphabet" in MODELS[self.model]
        self._require("tokenizer", not of_characters or self.tokenizer == CHARACTERS, f"{CHARACTERS} for {self.model}")
        self._require("vectors", without or not of_characters, "none for a model of characters")
        self._at_least_one("minimum_count", "maximum_tokens", "dimensions")
        self._require("maximum_tokens", self.maximum_tokens < 2**31, "below 2**31")
        self._require("vocabulary_size", self.vocabulary_size >= 3, "at least 3")
        self._require("vocabulary", self.vocabulary == "train" or not without, "train, without vectors")
        if self.alphabet == ZHANG:
            self._require("vocabulary_size", self.vocabulary_size >= 71, "at least 71 with that alphabet")
            self._require("minimum_count", self.minimum_count == 1, "left out with that alphabet")
        self._require("missing_deviation", 0 <= self.missing_deviation < float("inf"), "a number of at least 0")
        self._require(
            "dimensions", self.embedding != ONE_HOT or not self.dimensions, "left out with one-hot characters"
        )
        self._require("multichannel", not self.multichannel or not without, "left out without vectors")

    def _check_model(self) -> None:
        self._at_least_one("filters", "pooling", "ngram_buckets", "ngram_words")
        self._require("ngrams", 0 <= (self.ngrams or 0) <= MOST_NGRAMS, f"at least 0 and at most {MOST_NGRAMS}")
        for name in ("windows", "hidden"):
            sizes = getattr(self, name)
            positive = sizes is None or (isinstance(sizes, tuple) and min(sizes, default=1) >= 1)
            self._require(name, positive and (name == "hidden" or sizes != ()), "numbers of at least 1")
        side_by_side = "pooling" not in MODELS[self.model]
        self._require("windows", not side_by_side or _different(self.windows or ()), "different numbers")
        known = self.poolings is None or (self.poolings != () and set(self.poolings) <= {"max", "average"})
        self._require("poolings", known and _different(self.poolings or ()), "max, average or max,average")
        for name in ("embedding_dropout", "dropout"):
            self._require(name, 0 <= (getattr(self, name) or 0) < 1, "in [0, 1)")
        self._require("max_norm", self.max_norm is None or 0 < self.max_norm < float("inf"), "a positive number")

    def _check_fit(self) -> None:
        self._at_least_one("batch_size", "patience", "ngram_epochs", "minimum_steps")
        for name in ("frozen_epochs", "unfrozen_epochs"):
            self._require(name, getattr(self, name) is None or getattr(self, name) >= 0, "at least 0")
        some = self.frozen_epochs != 0 or self.unfrozen_epochs != 0
        self._require("unfrozen_epochs", some, "at least 1 without frozen ones")
        folds = self.inner_folds is None or self.inner_folds == 0 or 2 <= self.inner_folds <= MOST_RUNS
        self._require("inner_folds", folds, f"0, or at least 2 and at most {MOST_RUNS}")
        self._require("focal_gamma", 0 <= self.focal_gamma < float("inf"), "a number of at least 0")
        rates = ("learning_rate", "unfrozen_learning_rate", "ngram_learning_rate", "embedding_factor")
        for name in rates:
            value = getattr(self, name)
            self._require(name, value is None or 0 < value < float("inf"), "a positive number")
        lazy = self.optimizer in LAZY_OPTIMIZERS
        self._require("embedding_factor", lazy or self.embedding_factor == 1, f"1 with --optimizer {self.optimizer}")
        decays = self.weight_decay is None or 0 <= self.weight_decay < float("inf")
        self._require("weight_decay", decays, "a number of at least 0")

    def _check_adaptation(self) -> None:
        self._require("rehearse_fraction", not self.rehearse or 0 < self.rehearse_fraction <= 0.9, "in (0, 0.9]")
        self._require("memory", not self.memory or not self.rehearse, "left out with --rehearse")

    def _at_least_one(self, *names: str) -> None:
        for name in names:
            self._require(name, getattr(self, name) is None or getattr(self, name) >= 1, "at least 1")

    def _require(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(f"{_option(name)} must be {rule}; received: {_shown(getattr(self, name))}")


@functools.cache
def _kinds() -> dict[str, Any]:
    return typing.get_type_hints(TrainConfig)


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value, which may come from a stranger's file, is of the kind that its field says, and no monster."""
    if isinstance(kind, types.UnionType):
        return any(_fits(value, one) for one in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        of = typing.get_args(kind)[0]
        return isinstance(value, tuple) and len(value) <= MOST_NUMBERS and all(_fits(one, of) for one in value)
    if kind in (int, float):
        whole = isinstance(value, numbers.Integral) and abs(int(value)) < 2**40
        return not isinstance(value, bool) and (whole or (kind is float and isinstance(value, float)))
    return isinstance(value, kind)


def _idle(settings: Mapping[str, Any], name: str) -> str | None:
    """Why a setting has no effect beside the others, if so: "with" or "without" another option."""
    for others in TrainConfig.__dataclass_fields__[name].metadata["unless"]:
        if all(_is(settings[other], value) for other, value in others.items()):
            return " and ".join(_describe_setting(other, value) for other, value in others.items())
    return None


def _without_idle(settings: Mapping[str, Any], *, kept: Container[str] = ()) -> dict[str, Any]:
    """The settings without those that have no effect beside the others, save some that a user gave."""
    defaults = {name: field.default for name, field in TrainConfig.__dataclass_fields__.items()}
    together = {**defaults, **settings}
    return {
        name: value
        for name, value in settings.items()
        if name in kept or name not in defaults or not _idle(together, name)
    }


def _is(value: Any, wanted: Any) -> bool:
    if wanted is POSITIVE:
        return bool(value)
    return value not in (None, (), []) if wanted is SET else value == wanted  # a file's lists are no tuples yet


def _describe_setting(name: str, value: Any) -> str:
    if value is None:
        return f"without {_option(name)}"
    return f"with {_option(name)}" if value in (SET, POSITIVE) else f"with {_option(name)} {_shown(value)}"


def _option(name: str) -> str:
    return str(TrainConfig.__dataclass_fields__[name].metadata.get("option", f"--{name.replace('_', '-')}"))


def _different(values: tuple[Any, ...]) -> bool:
    return len(set(values)) == len(values)
