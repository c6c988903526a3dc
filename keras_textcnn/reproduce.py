"""Command: trains the recorded recipes again and compares their results with published ones."""

import argparse
import dataclasses
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from keras_textcnn.cli.arguments import Parser, program
from keras_textcnn.cli.entry_point import run_command
from keras_textcnn.cli.progress import console
from keras_textcnn.config import TrainConfig
from keras_textcnn.errors import FetchError, InputError
from keras_textcnn.persistence.run import SUMMARY, Repeats
from keras_textcnn.text.pretrained_vectors import find_vectors
from keras_textcnn.train import carry_out
from keras_textcnn.utils.log import logger

if TYPE_CHECKING:
    from rich.table import Table

BEST_COLUMN = "best found, no language model"  # "found": we may have missed one; pretrained language models are higher
RECIPES = Path(__file__).with_name("recipes")
DESCRIPTION = """Trains the recorded recipe of each corpus with several seeds or folds and prints
a table of accuracies on the test texts, in percent: ours (mean and standard
deviation), that of the linear model on the same split, and published ones: of a
CNN, and of the best model that we found without a pretrained language model,
with the difference from it. Finished runs are kept: after an interruption, the
same command continues."""
EXAMPLES = """reproduce
reproduce trec reuters-r8
reproduce trec --vectors glove.6B.100d.30k --output runs/small-table"""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The recorded settings of a corpus, with published results.

    Attributes:
        settings: Settings of `TrainConfig`, including `seeds` or `folds`.
        minutes: The time that all runs together took on two cores.
        published: The accuracy (percent) and the source of a convolutional network ("cnn"), and of the best model that
            we found among those without a pretrained language model ("best"). The numbers are those of the papers,
            whose splits, vectors and tokens differ from ours.
        differs: Why the settings differ from the defaults, in one line; empty if they do not.
    """

    settings: dict[str, Any]
    minutes: int
    published: dict[str, dict[str, Any]]
    differs: str = ""

    def config(self, **given: Any) -> TrainConfig:
        """The recorded settings, overridden by the given ones."""
        return TrainConfig(**self.settings | given).resolved()


def read_recipes() -> dict[str, Recipe]:
    """The recipes by name, the quickest first."""
    recipes = {path.stem: Recipe(**json.loads(path.read_text("utf-8"))) for path in RECIPES.glob("*.json")}
    return dict(sorted(recipes.items(), key=lambda item: item[1].minutes))


def main() -> int:
    """The command `python -m keras_textcnn.reproduce`."""
    parser = Parser("reproduce", usage="[NAME ...] [options]", description=DESCRIPTION, examples=EXAMPLES)
    named = ", ".join(f"{name} ({recipe.minutes} min)" for name, recipe in read_recipes().items())
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {named} (default: all)")
    parser.add_argument("--vectors", metavar="FILE", help="other pretrained vectors (default: as recorded)")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("runs/reproduce"),
        metavar="DIR",
        help="the directory for the runs (default: runs/reproduce)",
    )
    return run_command(_main, parser)


def _main(arguments: argparse.Namespace) -> None:
    recipes = read_recipes()
    if unknown := [name for name in arguments.names if name not in recipes]:
        raise InputError(f"no recipe {unknown[0]!r}; choose from {', '.join(recipes)}")
    given = {"vectors": arguments.vectors} if arguments.vectors else {}
    plans = {
        name: (recipe.config(**given), Repeats(arguments.output / name))
        for name, recipe in recipes.items()
        if name in arguments.names or not arguments.names
    }
    for config, repeats in plans.values():
        if repeats.there and repeats.config() != config:
            raise InputError(f"{repeats.directory} holds runs with other settings; choose another --output")
        find_vectors(config.vectors)
    command = shlex.join([*program("reproduce").split(), *sys.argv[1:]])
    missing = None
    for name, (config, repeats) in plans.items():
        if repeats.finished:
            continue
        logger.info(f"{name}: {len(config.repeats())} runs, about {recipes[name].minutes} minutes")
        try:
            carry_out(config, repeats.directory, resumed=repeats.there, command=command)
        except FetchError as error:  # train the other corpora all the same
            missing = error
            logger.warning(f"skipping {name}: {error}")
    rows = {name: repeats.read_json(SUMMARY) for name, (_, repeats) in plans.items() if repeats.finished}
    Console(width=max(console().width, 160), highlight=False).print(recipes_table(rows, recipes))
    if missing:
        raise missing


def recipes_table(rows: dict[str, dict[str, Any]], recipes: dict[str, Recipe]) -> "Table":
    """The table, in Markdown.

    Args:
        rows: The content of each `repeats.json`, by recipe name.
        recipes: The recipes by name.
    """
    import rich.box
    from rich.table import Table

    from keras_textcnn.evaluation.descriptions import mean_and_deviation

    table = Table("corpus", box=rich.box.MARKDOWN, pad_edge=True)
    for column in ("runs", "this", "linear model", "a published CNN", BEST_COLUMN, "this - best", "seconds"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, row in rows.items():
        accuracies = [block["test"]["accuracy"] for block in (row["scores"], row["baseline"])]
        cnn, best = (recipes[name].published[kind]["accuracy"] for kind in ("cnn", "best"))
        lead = f"{100 * accuracies[0]['mean'] - best:+.2f}"
        scores = map(mean_and_deviation, accuracies)
        table.add_row(name, str(row["runs"]), *scores, str(cnn), str(best), lead, f"{row['seconds']:,.0f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
