"""Command: a corpus in, a run directory out."""

import argparse
import dataclasses
import hashlib
import json
import re
import shlex
import sys
from collections.abc import Container, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_textcnn.cli.arguments import Parser, program
from keras_textcnn.cli.entry_point import run_command
from keras_textcnn.cli.own_files import add_own_options, read_own_options, repeat_own_options
from keras_textcnn.cli.progress import console, counting
from keras_textcnn.config import GROUPS, TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.data.datasets import CATALOG
from keras_textcnn.data.loading import as_given, check_reading, describe_reading, locate, make_reader, read_records
from keras_textcnn.errors import FetchError, InputError
from keras_textcnn.inference.light.file import NAME
from keras_textcnn.io.files import fingerprint, home
from keras_textcnn.own_functions import file_of, give_functions, own_function
from keras_textcnn.persistence.run import SUMMARY, Repeats, Run, check_free, free_directory
from keras_textcnn.presets import DEFAULT_CORPUS, NO_VECTORS
from keras_textcnn.recipes.recipe import describe_recipe
from keras_textcnn.recipes.recipe_file import read_recipe
from keras_textcnn.settings.data import CORPUS_SETTINGS
from keras_textcnn.text.pretrained_vectors import find_vectors
from keras_textcnn.utils.log import log_lines, logger
from keras_textcnn.utils.tensorflow import import_tensorflow
from keras_textcnn.utils.terminal import Console

if TYPE_CHECKING:
    from keras_textcnn.data.tokenized import TokenizedCorpus

DESCRIPTION = """Trains a convolutional text classifier and writes a run directory: weights,
report, pictures and a SavedModel that takes raw text."""
EXAMPLES = """train
train reviews.csv --text-column review --label-column stars
train texts/ --recipe kim2014-nonstatic --output runs/texts
train --resume runs/texts"""
CORPUS_HELP = (
    "a CSV, TSV, JSON, Parquet or fastText file, a folder or archive of LABEL/*.txt, or a name from the command "
    f"catalog (default: {DEFAULT_CORPUS})"
)

CORPORA = ("data", "validation_data", "test_data", "rehearse")
PATHS = ("vectors", "from_run")


def main() -> int:
    """The command `python -m keras_textcnn.train`."""
    parser = Parser("train", usage="[CORPUS] [options]", description=DESCRIPTION, examples=EXAMPLES, all_options=True)
    parser.group("data").add_argument("corpus", nargs="?", metavar="CORPUS", help=CORPUS_HELP)
    parser.add_options(GROUPS)
    add_own_options(parser)
    parser.group("model").add_argument(
        "--recipe",
        metavar="NAME",
        help="settings of a paper, such as kim2014-nonstatic",
    )
    output = parser.group("output")
    output.add_argument("--output", type=Path, metavar="DIR", help="the run directory (default: a new one in runs/)")
    output.add_argument("--resume", type=Path, metavar="RUN", help="continue an interrupted run with its settings")
    return run_command(_main, parser)


def _main(arguments: argparse.Namespace) -> None:
    config, directory, recipe = _plan(arguments)
    log_lines(describe_recipe(recipe) if recipe else ())
    command = f"{program('train')} --resume {shlex.quote(str(directory))}{repeat_own_options(arguments)}"
    carry_out(config, directory, recipe=recipe, resumed=bool(arguments.resume), command=command)
    from keras_textcnn.evaluation.descriptions import describe_old_texts
    from keras_textcnn.evaluation.tables import repeats_table, results_table, significance_lines

    # A narrower table would lose its row names.
    results = Console(width=max(console().width, 96), highlight=False, soft_wrap=True, markup=False, emoji=False)
    if config.repeats():
        repeats = Repeats(directory)
        summary = repeats.read_json(SUMMARY)
        results.print(repeats_table(summary), *significance_lines(summary), sep="\n")
        results.print(f"\nThe runs are in {directory}. Each holds report.html and its model.")
        return
    metrics = Run(directory).read_json("metrics.json")
    results.print(results_table(metrics), *significance_lines(metrics), sep="\n")
    if "old_texts" in metrics:
        results.print(describe_old_texts(metrics["old_texts"]))
    models = f"{NAME} and the SavedModel" if (directory / NAME).exists() else "the SavedModel"
    results.print(f"\nThe run is in {directory}: report.html, {models}. Try next:\n")
    results.print(f"    {program('predict')} {shlex.quote(str(directory))} {_example(config)}\n")


def carry_out(
    config: TrainConfig, directory: Path, *, recipe: Mapping[str, Any] | None = None, resumed: bool, command: str
) -> None:
    """Reads the corpora that the settings name, and trains one run or several.

    Args:
        config: The settings.
        directory: A free directory or, if resumed, one that holds an unfinished run or runs with these settings.
        recipe: As for `trainer.train`.
        resumed: Whether to continue what is in the directory.
        command: The command that continues after an interruption; error messages name it.
    """
    sources = _sources(config)
    if config.vectors != NO_VECTORS:
        find_vectors(config.vectors)
    if config.memory is None:  # before the slow import of TensorFlow, so that bad input is reported at once
        corpus: Corpus | TokenizedCorpus = read_corpus(config)
    rehearsed = _read_rehearsed(config) if config.rehearse else None
    import_tensorflow()
    from keras_textcnn.training.cross_validation import train_repeats
    from keras_textcnn.training.trainer import train

    if config.memory is not None:
        corpus = _shards(config, sources, config.memory)
    try:
        if config.repeats():
            facts = {"recipe": recipe} if recipe else {}
            repeats = Repeats(directory) if resumed else Repeats.create(directory, config, facts)
            train_repeats(repeats, corpus, config=config, rehearsed=rehearsed)
        else:
            train(config, corpus, directory, recipe=recipe, resumed=resumed, rehearsed=rehearsed)
    except (KeyboardInterrupt, OSError) as stopped:
        if not any((directory / name).exists() for name in ("config.json", SUMMARY)):
            raise
        if isinstance(stopped, KeyboardInterrupt):
            raise type(stopped)(f"continue with {command}") from None
        raise RuntimeError(
            f"cannot write to {directory}: {stopped.strerror or stopped}; fix this and continue with {command}"
        ) from stopped


def read_given(arguments: argparse.Namespace, names: Container[str]) -> dict[str, Any]:
    """The settings that a command line gives, with absolute paths, so that --resume finds them from any folder.

    Args:
        arguments: The command line, which also has `corpus`, `output` and `resume`.
        names: The settings that it may have.

    Raises:
        InputError: Two corpora are given, or the name of a file is not UTF-8.
    """
    given = {name: value for name, value in vars(arguments).items() if name in names}
    if arguments.corpus is not None:
        if "data" in given:
            raise InputError(f"two corpora: {arguments.corpus} and --data {given['data']}; give only one")
        given["data"] = arguments.corpus
    for name in PATHS:
        if given.get(name) and Path(given[name]).exists():
            given[name] = str(Path(given[name]).resolve())
    for name in CORPORA:
        if given.get(name):
            given[name] = as_given(given[name])
    for path in (*given.values(), arguments.output, arguments.resume):
        try:
            str(path).encode()
        except UnicodeEncodeError:
            raise InputError(f"file name is not UTF-8: {path!a}; rename it") from None
    return given


def _plan(arguments: argparse.Namespace) -> tuple[TrainConfig, Path, dict[str, Any] | None]:
    """The settings, the run's directory, which is free or holds an unfinished run with them, and a new run's recipe."""
    given = read_given(arguments, [field.name for field in dataclasses.fields(TrainConfig)])
    if not arguments.resume:
        given |= read_own_options(arguments, given)
        settings = {"data": DEFAULT_CORPUS, **given}
        if settings["data"] in CATALOG:  # always read in the same way, however the starting run read its corpus
            settings = {name: getattr(TrainConfig(), name) for name in CORPUS_SETTINGS} | settings
        config, record = _configure(settings, arguments.recipe)
        check_reading(str(config.data), given)
        directory = arguments.output or free_directory(Path("runs"), Path(str(config.data)).name.split(".")[0] or "run")
        check_free(directory)
        return config, directory, record
    if given or arguments.output or arguments.recipe is not None:
        raise InputError("--resume takes all settings from the run; leave the other options out")
    there = Repeats(arguments.resume).there
    run = Repeats.open_unfinished(arguments.resume) if there else Run.open_unfinished(arguments.resume)
    if run.config().data is None:
        raise InputError(
            f"{run.directory} was started from Python with its own texts; continue there with train(..., resumed=True)"
        )
    return give_functions(run.config(), run.directory, read_own_options(arguments, {})), run.directory, None


def _configure(settings: Mapping[str, Any], name: str | None) -> tuple[TrainConfig, dict[str, Any] | None]:
    """The settings of a new run, completed by a recipe or by the run that it starts from, and the recipe's record."""
    if name is not None:
        recipe = read_recipe(name)
        config = recipe.config(**settings)
        return config, recipe.record(config)
    if start := settings.get("from_run"):
        return Run.open(Path(start)).config().adapted(**settings), None
    return TrainConfig(**settings).resolved(), None


def _sources(config: TrainConfig) -> dict[str, Path]:
    """The file or folder of each split; the one of "train" may hold the other splits too."""
    given = {"train": config.data, "validation": config.validation_data, "test": config.test_data}
    return {split: locate(data) for split, data in given.items() if data}


def read_corpus(config: TrainConfig) -> Corpus:
    """Reads the corpora that the settings name into memory."""
    sources = _sources(config)
    reader = make_reader(config, config.data)
    with counting("reading") as progress:
        corpus = Corpus.of(progress(read_records(sources, reader)))
    log_lines(describe_reading(reader))
    return dataclasses.replace(corpus, notes=describe_reading(reader))


def _read_rehearsed(config: TrainConfig) -> Corpus:
    """Reads the corpus of the starting run with that run's settings, including its validation and test texts."""
    old = dataclasses.replace(Run.open(Path(str(config.from_run))).config(), data=config.rehearse)
    return read_corpus(old)


def _shards(config: TrainConfig, sources: Mapping[str, Path], memory: int) -> "TokenizedCorpus":
    """The corpus in shards on disk: those of an earlier run if they are complete, otherwise new ones."""
    from keras_textcnn.data.shards import open_shards, write_shards

    settings = {name: getattr(config, name) for name in (*CORPUS_SETTINGS, "tokenizer")}
    own = own_function(config.tokenizer)
    code = [fingerprint(Path(file))] if own and (file := file_of(own)) else []  # whatever it is called, it may change
    key = json.dumps([settings, {split: fingerprint(source) for split, source in sources.items()}, *code])
    folder = home("tokenized") / hashlib.sha256(key.encode()).hexdigest()[:16]
    reader = make_reader(config, config.data)
    if corpus := open_shards(folder):
        logger.info(f"using the tokens of an earlier run: {folder}")
        log_lines(corpus.notes)
        return corpus
    damaged = "the existing shards are damaged; " if folder.exists() else ""
    logger.info(f"{damaged}tokenizing into {folder}, which later runs use too; you can delete it at any time")
    try:
        with counting("tokenizing") as progress:
            corpus = write_shards(
                progress(read_records(sources, reader)),
                folder,
                memory=memory,
                tokenizer=config.tokenizer,
                notes=lambda: describe_reading(reader),
            )
    except OSError as error:
        raise FetchError(
            f"cannot write shards to {folder}: {error.strerror or error}; set KERAS_TEXTCNN_HOME"
        ) from error
    log_lines(describe_reading(reader))
    return corpus


def _example(config: TrainConfig) -> str:
    """The first words of the first text that has any, quoted for the shell."""
    example = "some text"
    with suppress(InputError):  # the corpus may have been deleted since it was read
        beginnings = (
            " ".join(re.findall(r"\w+", record.text)[:10])
            for record in read_records(_sources(config), make_reader(config, config.data))
        )
        example = next(filter(None, beginnings), example)
    return shlex.quote(example)


if __name__ == "__main__":
    sys.exit(main())
