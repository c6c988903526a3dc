"""Command: a run directory and a labelled corpus in, a report out."""

import argparse
import itertools
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from keras_textcnn.cli.arguments import Parser
from keras_textcnn.cli.entry_point import run_command
from keras_textcnn.cli.progress import counting
from keras_textcnn.config import GROUPS
from keras_textcnn.data.corpus import Record
from keras_textcnn.data.datasets import is_named
from keras_textcnn.data.loading import as_given, check_reading, describe_reading, locate, make_reader
from keras_textcnn.data.readers import Reader
from keras_textcnn.errors import InputError
from keras_textcnn.inference.runtime import RUNTIME_HELP, RUNTIMES, find_model, open_predictor
from keras_textcnn.persistence.run import Run
from keras_textcnn.settings.data import CORPUS_SETTINGS
from keras_textcnn.utils.log import log_lines
from keras_textcnn.utils.terminal import Console
from keras_textcnn.utils.visible import visible

if TYPE_CHECKING:
    from keras_textcnn.evaluation.evaluator import Evaluation

DESCRIPTION = """Evaluates a trained run on a labelled corpus: prints a report and saves it in
RUN/evaluations, with a picture of the confusion matrix and all numbers as JSON.
If the corpus has a test split, only that is used. The corpus is read as in the
run's training, unless options say otherwise."""
EXAMPLES = """evaluate runs/reuters-r8 reuters-r8
evaluate runs/reviews later.csv --accuracy 0.99
evaluate runs/reviews other.csv --text-column body --label-column rating"""

LONGEST_NAME = 150  # bytes, of the 255 that a file name may have


def main() -> int:
    """The command `python -m keras_textcnn.evaluate`."""
    parser = Parser("evaluate", usage="RUN CORPUS [options]", description=DESCRIPTION, examples=EXAMPLES)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run directory")
    parser.add_argument("corpus", nargs="?", metavar="CORPUS", help="labelled texts, as for train")
    parser.add_argument("--data", metavar="CORPUS", help="the same as CORPUS")
    parser.add_argument(
        "--accuracy",
        type=float,
        metavar="F",
        help="find the lowest probability to reject below so that this fraction of the answers is right; not for runs "
        "with several labels per text (default: 0.99)",
    )
    parser.add_argument(
        "--name",
        help="name of the files in RUN/evaluations (default: the corpus's name, with a number if that is taken)",
    )
    # The run has its labels already, and weights count only in training.
    settings = [name for name in CORPUS_SETTINGS if name not in ("numeric_labels", "weight_column")]
    parser.add_options(GROUPS, only=settings, defaults="as in training")
    parser.add_argument("--runtime", choices=RUNTIMES, help=RUNTIME_HELP)
    return run_command(_main, parser)


def _main(arguments: argparse.Namespace) -> None:
    if arguments.accuracy is not None and not 0 < arguments.accuracy <= 1:
        raise InputError(f"--accuracy must be in (0, 1]; received: {arguments.accuracy}")
    if arguments.name is not None and not re.fullmatch(r"[\w][\w.-]*", arguments.name):
        raise InputError(f"--name must consist of letters, digits, dots and hyphens; received: {arguments.name!r}")
    if (arguments.corpus is None) == (arguments.data is None):
        raise InputError("give one labelled corpus to evaluate on, after the run")
    run = Run.open(arguments.run)
    find_model(run.directory, runtime=arguments.runtime)
    given = {option: value for option, value in vars(arguments).items() if option in CORPUS_SETTINGS}
    named = arguments.corpus or arguments.data
    data = as_given(named)
    check_reading(data, given)
    reader = make_reader(run.config().read_as(weight_column=None, **given), data, any_numbers=True)
    source = locate(data)
    records = _records(reader, source)
    first = next(records)  # before the model is opened, so that bad input is reported at once
    from keras_textcnn.evaluation.evaluator import evaluate

    predictor = open_predictor(run.directory, runtime=arguments.runtime)
    if predictor.thresholds is not None and arguments.accuracy is not None:
        raise InputError(f"--accuracy is for runs with one label per text; {run.directory} gives several; leave it out")
    with counting("answering") as progress:
        texts = progress(itertools.chain([first], records))
        evaluation = evaluate(predictor, texts, accuracy=arguments.accuracy or 0.99)
    log_lines(describe_reading(reader))
    data = named if is_named(named) else str(source.resolve())
    data = data.encode(errors="backslashreplace").decode()  # a file name may not be UTF-8, but JSON must be
    name = arguments.name or free_name(run, data)
    _write(run, name, data, evaluation)
    Console(highlight=False, soft_wrap=True, markup=False, emoji=False).print(evaluation.to_text(), end="")
    print(visible(f"Saved in {run.directory / 'evaluations'}: {name}.txt, {name}.json and {name}.png."))


def _records(reader: Reader, path: Path) -> Iterator[Record]:
    """The test texts of a corpus, or all texts if it has no test split."""
    test = reader.records(path, without={"train", "validation"})
    first = next(test, None)
    if first is None:
        yield from reader.records(path)
        return
    yield first
    yield from test


def free_name(run: Run, data: str) -> str:
    """The base name of an evaluation's files: the corpus's name, with a number if another corpus has that name.

    Args:
        run: The run whose `evaluations` folder gets the files.
        data: The corpus as the evaluation's files record it: a name in the catalogue, or a path.
    """
    last = Path(data.replace(":", "-") if is_named(data) else data).name
    kept = (sign if _belongs_in_a_name(sign) else "-" for sign in last.split(".")[0] or last)
    safe = re.sub("-{2,}", "-", "".join(kept)).strip("-.").encode()[:LONGEST_NAME].decode(errors="ignore") or "corpus"
    for name in itertools.chain([safe], (f"{safe}-{number}" for number in itertools.count(2))):
        if _evaluated(run, name) in (None, data):
            return name
    raise AssertionError("numbers do not end")


def _belongs_in_a_name(sign: str) -> bool:
    """Whether a character is a letter of any script, a mark, a digit, a dot, a hyphen or an underscore."""
    return sign.isalnum() or sign in ".-_" or unicodedata.category(sign).startswith("M")


def _evaluated(run: Run, name: str) -> str | None:
    """The corpus of the evaluation with this name; None if there is no such evaluation, "" if it does not say."""
    path = run.directory / "evaluations" / f"{name}.json"
    if not path.exists():
        return None
    try:
        return str(json.loads(path.read_bytes()).get("data", ""))
    except (OSError, ValueError, AttributeError, RecursionError):
        return ""


def _write(run: Run, name: str, data: str, evaluation: "Evaluation") -> None:
    try:
        run.write(f"evaluations/{name}.png", evaluation.plot)
        run.write_text(f"evaluations/{name}.txt", evaluation.to_text())
        run.write_json(f"evaluations/{name}.json", {"data": data, **evaluation.to_json()})
    except OSError as error:
        raise RuntimeError(f"cannot write to {run.directory / 'evaluations'}: {error.strerror or error}") from error


if __name__ == "__main__":
    sys.exit(main())
