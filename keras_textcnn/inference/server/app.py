"""The paths of the server."""

import contextlib
import hashlib
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from keras_textcnn.inference.server import openapi
from keras_textcnn.inference.server.compute import Compute
from keras_textcnn.inference.server.guard import Guard
from keras_textcnn.inference.server.limits import Limits
from keras_textcnn.inference.server.metrics import Metrics
from keras_textcnn.inference.server.models import Models
from keras_textcnn.inference.server.refused import RefusedError
from keras_textcnn.inference.server.tensorflow_serving import metadata

PAGE = Path(__file__).with_name("page.html")
MODEL = "/v1/models/{name}"
VERSION = f"{MODEL}/versions/{{version:int}}"
LOOKED_AT = 1.0  # seconds between two looks at the directories
Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(models: Models, compute: Compute, metrics: Metrics, limits: Limits, *, token: str | None = None) -> Guard:
    """The server as an ASGI application.

    Args:
        models: The runs that it serves; they are watched while it runs.
        compute: Computes the answers; it is closed at the end.
        metrics: What it counts.
        limits: What one request may cost.
        token: What clients must send as `Authorization: Bearer TOKEN`; None: nothing.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with models.watched(every=LOOKED_AT):
            yield
        compute.close()

    # FastAPI's pages at /docs and /redoc load scripts from another server.
    app = FastAPI(
        title="keras_textcnn", version="1", docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan
    )
    guard = Guard(app, limits=limits, metrics=metrics, token=token)
    app.add_exception_handler(RefusedError, _refuse)
    app.add_exception_handler(HTTPException, _explain_status)
    app.add_exception_handler(Exception, _fail)
    for verb in openapi.REQUESTS:
        for path in (f"{MODEL}:{verb}", f"{VERSION}:{verb}"):
            described = openapi.of_verb(verb, path, protected=token is not None)
            endpoint = _endpoint(verb, models, compute, metrics)
            app.add_api_route(path, endpoint, methods=["POST"], name=verb, openapi_extra=described)
    _add_models(app, models)
    _add_watching(app, guard, metrics)
    _add_page(app)
    return guard


def _endpoint(verb: str, models: Models, compute: Compute, metrics: Metrics) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        model = models.find(request.path_params["name"], request.path_params.get("version"))
        request.state.model = model.name
        answer = await compute.run(model.predictor, verb, await request.body())
        metrics.texts.labels(model.name).inc(answer.texts)
        return Response(answer.body, media_type="application/json")

    return endpoint


def _add_models(app: FastAPI, models: Models) -> None:
    async def list_models() -> Response:
        """Names and versions of all models; TensorFlow Serving has no such list."""
        return JSONResponse({"models": [{"name": model.name, "version": str(model.version)} for model in models]})

    async def show_status(request: Request) -> Response:
        """The versions of a model, as TensorFlow Serving gives them."""
        name = request.path_params["name"]
        if ":" in name:  # a verb, which needs POST; no model's name has a colon
            raise HTTPException(405, headers={"Allow": "POST"})
        return JSONResponse(models.status(name, request.path_params.get("version")))

    async def show_metadata(request: Request) -> Response:
        """The signature of a model, as TensorFlow Serving gives it, with labels in the order of the probabilities."""
        model = models.find(request.path_params["name"], request.path_params.get("version"))
        return JSONResponse(metadata(model.name, model.version, model.predictor))

    app.add_api_route("/v1/models", list_models)
    for path in (MODEL, VERSION):
        extra = {"parameters": openapi.parameters(path)}
        app.add_api_route(path, show_status, openapi_extra=extra)
        app.add_api_route(f"{path}/metadata", show_metadata, openapi_extra=extra)


def _add_watching(app: FastAPI, guard: Guard, metrics: Metrics) -> None:
    async def healthz() -> Response:
        """200 as long as the process answers."""
        return JSONResponse({"status": "ok"})

    async def readyz() -> Response:
        """200 as long as it takes requests; 503 once it is about to stop."""
        return JSONResponse({"ready": not guard.draining}, 503 if guard.draining else 200)

    async def show_metrics() -> Response:
        """Counters in Prometheus's text format."""
        return Response(metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")

    for path, endpoint in {"/healthz": healthz, "/readyz": readyz, "/metrics": show_metrics}.items():
        app.add_api_route(path, endpoint)
        app.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)


def _add_page(app: FastAPI) -> None:
    content = PAGE.read_text("utf-8")
    headers = {
        "Content-Security-Policy": _policy(content),
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }

    async def show_page() -> Response:
        return HTMLResponse(content, headers=headers)

    app.add_api_route("/", show_page, methods=["GET", "HEAD"], include_in_schema=False)


def _policy(page: str) -> str:
    """A content security policy that allows this page's own script and style, requests to this server, nothing else."""
    hashes = {}
    for kind in ("script", "style"):
        found = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digests = (b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in found)
        hashes[kind] = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


async def _refuse(request: Request, refusal: Any) -> Response:
    return _error(refusal.status, refusal.message, refusal.headers)


async def _explain_status(request: Request, error: Any) -> Response:
    """404 and 405 with the line that FastAPI lacks."""
    path = json.dumps(request.url.path)
    if error.status_code == 404:
        return _error(404, f"no such path: {path}; /openapi.json lists them")
    if error.status_code == 405:
        allowed = dict(error.headers or {}).get("Allow", "another method")
        return _error(405, f"{path} does not take {request.method}; use {allowed}", error.headers)
    return _error(error.status_code, str(error.detail), error.headers)


async def _fail(request: Request, error: Exception) -> Response:
    return _error(500, "the server failed; its log says where")


def _error(status: int, message: str, headers: Any = None) -> Response:
    return JSONResponse({"error": message}, status, headers)
