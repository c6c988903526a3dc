"""What comes from outside, on a terminal: characters that would steer it, or turn text around, are spelled out."""

import io
import re
from collections.abc import Iterable
from typing import Any

import rich.console
from rich.console import RenderableType
from rich.segment import Segment
from rich.text import Text

# C0 but for tab and line feed, DEL and C1; and what changes the direction of the text around it.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""The text with `\x1b` and the like in place of control characters, bidirectional ones included.

    Tabs and line feeds stay. Example: `visible("\x1b[2J")` is `\x1b[2J`, seven characters that clear no screen.
    """
    return STEERING.sub(lambda match: _spell(match[0]), text)


def one_line(message: str) -> str:
    """A message without line ends, in which nothing steers the terminal."""
    return visible(" ".join(message.split()))


def visible_json(line: str) -> str:
    r"""A line of JSON with `\u001b` and the like in place of these characters: the same values to whoever parses it."""
    return STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def _spell(sign: str) -> str:
    return f"\\x{ord(sign):02x}" if ord(sign) < 256 else f"\\u{ord(sign):04x}"


class Console(rich.console.Console):
    """Rich's console, in which no text steers the terminal, whatever it is part of; only rich's own controls do."""

    def render_str(self, text: str, **style: Any) -> Text:
        """The text, which rich would rid of some control characters without a trace, with all of them spelled out."""
        return super().render_str(visible(text), **style)

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """The parts of what is printed."""
        for part in super().render(renderable, options):
            yield part if part.control else part._replace(text=visible(part.text))


LONGEST_SHOWN = 40  # characters of a label


def render(*tables: RenderableType, width: int) -> list[str]:
    """The lines of tables as a terminal without colours would show them."""
    file = io.StringIO()
    # In a notebook rich would show the tables, whatever the file, or colour them.
    Console(file=file, width=width, emoji=False, force_jupyter=False, force_terminal=False).print(*tables)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def shown(label: str) -> str:
    """A label for the eye: what would move a terminal's cursor is spelled out, and none is longer than a line."""
    spelled = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in label[: LONGEST_SHOWN + 1]
    )
    return spelled if len(spelled) <= LONGEST_SHOWN else spelled[: LONGEST_SHOWN - 1] + "…"
