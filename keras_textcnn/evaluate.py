"""Command: a run directory and a labelled corpus in, a report out."""

import argparse
import contextlib
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
from keras_textcnn.persistence.folder import Folder
from keras_textcnn.persistence.run import Run
from keras_textcnn.settings.data import CORPUS_SETTINGS
from keras_textcnn.utils.log import log_lines
from keras_textcnn.utils.terminal import Console
from keras_textcnn.utils.visible import visible

if TYPE_CHECKING:
    from keras_textcnn.evaluation.comparison import Comparison
    from keras_textcnn.evaluation.evaluator import Evaluation

DESCRIPTION = """Evaluates a trained run on a labelled corpus: prints a report and saves it in
RUN/evaluations, with a picture of the confusion matrix and all numbers as JSON.
If the corpus has a test split, only that is used. The corpus is read as in the
run's training, unless options say otherwise.

With --against, compares two runs: by how much one is ahead, with its 95%
interval, and whether this may be chance (exact paired test)."""
EXAMPLES = """evaluate runs/reuters-r8 reuters-r8
evaluate runs/reviews later.csv --accuracy 0.99
evaluate runs/reviews other.csv --text-column body --label-column rating
evaluate runs/reviews --against runs/baseline"""

LONGEST_NAME = 150  # bytes, of the 255 that a file name may have


def main() -> int:
    """The command `python -m keras_textcnn.evaluate`."""
    parser = Parser("evaluate", usage="RUN [CORPUS] [options]", description=DESCRIPTION, examples=EXAMPLES)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run directory")
    parser.add_argument("corpus", nargs="?", metavar="CORPUS", help="labelled texts, as for train")
    parser.add_argument("--data", metavar="CORPUS", help="the same as CORPUS")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="RUN",
        help="another run to compare with, on what both have predicted for their test texts, or on CORPUS if there is "
        "one; without CORPUS, both may be directories of several runs",
    )
    parser.add_argument(
        "--accuracy",
        type=float,
        metavar="F",
        help="find the lowest probability to reject below so that this fraction of the answers is right; not for runs "
        "with several labels per text (default: 0.99)",
    )
    parser.add_argument(
        "--name",
        help="name of the files in RUN/evaluations (default: after the corpus or the other run, with a number if that "
        "is taken)",
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
    if arguments.against and arguments.against.resolve() == arguments.run.resolve():
        raise InputError(f"--against needs another run; received the same one: {arguments.against}")
    corpora = [corpus for corpus in (arguments.corpus, arguments.data) if corpus is not None]
    if not corpora and arguments.against:
        _compare_kept(arguments)
        return
    if len(corpora) != 1:
        raise InputError("give one labelled corpus to evaluate on, after the run")
    run = Run.open(arguments.run)
    other = _evaluate_other(run, corpora[0], arguments) if arguments.against else None
    evaluation, data = _evaluate(run, corpora[0], arguments)
    comparison = None
    if other:
        from keras_textcnn.evaluation.comparison import compare_shared

        both = [its.predictions for its in (evaluation, other) if its.predictions]
        comparison = compare_shared(*both, names=_names(arguments))
    name = arguments.name or free_name(run, data)
    _write(run, name, data, evaluation)
    _print(run, evaluation.to_text(), f"{name}.txt, {name}.json and {name}.png")
    if comparison:
        _save_comparison(run, comparison, arguments, on=data)


def _evaluate_other(run: Run, named: str, arguments: argparse.Namespace) -> "Evaluation":
    """The evaluation of the run to compare with, which comes first: if it cannot answer the corpus, nothing is saved.

    Raises:
        InputError: It gives several labels to a text and the other run one, or the reverse; or as for `_evaluate`.
    """
    from keras_textcnn.evaluation.tested import check_tasks

    locate(as_given(named))  # an error about the corpus itself names no run
    other = Run.open(arguments.against)
    check_tasks(run, other)
    try:
        evaluation, _ = _evaluate(other, named, arguments)
    except InputError as error:
        its = str(other.directory)
        raise InputError(str(error) if its in str(error) else f"{its} cannot be evaluated: {error}") from error
    return evaluation


def _compare_kept(arguments: argparse.Namespace) -> None:
    """Compares two runs, or directories of several, by what they have predicted for their test texts."""
    given = vars(arguments)
    if unused := [name for name in (*CORPUS_SETTINGS, "accuracy", "runtime") if given.get(name) is not None]:
        raise InputError(f"--{unused[0].replace('_', '-')} is for a corpus to evaluate on; leave it out, or give one")
    from keras_textcnn.evaluation.comparison import compare_runs

    _save_comparison(Folder(arguments.run), compare_runs(*_names(arguments)), arguments)


def _names(arguments: argparse.Namespace) -> tuple[str, str]:
    """The two runs that are compared, as they were given."""
    return str(arguments.run), str(arguments.against)


def _save_comparison(
    folder: Folder, comparison: "Comparison", arguments: argparse.Namespace, *, on: str | None = None
) -> None:
    """Prints and saves a comparison; `on` is the corpus, None: what both runs have predicted is compared."""
    other = _in_json(str(arguments.against.resolve()))
    data = f"{on} against {other}" if on else other
    name = f"{arguments.name}-against" if arguments.name and on else arguments.name
    name = name or free_name(folder, data, before="against-")
    with _writing(folder):
        (folder.directory / "evaluations" / f"{name}.png").unlink(missing_ok=True)  # of an evaluation that is replaced
        folder.write_text(f"evaluations/{name}.txt", comparison.to_text())
        folder.write_json(f"evaluations/{name}.json", {"data": data, **comparison.to_json()})
    _print(folder, comparison.to_text(), f"{name}.txt and {name}.json")


def _evaluate(run: Run, named: str, arguments: argparse.Namespace) -> tuple["Evaluation", str]:
    """The evaluation of a run on a corpus, and the corpus as the evaluation's files record it."""
    find_model(run.directory, runtime=arguments.runtime)
    given = {option: value for option, value in vars(arguments).items() if option in CORPUS_SETTINGS}
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
        accuracy, keep = arguments.accuracy or 0.99, arguments.against is not None
        evaluation = evaluate(predictor, texts, accuracy=accuracy, keep_predictions=keep)
    log_lines(describe_reading(reader))
    return evaluation, _in_json(named if is_named(named) else str(source.resolve()))


def _in_json(name: str) -> str:
    """A name as JSON holds it: that of a file may not be UTF-8."""
    return name.encode(errors="backslashreplace").decode()


def _records(reader: Reader, path: Path) -> Iterator[Record]:
    """The test texts of a corpus, or all texts if it has no test split."""
    test = reader.records(path, without={"train", "validation"})
    first = next(test, None)
    if first is None:
        yield from reader.records(path)
        return
    yield first
    yield from test


def free_name(folder: Folder, data: str, *, before: str = "") -> str:
    """The base name of an evaluation's files: the corpus's name, with a number if another corpus has that name.

    Args:
        folder: The run whose `evaluations` folder gets the files.
        data: The corpus as the evaluation's files record it: a name in the catalogue, or a path.
        before: Put before the name.
    """
    last = Path(data.replace(":", "-") if is_named(data) else data).name
    kept = (sign if _belongs_in_a_name(sign) else "-" for sign in last.split(".")[0] or last)
    safe = re.sub("-{2,}", "-", "".join(kept)).strip("-.").encode()[:LONGEST_NAME].decode(errors="ignore") or "corpus"
    for name in itertools.chain([before + safe], (f"{before}{safe}-{number}" for number in itertools.count(2))):
        if _evaluated(folder, name) in (None, data):
            return name
    raise AssertionError("numbers do not end")


def _belongs_in_a_name(sign: str) -> bool:
    """Whether a character is a letter of any script, a mark, a digit, a dot, a hyphen or an underscore."""
    return sign.isalnum() or sign in ".-_" or unicodedata.category(sign).startswith("M")


def _evaluated(folder: Folder, name: str) -> str | None:
    """The corpus of the evaluation with this name; None if there is no such evaluation, "" if it does not say."""
    path = folder.directory / "evaluations" / f"{name}.json"
    if not path.exists():
        return None
    try:
        return str(json.loads(path.read_bytes()).get("data", ""))
    except (OSError, ValueError, AttributeError, RecursionError):
        return ""


@contextlib.contextmanager
def _writing(folder: Folder) -> Iterator[None]:
    """Says in one line which folder cannot be written to."""
    try:
        yield
    except OSError as error:
        raise RuntimeError(f"cannot write to {folder.directory / 'evaluations'}: {error.strerror or error}") from error


def _write(run: Run, name: str, data: str, evaluation: "Evaluation") -> None:
    with _writing(run):
        run.write(f"evaluations/{name}.png", evaluation.plot)
        run.write_text(f"evaluations/{name}.txt", evaluation.to_text())
        run.write_json(f"evaluations/{name}.json", {"data": data, **evaluation.to_json()})


def _print(folder: Folder, text: str, files: str) -> None:
    """Prints a report, and where it is."""
    Console(highlight=False, soft_wrap=True, markup=False, emoji=False).print(text, end="")
    print(visible(f"Saved in {folder.directory / 'evaluations'}: {files}."))


if __name__ == "__main__":
    sys.exit(main())
