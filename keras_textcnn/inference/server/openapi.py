"""What /openapi.json says about the requests, whose JSON is TensorFlow Serving's."""

from typing import Any

Json = dict[str, Any]

BASE64: Json = {"type": "object", "properties": {"b64": {"type": "string", "format": "byte"}}, "required": ["b64"]}
TEXT: Json = {"anyOf": [{"type": "string"}, BASE64]}
NAMED: Json = {"type": "object", "properties": {"text": TEXT}, "required": ["text"]}
TEXTS: Json = {"type": "array", "items": TEXT}
ROWS: Json = {"anyOf": [{"type": "array", "items": TEXT}, {"type": "array", "items": NAMED}]}
COLUMNS: Json = {"anyOf": [TEXTS, {"type": "object", "properties": {"text": TEXTS}, "required": ["text"]}]}
NUMBERS: Json = {"type": "array", "items": {"type": "number"}}
ERROR: Json = {"type": "object", "properties": {"error": {"type": "string"}}}
STATUSES = {
    "400": "The request is wrong.",
    "401": "A token is needed.",
    "404": "There is no such model.",
    "408": "The request did not arrive in time.",
    "413": "The body, a text or the number of texts is too large.",
    "429": "Too many requests are waiting; Retry-After says when to try again.",
    "504": "No answer in time.",
}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties}


def _list(**properties: Json) -> Json:
    return {"type": "array", "items": _object(**properties)}


STRING: Json = {"type": "string"}
STRINGS: Json = {"type": "array", "items": STRING}
NUMBER: Json = {"type": "number"}
REQUESTS = {
    "predict": _object(signature_name=STRING, instances=ROWS, inputs=COLUMNS),
    "classify": _object(signature_name=STRING, examples={"type": "array", "items": NAMED}),
    "explain": _object(instances=ROWS),
}
RESPONSES = {
    "predict": _object(
        predictions=_list(label=STRING, probabilities=NUMBERS),
        outputs=_object(label=STRINGS, probabilities={"type": "array", "items": NUMBERS}),
    ),
    "classify": _object(results={"type": "array", "items": {"type": "array", "items": {"type": "array"}}}),
    "explain": _object(
        explanations=_list(
            label=STRING,
            probability=NUMBER,
            labels=STRINGS,
            probabilities={"type": "object", "additionalProperties": NUMBER},
            reasons=_list(ngram=STRING, added=NUMBER),
            others=NUMBER,
            bias=NUMBER,
            logit=NUMBER,
            tokens=STRINGS,
            weights=NUMBERS,
        )
    ),
}
SUMMARIES = {
    "predict": "Label and probabilities of texts, in TensorFlow Serving's row or column format.",
    "classify": "Pairs of label and probability of texts, in TensorFlow Serving's format.",
    "explain": "Label, probabilities and the reasons for the label of each text.",
}


def of_verb(verb: str, path: str, *, protected: bool) -> Json:
    """The description of a verb.

    Args:
        verb: `predict`, `classify` or `explain`.
        path: Its path, with the names of its parameters in braces.
        protected: Whether a token is needed.
    """
    refusals = {
        status: {"description": description, "content": _json(ERROR)}
        for status, description in STATUSES.items()
        if protected or status != "401"
    }
    return {
        "summary": SUMMARIES[verb],
        "parameters": parameters(path),
        "requestBody": {"required": True, "content": _json(REQUESTS[verb])},
        "responses": {"200": {"description": "Answers.", "content": _json(RESPONSES[verb])}, **refusals},
    }


def parameters(path: str) -> list[Json]:
    """The description of what stands in braces in a path."""
    kinds = {"name": "string", "version": "integer"}
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": kind}}
        for name, kind in kinds.items()
        if f"{{{name}" in path
    ]


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
