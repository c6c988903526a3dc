"""Ctrl-C and a cluster's SIGTERM: a training finishes its batch, saves and ends; all else ends at once."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from keras_textcnn.utils.log import logger


class Terminated(KeyboardInterrupt):
    """The process was asked to end with SIGTERM."""


@contextlib.contextmanager
def sigterm_raising() -> Iterator[None]:
    """SIGTERM is an exception, as Ctrl-C is, so that what is unfinished is cleaned away."""
    with _handled(_interrupt, signal.SIGTERM):
        yield


@contextlib.contextmanager
def holding_first() -> Iterator[Callable[[], None]]:
    """Holds back the first Ctrl-C or SIGTERM; the second one ends what is running at once.

    Yields:
        A function for moments at which to end: it raises KeyboardInterrupt if a signal has come.
    """
    came: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        if came:
            _interrupt(number, frame)
        came.append(number)
        logger.info("stopping after at most 16 batches; once more to stop at once")

    def stop_if_requested() -> None:
        if came:
            _interrupt(came[0], None)

    with _handled(hold, signal.SIGINT, signal.SIGTERM):
        yield stop_if_requested
    stop_if_requested()  # it may have come after the last moment


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None], *numbers: int) -> Iterator[None]:
    """Signals have this handler, unless they are ignored; in another thread than the main one nothing can be done."""
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
