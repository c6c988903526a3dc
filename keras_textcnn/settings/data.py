"""Settings of the corpus: where the texts are, how they are read, and how they are split."""

import argparse
import dataclasses

from keras_textcnn.presets import DEFAULT_CORPUS, FEW_TEXTS, FRACTION
from keras_textcnn.settings.fields import (
    POSITIVE,
    SET,
    SPLIT_FRACTION,
    TEST_FRACTION,
    Range,
    at_least,
    one_name,
    option,
)

MOST_RUNS = 1000  # per command
# The settings for reading texts, and those for reading their labels as well.
TEXT_SETTINGS = ("text_column", "encoding", "errors", "delimiter", "quoting", "escape", "header")
CORPUS_SETTINGS = (
    *TEXT_SETTINGS,
    *("label_column", "label_columns", "soft_labels", "multi_label", "skip_unlabelled", "numeric_labels"),
    "weight_column",
)
ONE_SIGN = Range(lambda value: value == r"\t" or len(value) == 1, "one character")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where the texts are, how they are read, and how they are split."""

    data: str | None = option(
        None,
        "corpus: a name that the catalog command lists, hub:NAME, a .csv, .tsv, .jsonl, .json or .parquet file, a .txt "
        "file of fastText lines (text files as .gz, .xz or .bz2 too), or a folder, .zip or .tar.gz of LABEL/*.txt or "
        f"of tables (default: {DEFAULT_CORPUS})",
        metavar="CORPUS",
    )
    validation_data: str | None = option(None, "validation corpus (default: a part of the corpus)", metavar="CORPUS")
    test_data: str | None = option(
        None,
        "test corpus (default: the corpus's own, or a part of it)",
        brief="test texts (default: the corpus's own, or a tenth)",
        metavar="CORPUS",
    )
    text_column: tuple[str, ...] = option(
        ("text",),
        "columns that hold the text, separated by commas and joined in this order; a column whose own name has commas "
        "is given unchanged",
        allowed=Range(all, "names of columns"),
        brief="columns that hold the text (default: text)",
        type=one_name,
        metavar="COLUMN,...",
    )
    label_column: str = option(
        "label",
        "column that holds the label",
        unless=({"label_columns": SET},),
        brief="column that holds the label (default: label)",
        metavar="COLUMN",
    )
    label_columns: tuple[str, ...] = option(
        (),
        "columns, each named after a label, that hold 1 if a text has it and 0 if not, separated by commas: a text may "
        "have several labels, unless --soft-labels",
        type=one_name,
        metavar="COLUMN,...",
    )
    soft_labels: bool = option(
        False,
        "the --label-columns hold probabilities, which add up to 1: training learns them, and the most probable label "
        "is the text's label for all else, such as splits and scores",
        unless=({"label_columns": ()},),
    )
    weight_column: str | None = option(
        None,
        "column that holds how much a text counts in training, a number of at least 0; only the ratios of the weights "
        "matter (default: all texts count the same)",
        metavar="COLUMN",
    )
    multi_label: str | None = option(
        None,
        "a text may have several labels, separated by this, such as , or ; (default: each text has one)",
        unless=({"label_columns": SET},),
        allowed=Range(bool, "at least one character"),
        brief="several labels per text, separated by this",
        metavar="SEPARATOR",
    )
    encoding: str = option("utf-8", "encoding of the corpus's files, such as latin-1", metavar="NAME")
    errors: str = option(
        "strict",
        "whether a byte that does not decode is an error, or is replaced and counted",
        choices=("strict", "replace"),
    )
    delimiter: str | None = option(
        None,
        r"separator of the fields of a table, such as ; or \t (default: a comma in .csv, a tab in .tsv)",
        allowed=ONE_SIGN,
        metavar="SIGN",
    )
    quoting: str = option(
        "standard",
        "whether a quotation mark opens a field of a CSV or TSV file, or is an ordinary character (none)",
        choices=("standard", "none"),
    )
    escape: str | None = option(
        None,
        r"character before a quotation mark or delimiter that is part of a field of a CSV or TSV file, such as \ "
        "(default: a quotation mark is doubled)",
        allowed=Range(
            lambda value: len(value) == 1 and value != '"',
            "one character, and neither the delimiter nor a quotation mark",
        ),
        metavar="SIGN",
    )
    header: bool = option(
        True,
        "whether the first row of a CSV or TSV file names the columns; if not, they are numbered from 1: "
        "--text-column 2",
        action=argparse.BooleanOptionalAction,
    )
    skip_unlabelled: bool = option(False, "leave out texts without a label, which are otherwise an error")
    numeric_labels: bool = option(
        False,
        "accept labels that look like measurements, such as 25.21, as classes",
        unless=({"label_columns": SET},),
    )
    memory: int | None = option(
        None,
        "train on a corpus of any size with at most this many MiB beyond what the libraries take; its ids are kept in "
        "files below KERAS_TEXTCNN_HOME (default: everything in memory)",
        unless=({"soft_labels": True}, {"weight_column": SET}),
        allowed=at_least(256, unit=" MiB"),
        metavar="MIB",
    )
    validation_fraction: float | None = option(
        None,
        f"fraction of the training texts split off for validation, in (0, 0.5] (default: {FRACTION}; none below "
        f"{FEW_TEXTS:,} training texts, see --inner-folds)",
        unless=({"validation_data": SET}, {"inner_folds": POSITIVE}),
        allowed=SPLIT_FRACTION,
        metavar="F",
    )
    test_fraction: float | None = option(
        None,
        f"fraction of the texts split off for the test, in [0, 0.5]; 0: none, all are trained on (default: {FRACTION})",
        unless=({"test_data": SET}, {"folds": SET}),
        allowed=TEST_FRACTION,
        metavar="F",
    )
    folds: int | None = option(
        None,
        "cross-validation: deal the texts to this many folds, by label, and train one run per fold, which is tested on "
        "it",
        allowed=at_least(3, most=MOST_RUNS),
        brief="cross-validation with N folds",
        metavar="N",
    )
    fold: int | None = option(
        None,
        "with --folds, train only the run that is tested on this fold, counted from 1",
        unless=({"folds": None},),
        metavar="K",
    )
    seeds: int | None = option(
        None,
        "train this many runs, with --seed and the seeds after it",
        allowed=at_least(2, most=MOST_RUNS),
        metavar="N",
    )
