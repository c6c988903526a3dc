"""Rich's console for text from outside, whose control characters are spelled out."""

import io
from collections.abc import Iterable
from typing import Any

import rich.console
from rich.console import RenderableType
from rich.segment import Segment
from rich.text import Text

from keras_textcnn.utils.visible import visible


class Console(rich.console.Console):
    """Rich's console with the control characters of all text spelled out; only Rich itself controls the terminal."""

    def render_str(self, text: str, **style: Any) -> Text:
        """The text with all control characters spelled out; Rich would silently drop some of them."""
        return super().render_str(visible(text), **style)

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """The segments of what is printed."""
        for part in super().render(renderable, options):
            yield part if part.control else part._replace(text=visible(part.text))


def render(*tables: RenderableType, width: int) -> list[str]:
    """The lines of tables as a terminal without colours would show them."""
    file = io.StringIO()
    # In a notebook, Rich would display the tables despite the file, or colour them.
    Console(file=file, width=width, emoji=False, force_jupyter=False, force_terminal=False).print(*tables)
    return [line.rstrip() for line in file.getvalue().splitlines()]
