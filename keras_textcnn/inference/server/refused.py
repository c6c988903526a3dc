"""What the server refuses, with the status that it answers."""

from collections.abc import Mapping


class RefusedError(Exception):
    """A request is refused.

    Args:
        status: HTTP status, 400 or above.
        message: One line: what is wrong, and what to do.
        headers: More headers of the answer.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})
