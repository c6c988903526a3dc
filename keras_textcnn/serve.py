"""Command: answers over HTTP for one or more runs."""

import argparse
import functools
import ipaddress
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from keras_textcnn.cli.arguments import Parser
from keras_textcnn.cli.entry_point import run_command
from keras_textcnn.errors import InputError
from keras_textcnn.inference.runtime import RUNTIME_HELP, RUNTIMES, open_predictor
from keras_textcnn.inference.server.limits import MIB, Limits
from keras_textcnn.utils.log import logger

if TYPE_CHECKING:
    from keras_textcnn.inference.server.metrics import Metrics
    from keras_textcnn.inference.server.models import Model

TOKEN = "KERAS_TEXTCNN_TOKEN"  # the environment variable
DESCRIPTION = """Answers over HTTP for trained runs, with the paths and the JSON of TensorFlow
Serving, until Ctrl-C or SIGTERM; then it finishes what has begun. A page to try it
out is at /, the description of all paths at /openapi.json. A run that is replaced by
another one in the same directory is opened while the old one goes on answering."""
EXAMPLES = """serve runs/reuters-r8
serve runs/reuters-r8 polarity=runs/sentence_polarity --port 8600
serve runs/reuters-r8 --host 0.0.0.0 --token-file token.txt"""


def main() -> int:
    """The command `python -m keras_textcnn.serve`."""
    parser = Parser("serve", usage="RUN [RUN ...] [options]", description=DESCRIPTION, examples=EXAMPLES)
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="a run directory, whose name is the model's name in paths, or NAME=RUN; also a model.textcnn",
    )
    parser.add_argument("--runtime", choices=RUNTIMES, help=RUNTIME_HELP)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine)")
    parser.add_argument("--port", type=_port, default=8501, help="port; 0: any free one (default: 8501)")
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"holds a token that every request must have as Authorization: Bearer TOKEN (default: {TOKEN} of the "
        "environment, or none)",
    )
    _add_limits(parser)
    return run_command(_main, parser)


def _add_limits(parser: Parser) -> None:
    group, usual = parser.group("limits"), Limits()

    def add(name: str, metavar: str, kind: type, default: float, help: str) -> None:
        help = f"{help} (default: {default:,g})" if kind is float else f"{help} (default: {default:,})"
        group.add_argument(name, metavar=metavar, type=_above_zero(kind), default=default, help=help)

    add("--maximum-body", "MIB", float, usual.body / MIB, "size of a request")
    add("--maximum-texts", "N", int, usual.texts, "texts in a request")
    add("--maximum-explained", "N", int, usual.explained, "texts in a request for explanations")
    add("--maximum-characters", "N", int, usual.characters, "characters of a text")
    add("--arrival-timeout", "SECONDS", float, usual.arrival, "for the head of a request, and for its body, to arrive")
    add("--answer-timeout", "SECONDS", float, usual.answer, "for the answer, once a request has arrived")
    add("--threads", "N", int, usual.threads, "requests computed at the same time")
    add("--maximum-waiting", "N", int, usual.waiting, "requests that may wait for a thread")
    add("--memory", "MIB", float, usual.memory / MIB, "size of all requests that are in memory at the same time")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**16:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 65535; received: {text}")
    return int(text)


def _above_zero(kind: type) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value: float = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"must be a number above 0; received: {text}")
        return value

    return convert


def _main(arguments: argparse.Namespace) -> None:
    limits = _limits(arguments)
    try:
        from keras_textcnn.inference.server.app import make_app
        from keras_textcnn.inference.server.connection import listen, make_server
        from keras_textcnn.inference.server.metrics import Metrics
    except ModuleNotFoundError as error:
        raise InputError(f"serve needs {error.name}: pip install 'keras_textcnn[serve]'") from None
    from keras_textcnn.inference.server.compute import Compute
    from keras_textcnn.inference.server.models import Models, named

    directories, token = named(arguments.runs), _token(arguments.token_file)
    with listen(arguments.host, arguments.port) as bound:
        compute, opener = Compute(limits), functools.partial(open_predictor, runtime=arguments.runtime, ready=True)
        metrics = Metrics(lambda: compute.pending)
        models = Models(directories, opener, on_change=_counting(metrics))
        address = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
        if token is None and not _is_local(arguments.host):
            logger.warning("anyone who reaches %s may ask; --token-file FILE sets a token", arguments.host)

        def say_where() -> None:
            print(f"http://{address}:{bound.getsockname()[1]}", flush=True)
            logger.info("serving %s; Ctrl-C stops", ", ".join(directories))

        app = make_app(models, compute, metrics, limits, token=token)
        make_server(app, limits, say_where).run(sockets=[bound])


def _limits(arguments: argparse.Namespace) -> Limits:
    return Limits(
        body=round(arguments.maximum_body * MIB),
        texts=arguments.maximum_texts,
        characters=arguments.maximum_characters,
        explained=arguments.maximum_explained,
        arrival=arguments.arrival_timeout,
        answer=arguments.answer_timeout,
        threads=arguments.threads,
        waiting=arguments.maximum_waiting,
        memory=round(arguments.memory * MIB),
    )


def _token(file: Path | None) -> str | None:
    """The token, from a file or the environment; arguments would show it to everyone on the machine."""
    try:
        token = os.environ.get(TOKEN) if file is None else file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise InputError(f"cannot read the token in {file}: {reason}; give a file with one line") from error
    if token is not None and (not token.isascii() or not token.isprintable() or " " in token or not token):
        raise InputError(f"the token in {file or TOKEN} must be printable ASCII without spaces, and not empty")
    return token


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _counting(metrics: "Metrics") -> "Callable[[str, Model | None], None]":
    def count(name: str, model: "Model | None") -> None:
        if model is None:
            metrics.refused.labels(name).inc()
        else:
            metrics.version.labels(name).set(model.version)

    return count


if __name__ == "__main__":
    sys.exit(main())
