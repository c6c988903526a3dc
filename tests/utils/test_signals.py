import os
import signal
import threading

import pytest

from keras_textcnn.utils import signals


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, signals.Terminated)])
def test_the_first_signal_waits_and_the_second_does_not(
    number: int, kind: type[BaseException], logged: list[str]
) -> None:
    before = signal.getsignal(number)

    def hold() -> None:
        with signals.holding_first() as stop_if_requested:
            stop_if_requested()
            os.kill(os.getpid(), number)
            assert logged == ["stopping after at most 16 batches; interrupt again to stop at once"]
            with pytest.raises(kind):
                stop_if_requested()
            with pytest.raises(kind):
                os.kill(os.getpid(), number)

    with pytest.raises(kind):  # raised again when the block ends
        hold()
    assert signal.getsignal(number) is before


def test_sigterm_is_an_exception_where_commands_run() -> None:
    with pytest.raises(signals.Terminated), signals.sigterm_raising():
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with signals.holding_first() as stop_if_requested:
            os.kill(os.getpid(), signal.SIGINT)
            stop_if_requested()
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_trains_without_signals() -> None:
    ended = []

    def work() -> None:
        with signals.holding_first() as stop_if_requested:
            stop_if_requested()
            ended.append("well")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == ["well"]
