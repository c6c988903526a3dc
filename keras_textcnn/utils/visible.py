"""Text from outside, for display: characters that control a terminal or turn the text around are spelled out."""

import re

# C0 except tab and line feed, DEL, C1, and what changes the direction of the text around it.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
LONGEST_SHOWN = 40  # characters of a label


def visible(text: str) -> str:
    r"""The text with control characters, including bidirectional ones, written as `\x1b` and the like.

    Tabs and line feeds stay. Example: `visible("\x1b[2J")` is `\x1b[2J`, seven characters that do not clear the screen.
    """
    return STEERING.sub(lambda match: _spell_control(match[0]), text)


def one_line(message: str) -> str:
    """A message on one line, with control characters spelled out."""
    return visible(" ".join(message.split()))


def visible_json(line: str) -> str:
    r"""A line of JSON with control characters written as `\u001b` and the like; it parses to the same values."""
    return STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def _spell_control(sign: str) -> str:
    return f"\\x{ord(sign):02x}" if ord(sign) < 256 else f"\\u{ord(sign):04x}"


def shown(label: str) -> str:
    """A label for display: characters that would move the cursor are spelled out, and long labels are shortened."""
    spelled = spell(label[: LONGEST_SHOWN + 1])
    return spelled if len(spelled) <= LONGEST_SHOWN else spelled[: LONGEST_SHOWN - 1] + "…"


def spell(text: str) -> str:
    """The text on one line: characters that cannot be printed, such as line feeds, are spelled out."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
