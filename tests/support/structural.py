"""What the API server does with a CRD's schema, as far as our CRD needs it."""

import math
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

Schema = dict[str, Any]
NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
RULES = "x-kubernetes-validations"
ALLOWED = {
    "object": {"properties", "additionalProperties", "required", "x-kubernetes-map-type", RULES},
    "array": {
        *("items", "minItems", "maxItems"),
        *("x-kubernetes-list-type", "x-kubernetes-list-map-keys"),
    },
    "string": {"enum", "pattern", "minLength", "maxLength", "format", RULES},
    "integer": {"format"} | NUMBERS,
    "number": {"format"} | NUMBERS,
    "boolean": set[str](),
}
FORMATS = {"integer": {"int32", "int64"}, "number": {"double"}, "string": {"date-time"}}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every node below a schema and itself, with its path as kubectl explain writes it."""
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from nodes(below, f"{path}.{name}")
    for below in ("items", "additionalProperties"):
        if below in schema:
            yield from nodes(schema[below], f"{path}[]")


def faults_of_schema(schema: Schema) -> list[str]:
    """Where a schema is none that the API server takes, or not the one kind that we write."""
    return [f"{path}: {fault}" for path, node in nodes(schema) for fault in _faults_of_node(node)]


def _faults_of_node(node: Schema) -> Iterator[str]:
    kind = node.get("type", "")
    if unknown := set(node) - ALLOWED.get(kind, set()) - {"type", "description"}:
        yield f"a {kind!r} has no {sorted(unknown)}"
    if node.get("format", "") not in FORMATS.get(kind, set()) | {""}:
        yield f"unknown format {node['format']}"
    for bound in ("Minimum", "Maximum"):
        if f"exclusive{bound}" in node and (
            node[f"exclusive{bound}"] is not True or bound.lower() not in node
        ):
            yield f"exclusive{bound} is a boolean beside {bound.lower()}"
    if kind == "object":
        if ("properties" in node) == ("additionalProperties" in node):
            yield "has either properties or additionalProperties"
        if missing := set(node.get("required", ())) - set(node.get("properties", {})):
            yield f"requires {missing}, which it has not"
    if kind == "array":
        keys = node.get("x-kubernetes-list-map-keys", [])
        if (node["x-kubernetes-list-type"] == "map") != bool(keys):
            yield "a map has keys"
        if missing := set(keys) - set(node["items"].get("required", ())):
            yield f"the keys {missing} may be absent"
    for rule in node.get(RULES, ()):
        below = node
        for part in rule.get("fieldPath", "").split(".")[1:]:
            below = below.get("properties", {}).get(part, {})
        if not below:
            yield f"fieldPath {rule['fieldPath']} leads nowhere"


def faults(value: Any, schema: Schema, path: str = "") -> list[str]:
    """Why the API server would refuse a value under strict validation; CEL aside."""
    return list(_faults(value, schema, path))


def _faults(value: Any, schema: Schema, path: str) -> Iterator[str]:
    kind = schema["type"]
    if isinstance(value, bool) != (kind == "boolean") or not (
        isinstance(value, (int, float)) if kind == "number" else isinstance(value, TYPES[kind])
    ):
        yield f"{path}: {value!r} is no {kind}"
        return
    match value:
        case dict():
            known = schema.get("properties")
            for name in schema.get("required", ()):
                if name not in value:
                    yield f"{path}.{name}: is required"
            for name, below in value.items():
                if known is not None and name not in known:
                    yield f"{path}.{name}: unknown field"
                elif below is not None or known is None:  # null in a field is dropped
                    inner = schema["additionalProperties"] if known is None else known[name]
                    yield from _faults(below, inner, f"{path}.{name}")
        case list():
            if len(value) > schema.get("maxItems", math.inf):
                yield f"{path}: too many items"
            for i, below in enumerate(value):
                yield from _faults(below, schema["items"], f"{path}[{i}]")
            keys = schema.get("x-kubernetes-list-map-keys", ())
            named = [one for one in value if keys and isinstance(one, dict)]
            seen = [tuple(one.get(key) for key in keys) for one in named]
            if len(set(seen)) < len(seen):
                yield f"{path}: duplicate keys"
        case str():
            yield from _faults_of_text(value, schema, path)
        case int() | float() if kind != "boolean":
            yield from _faults_of_number(value, schema, path)
        case _:
            pass


def _faults_of_text(value: str, schema: Schema, path: str) -> Iterator[str]:
    # $ is the end here; Python's also stands before a last line break.
    if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value):
        yield f"{path}: {value!r} does not match {schema['pattern']}"
    if value not in schema.get("enum", (value,)):
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf):
        yield f"{path}: length {len(value)}"
    if schema.get("format") == "date-time" and datetime.fromisoformat(value).tzinfo is None:
        yield f"{path}: {value!r} has no time zone"


def _faults_of_number(value: float, schema: Schema, path: str) -> Iterator[str]:
    least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    width = {"int32": 2**31, "int64": 2**63}.get(schema["format"], math.inf)
    at_edge = (value == least and "exclusiveMinimum" in schema) or (
        value == most and "exclusiveMaximum" in schema
    )
    if at_edge or not least <= value <= most or not -width <= value < width:
        yield f"{path}: {value} is out of bounds"
    if not math.isfinite(value):
        yield f"{path}: {value} is no JSON"
