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
from keras_textcnn.recipes.recipe import Recipe, RecipeCorpus, describe_recipe
from keras_textcnn.recipes.recipe_file import DEFAULT, find_recipe, read_recipe, recipe_names
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
        corpus: The corpus's name in the catalogue, or that of its file.
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

    @property
    def other_vectors(self) -> str:
        """The vectors, if they are not the recipe's: a name, or that of a file."""
        own = self.recipe.config(data=self.config.data).vectors
        return "" if self.config.vectors == own else Path(self.config.vectors).name

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
    recipes = _read_recipes(arguments.recipes or [DEFAULT])
    known = list(dict.fromkeys([*(name for recipe in recipes for name in recipe.corpora), *CATALOG]))
    names = {name if is_named(name) else str(Path(name).resolve()): name for name in arguments.names}
    if unknown := [typed for name, typed in names.items() if name not in known]:
        raise InputError(f"no corpus {unknown[0]!r}; choose from {', '.join(map(_short_path, known))}")
    plans = []
    for recipe in recipes:
        corpora = [*names] or sorted(recipe.corpora, key=lambda name: _minutes(recipe, name))
        plans += [_plan_one(recipe, corpus, arguments) for corpus in corpora]
        if not corpora and len(recipes) > 1:
            logger.warning(f"{recipe.name} is left out, because it has no corpora; name one")
    if not plans:
        described = " ".join(recipe.name for recipe in recipes)
        raise InputError(f"no corpora for {described}; name one, such as reproduce imdb --recipes {described}")
    seen: dict[Path, Plan] = {}
    for plan in plans:
        if (other := seen.setdefault(plan.repeats.directory, plan)) is not plan:
            both = f"{other.config.data} and {plan.config.data}"
            raise InputError(f"two corpora are called {plan.corpus}: {both}; rename one")
    return plans


def _read_recipes(patterns: Sequence[str]) -> list[Recipe]:
    """The recipes that the patterns stand for, once each.

    Raises:
        InputError: There is no such recipe, or two files have the same name.
    """
    sources: dict[Path, str] = {}
    for pattern in patterns:
        for name in fnmatch.filter(recipe_names(), pattern) or [pattern]:  # a file, or what `find_recipe` explains
            sources.setdefault(find_recipe(name).resolve(), name)
    recipes: dict[str, tuple[Recipe, str]] = {}
    for source in sources.values():
        recipe = read_recipe(source)
        if recipe.name in recipes:
            both = f"{recipes[recipe.name][1]} and {source}"
            raise InputError(f"two recipes are called {recipe.name}: {both}; rename one")
        recipes[recipe.name] = recipe, source
    return [recipe for recipe, _ in recipes.values()]


def _short_path(corpus: str) -> str:
    """A corpus as it can be typed: relative to the current folder if it is a file below it."""
    path = Path(corpus)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else corpus


def _minutes(recipe: Recipe, corpus: str) -> float:
    minutes = recipe.on(corpus).minutes
    return math.inf if minutes is None else minutes


def _plan_one(recipe: Recipe, corpus: str, arguments: argparse.Namespace) -> Plan:
    its, name = recipe.on(corpus), corpus if is_named(corpus) else Path(corpus).name
    tested = corpus in CATALOG and "test" in CATALOG[corpus].texts
    given: dict[str, Any] = {"data": corpus, **(its.repeats or ({"seeds": 5} if tested else {"folds": 10}))}
    if arguments.vectors is not None and recipe.config(data=corpus).vectors != NO_VECTORS:
        there = Path(arguments.vectors).is_file()
        given["vectors"] = str(Path(arguments.vectors).resolve()) if there else arguments.vectors
    if not is_named(corpus) and not Path(corpus).exists():
        raise InputError(f"recipe {recipe.name}: no corpus {_short_path(corpus)}, neither in the catalog nor a file")
    folder = urllib.parse.quote(name, safe="")
    return Plan(recipe, name, its, recipe.config(**given), Repeats(arguments.output / recipe.name / folder))


def _train(plans: Sequence[Plan]) -> FetchError | None:
    """Trains what is not finished; returns the error of a corpus that could not be fetched, if any."""
    command = shlex.join([*program("reproduce").split(), *sys.argv[1:]])
    missing, described = None, set[tuple[str, ...]]()
    for plan in plans:
        if plan.repeats.finished:
            continue
        record = plan.recipe.record(plan.config)
        lines = describe_recipe(record)
        if tuple(lines) not in described:  # they may differ by corpus
            log_lines(lines)
            described.add(tuple(lines))
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
            recipe=plan.recipe.name,
            corpus=plan.corpus,
            summary=plan.repeats.read_json(SUMMARY),
            published=plan.its.published,
            count_texts=plan.count_test_texts,
            vectors=plan.other_vectors,
        )
        for plan in plans
    ]
    return recipes_table(rows) if any(plan.recipe.name != DEFAULT for plan in plans) else defaults_table(rows)


if __name__ == "__main__":
    sys.exit(main())
