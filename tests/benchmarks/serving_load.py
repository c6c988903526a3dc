"""The server under load: 32 clients, one swap of the run in the middle, SIGTERM at the end, and bad requests.

    python tests/benchmarks/serving_load.py RUN NEXT FOLDER [SECONDS]

Copies RUN to FOLDER and serves the copy; in the middle NEXT takes its place. Clients send one text after the other,
from empty to a megabyte, on connections that they keep, and share the machine with the server. Prints requests a
second, latencies by size, memory, and what became of the requests. A request is lost if the server had accepted the
connection and did not answer it completely; 429, and connections refused after SIGTERM, are counted apart.
"""

import collections
import http.client
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_textcnn import Run

CLIENTS, PROCESSES = 32, 4  # threads that send; in so many processes
SIZES = {"empty": 0, "100 B": 100, "1 kB": 1_000, "10 kB": 10_000, "100 kB": 100_000, "1 MB": 1_000_000}
SHARES = (0.02, 0.5, 0.38, 0.08, 0.015, 0.005)  # of the requests
TOKEN, ARRIVAL = "a-token-for-the-benchmark", 3  # the token; --arrival-timeout in seconds
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
PATH = "/v1/models/served:predict"


class Server(NamedTuple):
    """The server's process and where it listens."""

    process: "subprocess.Popen[str]"
    host: str
    port: int

    def memory(self, name: str) -> float:
        """MiB: VmRSS now, VmHWM at the peak."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith(name))) / 1024

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        connection.request("GET", path, headers=AUTHORIZATION)
        return json.loads(connection.getresponse().read())


def start(run: Path) -> Server:
    """Starts the server, and waits until it takes connections."""
    command = [sys.executable, "-m", "keras_textcnn.serve", str(run), "--port", "0", "--arrival-timeout", str(ARRIVAL)]
    environment = {**os.environ, "KERAS_TEXTCNN_TOKEN": TOKEN}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout
    _, _, address = process.stdout.readline().strip().rpartition("/")
    host, _, port = address.partition(":")
    return Server(process, host, int(port))


def make_bodies(run: Path) -> dict[str, list[bytes]]:
    """Requests of each size: words of the run's vocabulary."""
    random = np.random.default_rng(0)
    words = np.array(Run.open(run).read_lines("vocabulary.txt")[2:])
    bodies = {}
    for name, size in SIZES.items():
        texts = (" ".join(words[random.integers(0, len(words), size // 4)])[:size] for _ in range(20))
        bodies[name] = [json.dumps({"instances": [text]}).encode() for text in texts]
    return bodies


def send(server: tuple[str, int], bodies: dict[str, list[bytes]], seed: int, end: Any, found: list[Any]) -> None:
    """Sends one request after the other until the server is gone; adds (size, seconds, what became of it)."""
    random = np.random.default_rng(seed)
    connection = http.client.HTTPConnection(*server, timeout=60)
    headers = {**AUTHORIZATION, "Content-Type": "application/json"}
    while True:
        name = random.choice(list(SIZES), p=SHARES)
        body = bodies[name][random.integers(20)]
        started, outcome = time.perf_counter(), "lost"
        try:
            if connection.sock is None:
                connection.connect()
        except OSError:  # the server has stopped listening
            found.append((name, 0.0, "refused" if end.is_set() else "lost"))
            return
        try:
            connection.request("POST", PATH, body, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
            right = response.status != 200 or abs(sum(answer["predictions"][0]["probabilities"]) - 1) < 1e-4
            outcome = str(response.status) if right else "wrong"
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            outcome = f"lost: {type(error).__name__}"
            connection.close()
        found.append((name, time.perf_counter() - started, outcome))
        if outcome == "429":
            time.sleep(1)


def send_in_threads(server: tuple[str, int], bodies: dict[str, list[bytes]], seed: int, end: Any, queue: Any) -> None:
    """Some clients in this process."""
    found: list[Any] = []
    given = [(server, bodies, seed * 100 + number, end, found) for number in range(CLIENTS // PROCESSES)]
    threads = [threading.Thread(target=send, args=arguments) for arguments in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue.put(found)


def load(server: Server, following: Path, seconds: float) -> list[tuple[str, float, str]]:
    """The load, with a swap in the middle and SIGTERM at the end."""
    served = following.parent / "served"
    bodies, context = make_bodies(served), multiprocessing.get_context("spawn")
    end, queue = context.Event(), context.Queue()
    given = [((server.host, server.port), bodies, number, end, queue) for number in range(PROCESSES)]
    processes = [context.Process(target=send_in_threads, args=arguments) for arguments in given]
    for process in processes:
        process.start()
    time.sleep(seconds / 2)
    served.rename(following.parent / "gone")
    following.rename(served)
    time.sleep(seconds / 2)
    print("after the swap:", json.dumps(server.get("/v1/models/served")))
    print(f"memory: {server.memory('VmRSS'):.0f} MiB at the end, {server.memory('VmHWM'):.0f} at the peak")
    end.set()
    stopped = time.perf_counter()
    server.process.send_signal(signal.SIGTERM)
    status = server.process.wait(60)
    print(f"SIGTERM: exit status {status} after {time.perf_counter() - stopped:.1f} s")
    found = [one for _ in processes for one in queue.get(timeout=60)]
    for process in processes:
        process.join()
    return found


def show(found: list[tuple[str, float, str]], seconds: float) -> None:
    """Prints what became of the requests, and how long they took."""
    outcomes = collections.Counter(outcome for _, _, outcome in found)
    print(f"{outcomes['200'] / seconds:,.0f} requests a second; {dict(outcomes)}\n")
    print("| text | requests | 50% ms | 99% ms | 99.9% ms | longest ms |\n|---|---|---|---|---|---|")
    for size in (*SIZES, "all"):
        took = [1000 * spent for name, spent, outcome in found if outcome == "200" and size in (name, "all")]
        middle, high, higher = np.percentile(took, [50, 99, 99.9])
        print(f"| {size} | {len(took):,} | {middle:.1f} | {high:.1f} | {higher:.1f} | {max(took):.1f} |")


def exchange(server: Server, *parts: bytes, pause: float = 0.0) -> str:
    """Sends bytes as they are and returns the status and the line of the answer."""
    with socket.create_connection((server.host, server.port), timeout=30) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        except OSError:
            pass  # the server has closed the connection, and may have answered before
        received = b""
        while b"}" not in received and (more := connection.recv(65536)):
            received += more
    head, _, body = received.partition(b"\r\n\r\n")
    return f"{head.split()[1].decode() if head else 'no answer'} | {body.decode()[:120]}"


def show_bad_requests(server: Server) -> None:
    """Sends what is wrong, and prints a table of the answers."""

    def post(body: bytes, *, path: str = PATH, token: str = TOKEN, size: int | None = None) -> bytes:
        length = len(body) if size is None else size
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
        return head.encode() + body

    text = b'{"instances": ["a"]}'
    cases: dict[str, tuple[tuple[bytes, ...], float]] = {
        "no JSON": ((post(b"instances = ['a']"),), 0),
        "nothing": ((post(b""),), 0),
        "a number for a text": ((post(b'{"instances": [1]}'),), 0),
        "NaN": ((post(b'{"instances": [NaN]}'),), 0),
        "a key twice": ((post(b'{"instances": ["a"], "instances": ["b"]}'),), 0),
        "100,000 brackets": ((post(b'{"instances": ' + b"[" * 100_000),), 0),
        "not UTF-8": ((post(b'{"instances": ["\xff"]}'),), 0),
        "half of a surrogate pair": ((post(b'{"instances": ["\\ud800"]}'),), 0),
        "2,000 texts": ((post(json.dumps({"instances": ["a"] * 2000}).encode()),), 0),
        "a text of 2 MB": ((post(json.dumps({"instances": ["a" * 2_000_000]}).encode()),), 0),
        "100 MB, declared": ((post(b"", size=100_000_000), *[b" " * 1_000_000] * 100), 0),
        "a body that comes slowly": ((post(text[:5], size=len(text)), *[b" "] * (ARRIVAL + 1)), 1),
        "a head that comes slowly": ((b"POST / HTTP/1.1\r\nHo", *[b"s"] * (ARRIVAL + 1)), 1),
        "a wrong token": ((post(text, token="wrong"),), 0),
        "no such model": ((post(text, path="/v1/models/other:predict"),), 0),
        "`..` in the path": ((post(text, path="/v1/models/../../etc/passwd"),), 0),
        "`%2e%2e%2f` in the path": ((post(text, path="/v1/models/%2e%2e%2f%2e%2e%2fetc/passwd"),), 0),
        "GET": ((post(text).replace(b"POST", b"GET"),), 0),
        "not HTTP": ((b"hello\r\n\r\n",), 0),
    }
    print("\n| bad request | status | answer |\n|---|---|---|")
    for name, (parts, pause) in cases.items():
        print(f"| {name} | {exchange(server, *parts, pause=pause)} |")
    print(f"\nafter a good one: {exchange(server, post(text))[:3]}")


def main() -> None:
    """Bad requests, then the load."""
    run, following, folder = map(Path, sys.argv[1:4])
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 120.0
    folder.mkdir(parents=True)
    shutil.copytree(run, folder / "served")
    shutil.copytree(following, folder / "following")
    server = start(folder / "served")
    show_bad_requests(server)
    print(f"\nmemory: {server.memory('VmRSS'):.0f} MiB before the load")
    show(load(server, folder / "following", seconds), seconds)


if __name__ == "__main__":
    main()
