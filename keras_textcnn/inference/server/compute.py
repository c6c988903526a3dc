"""Threads that compute answers, and the requests that may wait for them."""

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from keras_textcnn.inference.server.limits import Limits
from keras_textcnn.inference.server.refused import RefusedError

Result = TypeVar("Result")
LARGE = 2**16  # bytes of a body that is computed in the thread of large ones


class Lane:
    """Some threads, and a queue of a bounded length before them.

    Args:
        threads: How many.
        waiting: The requests that may wait.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self.pending, self._most = 0, threads + waiting
        self._threads = concurrent.futures.ThreadPoolExecutor(threads, "compute")

    async def run(self, work: Callable[[], Result], seconds: float) -> Result:
        """The result of `work`, called in a thread.

        Raises:
            RefusedError: Too many are waiting, or it takes too long. It then goes on, or still stands in the queue, and
                counts among those that wait until the queue has come to it.
        """
        if self.pending >= self._most:
            raise RefusedError(429, f"{self.pending:,} requests are waiting; try again later", {"Retry-After": "1"})
        loop, given_up = asyncio.get_running_loop(), False

        def work_unless_given_up() -> Any:
            try:
                return None if given_up else work()
            finally:
                with contextlib.suppress(RuntimeError):  # the loop has ended: the server was told to stop at once
                    loop.call_soon_threadsafe(self._leave)

        self.pending += 1
        future = asyncio.wrap_future(self._threads.submit(work_unless_given_up))
        try:
            return await asyncio.wait_for(asyncio.shield(future), seconds)
        except TimeoutError:
            future.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody asks any more
            raise RefusedError(504, f"no answer within {seconds:g} s; send less, or try again later") from None
        finally:
            given_up = True

    def _leave(self) -> None:
        self.pending -= 1

    def close(self) -> None:
        """Lets the threads end once they have nothing to do."""
        self._threads.shutdown(wait=False)


class Compute:
    """Small requests and large ones in threads of their own, so that small ones never wait behind large ones.

    Args:
        limits: Threads, requests that may wait, and seconds for an answer.
    """

    def __init__(self, limits: Limits) -> None:
        self._seconds = limits.answer
        self._small, self._large = Lane(limits.threads, limits.waiting), Lane(1, limits.waiting)

    @property
    def pending(self) -> int:
        """Requests that are computed or wait."""
        return self._small.pending + self._large.pending

    async def run(self, work: Callable[[], Result], *, size: int) -> Result:
        """The result of `work`.

        Args:
            work: Called in a thread.
            size: Bytes of the request's body.

        Raises:
            RefusedError: Too many requests are waiting, or it takes too long.
        """
        return await (self._large if size > LARGE else self._small).run(work, self._seconds)

    def close(self) -> None:
        """Lets the threads end once they have nothing to do."""
        for lane in (self._small, self._large):
            lane.close()
