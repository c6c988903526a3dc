"""A server in the test's process, with a predictor that has no model; and one in a process of its own, with a run."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from keras_textcnn.inference.answers import Answers
from keras_textcnn.inference.explanations import Explanation, Ngram
from keras_textcnn.inference.server.app import make_app
from keras_textcnn.inference.server.compute import Compute
from keras_textcnn.inference.server.guard import Guard
from keras_textcnn.inference.server.limits import Limits
from keras_textcnn.inference.server.metrics import Metrics
from keras_textcnn.inference.server.models import Models

TOKEN = "a-secret-of-the-test"


class Fake(Answers):
    """Says "good" for texts with that word; "fail" raises, and "wait" waits until `go` is set."""

    labels, thresholds, exact = ["bad", "good"], None, True

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.calls: list[list[str]] = []
        self.go = threading.Event()

    def _answer(self, texts: Sequence[str]) -> np.ndarray:
        self.calls.append(list(texts))
        if "fail" in texts:
            raise RuntimeError("a secret text")
        if "wait" in texts:
            assert self.go.wait(20)
        good = np.array([0.75 if "good" in text else 0.125 for text in texts], np.float32)
        return np.stack([1 - good, good], axis=1)

    def _explain_exactly(self, texts: Sequence[str]) -> Iterator[Explanation]:
        for text, row in zip(texts, self._answer(texts), strict=True):
            output = int(row.argmax())
            tokens = text.split()
            ngrams = [Ngram(place, 1, token, 1.0 - place) for place, token in enumerate(tokens)]
            yield Explanation(self.labels[output], float(row[output]), tokens, ngrams, logit=1.5, bias=0.5)

    def _read(self, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
        yield from ((text, " ") for text in texts)


class Client:
    """The application, and calls of it."""

    def __init__(self, limits: Limits, token: str | None) -> None:
        self.models = Models({"topics": Path("topics"), "mood": Path("mood")}, Fake)
        self.compute = Compute(limits)
        self.app: Guard = make_app(
            self.models, self.compute, Metrics(lambda: self.compute.pending), limits, token=token
        )

    @property
    def fake(self) -> Fake:
        """What answers for topics."""
        predictor = self.models.find("topics").predictor
        assert isinstance(predictor, Fake)
        return predictor

    async def send(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """Calls the application; a body that is not bytes is written as JSON."""
        transport = httpx.ASGITransport(self.app)
        content = body if body is None or isinstance(body, bytes) or hasattr(body, "__aiter__") else json.dumps(body)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.request(method, path, content=content, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        """GET."""
        return asyncio.run(self.send("GET", path, **more))

    def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        """POST."""
        return asyncio.run(self.send("POST", path, body, **more))


Make = Callable[..., Client]


@pytest.fixture
def make_client() -> Iterator[Make]:
    """Makes a client of a server with these limits."""
    clients: list[Client] = []

    def make(*, token: str | None = None, **limits: Any) -> Client:
        clients.append(Client(Limits(**{"threads": 1, **limits}), token))
        return clients[-1]

    yield make
    for client in clients:
        client.compute.close()


@pytest.fixture
def client(make_client: Make) -> Client:
    """A client of a server with the usual limits."""
    return make_client()


class Server:
    """A server as a process of its own, and where it listens."""

    def __init__(self, run: Path) -> None:
        command = ["-m", "keras_textcnn.serve", f"things={run}", "--port", "0", "--arrival-timeout", "1"]
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "KERAS_TEXTCNN_TOKEN": TOKEN},
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rpartition(":")[2])
        self.client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)

    def predict(self, text: str) -> httpx.Response:
        """Asks for one text."""
        return self.client.post("/v1/models/things:predict", json={"instances": [text]})

    def raw(self, data: bytes) -> bytes:
        """What comes back for bytes until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(data)
            return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture(scope="module")
def run(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(finished_run, tmp_path_factory.mktemp("served") / "run"))


@pytest.fixture
def server(run: Path, default_signals: None) -> Iterator[Server]:
    """A server of the run."""
    started = Server(run)
    yield started
    started.client.close()
    started.process.kill()
    started.process.communicate()
