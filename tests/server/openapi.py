# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.json, held against what the server answers."""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = json.loads((ROOT / "docs/openapi.json").read_text())
TYPES = {"string": str, "integer": int, "boolean": bool, "number": (int, float), "array": list,
         "object": dict, "null": type(None)}


def resolve(node):
    while "$ref" in node:
        target = SPEC
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (name == "integer" and isinstance(value, bool))


def fits(schema, value):
    try:
        check(schema, value, "value")
    except AssertionError:
        return False
    return True


def check(schema, value, where):
    """The part of JSON Schema that our file uses."""
    schema = resolve(schema)
    known = {"type", "enum", "properties", "required", "additionalProperties", "items", "anyOf",
             "format", "description", "maxLength"}
    assert set(schema) <= known, (where, set(schema) - known)
    if "anyOf" in schema:
        assert any(fits(s, value) for s in schema["anyOf"]), (where, value)
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert any(is_type(value, name) for name in names), (where, names, value)
    if "enum" in schema:
        assert value in schema["enum"], (where, value)
    if schema.get("format") == "date-time" and value is not None:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value), (where, value)
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", [])) <= set(value), (where, set(value))
        if schema.get("additionalProperties") is False:
            assert set(value) <= set(schema["properties"]), (where, set(value))
        for name, part in value.items():
            if name in schema["properties"]:
                check(schema["properties"][name], part, f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            check(schema["items"], item, f"{where}[{i}]")


def operations():
    """(METHOD, path pattern, operation)."""
    for path, methods in SPEC["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def find(method, path):
    """The operation that answers, or None."""
    path = "/" + path.split("?")[0]
    for wanted, pattern, operation in operations():
        if wanted == method and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", pattern), path):
            return wanted, pattern, operation
    return None


def check_answer(method, path, answer):
    """Status, body and headers are those of the file."""
    found = find(method, path)
    if not found:
        assert answer.status in (404, 405), (method, path, answer.status)
        return None
    _, pattern, operation = found
    assert str(answer.status) in operation["responses"], (method, path, answer.status, answer.text)
    response = resolve(operation["responses"][str(answer.status)])
    content = response.get("content", {})
    if answer.status < 400 and not content:
        assert not answer.body
    if answer.body and "text/event-stream" not in content:
        kind = answer.headers["Content-Type"]
        check(content[kind]["schema"], json.loads(answer.body), f"{method} {path}")
    for name in response.get("headers", {}):
        assert name in answer.headers or name == "X-Next-Cursor", (method, path, name)
    return method, pattern
