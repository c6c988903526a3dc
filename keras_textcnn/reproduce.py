"""Command: trains recipes and compares their results with published ones."""

import argparse
import dataclasses
import fnmatch
import math
import shlex
import sys
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_textcnn.cli.arguments import Parser, program
from keras_textcnn.cli.entry_point import run_command
from keras_textcnn.config import TrainConfig
from keras_textcnn.data.datasets import CATALOG, is_named
from keras_textcnn.errors import FetchError, InputError
from keras_textcnn.persistence.run import SUMMARY, Repeats, Run
from keras_textcnn.presets import NO_VECTORS
from keras_textcnn.recipes.recipe import DEFAULT, Recipe, RecipeCorpus, describe_recipe, read_recipe, recipe_names
from keras_textcnn.text.pretrained_vectors import find_vectors
from keras_textcnn.train import carry_out
from keras_textcnn.utils.log import log_lines, logger

if TYPE_CHECKING:
    from keras_textcnn.evaluation.tables import Table

DESCRIPTION = """Trains recipes, each on its corpora with several seeds or folds, and prints a
table of accuracies on the test texts, in percent: ours (mean and standard
deviation), that of the linear model on the same split, and published ones. For
our own defaults, these are those of a CNN and of the best model that we found
without a pretrained language model; for other recipes, that of the same model in
the paper. Finished runs are kept: after an interruption, the same command
continues."""
EXAMPLES = """reproduce
reproduce trec reuters-r8
reproduce --recipes 'kim2014-*' --latex kim.tex
reproduce imdb --recipes zhang2015-small my-recipe.json
reproduce trec --vectors glove.6B.100d.30k --output runs/small-table"""
FORMATS = {"markdown": "Markdown", "csv": "CSV", "latex": "LaTeX, with booktabs"}


@dataclasses.dataclass(frozen=True)
class Plan:
    """A recipe on a corpus.

    Attributes:
        recipe: The recipe.
        corpus: The corpus's name.
        its: What the recipe has about the corpus.
        config: The settings of all runs.
        repeats: Their directory.
    """

    recipe: Recipe
    corpus: str
    its: RecipeCorpus
    config: TrainConfig
    repeats: Repeats

    @property
    def title(self) -> str:
        """The recipe and the corpus."""
        return self.corpus if self.recipe.name == DEFAULT else f"{self.recipe.name} on {self.corpus}"

    def count_test_texts(self) -> int:
        """The number of test texts, once all runs are finished: over all folds, or of any seed."""
        runs = [Run(self.repeats.directory / name).read_json("metrics.json") for name in self.config.repeats()]
        counts = [int(run["test"]["support"]) for run in runs]
        return sum(counts) if self.config.folds else counts[0]


def main() -> int:
    """The command `python -m keras_textcnn.reproduce`."""
    parser = Parser("reproduce", usage="[CORPUS ...] [options]", description=DESCRIPTION, examples=EXAMPLES)
    minutes = ", ".join(f"{name} ({its.minutes} min)" for name, its in read_recipe(DEFAULT).corpora.items())
    parser.add_argument(
        "names",
        nargs="*",
        metavar="CORPUS",
        help=f"corpora that the command catalog lists (default: those of each recipe; of our defaults {minutes})",
    )
    parser.add_argument(
        "--recipes",
        nargs="+",
        action="extend",
        metavar="PATTERN",
        help=f"recipes, with * for any letters, or JSON files: {', '.join(recipe_names())} (default: {DEFAULT})",
    )
    parser.add_argument(
        "--vectors", metavar="FILE", help="other pretrained vectors, for recipes with any (default: as in the recipe)"
    )
    for name, title in FORMATS.items():
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"also write the table as {title}")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("runs/reproduce"),
        metavar="DIR",
        help="the directory for the runs (default: runs/reproduce)",
    )
    return run_command(_main, parser)


def _main(arguments: argparse.Namespace) -> None:
    files = {name: path for name in FORMATS if (path := getattr(arguments, name))}
    for name, path in files.items():
        if path.is_dir() or not path.parent.is_dir():
            raise InputError(f"--{name} must be a file in a folder that exists; received: {path}")
    plans = _plan(arguments)
    for plan in plans:
        if plan.repeats.there and plan.repeats.config() != plan.config:
            raise InputError(f"{plan.repeats.directory} holds runs with other settings; choose another --output")
        if plan.config.vectors != NO_VECTORS:
            find_vectors(plan.config.vectors)
    missing = _train(plans)
    _show([plan for plan in plans if plan.repeats.finished], files)
    if missing:
        raise missing


def _plan(arguments: argparse.Namespace) -> list[Plan]:
    """Each recipe on each corpus, the quickest corpus of a recipe first."""
    recipes = [read_recipe(name) for name in _find_recipes(arguments.recipes or [DEFAULT])]
    known = list(dict.fromkeys([*(name for recipe in recipes for name in recipe.corpora), *CATALOG]))
    if unknown := [name for name in arguments.names if name not in known]:
        raise InputError(f"no corpus {unknown[0]!r}; choose from {', '.join(known)}")
    plans = []
    for recipe in recipes:
        corpora = arguments.names or sorted(recipe.corpora, key=lambda name: _minutes(recipe, name))
        plans += [_plan_one(recipe, corpus, arguments) for corpus in corpora]
        if not corpora and len(recipes) > 1:
            logger.warning(f"{recipe.name} is left out, because it has no corpora; name one")
    if not plans:
        names = " ".join(recipe.name for recipe in recipes)
        raise InputError(f"no corpora for {names}; name one, such as reproduce imdb --recipes {names}")
    return plans


def _find_recipes(patterns: Sequence[str]) -> list[str]:
    """The names and files that the patterns stand for, once each."""
    found: list[str] = []
    for pattern in patterns:
        found += fnmatch.filter(recipe_names(), pattern) or [pattern]  # a file, or what `read_recipe` explains
    return list(dict.fromkeys(found))


def _minutes(recipe: Recipe, corpus: str) -> float:
    minutes = recipe.corpora.get(corpus, RecipeCorpus()).minutes
    return math.inf if minutes is None else minutes


def _plan_one(recipe: Recipe, corpus: str, arguments: argparse.Namespace) -> Plan:
    its = recipe.corpora.get(corpus, RecipeCorpus())
    tested = corpus in CATALOG and "test" in CATALOG[corpus].texts
    given: dict[str, Any] = {"data": corpus, **(its.repeats or ({"seeds": 5} if tested else {"folds": 10}))}
    if arguments.vectors and recipe.config().vectors != NO_VECTORS:
        given["vectors"] = arguments.vectors
    if not is_named(corpus) and not Path(corpus).exists():
        raise InputError(f"recipe {recipe.name}: no corpus {corpus}, neither in the catalog nor a file")
    folder = urllib.parse.quote(corpus, safe="")
    directory = arguments.output / recipe.name / folder
    before = arguments.output / folder  # where earlier versions trained our defaults
    if recipe.name == DEFAULT and Repeats(before).there and not Repeats(directory).there:
        directory = before
    return Plan(recipe, corpus, its, recipe.config(**given), Repeats(directory))


def _train(plans: Sequence[Plan]) -> FetchError | None:
    """Trains what is not finished; returns the error of a corpus that could not be fetched, if any."""
    command = shlex.join([*program("reproduce").split(), *sys.argv[1:]])
    missing, described = None, set[str]()
    for plan in plans:
        if plan.repeats.finished:
            continue
        record = plan.recipe.record(plan.config)
        if plan.recipe.name not in described:
            log_lines(describe_recipe(record))
            described.add(plan.recipe.name)
        minutes = "" if plan.its.minutes is None else f", about {plan.its.minutes:g} minutes"
        logger.info(f"{plan.title}: {len(plan.config.repeats())} runs{minutes}")
        try:
            carry_out(plan.config, plan.repeats.directory, recipe=record, resumed=plan.repeats.there, command=command)
        except FetchError as error:  # train the other corpora all the same
            missing = error
            logger.warning(f"skipping {plan.title}: {error}")
    return missing


def _show(plans: Sequence[Plan], files: dict[str, Path]) -> None:
    """Prints the table, and writes it into files."""
    from keras_textcnn.evaluation import table_formats

    table = _table(plans)
    print(table_formats.to_markdown(table))
    if table.footnote:
        print(f"\n{table.footnote}")
    for name, path in files.items():
        path.write_text(getattr(table_formats, f"to_{name}")(table).rstrip("\n") + "\n", encoding="utf-8")


def _table(plans: Sequence[Plan]) -> "Table":
    """The table: a narrower one for our defaults alone, which have no figures of the same model."""
    from keras_textcnn.evaluation.recipe_table import Trained, defaults_table, recipes_table

    rows = [
        Trained(
            plan.recipe.name, plan.corpus, plan.repeats.read_json(SUMMARY), plan.its.published, plan.count_test_texts
        )
        for plan in plans
    ]
    return recipes_table(rows) if any(plan.recipe.name != DEFAULT for plan in plans) else defaults_table(rows)


if __name__ == "__main__":
    sys.exit(main())
