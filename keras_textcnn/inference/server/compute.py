"""Threads that compute answers, and the requests that wait for them."""

import asyncio
import collections
import concurrent.futures
import dataclasses
import functools

from keras_textcnn.inference.answers import Answers
from keras_textcnn.inference.server.limits import Limits
from keras_textcnn.inference.server.refused import RefusedError
from keras_textcnn.inference.server.tensorflow_serving import Reply, answer_together, explain

LARGE = 2**16  # bytes of a body that is computed in the thread of large ones
TOGETHER = 32  # requests that are answered in one call of the predictor

Outcome = Reply | Exception


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """A request that waits for its answer.

    Attributes:
        predictor: What answers it, also if another run takes its place meanwhile.
        verb: `predict`, `classify` or `explain`.
        body: Of the request.
        done: Gets the answer.
    """

    predictor: Answers
    verb: str
    body: bytes
    done: "asyncio.Future[Reply]"

    @property
    def alone(self) -> bool:
        """Whether it cannot be answered together with others."""
        return self.verb == "explain"


class Lane:
    """Some threads, and a queue of a bounded length before them.

    A thread that is free takes all requests that wait for the same predictor, up to `TOGETHER` of them and `LARGE`
    bytes: none waits for others to come, and under load many share one call.

    Args:
        threads: How many.
        limits: Requests that may wait, and what a request may hold.
    """

    def __init__(self, threads: int, limits: Limits) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, "compute")
        self._free, self._limits = threads, limits
        self._queue: collections.deque[Job] = collections.deque()
        self._begun = 0

    @property
    def pending(self) -> int:
        """Requests that are computed or wait."""
        return len(self._queue) + self._begun

    async def run(self, predictor: Answers, verb: str, body: bytes) -> Reply:
        """As `Compute.run`."""
        if len(self._queue) >= self._limits.waiting:
            message = f"{len(self._queue):,} requests are waiting; try again later"
            raise RefusedError(429, message, {"Retry-After": "1"})
        job = Job(predictor, verb, body, asyncio.get_running_loop().create_future())
        self._queue.append(job)
        self._begin()
        try:
            return await asyncio.wait_for(job.done, self._limits.answer)
        except TimeoutError:
            late = f"no answer within {self._limits.answer:g} s; send less, or try again later"
            raise RefusedError(504, late) from None
        finally:
            if job in self._queue:  # it was given up before its turn
                self._queue.remove(job)

    def close(self) -> None:
        """Lets the threads end once they have nothing to do."""
        self._pool.shutdown(wait=False)

    def _begin(self) -> None:
        while self._queue and self._free:
            jobs = self._take()
            self._free -= 1
            self._begun += len(jobs)
            future = asyncio.get_running_loop().run_in_executor(self._pool, _outcomes, jobs, self._limits)
            future.add_done_callback(functools.partial(self._end, jobs))

    def _take(self) -> list[Job]:
        """The job that has waited longest, and those that can be answered together with it."""
        first = self._queue.popleft()
        jobs, size = [first], len(first.body)
        for job in () if first.alone else tuple(self._queue):
            fits = len(jobs) < TOGETHER and size + len(job.body) <= LARGE
            if fits and not job.alone and job.predictor is first.predictor:
                self._queue.remove(job)
                jobs.append(job)
                size += len(job.body)
        return jobs

    def _end(self, jobs: list[Job], finished: "asyncio.Future[list[Outcome]]") -> None:
        self._free += 1
        self._begun -= len(jobs)
        for job, outcome in zip(jobs, finished.result(), strict=True):
            if job.done.done():  # given up
                continue
            if isinstance(outcome, Exception):
                job.done.set_exception(outcome)
            else:
                job.done.set_result(outcome)
        self._begin()


class Compute:
    """Small requests and large ones in threads of their own, so that small ones never wait behind large ones.

    Args:
        limits: Threads, requests that may wait, seconds for an answer, and what a request may hold.
    """

    def __init__(self, limits: Limits) -> None:
        self._small, self._large = Lane(limits.threads, limits), Lane(1, limits)

    @property
    def pending(self) -> int:
        """Requests that are computed or wait."""
        return self._small.pending + self._large.pending

    async def run(self, predictor: Answers, verb: str, body: bytes) -> Reply:
        """The answer to a request.

        Args:
            predictor: Answers it.
            verb: `predict`, `classify` or `explain`, which counts as large: it may take a hundred times as long.
            body: Of the request.

        Raises:
            RefusedError: The request is wrong, too many are waiting, or it takes too long.
        """
        large = verb == "explain" or len(body) > LARGE
        return await (self._large if large else self._small).run(predictor, verb, body)

    def close(self) -> None:
        """Lets the threads end once they have nothing to do."""
        for lane in (self._small, self._large):
            lane.close()


def _outcomes(jobs: list[Job], limits: Limits) -> list[Outcome]:
    """What becomes of requests to one predictor; never raises."""
    predictor = jobs[0].predictor
    try:
        if jobs[0].alone:
            return [explain(predictor, job.body, limits) for job in jobs]
        return list(answer_together(predictor, [(job.verb, job.body) for job in jobs], limits))
    except Exception as error:
        if len(jobs) == 1:
            return [error]
        return [outcome for job in jobs for outcome in _outcomes([job], limits)]  # one of them is to blame
