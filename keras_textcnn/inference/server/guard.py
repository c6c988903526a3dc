"""The gate before the application: token, size and arrival of the body, headers of every response, counters."""

import asyncio
import contextlib
import hmac
import json
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from keras_textcnn.inference.server.limits import MIB, Limits
from keras_textcnn.inference.server.metrics import Metrics
from keras_textcnn.inference.server.refused import RefusedError
from keras_textcnn.utils.log import logger

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

OPEN = ("/", "/healthz", "/readyz")  # paths that need no token
LINGER = 2.0  # seconds in which a refused client may go on sending, so that it gets to read why
CLOSE = (b"connection", b"close")


class Guard:
    """An ASGI application around another one.

    It reads the body itself, so that the application gets it complete or not at all.

    Args:
        app: The application.
        limits: Bytes of a body and of all bodies, seconds for a body to arrive.
        metrics: Counts requests.
        token: What clients must send as `Authorization: Bearer TOKEN`; None: nothing.

    Attributes:
        draining: Whether the server is about to stop; every response then closes its connection.
    """

    def __init__(self, app: App, *, limits: Limits, metrics: Metrics, token: str | None = None) -> None:
        self._app, self._limits, self._metrics, self._token = app, limits, metrics, token
        self._held = 0  # bytes of bodies in memory
        self.draining = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, exchange, body = time.perf_counter(), _Exchange(send, self), bytearray()
        try:
            self._check_token(scope)
            await self._read(body, dict(scope["headers"]), receive)
            await self._app(scope, _whole(body, receive), exchange.send)
        except RefusedError as refusal:
            await exchange.refuse(refusal, receive)
        except _GoneError:
            return
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]  # not the message, which may quote a user's text
            logger.warning("%s in %s, line %s: status 500", type(error).__name__, place.filename, place.lineno)
        finally:
            self._held -= len(body)
        self._count(scope, exchange.status, time.perf_counter() - started)

    def _check_token(self, scope: Message) -> None:
        if self._token is None or scope["path"] in OPEN:
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            wanted = "a token is needed; send the header Authorization: Bearer TOKEN"
            raise RefusedError(401, wanted, {"WWW-Authenticate": "Bearer"})

    async def _read(self, body: bytearray, headers: dict[bytes, bytes], receive: Receive) -> None:
        """Adds what arrives to `body`, until it is complete."""
        if b"content-length" not in headers and b"transfer-encoding" not in headers:
            return
        self._check_size(declared := int(headers.get(b"content-length", 0)), self._held + declared)
        try:
            async with asyncio.timeout(self._limits.arrival):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _GoneError
                    part, more = message.get("body", b""), message.get("more_body", False)
                    body += part
                    self._held += len(part)
                    self._check_size(len(body), self._held)
        except TimeoutError:
            raise RefusedError(408, f"the body did not arrive within {self._limits.arrival:g} s") from None

    def _check_size(self, size: int, held: int) -> None:
        if size > self._limits.body:
            most = f"the body has more than {self._limits.body / MIB:g} MiB"
            raise RefusedError(413, f"{most}; send it in parts, or start the server with a larger --maximum-body")
        if held > self._limits.memory:
            raise RefusedError(429, "too many large requests at once; try again later", {"Retry-After": "1"})

    def _count(self, scope: Message, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        model = scope.get("state", {}).get("model", "")
        self._metrics.requests.labels(route, model, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)


def _whole(body: bytearray, receive: Receive) -> Receive:
    """What the application receives: the body in one piece, then whatever else the client does."""
    given: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def receive_whole() -> Message:
        return given.pop() if given else await receive()

    return receive_whole


class _GoneError(Exception):
    """The client has closed the connection."""


class _Exchange:
    """The response to one request: its status, and the headers that every response has."""

    def __init__(self, send: Send, guard: Guard) -> None:
        self._send, self._guard, self.status = send, guard, 0

    async def send(self, message: Message) -> None:
        """Sends a part of the response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            more = [(b"x-content-type-options", b"nosniff"), *([CLOSE] if self._guard.draining else [])]
            message["headers"] = [*message.get("headers", []), *more]
        await self._send(message)

    async def refuse(self, refusal: RefusedError, receive: Receive) -> None:
        """Sends a refusal, and closes the connection once the client has had time to read it.

        A connection that is closed while the client is still sending is reset, and the response is lost.
        """
        body = json.dumps({"error": refusal.message}).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **refusal.headers}
        encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": [*encoded, CLOSE]})
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                    pass
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
