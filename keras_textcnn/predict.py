"""Command: a run directory and texts in, labels, probabilities and reasons out. It reads only the run's SavedModel."""

import argparse
import contextlib
import csv
import io
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

import numpy as np
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from keras_textcnn import page
from keras_textcnn.command import Parser, comma_separated, import_tensorflow, run_command
from keras_textcnn.errors import InputError
from keras_textcnn.files import kind_of, open_bytes, reading
from keras_textcnn.readers import TABLES, Reader
from keras_textcnn.run import find_saved_model

if TYPE_CHECKING:
    from keras_textcnn.predictor import Prediction, Predictor

DESCRIPTION = """Labels texts with a trained run: one text a line in, one line of JSON or CSV out for each, in order,
empty lines included, as soon as it has come. Of a .csv, .tsv, .jsonl or .parquet file a column is read."""
EXAMPLES = """examples:
  echo "profits rose in the second quarter" | python -m keras_textcnn.predict runs/reuters-r8
  echo "profits rose in the second quarter" | python -m keras_textcnn.predict runs/reuters-r8 --explain
  python -m keras_textcnn.predict runs/reuters-r8 texts.txt --format csv > labels.csv
  python -m keras_textcnn.predict runs/reuters-r8 reviews.csv --text-column title,review --top 3 --reject-below 0.8
  python -m keras_textcnn.predict runs/reuters-r8 texts.txt --explain html > reasons.html"""
BLOCK, BATCH = 2**18, 1024  # bytes and lines answered at once, or fewer, if no more have come


def main() -> int:
    """The command `python -m keras_textcnn.predict`."""
    parser = Parser("keras_textcnn.predict", description=DESCRIPTION, epilog=EXAMPLES)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run directory")
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="a text a line (default: standard input)")
    parser.add_argument(
        "--text-column",
        type=comma_separated,
        metavar="COLUMN,...",
        help="of a .csv, .tsv, .jsonl or .parquet file, joined in this order (default: text)",
    )
    parser.add_argument("--format", choices=("jsonl", "csv"), help="of the output (default: jsonl)")
    parser.add_argument("--top", type=int, metavar="K", help="only the K most probable labels among the probabilities")
    parser.add_argument(
        "--reject-below", type=float, metavar="P", help="null in place of a label whose probability is below P"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="where a text may have several labels: give those from this probability on (default: each label's own, "
        "tuned on the validation texts)",
    )
    parser.add_argument(
        "--explain",
        nargs="?",
        const="text",
        choices=("text", "html"),
        help="with the n-grams that spoke for and against the label: coloured on a terminal, else in the output; html: "
        "a page",
    )
    return run_command(_main, parser)


def _main(arguments: argparse.Namespace) -> None:
    _check(arguments)
    find_saved_model(arguments.run)  # before the import that takes seconds
    with _open(arguments.file, arguments.text_column) as batches:
        import_tensorflow()
        from keras_textcnn.predictor import Predictor

        predictor = Predictor(arguments.run)
        _check_labels(predictor, arguments)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # whatever the locale: JSON is UTF-8
        if arguments.explain == "html":
            _write_page(predictor, batches, sys.stdout)
        elif arguments.explain and sys.stdout.isatty() and not _given(arguments):
            _show(predictor, batches)
        else:
            answers = _answers(predictor, _counted(batches), arguments)
            {"jsonl": _write_jsonl, "csv": _write_csv}[arguments.format or "jsonl"](answers, sys.stdout)


def _check(arguments: argparse.Namespace) -> None:
    if arguments.top is not None and arguments.top < 1:
        raise InputError(f"--top must be at least 1; received: {arguments.top}")
    for name in ("reject_below", "threshold"):
        value = getattr(arguments, name)
        if value is not None and not 0 <= value <= 1:
            raise InputError(f"--{name.replace('_', '-')} must be in [0, 1]; received: {value}")
    if arguments.explain == "html" and (given := _given(arguments)):
        raise InputError(f"--explain html writes a page; leave --{given[0].replace('_', '-')} out")


def _given(arguments: argparse.Namespace) -> list[str]:
    """The options that shape JSON or CSV and no page."""
    names = ("format", "top", "reject_below", "threshold")
    return [name for name in names if getattr(arguments, name) is not None]


def _check_labels(predictor: "Predictor", arguments: argparse.Namespace) -> None:
    if predictor.thresholds is None and arguments.threshold is not None:
        raise InputError(f"--threshold is for runs of several labels a text; {arguments.run} gives one: --reject-below")
    if predictor.thresholds is not None and arguments.reject_below is not None:
        raise InputError(f"--reject-below is for runs of one label a text; {arguments.run} gives several: --threshold")


@contextlib.contextmanager
def _open(name: str, columns: Sequence[str] | None) -> Iterator[Iterator[list[str] | list[bytes]]]:
    """The texts, some at a time."""
    path = Path(name)
    if name != "-" and kind_of(path) in TABLES:
        texts = Reader(text_columns=columns or ("text",), label_column=None).texts(path)
        first = list(itertools.islice(texts, 1))  # before the import that takes seconds: is there such a column?
        texts = itertools.chain(first, texts)
        yield iter(lambda: list(itertools.islice(texts, BATCH)), [])
        return
    if columns:
        raise InputError(f"--text-column is for files of {', '.join(TABLES)}; received: {name}")
    try:
        file = contextlib.nullcontext(sys.stdin.buffer) if name == "-" else open_bytes(path)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}; give a file with one text a line") from error
    with file as opened:
        yield _lines(opened, path)


def _lines(file: BinaryIO, path: Path) -> Iterator[list[bytes]]:
    """The lines of a file, as many at a time as have come."""
    begun: list[bytes] = []  # a line of which the end has not come yet
    while True:
        with reading(path):
            block = file.read1(BLOCK)  # type: ignore[attr-defined]
        if not block:
            break
        first, *others = block.split(b"\n")
        begun.append(first)
        if others:
            lines = [b"".join(begun), *others[:-1]]
            begun = [others[-1]]
            for start in range(0, len(lines), BATCH):
                yield [line.removesuffix(b"\r") for line in lines[start : start + BATCH]]
    if any(begun):
        yield [b"".join(begun).removesuffix(b"\r")]


def _counted(batches: Iterable[list[str] | list[bytes]]) -> Iterator[list[str] | list[bytes]]:
    """Counts texts as they pass while standard error is a terminal, and standard output is not."""
    console = Console(stderr=True)
    columns = TextColumn("{task.completed:,.0f} texts"), TextColumn("{task.fields[rate]}"), TimeElapsedColumn()
    hidden = not console.is_terminal or sys.stdout.isatty()
    with Progress(*columns, console=console, disable=hidden) as bar:
        task = bar.add_task("", total=None, rate="")
        for batch in batches:
            yield batch
            speed = bar.tasks[0].speed
            bar.update(task, advance=len(batch), rate=f"{speed:,.0f} a second" if speed else "")


def _answers(
    predictor: "Predictor", batches: Iterable[list[str] | list[bytes]], arguments: argparse.Namespace
) -> "Iterator[list[Prediction]]":
    if arguments.threshold is not None and predictor.thresholds is not None:
        predictor.thresholds = np.full_like(predictor.thresholds, arguments.threshold)
    for texts in batches:
        answers = [_restrict(answer, arguments.top, arguments.reject_below) for answer in predictor(texts)]
        if arguments.explain:
            for answer, explanation in zip(answers, predictor.explain(texts), strict=True):
                answer |= explanation.to_json()
        yield answers


def _restrict(prediction: "Prediction", top: int | None, reject_below: float | None) -> "Prediction":
    if reject_below is not None and prediction["probability"] < reject_below:
        prediction = {**prediction, "label": None}
    if top is not None:
        ranked = sorted(prediction["probabilities"].items(), key=lambda item: -item[1])
        prediction = {**prediction, "probabilities": dict(ranked[:top])}
    return prediction


def _write_jsonl(batches: "Iterable[list[Prediction]]", file: TextIO) -> None:
    for batch in batches:
        file.writelines(json.dumps(prediction, ensure_ascii=False) + "\n" for prediction in batch)
        file.flush()


def _write_csv(batches: "Iterable[list[Prediction]]", file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    for number, batch in enumerate(batches):
        if number == 0:
            writer.writerow(batch[0])
        for prediction in batch:
            values = prediction.values()
            writer.writerow(
                json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value for value in values
            )
        file.flush()


def _show(predictor: "Predictor", batches: Iterable[list[str] | list[bytes]]) -> None:
    console = Console(highlight=False, emoji=False, markup=False)
    for texts in batches:
        for explanation in predictor.explain(texts):
            console.print(explanation.to_terminal())


def _write_page(predictor: "Predictor", batches: Iterable[list[str] | list[bytes]], file: TextIO) -> None:
    file.write(page.begin("Why these labels"))
    for texts in batches:
        file.writelines(explanation.to_html() + "\n" for explanation in predictor.explain(texts))
    file.write(page.END)


if __name__ == "__main__":
    sys.exit(main())
