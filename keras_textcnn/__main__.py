"""The commands by name: `python -m keras_textcnn COMMAND ...`, or `keras-textcnn COMMAND ...`."""

import difflib
import importlib
import importlib.metadata
import sys

from keras_textcnn.cli.arguments import SCRIPT, USAGE_ERROR
from keras_textcnn.cli.entry_point import OK, reader_may_leave

COMMANDS = {
    "train": "train on a corpus; writes a run directory with weights, report, SavedModel",
    "tune": "search for settings that suit a corpus, in a given time; writes a run with the best",
    "predict": "label texts with a run; gives labels with probabilities",
    "serve": "answer over HTTP for runs, as TensorFlow Serving does, and on a page to try them",
    "evaluate": "evaluate a run on a labelled corpus; writes a report",
    "catalog": "list the corpora that are known by name",
    "reproduce": "train recipes of papers, or ours, and compare with published results",
}
HELP = f"""usage: {SCRIPT} COMMAND [arguments]

Convolutional text classification in Keras 3.

commands:
{"".join(f"  {name:<11}{what}{chr(10)}" for name, what in COMMANDS.items())}
{SCRIPT} COMMAND --help explains a command, {SCRIPT} --version shows the version. To start:

  {SCRIPT} train"""


def main() -> int:
    """The command `python -m keras_textcnn`: runs another command, or lists all of them."""
    with reader_may_leave():
        return _main()
    return OK


def _main() -> int:
    given = sys.argv[1:]
    if not given or given[0] in ("-h", "--help", "help"):
        print(HELP)
        return 0
    if given[0] == "--version":
        versions = (f"{name} {importlib.metadata.version(name)}" for name in ("keras_textcnn", "keras", "tensorflow"))
        print(", ".join(versions))
        return 0
    if given[0] not in COMMANDS:
        close = difflib.get_close_matches(given[0], COMMANDS, n=1)
        meant = f"did you mean {close[0]}?" if close else f"choose from {', '.join(COMMANDS)}"
        print(f"error: no such command: {given[0]!a}; {meant}", file=sys.stderr)
        return USAGE_ERROR
    sys.argv = [f"{SCRIPT} {given[0]}", *given[1:]]
    command = importlib.import_module(f"keras_textcnn.{given[0]}")
    return int(command.main())


if __name__ == "__main__":
    sys.exit(main())
