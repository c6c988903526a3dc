"""Progress and warnings: records of the logger `keras_textcnn`, shown only on request.

Progress is logged as INFO, and what a user should look at as WARNING. Commands show both on standard error.
"""

import contextlib
import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_textcnn.utils.terminal import Console

logger = logging.getLogger("keras_textcnn")

WARNING = "warning: "  # begins the line of a warning, on a terminal and in reports
PRINT = print  # Ray replaces the built-in function by its own


class LineHandler(logging.Handler):
    """Passes each record to a function, as a line of text.

    Args:
        write: Called with each line.
        level: The lowest level that is shown.
        console: Returns the console on which the lines appear, if that is known; a bar is shown there as well.
    """

    def __init__(
        self, write: Callable[[str], object], level: int = logging.INFO, console: "Callable[[], Console] | None" = None
    ) -> None:
        super().__init__(level)
        self._write, self.console = write, console

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record's line, marked if it is a warning."""
        prefix = WARNING if record.levelno >= logging.WARNING else ""
        self._write(f"{prefix}{record.getMessage()}")


@contextlib.contextmanager
def showing(write: Callable[[str], object], console: "Callable[[], Console] | None" = None) -> Iterator[None]:
    """Passes what is logged inside the block to a function, line by line, and to nothing else.

    Args:
        write: Called with each line.
        console: As for `LineHandler`.
    """
    before = logger.propagate
    logger.propagate = False  # TensorFlow's handler would print warnings a second time
    try:
        with _handling(LineHandler(write, console=console)):
            yield
    finally:
        logger.propagate = before


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Shows nothing of what is logged inside the block."""
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def collecting_warnings(lines: list[str]) -> Iterator[None]:
    """Appends the warnings that are logged inside the block to a list."""
    with _handling(LineHandler(lines.append, logging.WARNING)):
        yield


@contextlib.contextmanager
def _handling(handler: logging.Handler) -> Iterator[None]:
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(min(handler.level, logger.getEffectiveLevel()))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def show_progress(write: Callable[[str], object] = PRINT) -> None:
    """Shows training progress from now on, in a notebook or script; with a bar of the batches if it is printed.

    Args:
        write: Called with each line.

    Example:
        keras_textcnn.show_progress()
    """
    for handler in [handler for handler in logger.handlers if isinstance(handler, LineHandler)]:
        logger.removeHandler(handler)
    logger.addHandler(LineHandler(write, console=_printed_on if write in (PRINT, print) else None))
    logger.setLevel(logging.INFO)
    logger.propagate = False  # TensorFlow's handler would print warnings a second time


@functools.cache
def _printed_on() -> "Console":
    from keras_textcnn.utils.terminal import Console

    return Console(highlight=False, soft_wrap=True, markup=False, emoji=False)


def shown_on() -> "Console | None":
    """The console on which progress appears; None if it is not shown, or passed to a function."""
    known = (one.console for one in logger.handlers if isinstance(one, LineHandler) and one.console)
    return next((console() for console in known), None)


def log_lines(lines: Iterable[str]) -> None:
    """Logs lines; those that begin with `WARNING` are logged as warnings."""
    for line in lines:
        if line.startswith(WARNING):
            logger.warning(line.removeprefix(WARNING))
        else:
            logger.info(line)
