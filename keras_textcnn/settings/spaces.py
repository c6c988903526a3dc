"""What `tune` tries for a setting: an interval of numbers, or a choice."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Space:
    """The values that a search tries for a setting.

    Attributes:
        models: The models for which it tries them; none: all that have the setting.
        unless: Conditions on other settings, as for `option`; under each of them, the setting keeps its default.
    """

    models: tuple[str, ...] = dataclasses.field(default=(), kw_only=True)
    unless: tuple[dict[str, Any], ...] = dataclasses.field(default=(), kw_only=True)

    def examples(self) -> tuple[Any, ...]:
        """Values that other settings may depend on: all of a choice, the ends of an interval."""
        return ()


@dataclasses.dataclass(frozen=True)
class Interval(Space):
    """Numbers from `low` to `high`, whole ones if both are; each decade is as likely as another on the "log" scale."""

    low: float
    high: float
    scale: str = dataclasses.field(default="linear", kw_only=True)

    def examples(self) -> tuple[Any, ...]:
        return self.low, self.high

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}" + (", logarithmic" if self.scale == "log" else "")


@dataclasses.dataclass(frozen=True)
class Choice(Space):
    """One of a few values, which need not be numbers."""

    values: tuple[Any, ...]

    def examples(self) -> tuple[Any, ...]:
        return self.values

    def __str__(self) -> str:
        shown = (",".join(map(str, value)) if isinstance(value, tuple) else str(value).lower() for value in self.values)
        return " or ".join(one or "none" for one in shown)
