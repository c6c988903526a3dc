"""Command: a run directory and texts in; labels, probabilities and reasons out. Only the run's SavedModel is needed."""

import argparse
import csv
import io
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import numpy as np

from keras_textcnn.cli.arguments import Parser
from keras_textcnn.cli.engine import add_engine_options, answer_with_engine, check_engine
from keras_textcnn.cli.entry_point import run_command
from keras_textcnn.cli.progress import console
from keras_textcnn.config import GROUPS, TrainConfig
from keras_textcnn.data.loading import describe_reading
from keras_textcnn.data.table_writers import OUTPUTS, Layout, writing_table
from keras_textcnn.data.unlabelled import FORMATS, STANDARD_INPUT, Texts
from keras_textcnn.errors import InputError
from keras_textcnn.inference.answered_table import AnswerColumns, check_output, reject
from keras_textcnn.inference.runtime import RUNTIME_HELP, RUNTIMES, find_model, open_predictor
from keras_textcnn.persistence.run import Run
from keras_textcnn.settings.data import TEXT_SETTINGS
from keras_textcnn.utils.log import log_lines, logger
from keras_textcnn.utils.visible import visible, visible_json

if TYPE_CHECKING:
    from keras_textcnn.inference.answers import Answers, Prediction

Item = TypeVar("Item")

DESCRIPTION = """Labels texts with a trained run. Reads one text per line and writes one line of
JSON or CSV for each, in order, including empty lines. Tables, JSON, folders and
archives are read as in the run's training, unless options say otherwise."""
EXAMPLES = """predict runs/reuters-r8 "profits rose in the second quarter"
predict runs/reuters-r8 "profits rose in the second quarter" --explain
predict runs/reuters-r8 texts.txt --format csv > labels.csv
predict runs/reuters-r8 tickets.csv --output answered.csv
predict runs/reuters-r8 reviews.csv --text-column title,review --top 3 --reject-below 0.8
curl -s localhost/new | predict runs/reuters-r8 --input-format jsonl
predict runs/reuters-r8 texts.txt --explain html > reasons.html
predict runs/reuters-r8 'corpus/*.parquet' --output answers --engine ray"""


def main() -> int:
    """The command `python -m keras_textcnn.predict`."""
    parser = Parser("predict", usage="RUN [TEXT] [options]", description=DESCRIPTION, examples=EXAMPLES)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run directory, or a model.textcnn")
    parser.add_argument(
        "file",
        nargs="?",
        default=STANDARD_INPUT,
        metavar="TEXT",
        help="a text in quotation marks; a file with one text per line; a .csv, .tsv, .jsonl, .json or .parquet file; "
        "a folder or an archive of texts (default: standard input)",
    )
    parser.add_argument(
        "--input-format",
        choices=FORMATS,
        help="format of standard input, or of a file whose name does not say it (default: by the name, or lines)",
    )
    parser.add_options(GROUPS, only=TEXT_SETTINGS, defaults="as in training")
    parser.add_argument(
        "--format",
        choices=("jsonl", "csv", "parquet"),
        help="output format (default: jsonl; with --engine, that of the texts)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write the rows as they are read, with the label and its probability as further columns; the suffix says "
        f"how: {OUTPUTS}",
    )
    parser.add_argument(
        "--probabilities", action="store_true", help="give --output a column with the probability of each label, too"
    )
    parser.add_argument("--top", type=int, metavar="K", help="give the probabilities of only the K best labels")
    parser.add_argument(
        "--reject-below", type=float, metavar="P", help="give null instead of a label whose probability is below P"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="for runs with several labels per text: give the labels whose probability is at least P (default: each "
        "label's own threshold, tuned on the validation texts)",
    )
    parser.add_argument(
        "--explain",
        nargs="?",
        const="text",
        choices=("text", "html"),
        help="show the n-grams that spoke for and against the label: coloured on a terminal, otherwise in the output; "
        "html: as a page",
    )
    parser.add_argument("--runtime", choices=RUNTIMES, help=RUNTIME_HELP)
    add_engine_options(parser)
    return run_command(_main, parser)


def _main(arguments: argparse.Namespace) -> None:
    _check(arguments)
    if arguments.engine:
        given = _reading(arguments)
        answer_with_engine(arguments, _config(arguments, given), given)
        return
    find_model(arguments.run, runtime=arguments.runtime)
    texts = _texts(arguments)
    if arguments.output:
        check_output(arguments.output, texts=texts, run=arguments.run)
    if arguments.file != STANDARD_INPUT:  # reports a missing column before the model is opened
        texts.peek()
        if arguments.output:
            texts.columns()  # and a damaged JSON file, which this reads to its end
    predictor = open_predictor(arguments.run, runtime=arguments.runtime)
    _check_labels(predictor, arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # regardless of the locale: JSON is UTF-8
    if arguments.output:
        _write_table(predictor, texts, arguments)
    elif arguments.explain == "html":
        _write_page(predictor, texts.batches(), sys.stdout)
    elif arguments.explain and sys.stdout.isatty() and not _given(arguments):
        _show(predictor, texts.batches())
    else:
        shown = not sys.stdout.isatty()
        answers = (_answer(predictor, batch, arguments) for batch in _counted(texts.batches(), shown=shown))
        {"jsonl": _write_jsonl, "csv": _write_csv}[arguments.format or "jsonl"](answers, sys.stdout)
    _say_what_was_read(texts)


def _check(arguments: argparse.Namespace) -> None:
    if arguments.top is not None and arguments.top < 1:
        raise InputError(f"--top must be at least 1; received: {arguments.top}")
    for name in ("reject_below", "threshold"):
        value = getattr(arguments, name)
        if value is not None and not 0 <= value <= 1:
            raise InputError(f"--{name.replace('_', '-')} must be in [0, 1]; received: {value}")
    check_engine(arguments)
    if arguments.probabilities and not arguments.output:
        raise InputError("--probabilities is for --output; the lines on standard output have the probabilities")
    if arguments.output and not arguments.engine:
        for name in ("format", "top"):
            if getattr(arguments, name) is not None:
                raise InputError(f"--{name} does not apply to --output; leave it out")
    if arguments.explain == "html" and (given := _given(arguments)):
        raise InputError(f"--explain html writes a page; leave --{given[0].replace('_', '-')} out")


def _given(arguments: argparse.Namespace) -> list[str]:
    """The given options that apply to JSON or CSV, but not to a page."""
    names = ("format", "top", "reject_below", "threshold", "output")
    return [name for name in names if getattr(arguments, name) is not None]


def _check_labels(predictor: "Answers", arguments: argparse.Namespace) -> None:
    if predictor.thresholds is None and arguments.threshold is not None:
        raise InputError(
            f"--threshold is for runs with several labels per text; {arguments.run} gives one; use --reject-below"
        )
    if predictor.thresholds is not None and arguments.reject_below is not None:
        raise InputError(
            f"--reject-below is for runs with one label per text; {arguments.run} gives several; use --threshold"
        )
    if arguments.threshold is not None and predictor.thresholds is not None:
        predictor.thresholds = np.full_like(predictor.thresholds, arguments.threshold)


def _reading(arguments: argparse.Namespace) -> dict[str, Any]:
    """The given options that say how texts are read."""
    return {name: value for name, value in vars(arguments).items() if name in TEXT_SETTINGS}


def _config(arguments: argparse.Namespace, given: dict[str, Any]) -> TrainConfig:
    """How texts are read: as in the run's training unless options say otherwise."""
    config = Run.open(arguments.run).config() if (arguments.run / "config.json").exists() else TrainConfig()
    return config.read_as(**given)


def _texts(arguments: argparse.Namespace) -> Texts:
    given = _reading(arguments)
    whole = arguments.output is not None
    texts = Texts(arguments.file, _config(arguments, given), input_format=arguments.input_format, whole=whole)
    texts.check_useful(given)
    return texts


def _say_what_was_read(texts: Texts) -> None:
    lines = describe_reading(texts.reader)
    if texts.labelled:
        lines.append(f"{texts.labelled:,} lines have labels in fastText's format, which are not part of the text")
    log_lines(lines)


def _counted(batches: Iterable[list[Item]], *, shown: bool) -> Iterator[list[Item]]:
    """Shows a count of the texts if standard error is a terminal."""
    if not shown or not sys.stderr.isatty():
        yield from batches
        return
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.completed:,.0f} texts"), TextColumn("{task.fields[rate]}"), TimeElapsedColumn()
    with Progress(*columns, console=console()) as bar:
        task = bar.add_task("", total=None, rate="")
        for batch in batches:
            yield batch
            speed = bar.tasks[0].speed
            bar.update(task, advance=len(batch), rate=f"{speed:,.0f} a second" if speed else "")


def _answer(predictor: "Answers", texts: list[str], arguments: argparse.Namespace) -> "list[Prediction]":
    answers = [_restrict(answer, arguments.top, arguments.reject_below) for answer in predictor(texts)]
    if arguments.explain:
        for answer, explanation in zip(answers, predictor.explain(texts), strict=True):
            answer |= explanation.to_json()
    return answers


def _restrict(prediction: "Prediction", top: int | None, reject_below: float | None) -> "Prediction":
    prediction = reject(prediction, reject_below)
    if top is not None:
        ranked = sorted(prediction["probabilities"].items(), key=lambda item: -item[1])
        prediction = {**prediction, "probabilities": dict(ranked[:top])}
    return prediction


def _write_table(predictor: "Answers", texts: Texts, arguments: argparse.Namespace) -> None:
    answers = AnswerColumns(
        predictor.labels,
        several=predictor.thresholds is not None,
        reasons=arguments.explain is not None,
        probabilities=arguments.probabilities,
        taken=texts.columns(),
    )
    count = 0
    with writing_table(arguments.output, Layout(texts.columns(), answers.kinds, texts.schema())) as write:
        for rows in _counted(texts.row_batches(), shown=True):
            write(rows, [answers.values(one) for one in _answer(predictor, [row.text for row in rows], arguments)])
            count += len(rows)
    logger.info(f"{count:,} {'text' if count == 1 else 'texts'} answered in {arguments.output}")


def _write_jsonl(batches: "Iterable[list[Prediction]]", file: TextIO) -> None:
    shown = visible_json if file.isatty() else str
    for batch in batches:
        file.writelines(shown(json.dumps(prediction, ensure_ascii=False)) + "\n" for prediction in batch)
        file.flush()


def _cell(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _write_csv(batches: "Iterable[list[Prediction]]", file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    shown = visible if file.isatty() else str
    for number, batch in enumerate(batches):
        if number == 0:
            writer.writerow(batch[0])
        for prediction in batch:
            writer.writerow(shown(_cell(value)) for value in prediction.values())
        file.flush()


def _show(predictor: "Answers", batches: Iterable[list[str]]) -> None:
    from keras_textcnn.utils.terminal import Console

    console = Console(highlight=False, emoji=False, markup=False)
    for texts in batches:
        for explanation in predictor.explain(texts):
            console.print(explanation.to_terminal())


def _write_page(predictor: "Answers", batches: Iterable[list[str]], file: TextIO) -> None:
    from keras_textcnn.evaluation.html_report import explanations_page

    explanations = itertools.chain.from_iterable(map(predictor.explain, batches))
    file.writelines(explanations_page("Why these labels", explanations))


if __name__ == "__main__":
    sys.exit(main())
