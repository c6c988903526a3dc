"""Progress and warnings: records of the logger `keras_textcnn`, shown only on request.

Progress is logged as INFO, and what a user should look at as WARNING. Commands show both on standard error.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator

logger = logging.getLogger("keras_textcnn")

WARNING = "warning: "  # begins the line of a warning, on a terminal and in reports


class LineHandler(logging.Handler):
    """Passes each record to a function, as a line of text.

    Args:
        write: Called with each line.
        level: The lowest level that is shown.
    """

    def __init__(self, write: Callable[[str], object], level: int = logging.INFO) -> None:
        super().__init__(level)
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record's line, marked if it is a warning."""
        prefix = WARNING if record.levelno >= logging.WARNING else ""
        self._write(f"{prefix}{record.getMessage()}")


@contextlib.contextmanager
def showing(write: Callable[[str], object]) -> Iterator[None]:
    """Passes what is logged inside the block to a function, line by line, and to nothing else.

    Args:
        write: Called with each line.
    """
    before = logger.propagate
    logger.propagate = False  # TensorFlow's handler would print warnings a second time
    try:
        with _handling(LineHandler(write)):
            yield
    finally:
        logger.propagate = before


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


def show_progress(write: Callable[[str], object] = print) -> None:
    """Shows training progress from now on, in a notebook or script.

    Args:
        write: Called with each line.

    Example:
        keras_textcnn.show_progress()
    """
    for handler in [handler for handler in logger.handlers if isinstance(handler, LineHandler)]:
        logger.removeHandler(handler)
    logger.addHandler(LineHandler(write))
    logger.setLevel(logging.INFO)
    logger.propagate = False  # TensorFlow's handler would print warnings a second time


def log_lines(lines: Iterable[str]) -> None:
    """Logs lines; those that begin with `WARNING` are logged as warnings."""
    for line in lines:
        if line.startswith(WARNING):
            logger.warning(line.removeprefix(WARNING))
        else:
            logger.info(line)
