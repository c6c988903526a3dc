"""What a request may cost: sizes, time, tokens, and how many may wait."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.inference.server.conftest import Client, Make

PREDICT = "/v1/models/topics:predict"
ONE = {"instances": ["good"]}


@pytest.mark.parametrize(
    ("limits", "texts", "reason"),
    [
        ({"body": 100}, ["a" * 100], "more than"),
        ({"texts": 2}, ["a"] * 3, "3 texts; at most 2"),
        ({"characters": 5}, ["a", "a" * 6], "text 1 (from 0) has 6 characters"),
        ({"characters": 5}, [{"b64": "YWFhYWFhYQ=="}], "text 0 (from 0) has 7"),
    ],
)
def test_what_is_too_large_gets_413(make_client: Make, limits: Any, texts: Any, reason: str) -> None:
    client = make_client(**limits)
    response = client.post(PREDICT, {"instances": texts})
    assert response.status_code == 413
    assert reason in response.json()["error"]
    assert client.post(PREDICT, ONE).status_code == 200


def test_explanations_have_a_limit_of_their_own(make_client: Make) -> None:
    client = make_client(explained=1)
    assert client.post("/v1/models/topics:explain", {"instances": ["a", "b"]}).status_code == 413
    assert client.post(PREDICT, {"instances": ["a", "b"]}).status_code == 200


def test_a_body_without_a_length_has_the_same_limit(make_client: Make) -> None:
    client = make_client(body=1000)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    response = client.post(PREDICT, parts())
    assert response.status_code == 413
    assert response.headers["connection"] == "close"


def test_a_body_that_comes_too_slowly_gets_408(make_client: Make) -> None:
    client = make_client(arrival=0.05)

    async def parts() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.3)
        yield b"}"

    response = client.post(PREDICT, parts())
    assert response.status_code == 408
    assert "0.05 s" in response.json()["error"]


def test_all_bodies_together_have_a_limit(make_client: Make) -> None:
    client = make_client(memory=1000)
    response = client.post(PREDICT, {"instances": ["a" * 1000]})
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")
    for _ in range(3):  # what was refused, and what was answered, is no longer counted
        assert client.post(PREDICT, {"instances": ["a" * 600]}).status_code == 200


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Bearer ", "right", "Basic right", "Bearer right "])
def test_a_wrong_token_gets_401(make_client: Make, given: str | None) -> None:
    client = make_client(token="right")
    headers = {"Authorization": given} if given else {}
    for path in ("/v1/models", "/metrics", "/openapi.json", "/nowhere"):
        response = client.get(path, headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert "right" not in response.text
    assert client.post(PREDICT, ONE, headers=headers).status_code == 401
    assert not client.fake.calls[2:]  # two calls opened it


def test_the_right_token_and_paths_without_one(make_client: Make) -> None:
    client = make_client(token="right")
    assert client.post(PREDICT, ONE, headers={"Authorization": "Bearer right"}).status_code == 200
    assert [client.get(path).status_code for path in ("/", "/healthz", "/readyz")] == [200] * 3


async def while_one_waits(client: Client, *bodies: Any) -> list[httpx.Response]:
    """The responses to a request that waits, and to others that arrive meanwhile."""
    first = asyncio.create_task(client.send("POST", PREDICT, {"instances": ["wait"]}))
    while "wait" not in client.fake.calls[-1]:
        await asyncio.sleep(0.01)
    others = [asyncio.create_task(client.send("POST", PREDICT, body)) for body in bodies]
    await asyncio.sleep(0.2)  # they arrive
    client.fake.go.set()
    return await asyncio.gather(first, *others)


def test_too_many_waiting_get_429(make_client: Make) -> None:
    client = make_client(waiting=2)
    responses = asyncio.run(while_one_waits(client, *[ONE] * 5))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 429, 429, 429]
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    assert "2 requests are waiting" in refused.json()["error"]
    assert client.post(PREDICT, ONE).status_code == 200


def test_what_waits_for_one_model_is_answered_together_each_with_its_own(client: Client) -> None:
    bodies = [{"instances": ["good", "b"]}, {"instances": [1]}, {"inputs": ["c good"]}]
    first, *others = asyncio.run(while_one_waits(client, *bodies))
    assert client.fake.calls[-1] == ["good", "b", "c good"]
    assert [response.status_code for response in (first, *others)] == [200, 200, 400, 200]
    assert [one["label"] for one in others[0].json()["predictions"]] == ["good", "bad"]
    assert others[2].json()["outputs"]["label"] == ["good"]


def test_requests_for_another_model_do_not_keep_others_from_being_answered_together(client: Client) -> None:
    async def go() -> None:
        first = asyncio.create_task(client.send("POST", PREDICT, {"instances": ["wait"]}))
        while "wait" not in client.fake.calls[-1]:
            await asyncio.sleep(0.01)
        paths = [PREDICT, "/v1/models/mood:predict", PREDICT, "/v1/models/mood:predict"]
        others = [asyncio.create_task(client.send("POST", path, {"instances": [path]})) for path in paths]
        while client.compute.pending < 5:
            await asyncio.sleep(0.01)
        client.fake.go.set()
        assert {response.status_code for response in await asyncio.gather(first, *others)} == {200}

    asyncio.run(go())
    assert client.fake.calls[-1] == [PREDICT] * 2


def test_one_that_fails_does_not_take_others_with_it(client: Client) -> None:
    responses = asyncio.run(while_one_waits(client, ONE, {"instances": ["fail"]}, ONE))
    assert [response.status_code for response in responses] == [200, 200, 500, 200]


def test_a_small_request_does_not_wait_behind_a_large_one(client: Client) -> None:
    async def go() -> None:
        large = asyncio.create_task(client.send("POST", PREDICT, {"instances": ["wait", "a" * 100_000]}))
        while "wait" not in client.fake.calls[-1]:
            await asyncio.sleep(0.01)
        assert (await client.send("POST", PREDICT, ONE)).status_code == 200
        assert not large.done()
        client.fake.go.set()
        assert (await large).status_code == 200

    asyncio.run(go())


def test_what_takes_too_long_gets_504_and_leaves_the_queue(make_client: Make) -> None:
    client = make_client(answer=0.2, waiting=1)

    async def go() -> None:
        late = [asyncio.create_task(client.send("POST", PREDICT, {"instances": ["wait"]})) for _ in range(2)]
        assert [(await one).status_code for one in late] == [504, 504]
        assert client.compute.pending == 1  # the thread is still busy with the first one
        client.fake.go.set()
        while client.compute.pending:
            await asyncio.sleep(0.01)
        assert (await client.send("POST", PREDICT, ONE)).status_code == 200

    asyncio.run(go())
