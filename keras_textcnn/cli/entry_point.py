"""Runs a command: exit statuses and one-line errors."""

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator

from keras_textcnn.cli.arguments import USAGE_ERROR, Parser
from keras_textcnn.cli.progress import console, print_line
from keras_textcnn.errors import InputError
from keras_textcnn.utils import signals
from keras_textcnn.utils.log import showing
from keras_textcnn.utils.visible import one_line, visible

OK, FAILED, INTERRUPTED, TERMINATED = 0, 1, 130, 143


def run_command(main: Callable[[argparse.Namespace], None], parser: Parser) -> int:
    """Parses the command line, runs `main` and turns an exception into one line and an exit status.

    Returns:
        0 on success, 1 when the work failed, 2 on a usage error or bad input, 130 on Ctrl-C, 143 on SIGTERM.
    """
    with reader_may_leave():
        return _run(main, parser)
    return OK


def _run(main: Callable[[argparse.Namespace], None], parser: Parser) -> int:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    arguments = parser.parse_intermixed_args()  # so that options may stand between RUN and FILE
    try:
        with signals.sigterm_raising(), showing(print_line, console):
            main(arguments)
    except KeyboardInterrupt as interrupt:
        print(one_line("; ".join(["interrupted", *map(str, interrupt.args)])), file=sys.stderr)
        return TERMINATED if isinstance(interrupt, signals.Terminated) else INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        if arguments.debug:
            print(visible(traceback.format_exc()), end="", file=sys.stderr)
        print(f"error: {one_line(str(error)) or type(error).__name__}", file=sys.stderr)
        return USAGE_ERROR if isinstance(error, InputError) else FAILED
    return OK


@contextlib.contextmanager
def reader_may_leave() -> Iterator[None]:
    """Ends the block without an error when the reader of standard output goes away."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # otherwise the interpreter complains on exit
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):  # which Rich turns into this
            raise
