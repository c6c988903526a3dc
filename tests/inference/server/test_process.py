"""The command as a process of its own: connections, a swap under load, signals."""

import asyncio
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest.mock
from pathlib import Path

import numpy as np
import pytest
from uvicorn.server import ServerState

from keras_textcnn import Predictor
from keras_textcnn.inference.light import LightPredictor
from keras_textcnn.inference.runtime import open_predictor
from keras_textcnn.inference.server.connection import listen, make_server
from keras_textcnn.inference.server.limits import Limits
from tests.inference.server.conftest import TOKEN, Client, Server
from tests.runs import Cli

TEXTS = ["apple pear plum", "iron and zinc", "", "a wave 🌊 in the reef", "x" * 3000]


def test_it_answers_swaps_without_a_lost_request_and_finishes_what_has_begun(
    server: Server, run: Path, predictor: Predictor
) -> None:
    found = [server.predict(text).json()["predictions"][0] for text in TEXTS]
    np.testing.assert_allclose([one["probabilities"] for one in found], predictor.probabilities(TEXTS), atol=1e-6)
    assert [one["label"] for one in found] == [one["label"] for one in predictor(TEXTS)]

    statuses: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            statuses.append(server.predict("iron and zinc").status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    shutil.copytree(run, run.with_name("next"))
    run.rename(run.with_name("gone"))
    run.with_name("next").rename(run)
    status = {"version": "1"}
    while status["version"] == "1":
        [status] = server.client.get("/v1/models/things").json()["model_version_status"]
        time.sleep(0.1)
    stop.set()
    asking.join()
    assert set(statuses) == {200}
    assert server.predict("iron and zinc").json()["predictions"][0] == found[1]

    # A request whose body has not arrived yet, and a connection that is only kept.
    body = json.dumps({"instances": ["iron and zinc"]}).encode()
    begun, kept = (http.client.HTTPConnection("127.0.0.1", server.port, timeout=20) for _ in range(2))
    begun.putrequest("POST", "/v1/models/things:predict")
    begun.putheader("Authorization", f"Bearer {TOKEN}")
    begun.putheader("Content-Length", str(len(body)))
    begun.endheaders(body[:5])
    kept.request("GET", "/healthz")
    kept.getresponse().read()
    server.process.send_signal(signal.SIGTERM)
    kept.request("GET", "/readyz")
    leaving = kept.getresponse()
    assert (leaving.status, leaving.getheader("Connection")) == (503, "close")
    time.sleep(0.3)
    begun.send(body[5:])
    answered = begun.getresponse()
    assert (answered.status, answered.getheader("Connection")) == (200, "close")
    assert json.loads(answered.read())["predictions"] == [found[1]]
    _, errors = server.process.communicate(timeout=30)
    assert server.process.returncode == 143
    assert errors.splitlines()[-1] == "interrupted"
    assert "version 2 answers from now on" in errors
    assert TOKEN not in errors


def test_slow_heads_strange_bytes_and_ctrl_c(server: Server) -> None:
    slow = server.raw(b"POST /v1/models/things:predict HTTP/1.1\r\nHo")
    assert slow.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 1 s" in slow
    assert server.raw(b"") == b""  # nothing came, so nothing is said
    assert server.raw(b"hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: "
    assert server.raw(f"{head}100000000\r\n\r\n".encode() + b" " * 10**6).startswith(b"HTTP/1.1 413 ")
    assert server.raw(f"{head}10\r\n\r\n12345".encode()).startswith(b"HTTP/1.1 408 ")
    upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n"
    assert server.raw(f"GET /healthz HTTP/1.1\r\nHost: x\r\n{upgrade}".encode()).startswith(b"HTTP/1.1 200 ")
    assert server.predict("iron").status_code == 200
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(30) == 130


def test_what_is_loaded_once_it_pays_is_loaded_before_the_first_answer(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import of numba had stopped all clients for a second in the middle of a load, its compilation for seven."""
    loaded: list[LightPredictor] = []
    monkeypatch.setattr(LightPredictor, "load_kernels", lambda self: loaded.append(self))
    ready = open_predictor(finished_run, ready=True)
    assert loaded == [ready]
    open_predictor(finished_run)
    assert loaded == [ready]


def test_connections_that_wait_to_be_taken_when_it_stops_are_answered(client: Client) -> None:
    async def go(bound: socket.socket) -> bytes:
        server = make_server(client.app, Limits(), lambda: None)
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup([bound])
        with socket.create_connection(bound.getsockname()) as connection:  # the loop cannot take it meanwhile
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            await server.shutdown([bound])
            return connection.recv(65536)

    with listen("127.0.0.1", 0) as bound:
        assert b'{"status":"ok"}' in asyncio.run(go(bound))


@pytest.mark.parametrize("read", [False, True])
def test_a_client_that_does_not_read_its_response_is_cut_off(client: Client, read: bool) -> None:
    transport = unittest.mock.Mock()

    async def go() -> None:
        config = make_server(client.app, Limits(arrival=0.05), lambda: None).config
        config.load()
        connection = config.http_protocol_class(config, ServerState(), {})
        connection.connection_made(transport)
        connection.data_received(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.pause_writing()
        if read:
            connection.resume_writing()
        await asyncio.sleep(0.2)
        connection.connection_lost(None)  # as after `abort`

    asyncio.run(go())
    assert transport.abort.called is not read


def test_a_response_is_sent_at_once() -> None:
    """asyncio sets TCP_NODELAY only for sockets with this protocol; without it, each response took 40 ms more."""
    with listen("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--port", "65536"], "argument --port: must be a number from 0 to 65535"),
        (["--threads", "0"], "must be a number above 0; received: 0"),
        (["--answer-timeout", "nan"], "must be a number above 0; received: nan"),
        (["--host", "no.such.host.invalid"], "cannot listen on no.such.host.invalid"),
        (["--token-file", "missing.txt"], "cannot read the token in missing.txt"),
        (["elsewhere/run"], "two runs are named run"),
    ],
)
def test_usage_errors(cli: Cli, run: Path, options: list[str], reason: str) -> None:
    outcome = cli("serve", run, *options)
    assert outcome.status == 2
    assert reason in outcome.error


@pytest.mark.parametrize("token", ["", "two words", "zwölf"])
def test_tokens_that_no_header_can_have(cli: Cli, run: Path, tmp_path: Path, token: str) -> None:
    (tmp_path / "token.txt").write_text(token + "\n", "utf-8")
    outcome = cli("serve", run, "--token-file", tmp_path / "token.txt")
    assert outcome.status == 2
    assert "must be printable ASCII without spaces" in outcome.error
    assert not token or token not in outcome.err


def test_without_fastapi_it_says_what_to_install(run: Path) -> None:
    code = "import sys; sys.modules['fastapi'] = None; from keras_textcnn.serve import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, run], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "error: serve needs fastapi: pip install 'keras_textcnn[serve]'\n")


def test_a_run_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("serve", tmp_path / "nowhere", "--port", 0)
    assert outcome.status == 2
    assert "nowhere" in outcome.error
