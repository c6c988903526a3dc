"""What one request may cost, and all of them together."""

import dataclasses
import os

MIB = 2**20


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of the server.

    Attributes:
        body: Bytes of a request's body.
        texts: Texts in a request.
        characters: Characters of a text; bytes if it comes in Base64.
        explained: Texts in a request for explanations, which may take a hundred times as long as answers.
        arrival: Seconds in which the head of a request, and then its body, must arrive; and in which a client must read
            on if it is sent more than fits into buffers.
        answer: Seconds in which a request that has arrived must be answered.
        threads: Requests that are computed at the same time. One more thread computes those with large bodies.
        waiting: Requests that may wait for a thread; as many again for the thread of large bodies.
        memory: Bytes of all bodies that are in memory at the same time.
    """

    body: int = 16 * MIB
    texts: int = 1024
    characters: int = MIB
    explained: int = 32
    arrival: float = 20.0
    answer: float = 30.0
    threads: int = dataclasses.field(default_factory=_cores)
    waiting: int = 128
    memory: int = 256 * MIB
