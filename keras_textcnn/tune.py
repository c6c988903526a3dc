"""Command: a corpus and a time in, the best settings that were found in it out, and a run with them."""

import argparse
import dataclasses
import math
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_textcnn.cli.arguments import Parser, program
from keras_textcnn.cli.entry_point import run_command
from keras_textcnn.cli.progress import console
from keras_textcnn.cli.repeated import options_of
from keras_textcnn.config import GROUPS, TrainConfig
from keras_textcnn.data.corpus import Corpus
from keras_textcnn.data.loading import check_reading
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.run import free_directory
from keras_textcnn.presets import DEFAULT_CORPUS, MODELS, NO_VECTORS
from keras_textcnn.scale.tuning.objectives import OBJECTIVES
from keras_textcnn.scale.tuning.plan import NOT_SEARCHED, PLAN, Plan, SearchFolder, check_free
from keras_textcnn.text.pretrained_vectors import find_vectors
from keras_textcnn.train import CORPUS_HELP, read_corpus, read_given
from keras_textcnn.utils.tensorflow import import_tensorflow
from keras_textcnn.utils.terminal import Console

if TYPE_CHECKING:
    from keras_textcnn.scale.tuning.found import Found

DESCRIPTION = """Searches for settings that suit a corpus better than the default recipe, in a
given time, and trains a run with the best ones. Settings that are given are kept.
The time includes the last training, and what measures the gain."""
EXAMPLES = """tune reviews.csv --minutes 30
tune reuters-r8 --minutes 60 --objective accuracy --model conv1d charcnn
tune reviews.csv --minutes 30 --filters 100 --output runs/search
tune --resume runs/search"""
SEARCHED = [field.name for field in dataclasses.fields(TrainConfig) if field.name not in {"model", *NOT_SEARCHED}]


def main() -> int:
    """The command `python -m keras_textcnn.tune`."""
    parser = Parser("tune", usage="[CORPUS] [options]", description=DESCRIPTION, examples=EXAMPLES, all_options=True)
    parser.group("data").add_argument("corpus", nargs="?", metavar="CORPUS", help=CORPUS_HELP)
    search = parser.group("search")
    search.add_argument("--minutes", type=_minutes, metavar="N", help="the time for everything (default: 30)")
    search.add_argument(
        "--objective",
        choices=tuple(OBJECTIVES),
        help="score of the validation texts: the log loss after calibration, the accuracy or macro F1 "
        "(default: log_loss)",
    )
    search.add_argument(
        "--model",
        dest="models",
        nargs="+",
        action="extend",
        choices=tuple(MODELS),
        metavar="NAME",
        help=f"one or more of {', '.join(MODELS)}; trial 0 is the default recipe of the first (default: conv1d)",
    )
    search.add_argument(
        "--storage",
        metavar="URL",
        help="database of the trials, which several machines may share, such as postgresql://USER@HOST/NAME "
        "(default: a file in DIR)",
    )
    parser.add_options(GROUPS, only=SEARCHED)
    output = parser.group("output")
    output.add_argument("--output", type=Path, metavar="DIR", help="the directory (default: a new one in runs/)")
    output.add_argument("--resume", type=Path, metavar="DIR", help="continue an interrupted search")
    return run_command(_main, parser)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not 0 < minutes < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0; received: {text}")
    return minutes


def _main(arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    given = read_given(arguments, SEARCHED)
    _check_extra()
    plan, directory = _plan(arguments, given)
    config = TrainConfig(**plan.given, model=plan.models[0])
    if config.resolved().vectors != NO_VECTORS:
        find_vectors(config.resolved().vectors)
    corpus = read_corpus(config)
    try:
        found = _search(plan, corpus, directory, resumed=bool(arguments.resume), started=started)
    except KeyboardInterrupt as stopped:
        if not (directory / PLAN).exists():
            raise
        raise type(stopped)(f"continue with {program('tune')} --resume {shlex.quote(str(directory))}") from None
    _show(found)


def _check_extra() -> None:
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(f"tune needs {error.name}: pip install 'keras_textcnn[tune]'") from None


def _plan(arguments: argparse.Namespace, given: dict[str, Any]) -> tuple[Plan, Path]:
    """What to search for, and the directory, which is free or holds an unfinished search."""
    if arguments.resume:
        return _continued(arguments, given)
    models = tuple(dict.fromkeys(arguments.models or ("conv1d",)))
    settings = {"data": DEFAULT_CORPUS, **given}
    for model in models:
        TrainConfig(**settings, model=model).resolved()
    check_reading(str(settings["data"]), given)
    name = Path(str(settings["data"])).name.split(".")[0] or "run"
    plan = Plan(
        given=settings,
        minutes=arguments.minutes or 30.0,
        models=models,
        objective=arguments.objective or next(iter(OBJECTIVES)),
        storage=arguments.storage,
    )
    return plan, check_free(arguments.output or free_directory(Path("runs"), f"tune-{name}"))


def _continued(arguments: argparse.Namespace, given: dict[str, Any]) -> tuple[Plan, Path]:
    if given or any((arguments.output, arguments.minutes, arguments.objective, arguments.models)):
        raise InputError("--resume takes all settings from the search; leave the other options out")
    folder = SearchFolder.open_unfinished(arguments.resume)
    return folder.plan(storage=arguments.storage), folder.directory


def _search(plan: Plan, corpus: Corpus, directory: Path, *, resumed: bool, started: float) -> "Found":
    import_tensorflow()
    from keras_textcnn.scale.tuning.search import search

    return search(plan, corpus, directory, resumed=resumed, started=started)


def _show(found: "Found") -> None:
    from keras_textcnn.scale.tuning.report import PICTURE, TRIALS, results, verdict

    shown = Console(width=max(console().width, 96), highlight=False, soft_wrap=True, markup=False, emoji=False)
    shown.print(results(found))
    shown.print(f"\n{verdict(found)}")
    if found.importances:
        shares = ", ".join(f"{name.replace('_', ' ')} {share:.0%}" for name, share in found.importances.items())
        shown.print(f"\nWhat the differences between the trials depend on, roughly: {shares}")
    minutes = f"{found.seconds / 60:.1f} of {found.plan.minutes:g} minutes"
    shown.print(f"\nThe search is in {found.directory}: {PICTURE}, {TRIALS}, and the run in run/ ({minutes}).")
    shown.print("This trains the best settings again:\n")
    shown.print(f"    {program('train')} {shlex.join(options_of(found.settings))}\n")


if __name__ == "__main__":
    sys.exit(main())
