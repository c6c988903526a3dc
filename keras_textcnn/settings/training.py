"""Settings of the training: phases, optimizer, what decides if there are few texts, and how the training computes."""

import argparse
import dataclasses

from keras_textcnn.presets import (
    CHARACTERS,
    FEW_EPOCHS,
    FEW_TEXTS,
    FEW_VALIDATION_TEXTS,
    INNER_FOLDS,
    MONITORS,
    MOST_SUBWORD_LABELS,
    MOST_SUBWORD_TOKENS,
    MOST_SUBWORD_WORK,
    ONE_HOT,
    REHEARSED,
    VAL_LOSS,
)
from keras_textcnn.settings.data import MOST_RUNS
from keras_textcnn.settings.fields import (
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVE_NUMBER,
    SET,
    Range,
    at_least,
    model_option,
    option,
)
from keras_textcnn.settings.spaces import Choice, Interval

_OWN_RATE = ({"optimizer": "adadelta"},)  # which has a rate of its own
_NOT_LAZY = tuple({"optimizer": name} for name in ("rmsprop", "sgd", "adadelta"))
_SOLVED = {"ngrams": 0}, {"ngram_svm": True, "from_run": None}  # the n-grams have no epochs then


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The phases, the optimizer, what decides if there are few texts, and how the training computes."""

    from_run: str | None = option(
        None,
        "start from a finished run: its architecture and weights, its vocabulary followed by new tokens, its labels "
        "followed by new ones (or only new ones, if the new texts have none of its labels); how a corpus is read, "
        "dropout, precision and class weights are as in the run unless given",
        brief="start from a finished run",
        option="--from",
        metavar="RUN",
    )
    tune: str = option(
        "all",
        "with --from, what the second phase trains: only the logits (head), the logits and all biases (bias, as in "
        "BitFit), or all",
        unless=({"from_run": None}, {"unfrozen_epochs": 0}),
        choices=("head", "bias", "all"),
    )
    rehearse: str | None = option(
        None,
        "with --from, the corpus of that run: some of its training texts are mixed in so that the model does not "
        "forget what it knew, and its test texts are scored before and after",
        unless=({"from_run": None},),
        metavar="CORPUS",
    )
    rehearse_fraction: float = option(
        None,
        f"with --rehearse, the fraction of the training texts that are old ones, in (0, 0.9] (default: {REHEARSED})",
        unless=({"rehearse": None},),
        allowed=Range(lambda value: 0 < value <= 0.9, "in (0, 0.9]"),
        metavar="F",
    )
    frozen_epochs: int = model_option(
        "frozen_epochs",
        "epochs of the first phase, which does not train what --freeze names",
        allowed=at_least(0),
        brief="epochs with frozen vectors (default: by the model)",
        metavar="N",
    )
    unfrozen_epochs: int = model_option(
        "unfrozen_epochs",
        f"epochs of the second phase, which trains everything; with --inner-folds the default is at most {FEW_EPOCHS}",
        allowed=at_least(0),
        search=(Interval(3, 12, unless=({"inner_folds": 0},)),),
        brief="epochs with everything trained, at most",
        metavar="N",
    )
    freeze: str = option(
        None,
        "what the first phase does not train; the trunk is everything between embedding and logits (default: embedding "
        "with vectors, nothing without, embedding+trunk with --from)",
        choices=("embedding", "trunk", "embedding+trunk", "nothing"),
    )
    optimizer: str = option("adam", "optimizer of both phases", choices=("adam", "adamw", "rmsprop", "sgd", "adadelta"))
    weight_decay: float | None = option(
        None,
        "weight decay of adamw, only for kernels, not for embedding, biases and normalizations (default: 0.004)",
        unless=tuple({"optimizer": name} for name in ("adam", "rmsprop", "sgd", "adadelta")),
        allowed=NOT_NEGATIVE,
        search=(Interval(1e-4, 0.1, scale="log"),),
        metavar="F",
    )
    learning_rate: float = model_option(
        "learning_rate",
        "learning rate of the first phase; with adadelta the default is 1",
        unless=({"frozen_epochs": 0},),
        allowed=POSITIVE_NUMBER,
        search=(Interval(5e-4, 1e-2, scale="log", unless=_OWN_RATE),),
        metavar="F",
    )
    unfrozen_learning_rate: float = model_option(
        "unfrozen_learning_rate",
        "learning rate of the second phase; with adadelta the default is 1",
        unless=({"unfrozen_epochs": 0},),
        allowed=POSITIVE_NUMBER,
        search=(Interval(2e-4, 4e-3, scale="log", unless=_OWN_RATE),),
        metavar="F",
    )
    embedding_factor: float = model_option(
        "embedding_factor",
        "an embedding that is not frozen learns this many times as fast as the rest; 1 with rmsprop, sgd and adadelta",
        unless=({"embedding": ONE_HOT}, {"freeze": "embedding", "unfrozen_epochs": 0}),
        allowed=POSITIVE_NUMBER,
        search=(Interval(1.0, 20.0, scale="log", unless=_NOT_LAZY),),
        metavar="F",
    )
    ngram_epochs: int | None = model_option(
        "ngram_epochs",
        "epochs of the linear model of n-grams",
        unless=_SOLVED,
        allowed=at_least(1),
        metavar="N",
    )
    ngram_learning_rate: float | None = model_option(
        "ngram_learning_rate",
        "learning rate of the linear model of n-grams",
        unless=_SOLVED,
        allowed=POSITIVE_NUMBER,
        search=(Interval(2e-3, 5e-2, scale="log"),),
        metavar="F",
    )
    subwords: bool | None = option(
        None,
        "add a support vector machine on the parts of words, 3 to 5 characters long, to the linear model of n-grams "
        f"(default: without --ngram-svm, up to {MOST_SUBWORD_TOKENS:,} running training tokens, "
        f"{MOST_SUBWORD_LABELS:,} labels, and {MOST_SUBWORD_WORK:,} of one times the other, if they take at most a "
        "quarter of --memory)",
        unless=({"ngrams": 0}, {"tokenizer": CHARACTERS}, {"from_run": SET}),
        action=argparse.BooleanOptionalAction,
    )
    batch_size: int = model_option(
        "batch_size",
        "texts per step",
        allowed=at_least(1),
        search=(Choice((32, 64, 128)),),
        metavar="N",
    )
    minimum_steps: int = option(
        40,
        "fewest optimizer steps of an epoch; if there are too few texts for that, it shows them several times",
        allowed=at_least(1),
        metavar="N",
    )
    inner_folds: int | None = option(
        None,
        "cross-validation with this many folds within the training texts decides the scales of a model's parts, the "
        "temperature and the thresholds: no text is set apart for that, and no phase ends early; 0: validation texts "
        f"decide these, and when a phase ends (default: {INNER_FOLDS} below {FEW_TEXTS:,} training texts, unless the "
        f"corpus has {FEW_VALIDATION_TEXTS} validation texts or an option is given that needs validation texts; "
        "otherwise 0)",
        unless=({"from_run": SET},),
        allowed=Range(lambda value: value == 0 or 2 <= value <= MOST_RUNS, f"0, or at least 2 and at most {MOST_RUNS}"),
        metavar="N",
    )
    refit: bool | None = model_option(
        "refit",
        "once the validation texts have decided epochs and scale, train again from scratch on training and validation "
        "texts, for as many epochs; not if the corpus has validation texts of its own",
        unless=({"rehearse": SET}, {"validation_data": SET}, {"inner_folds": POSITIVE}),
        action=argparse.BooleanOptionalAction,
    )
    monitor: str = option(
        VAL_LOSS,
        "what makes an epoch the best one: the lowest loss or the highest accuracy of the validation texts",
        unless=({"inner_folds": POSITIVE},),
        choices=MONITORS,
    )
    patience: int = option(
        2,
        "epochs without a better one after which a phase ends",
        unless=({"inner_folds": POSITIVE},),
        allowed=at_least(1),
        metavar="N",
    )
    class_weight: str = option(
        "none",
        "weights of the labels in the loss: balanced, so that all texts of a rare label weigh as much as all of a "
        "frequent one; square-root, the square root of these weights, which is more stable",
        unless=({"soft_labels": True},),
        choices=("none", "square-root", "balanced"),
    )
    sampling: str = option(
        "natural",
        "an epoch shows each training text once, or (balanced) draws the same number of texts so that all labels "
        "are equally frequent",
        choices=("natural", "balanced"),
    )
    focal_gamma: float = option(
        0.0,
        "focal loss: cross-entropy times (1 - p)^F, so that texts already learnt weigh less; often 2; not for the "
        "n-grams",
        unless=({"soft_labels": True},),
        allowed=NOT_NEGATIVE,
        metavar="F",
    )
    histograms: bool | None = option(None, "TensorBoard also shows the distribution of every weight after each epoch")
    precision: str = option(
        "float32",
        "precision in which layers compute: bfloat16 is faster if the processor supports it, and slower if not; "
        "weights are float32",
        choices=("float32", "bfloat16"),
    )
    weights: str = option(
        "float32",
        "numbers in model.textcnn: float16 halves the file and changes probabilities by up to about 0.001",
        choices=("float32", "float16"),
    )
    deterministic: bool = option(
        False,
        "for a GPU: use only TensorFlow operations that give the same bits each time, as those of a CPU always do",
    )
    devices: str = option(
        "one",
        "all trains on all GPUs of this machine, each of which takes its part of every batch",
        choices=("one", "all"),
    )
    seed: int = option(
        0,
        "determines the split, the initial weights, the shuffles and the dropout",
        brief="fixes splits, weights and batches (default: 0)",
        metavar="N",
    )
