"""A desk for the tests of the script that downloads GloVe."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repository.glove_desk import Desk, Server, make_desk, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(params=["curl", "wget"])
def desk(request: pytest.FixtureRequest, tmp_path: Path, server: Server) -> Desk:
    """A desk with each of the two programs that can download."""
    return make_desk(tmp_path, server, request.param)


@pytest.fixture
def curl_desk(tmp_path: Path, server: Server) -> Desk:
    """A desk for tests where it does not matter which program downloads."""
    return make_desk(tmp_path, server, "curl")
