"""What the commands share: options from a dataclass, one line for an error, exit statuses, a quiet TensorFlow."""

import argparse
import contextlib
import dataclasses
import itertools
import logging
import os
import sys
import tempfile
import traceback
import types
import typing
from collections.abc import Callable, Container, Iterator
from typing import Any

from keras_textcnn.cli.progress import console
from keras_textcnn.errors import InputError
from keras_textcnn.utils import signals
from keras_textcnn.utils.log import showing
from keras_textcnn.utils.terminal import visible

OK, FAILED, WRONG_USE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and whose help keeps the lines of its examples."""

    def __init__(self, command: str, *, description: str, epilog: str) -> None:
        super().__init__(
            f"python -m {command}",
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """An option with a choice that may be left out takes none but its choices: what follows may be an argument."""
        given = list(sys.argv[1:] if args is None else args)
        for action in self._actions:
            if action.nargs == "?" and action.option_strings:
                for i, (one, following) in enumerate(itertools.zip_longest(given, given[1:])):
                    if one in action.option_strings and following not in (action.choices or ()):
                        given[i] = f"{one}={action.const}"
        return super().parse_known_args(given, namespace)

    def error(self, message: str) -> typing.NoReturn:
        self.exit(WRONG_USE, f"error: {_one_line(message)}; see {self.prog} --help\n")


def add_options(
    parser: argparse.ArgumentParser, config: type, *, only: Container[str] | None = None, defaults: str | None = None
) -> None:
    """Gives the parser an option for each field of a config dataclass; one not given leaves no trace.

    Args:
        parser: Of a command.
        config: The dataclass.
        only: Names of the fields; None: all.
        defaults: What the help says of the defaults if they are not the fields' own.
    """
    hints = typing.get_type_hints(config)
    for field in dataclasses.fields(config):
        if only is not None and field.name not in only:
            continue
        argument = {"help": field.metadata["help"], **field.metadata["argument"]}
        if defaults:
            argument["help"] = f"{argument['help'].split(' (default')[0]} (default: {defaults})"
        elif field.default not in (None, ()) and "action" not in argument:
            shown = ",".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
            argument["help"] += f" (default: {shown})"
        kind = _kind(hints[field.name])
        if kind is bool:
            argument.setdefault("action", "store_true")
        else:
            argument.setdefault("type", _converter(kind))
        name = argument.pop("option", f"--{field.name.replace('_', '-')}")
        parser.add_argument(name, dest=field.name, default=argparse.SUPPRESS, **argument)


def run_command(main: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> int:
    """Parses the command line, runs `main` and turns what it raises into one line and an exit status.

    Returns:
        0 on success, 1 on failure at work, 2 on wrong use or bad input, 130 on Ctrl-C, 143 on SIGTERM.
    """
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    arguments = parser.parse_intermixed_args()  # so that an option may stand between RUN and FILE
    try:
        with signals.raised(), showing(console.print):
            main(arguments)
    except KeyboardInterrupt as interrupt:
        print(_one_line("; ".join(["interrupted", *map(str, interrupt.args)])), file=sys.stderr)
        return TERMINATED if isinstance(interrupt, signals.Terminated) else INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains as it exits
        return OK
    except Exception as error:
        if arguments.debug:
            print(visible(traceback.format_exc()), end="", file=sys.stderr)
        print(f"error: {_one_line(str(error)) or type(error).__name__}", file=sys.stderr)
        return WRONG_USE if isinstance(error, InputError) else FAILED
    return OK


def _one_line(message: str) -> str:
    """A message without line ends, in which nothing steers the terminal."""
    return visible(" ".join(message.split()))


def import_tensorflow() -> None:
    """Imports TensorFlow without the lines it prints before its own logging starts; shown if the import fails."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _standard_error_held():
        import tensorflow  # noqa: F401
    # Its warnings are for whoever writes the code: that a second run traces the model again, and the like.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextlib.contextmanager
def _standard_error_held() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _kind(hint: Any) -> Any:
    """The type of an option; what may be None is None when it is not given."""
    if isinstance(hint, types.UnionType):
        return next(kind for kind in typing.get_args(hint) if kind is not type(None))
    return hint


def _converter(kind: Any) -> Callable[[str], Any]:
    if typing.get_origin(kind) is tuple:
        return comma_separated_integers if int in typing.get_args(kind) else comma_separated
    return kind


def comma_separated(text: str) -> tuple[str, ...]:
    """`a, b` as ("a", "b")."""
    return tuple(part.strip() for part in text.split(","))


def comma_separated_integers(text: str) -> tuple[int, ...]:
    """`1,2,3` as (1, 2, 3), `none` as ()."""
    try:
        return () if text == "none" else tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be numbers with commas between, such as 1,2,3; received: {text}"
        ) from None
