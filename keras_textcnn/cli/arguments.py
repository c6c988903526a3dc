"""Options made from settings dataclasses, short and full help, and one-line errors."""

import argparse
import dataclasses
import itertools
import sys
import types
import typing
from collections.abc import Callable, Container, Mapping
from typing import Any

from keras_textcnn.cli.habits import explain_unknown
from keras_textcnn.settings.fields import option_name, show
from keras_textcnn.utils.visible import one_line

USAGE_ERROR = 2  # the exit status
SCRIPT = "keras-textcnn"  # what `pip install` puts on the PATH
UNKNOWN = "unrecognized arguments: "  # how argparse's message begins


def program(command: str) -> str:
    """The command as the user runs it: the installed script, or a module of the package."""
    return f"{SCRIPT} {command}" if sys.argv[0].startswith(f"{SCRIPT} ") else f"python -m keras_textcnn.{command}"


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Help with room for long option names."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=29)


class Parser(argparse.ArgumentParser):
    """A parser with one-line errors, and with short help unless the full help is requested.

    Args:
        command: The command's name, such as `train`.
        usage: Its arguments, as shown in the usage line.
        description: What it does.
        examples: Command lines without the program's name, one per line.
        all_options: Whether `--help` shows only the options that most people need, and `--help-all` shows all.
    """

    def __init__(self, command: str, *, usage: str, description: str, examples: str, all_options: bool = False) -> None:
        prog = program(command)
        lines = "".join(f"\n  {line.replace(command, prog, 1)}" for line in examples.splitlines())
        super().__init__(
            prog,
            usage=f"{prog} {usage}",
            description=description,
            epilog=f"examples:{lines}" + ("\n\n--help-all shows all options." if all_options else ""),
            formatter_class=Formatter,
            allow_abbrev=False,
            add_help=False,
        )
        self._whole: dict[str, dict[str, Any]] = {}  # what the full help shows for each action
        general = self.add_argument_group("general")
        general.add_argument("-h", "--help", action="help", help="show this help and exit")
        if all_options:
            general.add_argument("--help-all", action=_HelpAll, nargs=0, help="show all options and exit")
        general.add_argument("--debug", action="store_true", help="show the traceback of an error")
        if all_options:
            for action in general._group_actions:
                self._shorten(action, None)

    def add_options(
        self, groups: Mapping[str, type], *, only: Container[str] | None = None, defaults: str | None = None
    ) -> None:
        """Adds an option for each field of some dataclasses; an option that is not given sets no attribute.

        Args:
            groups: The dataclasses, by the heading of their options.
            only: Names of the fields to add; None: all.
            defaults: What the help says about the defaults, if they are not the fields' own.
        """
        for title, settings in groups.items():
            fields = [field for field in dataclasses.fields(settings) if only is None or field.name in only]
            group = self.group(title) if fields else None
            hints = typing.get_type_hints(settings)
            for field in fields:
                self._add_option(group, field, _type_of(hints[field.name]), defaults)

    def add_rare(self, title: str, name: str, **argument: Any) -> None:
        """Adds an option to the group with this heading that only the full help shows."""
        self._shorten(self.group(title).add_argument(name, **argument), None)

    def group(self, title: str) -> Any:
        """The group of options with this heading; a new one if there is none."""
        found = [group for group in self._action_groups if group.title == title]
        return found[0] if found else self.add_argument_group(title)

    def _add_option(self, group: Any, field: "dataclasses.Field[Any]", kind: Any, defaults: str | None) -> None:
        argument = {"help": field.metadata["help"], **field.metadata["argument"]}
        argument.pop("option", None)
        if defaults:
            argument["help"] = f"{argument['help'].split(' (default')[0]} (default: {defaults})"
        elif field.default not in (None, ()) and "action" not in argument:
            argument["help"] += f" (default: {show(field.default)})"
        if kind is bool:
            argument.setdefault("action", "store_true")
        else:
            argument.setdefault("type", _converter(kind))
        action = group.add_argument(option_name(field), dest=field.name, default=argparse.SUPPRESS, **argument)
        if self._whole:
            self._shorten(action, field.metadata["brief"])

    def _shorten(self, action: argparse.Action, brief: str | None) -> None:
        """Gives an action its short help, or hides it; `format_all` restores the full help."""
        self._whole[action.dest] = {"help": action.help, "metavar": action.metavar}
        action.help = brief or argparse.SUPPRESS
        if action.choices:
            action.metavar = "NAME"

    def format_all(self) -> str:
        """The full help, with every option."""
        for action in self._actions:
            vars(action).update(self._whole.get(action.dest, {}))
        return self.format_help()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Lets an option with an optional value take only its choices, since the next word may be an argument."""
        given = list(sys.argv[1:] if args is None else args)
        for action in self._actions:
            if action.nargs == "?" and action.option_strings:
                for i, (one, following) in enumerate(itertools.zip_longest(given, given[1:])):
                    if one in action.option_strings and following not in (action.choices or ()):
                        given[i] = f"{one}={action.const}"
        return super().parse_known_args(given, namespace)

    def error(self, message: str) -> typing.NoReturn:
        """Ends the process with one line and the status of a usage error."""
        if message.startswith(UNKNOWN):
            options = [name for action in self._actions for name in action.option_strings]
            message = explain_unknown(message.removeprefix(UNKNOWN).split(), options)
        whole = "--help-all" if self._whole else "--help"
        end = "" if message.endswith("?") else ";"
        self.exit(USAGE_ERROR, f"error: {one_line(message)}{end} see {self.prog} {whole}\n")


class _HelpAll(argparse.Action):
    def __call__(self, parser: Any, *arguments: Any, **named: Any) -> None:
        parser._print_message(parser.format_all(), sys.stdout)
        parser.exit()


def _type_of(hint: Any) -> Any:
    """The type of an option's value; None is for options that are not given."""
    if isinstance(hint, types.UnionType):
        return next(kind for kind in typing.get_args(hint) if kind is not type(None))
    return hint


def _converter(kind: Any) -> Callable[[str], Any]:
    if typing.get_origin(kind) is tuple:
        return comma_separated_integers if int in typing.get_args(kind) else comma_separated
    converter: Callable[[str], Any] = kind
    return converter


def comma_separated(text: str) -> tuple[str, ...]:
    """`a, b` as ("a", "b")."""
    return tuple(part.strip() for part in text.split(","))


def comma_separated_integers(text: str) -> tuple[int, ...]:
    """`1,2,3` as (1, 2, 3), `none` as ()."""
    try:
        return () if text == "none" else tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be numbers separated by commas, such as 1,2,3; received: {text}"
        ) from None
