"""Starts and stops the server, and limits its connections: uvicorn waits for the head of a request without end."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from keras_textcnn.errors import InputError
from keras_textcnn.inference.server.guard import Guard
from keras_textcnn.inference.server.limits import Limits

KEPT_OPEN = 75  # seconds an idle connection stays open: longer than proxies keep theirs, usually 60
CONNECTIONS = 900  # at the same time: a process may have 1,024 files open on most systems
LEAVING = 0.5  # seconds in which an idle connection may still send a request when the server stops


def listen(host: str, port: int) -> socket.socket:
    """A socket that has an address, but takes no connections yet.

    Raises:
        InputError: The address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)  # asyncio sends at once (TCP_NODELAY) only if the protocol is set
        if hasattr(socket, "SO_REUSEADDR"):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot listen on {host}, port {port}: {reason}; choose another --host or --port") from error
    return bound


def make_server(app: Guard, limits: Limits, started: Callable[[], None]) -> uvicorn.Server:
    """A server whose `run(sockets=[...])` serves on a socket of `listen` until SIGTERM or Ctrl-C.

    It then answers what has begun, and raises what the signal raises.

    Args:
        app: The application.
        limits: Seconds for the head of a request; and for its answer, also when the server stops.
        started: Called once connections are taken.
    """
    _Connection.patience = limits.arrival
    config = uvicorn.Config(
        app,
        http=_Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEPT_OPEN,
        timeout_graceful_shutdown=int(limits.arrival + limits.answer) + 1,
    )
    return _Server(config, app, started)


class _Server(uvicorn.Server):
    """uvicorn's server; it tells the application that it is about to stop."""

    def __init__(self, config: uvicorn.Config, app: Guard, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._app, self._when_started = app, started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes the connections that wait to be taken, which closing the socket would reset, and then no more."""
        waiting = [connection for bound in sockets or [] for connection in _waiting(bound)]
        for server in self.servers:
            server.close()
        loop, state = asyncio.get_running_loop(), self.server_state
        for connection in waiting:
            with contextlib.suppress(OSError):  # its client has gone
                await loop.connect_accepted_socket(lambda: _Connection(self.config, state, {}), connection)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.draining = True
        if self.should_exit:  # the second signal
            self.force_exit = True
        super().handle_exit(sig, frame)


def _waiting(bound: socket.socket) -> Iterator[socket.socket]:
    """The connections that have been made, but not taken."""
    with contextlib.suppress(OSError):  # BlockingIOError: there are no more
        while True:
            connection, _ = bound.accept()
            connection.setblocking(False)
            yield connection


class _Connection(H11Protocol):
    """A connection that ends if a head does not arrive, or a response is not read, in time; with errors in JSON."""

    patience = 20.0
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            self._end(503, "too many connections; try again later")
        else:
            self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._idle:
            self._stop_waiting()
        elif self._deadline is None:  # part of a head, or of a body that nobody wants any more
            self._wait_for_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._idle and self.conn.trailing_data[0]:
            self._wait_for_head()

    def pause_writing(self) -> None:
        """The client does not read what it is sent, which stays in memory."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.patience, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_waiting_for_reader()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_waiting_for_reader()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """uvicorn's answer to what is not HTTP."""
        self._end(400, msg)

    def shutdown(self) -> None:
        """Called when the server stops: a request may be on its way, and is answered."""
        if self._idle:
            self.loop.call_later(LEAVING, self._leave)
        else:
            super().shutdown()

    def _leave(self) -> None:
        if self._idle:
            self.transport.close()

    @property
    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(self.patience, self._head_is_late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_waiting_for_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _head_is_late(self) -> None:
        if self._idle and self.conn.trailing_data[0]:
            self._end(408, f"the head of the request did not arrive within {self.patience:g} s")
        elif self._idle:
            self.transport.close()

    def _end(self, status: int, message: str) -> None:
        """Answers without the application, if that is still possible, and closes the connection."""
        body = json.dumps({"error": message}).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        with contextlib.suppress(h11.LocalProtocolError):  # a response has begun
            parts = (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage())
            self.transport.write(b"".join(self.conn.send(part) or b"" for part in parts))
        self.transport.close()
