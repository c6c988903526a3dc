"""Text from outside on a terminal: characters that would control it, or change the text direction, are spelled out."""

import io
import re
from collections.abc import Iterable
from typing import Any

import rich.console
from rich.console import RenderableType
from rich.segment import Segment
from rich.text import Text

# C0 except tab and line feed, DEL, C1, and what changes the direction of the text around it.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""The text with control characters, including bidirectional ones, written as `\x1b` and the like.

    Tabs and line feeds stay. Example: `visible("\x1b[2J")` is `\x1b[2J`, seven characters that do not clear the screen.
    """
    return STEERING.sub(lambda match: _spell(match[0]), text)


def one_line(message: str) -> str:
    """A message on one line, with control characters spelled out."""
    return visible(" ".join(message.split()))


def visible_json(line: str) -> str:
    r"""A line of JSON with control characters written as `\u001b` and the like; it parses to the same values."""
    return STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def _spell(sign: str) -> str:
    return f"\\x{ord(sign):02x}" if ord(sign) < 256 else f"\\u{ord(sign):04x}"


class Console(rich.console.Console):
    """Rich's console with the control characters of all text spelled out; only Rich itself controls the terminal."""

    def render_str(self, text: str, **style: Any) -> Text:
        """The text with all control characters spelled out; Rich would silently drop some of them."""
        return super().render_str(visible(text), **style)

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """The segments of what is printed."""
        for part in super().render(renderable, options):
            yield part if part.control else part._replace(text=visible(part.text))


LONGEST_SHOWN = 40  # characters of a label


def render(*tables: RenderableType, width: int) -> list[str]:
    """The lines of tables as a terminal without colours would show them."""
    file = io.StringIO()
    # In a notebook, Rich would display the tables despite the file, or colour them.
    Console(file=file, width=width, emoji=False, force_jupyter=False, force_terminal=False).print(*tables)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def shown(label: str) -> str:
    """A label for display: characters that would move the cursor are spelled out, and long labels are shortened."""
    spelled = spell(label[: LONGEST_SHOWN + 1])
    return spelled if len(spelled) <= LONGEST_SHOWN else spelled[: LONGEST_SHOWN - 1] + "…"


def spell(text: str) -> str:
    """The text on one line: characters that cannot be printed, such as line feeds, are spelled out."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
