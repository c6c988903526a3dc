"""Command: lists the corpora that `train` knows by name."""

import argparse
import sys

from keras_textcnn.cli.arguments import Parser, program
from keras_textcnn.cli.entry_point import run_command
from keras_textcnn.data.datasets import CATALOG, cache_folder

DESCRIPTION = """Lists the corpora that `train NAME` knows; a star marks those that are already on
this machine. Other corpora come from the Hugging Face hub as hub:NAME, which
needs `pip install 'keras_textcnn[hub]'`."""
EXAMPLES = """catalog"""


def main() -> int:
    """The command `python -m keras_textcnn.catalog`."""
    return run_command(_main, Parser("catalog", usage="[options]", description=DESCRIPTION, examples=EXAMPLES))


def _main(arguments: argparse.Namespace) -> None:
    import rich.box
    from rich.console import Console
    from rich.table import Table

    table = Table("", box=rich.box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("name", no_wrap=True)
    for column in ("labels", "train", "test", "words"):
        table.add_column(column, justify="right")
    for column in ("from", "licence"):
        table.add_column(column)
    for name, entry in CATALOG.items():
        sizes = (f"{entry.texts[split]:,}" if split in entry.texts else "" for split in ("train", "test"))
        star = "*" if cache_folder(name).is_dir() else ""
        table.add_row(star, name, str(entry.labels), *sizes, str(entry.words), str(entry.source), entry.licence)
    console = Console(highlight=False)
    console.print(table)
    console.print("words: average per text. *: already fetched. To train on one:\n")
    console.print(f"    {program('train')} NAME")


if __name__ == "__main__":
    sys.exit(main())
