import os
import signal
import sys
import types
from typing import Any

import pytest

from keras_textcnn.errors import InputError
from keras_textcnn.scale.prediction import ray_session
from keras_textcnn.scale.prediction.ray_session import readers_for
from keras_textcnn.utils.signals import Terminated

DIED = "\x1b[33m(raylet)\x1b[0m Task submit failed. There are infinite retries remaining, so the task will be retried."


class Ray(types.SimpleNamespace):
    """Stands for Ray, which takes ten seconds to start: what it is asked for, and what it does to this process."""

    def __init__(self, failure: Exception | None = None) -> None:
        super().__init__(asked=None, ended=False, failure=failure)

    def is_initialized(self) -> bool:
        return False

    def init(self, **asked: object) -> None:
        os.write(2, b"a line of C++\n")
        if self.failure:
            raise self.failure
        self.asked = asked
        signal.signal(signal.SIGTERM, lambda *_: os._exit(15))

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 64.0}

    def shutdown(self) -> None:
        self.ended = True


def start(monkeypatch: pytest.MonkeyPatch, ray: Ray, **given: Any) -> Any:
    monkeypatch.setattr(ray_session, "import_ray", lambda quiet: ray)
    return ray_session.ray_session(**given)


@pytest.fixture(autouse=True)
def same_handler() -> Any:
    """The handler of SIGTERM as it was, once the test is over."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_on_this_machine_only_this_machine_can_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = Ray()
    with start(monkeypatch, ray, workers=4) as workers:
        assert workers == 4
    asked = ray.asked
    assert (asked["address"], asked["_node_ip_address"], asked["include_dashboard"]) == ("local", "127.0.0.1", False)
    assert asked["num_cpus"] == 4
    assert ray.ended


def test_on_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = Ray()
    with start(monkeypatch, ray, address="auto") as workers:
        assert workers == 64 - readers_for(64) == 42
    assert ray.asked["address"] == "auto"
    assert "num_cpus" not in ray.asked


def test_sigterm_ends_it_as_it_ends_other_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = Ray()
    with pytest.raises(Terminated), start(monkeypatch, ray, workers=1):  # noqa: PT012
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    assert ray.ended


def test_what_ray_prints_becomes_a_warning(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], logged: list[str]
) -> None:
    output = sys.stdout
    with start(monkeypatch, Ray(), workers=1):
        print("an answer")
        print(DIED)
        print(DIED)  # another task of the same worker
        print("another answer")
    assert sys.stdout is output
    assert capfd.readouterr() == ("an answer\nanother answer\n", "")
    assert logged == ["warning: a worker died; another one answers its rows again"]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (None, "cannot start Ray on this machine: no room; try again"),
        ("auto", "cannot start the Ray cluster at auto: no room; check --address, and set RAY_AUTH_MODE=token"),
        ("127.0.0.1:1", "no Ray cluster at 127.0.0.1:1 .*; check --address"),
    ],
)
def test_a_cluster_that_is_not_there(
    address: str | None, message: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        pytest.raises(InputError, match=message),
        start(monkeypatch, Ray(ConnectionError("no\nroom")), address=address, workers=1),
    ):
        pass
    assert capfd.readouterr().err == ""
