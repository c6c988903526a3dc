"""Command: a run directory and texts in, labels and probabilities out. It reads nothing but the run's SavedModel."""

import argparse
import contextlib
import csv
import io
import itertools
import json
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from keras_textcnn.command import Parser, import_tensorflow, run_command
from keras_textcnn.errors import InputError
from keras_textcnn.run import Run

DESCRIPTION = """Labels texts with a trained run: one text a line in, one line of JSON or CSV out for each, in order,
empty lines included."""
EXAMPLES = """examples:
  echo "profits rose in the second quarter" | python -m keras_textcnn.predict runs/reuters-r8
  python -m keras_textcnn.predict runs/reuters-r8 texts.txt --format csv > labels.csv
  python -m keras_textcnn.predict runs/reuters-r8 texts.txt --top 3 --reject-below 0.8"""
BATCH = 256

Prediction = dict[str, Any]  # label, probability, probabilities


def load_predictor(saved_model: Path) -> Callable[[Sequence[bytes]], list[Prediction]]:
    """Loads an exported model.

    Returns:
        A function from texts (bytes, UTF-8) to a dictionary for each: label, its probability, and probabilities,
        label to probability in the order of the labels.

    Raises:
        InputError: The SavedModel cannot be loaded.
    """
    import tensorflow as tf

    try:
        model = tf.saved_model.load(str(saved_model))
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise InputError(f"damaged SavedModel: {saved_model} ({error}); train again") from error
    labels = [name.decode() for name in model.signatures["labels"]()["labels"].numpy()]

    def predict(texts: Sequence[bytes]) -> list[Prediction]:
        answers = model.signatures["serving_default"](text=tf.constant(texts, tf.string))
        predictions = []
        for label, row in zip(answers["label"].numpy(), answers["probabilities"].numpy(), strict=True):
            probabilities = [float(str(value)) for value in row]  # the few digits that a float32 needs
            predictions.append(
                {
                    "label": label.decode(),
                    "probability": max(probabilities),
                    "probabilities": dict(zip(labels, probabilities, strict=True)),
                }
            )
        return predictions

    return predict


def main() -> int:
    """The command `python -m keras_textcnn.predict`."""
    parser = Parser("keras_textcnn.predict", description=DESCRIPTION, epilog=EXAMPLES)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run directory")
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="a text a line (default: standard input)")
    parser.add_argument("--format", choices=tuple(WRITERS), default="jsonl", help="of the output (default: jsonl)")
    parser.add_argument("--top", type=int, metavar="K", help="only the K most probable labels among the probabilities")
    parser.add_argument(
        "--reject-below", type=float, default=0.0, metavar="P", help="no label where its probability is below P"
    )
    return run_command(_main, parser)


def _main(arguments: argparse.Namespace) -> None:
    if arguments.top is not None and arguments.top < 1:
        raise InputError(f"--top must be at least 1; received: {arguments.top}")
    if not 0 <= arguments.reject_below <= 1:
        raise InputError(f"--reject-below must be in [0, 1]; received: {arguments.reject_below}")
    saved_model = _find_saved_model(arguments.run)
    with _open(arguments.file) as file:
        import_tensorflow()
        predictions = _predictions(load_predictor(saved_model), file)
        shown = (_restrict(prediction, arguments.top, arguments.reject_below) for prediction in predictions)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # whatever the locale: JSON is UTF-8
        WRITERS[arguments.format](shown, sys.stdout)


def _find_saved_model(directory: Path) -> Path:
    run = Run(directory)
    if run.saved_model.is_dir():
        return run.saved_model
    if (directory / "config.json").exists() and not run.finished:
        command = f"python -m keras_textcnn.train --resume {shlex.quote(str(directory))}"
        raise InputError(f"{directory} is unfinished; finish it with {command}")
    raise InputError(f"no saved_model/1 in {directory}; give a directory that keras_textcnn.train wrote")


def _open(name: str) -> contextlib.AbstractContextManager[BinaryIO]:
    if name == "-":
        return contextlib.nullcontext(sys.stdin.buffer)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}; give a file with one text a line") from error


def _predictions(predict: Callable[[Sequence[bytes]], list[Prediction]], file: BinaryIO) -> Iterator[Prediction]:
    while lines := list(itertools.islice(file, BATCH)):
        yield from predict([line.rstrip(b"\r\n") for line in lines])


def _restrict(prediction: Prediction, top: int | None, reject_below: float) -> Prediction:
    if prediction["probability"] < reject_below:
        prediction = {**prediction, "label": None}
    if top is not None:
        ranked = sorted(prediction["probabilities"].items(), key=lambda item: -item[1])
        prediction = {**prediction, "probabilities": dict(ranked[:top])}
    return prediction


def _write_jsonl(predictions: Iterable[Prediction], file: TextIO) -> None:
    for prediction in predictions:
        file.write(json.dumps(prediction, ensure_ascii=False) + "\n")


def _write_csv(predictions: Iterable[Prediction], file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["label", "probability", "probabilities"])
    for prediction in predictions:
        probabilities = json.dumps(prediction["probabilities"], ensure_ascii=False)
        writer.writerow([prediction["label"], prediction["probability"], probabilities])


WRITERS = {"jsonl": _write_jsonl, "csv": _write_csv}

if __name__ == "__main__":
    sys.exit(main())
