"""Paths, JSON and statuses, next to what TensorFlow Serving's own documentation shows."""

import asyncio
import base64
import json
from typing import Any

import pytest

from tests.inference.server.conftest import Client

PREDICT = "/v1/models/topics:predict"
GOOD, BAD = ({"label": "good", "probabilities": [0.25, 0.75]}, {"label": "bad", "probabilities": [0.875, 0.125]})


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ({"instances": ["foo", "bar", "baz"]}, {"predictions": [BAD, BAD, BAD]}),  # of its documentation
        ({"instances": ["good", "bar"]}, {"predictions": [GOOD, BAD]}),
        ({"signature_name": "serving_default", "instances": ["bar"]}, {"predictions": [BAD]}),
        ({"instances": [{"text": "good"}, {"text": ""}]}, {"predictions": [GOOD, BAD]}),
        ({"instances": [{"b64": base64.b64encode(b"good \xff").decode()}, "good"]}, {"predictions": [GOOD, GOOD]}),
        ({"instances": [{"text": {"b64": "Z29vZA=="}}]}, {"predictions": [GOOD]}),
        (
            {"inputs": ["good", {"b64": ""}]},
            {"outputs": {"label": ["good", "bad"], "probabilities": [[0.25, 0.75], [0.875, 0.125]]}},
        ),
        ({"inputs": {"text": ["good"]}}, {"outputs": {"label": ["good"], "probabilities": [[0.25, 0.75]]}}),
        ({"inputs": []}, {"outputs": {"label": [], "probabilities": []}}),
    ],
)
def test_predict_in_rows_and_columns(client: Client, asked: Any, answered: Any) -> None:
    for path in (PREDICT, "/v1/models/topics/versions/1:predict"):
        response = client.post(path, asked, headers={"Content-Type": "application/x-www-form-urlencoded"})  # as curl -d
        assert (response.status_code, response.json()) == (200, answered)
        assert response.headers["content-type"] == "application/json"


def test_classify(client: Client) -> None:
    examples = [{"text": {"b64": "aW1hZ2UgYnl0ZXM="}}, {"text": {"b64": "YXdlc29tZSBpbWFnZSBieXRlcw=="}}]
    asked = {"signature_name": "serving_default", "examples": examples}  # of its documentation
    assert len(client.post("/v1/models/topics:classify", asked).json()["results"]) == 2
    assert client.fake.calls[-1] == ["image bytes", "awesome image bytes"]
    response = client.post("/v1/models/topics:classify", {"examples": [{"text": "good"}, {"text": "bar"}]})
    assert response.json() == {"results": [[["bad", 0.25], ["good", 0.75]], [["bad", 0.875], ["good", 0.125]]]}


def test_explain_gives_reasons(client: Client) -> None:
    [found] = client.post("/v1/models/topics:explain", {"instances": ["good old <b>"]}).json()["explanations"]
    assert found["tokens"] == ["good", "old", "<b>"]
    assert found["weights"] == [1.0, 0.0, -1.0]
    assert found["reasons"][0] == {"ngram": "good", "added": 1.0}
    assert {name: found[name] for name in ("label", "probability", "bias", "logit")} == {
        "label": "good",
        "probability": 0.75,
        "bias": 0.5,
        "logit": 1.5,
    }


def test_status_and_metadata_as_tensorflow_serving_writes_them(client: Client) -> None:
    available = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in ("/v1/models/topics", "/v1/models/topics/versions/1"):
        assert client.get(path).json() == {"model_version_status": [available]}
    found = client.get("/v1/models/topics/metadata").json()
    assert found["model_spec"] == {"name": "topics", "signature_name": "", "version": "1"}
    signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    assert signature["inputs"]["text"]["dtype"] == "DT_STRING"
    assert [size["size"] for size in signature["outputs"]["probabilities"]["tensor_shape"]["dim"]] == ["-1", "2"]
    assert found["labels"] == ["bad", "good"]
    listed = client.get("/v1/models").json()["models"]
    assert listed == [{"name": "topics", "version": "1"}, {"name": "mood", "version": "1"}]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"instances = ['a']", "not JSON"),
        (b"[1]", "must be a JSON object"),
        (b'{"instances": ["a"]', "not JSON"),
        (b'{"instances": [NaN]}', "NaN is no number in JSON"),
        (b'{"instances": ["a"], "instances": ["b"]}', "a key occurs twice in one object: str 'instances'"),
        (b'{"instances": ["a"], "b": {"c": 1, "c": 2}}', "twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"instances": ["\xff"]}', "not UTF-8 (byte 16)"),
        (b'{"instances": ["a", "\\ud800"]}', "text 1 (from 0) has half of a surrogate pair"),
        (b"{}", "is needed"),
        (b'{"instances": ["a"], "inputs": ["a"]}', "either"),
        (b'{"instances": []}', "at least one"),
        (b'{"instances": "a"}', "must be a list"),
        (b'{"instances": ["a", 1]}', "text 1 (from 0) must be a string; received: int 1"),
        (b'{"instances": [["a"]]}', "must be a string"),
        (b'{"instances": ["a", {"text": "b"}]}', "instance 1 (from 0): give either strings or objects"),
        (b'{"instances": [{"text": "b"}, {"b64": "YQ=="}]}', "instance 1 (from 0)"),
        (b'{"instances": [{"text": "b", "more": 1}]}', "entry 0 (from 0)"),
        (b'{"instances": [{"b64": "not base64"}]}', "not Base64"),
        (b'{"inputs": "a"}', "put it in a list"),
        (b'{"inputs": {"sentence": ["a"]}}', 'only the key "text"'),
        (b'{"instances": ["a"], "signature_name": "other"}', "no signature str 'other'"),
        (b'{"instances": ["a"], "signature_name": 1}', "no signature int 1"),
    ],
)
def test_a_wrong_request_gets_400_and_a_line(client: Client, body: bytes, reason: str) -> None:
    response = client.post(PREDICT, body)
    assert response.status_code == 400
    assert reason in response.json()["error"]
    assert "\n" not in response.json()["error"]
    assert client.post(PREDICT, {"instances": ["good"]}).json() == {"predictions": [GOOD]}


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("POST", "/v1/models/half:predict", 404, "no model 'half'; served: topics, mood"),
        ("GET", "/v1/models/half", 404, "no model 'half'"),
        ("POST", "/v1/models/topics/versions/2:predict", 404, "no version 2 of model 'topics'; served: 1"),
        ("GET", "/v1/models/topics/versions/2", 404, "no version 2"),
        ("GET", "/v1/models/topics/versions/2/metadata", 404, "no version 2"),
        ("POST", "/v1/models/topics/versions/latest:predict", 404, "no such path"),
        ("POST", "/v1/models/topics:regress", 405, "does not take POST"),
        ("GET", "/v1/models/topics:predict", 405, "use POST"),
        ("DELETE", "/v1/models/topics", 405, "use GET"),
        ("POST", "/", 405, "does not take POST"),
        ("GET", "/v1/models/", 404, "no such path"),
        ("GET", "/v1/models/../../etc/passwd", 404, ""),
        ("GET", "/v1/models/%2e%2e%2fetc%2fpasswd", 404, "no such path"),
        ("GET", "/docs", 404, "no such path"),
    ],
)
def test_wrong_paths_and_methods(client: Client, method: str, path: str, status: int, reason: str) -> None:
    response = asyncio.run(client.send(method, path))
    assert response.status_code == status
    assert reason in response.json()["error"]


def test_openapi_describes_every_path_and_health_is_there(client: Client) -> None:
    described = json.loads(client.get("/openapi.json").text)["paths"]
    assert {"/v1/models/{name}:predict", "/v1/models/{name}/versions/{version}:explain", "/metrics"} <= set(described)
    predict = described["/v1/models/{name}:predict"]["post"]
    assert {"200", "400", "404", "413", "429"} <= set(predict["responses"])
    assert "instances" in predict["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 200
    client.app.draining = True
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").headers["connection"] == "close"


def test_metrics_count_requests_and_texts(client: Client) -> None:
    client.post(PREDICT, {"instances": ["a", "b"]})
    client.post(PREDICT, {"instances": [1]})
    client.get("/from/outside")
    lines = client.get("/metrics").text.splitlines()
    route = 'model="topics",route="/v1/models/{name}:predict"'
    assert f'keras_textcnn_requests_total{{{route},status="200"}} 1.0' in lines
    assert f'keras_textcnn_requests_total{{{route},status="400"}} 1.0' in lines
    assert 'keras_textcnn_texts_total{model="topics"} 2.0' in lines
    assert not any("outside" in line for line in lines)


def test_an_unexpected_error_is_500_and_does_not_repeat_the_text(client: Client, logged: list[str]) -> None:
    response = client.post(PREDICT, {"instances": ["fail"]})
    assert (response.status_code, response.json()) == (500, {"error": "the server failed; its log says where"})
    assert "RuntimeError" in logged[-1]
    assert "secret" not in "".join(logged)
