"""Ctrl-C and a cluster's SIGTERM: training finishes its batch, saves and stops; everything else stops at once."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from keras_textcnn.utils.log import logger


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM."""


@contextlib.contextmanager
def sigterm_raising() -> Iterator[None]:
    """Makes SIGTERM raise an exception, as Ctrl-C does, so that unfinished work is cleaned up."""
    with _handled(_interrupt, signal.SIGTERM):
        yield


@contextlib.contextmanager
def holding_first() -> Iterator[Callable[[], None]]:
    """Holds back the first Ctrl-C or SIGTERM; a second one stops at once.

    Yields:
        A function to call wherever it is safe to stop. It raises KeyboardInterrupt if a signal has arrived.
    """
    came: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        if came:
            _interrupt(number, frame)
        came.append(number)
        logger.info("stopping after at most 16 batches; interrupt again to stop at once")

    def stop_if_requested() -> None:
        if came:
            _interrupt(came[0], None)

    with _handled(hold, signal.SIGINT, signal.SIGTERM):
        yield stop_if_requested
    stop_if_requested()  # a signal may have arrived after the last call


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None], *numbers: int) -> Iterator[None]:
    """Sets a handler for signals that are not ignored; does nothing outside the main thread, which alone can do so."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, its_handler in before.items():
            signal.signal(number, its_handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
