"""TensorFlow Serving's JSON: from the body of a request to texts, and from answers to the body of a response."""

import base64
import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from keras_textcnn.inference.answers import Answers
from keras_textcnn.inference.server.limits import Limits
from keras_textcnn.inference.server.refused import RefusedError
from keras_textcnn.utils.inputs import describe

INPUT, SIGNATURE = "text", "serving_default"
HALF_PAIR = re.compile("[\ud800-\udfff]")
Text = str | bytes
Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Reply:
    """The response to a request.

    Attributes:
        body: JSON.
        texts: How many texts it is about.
    """

    body: bytes
    texts: int


Write = Callable[[Sequence[str], np.ndarray], Json]  # labels, probabilities (texts, num_classes) to the response


def answer_together(
    predictor: Answers, requests: Sequence[tuple[str, bytes]], limits: Limits
) -> list[Reply | RefusedError]:
    """Answers requests for probabilities in one call of the predictor, which costs little more than for one of them.

    Args:
        predictor: Answers for the run.
        requests: Verb, `predict` or `classify`, and body of each.
        limits: The number of texts and their lengths are checked.

    Returns:
        What became of each request, in order.
    """
    read = [_read(verb, body, limits) for verb, body in requests]
    texts = [text for one in read if not isinstance(one, RefusedError) for text in one[0]]
    probabilities = predictor.probabilities(texts)
    answers: list[Reply | RefusedError] = []
    start = 0
    for one in read:
        if isinstance(one, RefusedError):
            answers.append(one)
            continue
        its_texts, write = one
        rows = probabilities[start : start + len(its_texts)]
        answers.append(Reply(_encode(write(predictor.labels, rows)), len(its_texts)))
        start += len(its_texts)
    return answers


def explain(predictor: Answers, body: bytes, limits: Limits) -> Reply:
    """Answers `:explain`, which TensorFlow Serving lacks: what `predict` of the command line gives, and reasons.

    Each entry of `explanations` has label, probability, probabilities, reasons and, if the explanation is exact,
    others, bias and logit; `tokens`, the text as the model reads it; and `weights`, what each token added relative to
    the largest, in [-1, 1].

    Raises:
        RefusedError: The request is wrong.
    """
    texts = _rows(_list_of(parse(body), "instances"))
    _check_texts(texts, dataclasses.replace(limits, texts=limits.explained))
    explanations = []
    for answer, found in zip(predictor(texts), predictor.explain(texts), strict=True):
        weights = [round(weight, 3) for weight in found.weights().tolist()]
        explanations.append({**answer, **found.to_json(), "tokens": found.tokens, "weights": weights})
    return Reply(_encode({"explanations": explanations}), len(texts))


def _read(verb: str, body: bytes, limits: Limits) -> tuple[list[Text], Write] | RefusedError:
    """The texts of a request, and what makes its response; or why it is refused."""
    try:
        asked = parse(body)
        _check_signature(asked)
        texts, write = {"predict": _predict, "classify": _classify}[verb](asked)
        _check_texts(texts, limits)
    except RefusedError as refused:
        return refused
    return texts, write


def _predict(asked: Json) -> tuple[list[Text], Write]:
    if ("instances" in asked) == ("inputs" in asked):
        raise RefusedError(400, 'either "instances" (row format) or "inputs" (column format) is needed')
    if "instances" in asked:
        return _rows(asked["instances"]), _write_rows
    return _column(asked["inputs"]), _write_columns


def _write_rows(labels: Sequence[str], probabilities: np.ndarray) -> Json:
    columns = _columns(labels, probabilities)
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]}


def _write_columns(labels: Sequence[str], probabilities: np.ndarray) -> Json:
    return {"outputs": _columns(labels, probabilities)}


def _columns(labels: Sequence[str], probabilities: np.ndarray) -> dict[str, list[Any]]:
    best = probabilities.argmax(axis=1).tolist()
    return {"label": [labels[output] for output in best], "probabilities": list(map(_digits, probabilities))}


def _classify(asked: Json) -> tuple[list[Text], Write]:
    if "context" in asked:
        raise RefusedError(400, f'"context" is not supported; give each example its own "{INPUT}"')
    return [_only(example, at) for at, example in enumerate(_list_of(asked, "examples"))], _write_pairs


def _write_pairs(labels: Sequence[str], probabilities: np.ndarray) -> Json:
    rows = map(_digits, probabilities)
    return {"results": [[list(pair) for pair in zip(labels, row, strict=True)] for row in rows]}


def _encode(response: Json) -> bytes:
    return json.dumps(response, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def parse(body: bytes) -> Json:
    """The JSON object in the body of a request.

    Raises:
        RefusedError: It is not a JSON object in UTF-8, or ambiguous.
    """
    if not body:
        raise RefusedError(400, 'the body is empty; send JSON such as {"instances": ["a text"]}')
    try:
        parsed = json.loads(body.decode("utf-8-sig"), parse_constant=_no_number, object_pairs_hook=_unique)
    except RecursionError:
        raise RefusedError(400, "the JSON is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise RefusedError(400, f"the body is not UTF-8 (byte {error.start}); send other bytes as Base64") from None
    except ValueError as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise RefusedError(400, f"the body must be a JSON object; received: {describe(parsed)}")
    return parsed


def metadata(name: str, version: int, predictor: Answers) -> Json:
    """The response to `/metadata`: the SavedModel's signature, and the labels, which TensorFlow Serving lacks."""
    outputs = {
        "label": _tensor("DT_STRING", "StatefulPartitionedCall:0"),
        "probabilities": _tensor("DT_FLOAT", "StatefulPartitionedCall:1", len(predictor.labels)),
    }
    signature = {
        "inputs": {INPUT: _tensor("DT_STRING", f"{SIGNATURE}_{INPUT}:0")},
        "outputs": outputs,
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
        "labels": predictor.labels,
        "thresholds": None if predictor.thresholds is None else _digits(predictor.thresholds),
    }


def _tensor(kind: str, name: str, *sizes: int) -> Json:
    dimensions = [{"size": str(size), "name": ""} for size in (-1, *sizes)]
    return {"dtype": kind, "tensor_shape": {"dim": dimensions, "unknown_rank": False}, "name": name}


def _digits(row: np.ndarray) -> list[float]:
    return [float(str(value)) for value in row]  # only the digits that a float32 needs


def _check_signature(asked: Json) -> None:
    name = asked.get("signature_name", "")
    if name not in ("", SIGNATURE):
        raise RefusedError(400, f"no signature {describe(name)}; leave signature_name out, or use {SIGNATURE}")


def _check_texts(texts: Sequence[Text], limits: Limits) -> None:
    if len(texts) > limits.texts:
        raise RefusedError(413, f"{len(texts):,} texts; at most {limits.texts:,} are answered at once; send fewer")
    for position, text in enumerate(texts):
        if len(text) > limits.characters:
            most = f"at most {limits.characters:,} are read"
            raise RefusedError(413, f"text {position} (from 0) has {len(text):,} characters; {most}; send less of it")


def _list_of(asked: Json, key: str) -> list[Any]:
    if not isinstance(values := asked.get(key), list) or not values:
        raise RefusedError(400, f'"{key}" must be a list with at least one entry; received: {describe(values)}')
    return values


def _rows(values: Any) -> list[Text]:
    """The texts of `instances`: strings, or objects with the named input, but not both."""
    values = _list_of({"instances": values}, "instances")
    named = _is_named(values[0])
    for position, value in enumerate(values):
        if _is_named(value) != named:
            raise RefusedError(400, f"instance {position} (from 0): give either strings or objects, not both")
    return [_only(value, at) if named else _text(value, at) for at, value in enumerate(values)]


def _column(values: Any) -> list[Text]:
    """The texts of `inputs`: a list, or an object with the named input's list."""
    if isinstance(values, dict) and not _is_base64(values):
        if list(values) != [INPUT]:
            raise RefusedError(400, f'"inputs" must have only the key "{INPUT}"; received: {describe(list(values))}')
        values = values[INPUT]
    if not isinstance(values, list):
        raise RefusedError(400, f'"inputs" must be a list of texts; received: {describe(values)}; put it in a list')
    return [_text(value, at) for at, value in enumerate(values)]


def _only(value: Any, position: int) -> Text:
    """The text of an object with the named input and nothing else."""
    if not isinstance(value, dict) or list(value) != [INPUT]:
        raise RefusedError(400, f'entry {position} (from 0) must be {{"{INPUT}": ...}}; received: {describe(value)}')
    return _text(value[INPUT], position)


def _text(value: Any, position: int) -> Text:
    if _is_base64(value):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except ValueError:
            raise RefusedError(400, f"text {position} (from 0) is not Base64: {describe(value['b64'])}") from None
    if not isinstance(value, str):
        raise RefusedError(400, f"text {position} (from 0) must be a string; received: {describe(value)}")
    if not value.isascii() and HALF_PAIR.search(value):
        raise RefusedError(400, f"text {position} (from 0) has half of a surrogate pair, which is no character")
    return value


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not _is_base64(value)


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    found: Json = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"a key occurs twice in one object: {describe(key)}")
        found[key] = value
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
